//! A question to a policy: who wants to do what, on what.

use agentstack::Role;
use agentstack::core::{AgentId, Namespace, SessionId};
use agentstack::policy::{Explanation, Operation, Policy, Reach, Resource, Subject};
use anyhow::bail;

/// Whose a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Whose {
    /// The caller's.
    Own,
    /// Somebody else's.
    Foreign,
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The caller's role: operator, developer, viewer or agent.
    #[arg(long)]
    role: Role,
    /// The caller's name as the audit log has it, such as `token:ci` or `local:uid-1000`.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// The agent that the caller's credential is bound to.
    #[arg(long, value_name = "ID")]
    agent: Option<AgentId>,
    /// What the caller wants to do, such as `memory_store`.
    #[arg(long, value_parser = operation, value_name = "NAME")]
    operation: &'static Operation,
    /// In whose session [default: own].
    #[arg(long, conflicts_with = "namespace")]
    session: Option<Whose>,
    /// In which shared namespace [default: the session's own].
    #[arg(long, value_name = "NAME")]
    namespace: Option<Namespace>,
}

/// A question that can be asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) agent: Option<AgentId>,
    pub(crate) operation: &'static Operation,
    pub(crate) on: On,
}

/// What it is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum On {
    Service,
    Session(Whose),
    Namespace(Namespace),
}

impl Arguments {
    pub(crate) fn question(self) -> anyhow::Result<Question> {
        let Self { role, principal, agent, operation, session, namespace } = self;
        let on = On::new(operation, session, namespace)?;
        Ok(Question { name: principal.unwrap_or_else(|| stranger(role)), role, agent, operation, on })
    }
}

/// The name of a caller that no rule can know.
pub(crate) fn stranger(role: Role) -> String {
    format!("example:{role}")
}

/// The operation of a name.
pub(crate) fn operation(name: &str) -> Result<&'static Operation, String> {
    let all = agentstack::policy::operations();
    all.into_iter()
        .find(|operation| operation.name == name)
        .ok_or_else(|| "there is no such operation".to_owned())
}

impl On {
    pub(crate) fn new(
        operation: &Operation,
        session: Option<Whose>,
        namespace: Option<Namespace>,
    ) -> anyhow::Result<Self> {
        let name = operation.name;
        match (operation.reach, session, namespace) {
            (Reach::Principal, None, None) => Ok(Self::Service),
            (Reach::Principal, ..) => bail!("`{name}` is about neither a session nor a namespace"),
            (Reach::Session, session, None) => Ok(Self::Session(session.unwrap_or(Whose::Own))),
            (Reach::Session, ..) => bail!("`{name}` is about a session and not about a namespace"),
            (_, Some(Whose::Foreign), _) => {
                bail!("no policy decides about memory in a foreign session: it is never reached")
            }
            (_, _, Some(namespace)) => Ok(Self::Namespace(namespace)),
            (_, _, None) => Ok(Self::Namespace(Namespace::Session(some_session()))),
        }
    }
}

/// A session of which a policy sees only whose it is.
fn some_session() -> SessionId {
    SessionId::from_bytes([0; 16])
}

impl Question {
    pub(crate) fn ask(&self, policy: &Policy) -> Explanation {
        let subject = Subject { name: &self.name, role: self.role, agent: self.agent.as_ref() };
        let resource = match &self.on {
            On::Service => Resource::Service,
            On::Session(Whose::Own) => Resource::Session(some_session()),
            On::Session(Whose::Foreign) => Resource::ForeignSession(some_session()),
            On::Namespace(namespace) => Resource::Namespace(namespace),
        };
        policy.explain(subject, self.operation, resource)
    }
}
