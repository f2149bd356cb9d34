//! Who is calling, as a credential proved it.

use std::fmt;
use std::sync::Arc;

use agentstack_core::{AgentId, ProcessId, RequestId};

use crate::Role;

/// What sessions belong to. Two principals with equal holders are the same owner.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder(Arc<str>);

impl Holder {
    /// The text under which a store keeps the ownership.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A verified caller. Made by whoever verified the credential: the stdio server for its own user and
/// process, the embedding program for its own parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    name: Arc<str>,
    holder: Holder,
    role: Role,
    agent: Option<AgentId>,
}

impl Principal {
    /// The local user, in this one process. Another process of the same user is another holder and
    /// enters a session only with its resume token.
    #[must_use]
    pub fn local(user: &str, process: ProcessId) -> Self {
        let name = format!("local:{user}");
        let holder = Holder(format!("{name}/{process}").into());
        Self { name: name.into(), holder, role: Role::Developer, agent: None }
    }

    /// A part of the program that embeds the product, by the name the program gives it.
    #[must_use]
    pub fn embedded(name: &str, role: Role) -> Self {
        let name: Arc<str> = format!("embedded:{name}").into();
        Self { holder: Holder(name.clone()), name, role, agent: None }
    }

    /// The local user at the operator's own command line.
    #[must_use]
    pub fn operator(user: &str) -> Self {
        let name: Arc<str> = format!("operator:{user}").into();
        Self { holder: Holder(name.clone()), name, role: Role::Operator, agent: None }
    }

    /// The product itself, doing what time demands (expiry).
    #[must_use]
    pub fn housekeeping() -> Self {
        let name: Arc<str> = "agentstack:housekeeping".into();
        Self { holder: Holder(name.clone()), name, role: Role::Operator, agent: None }
    }

    /// The same principal, speaking for one agent and unable to speak for another.
    #[must_use]
    pub fn bound_to(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }

    /// The principal's name, as origins and the audit log show it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its sessions belong to.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Its role in the policy.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether it looks after the installation.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.role == Role::Operator
    }

    /// The one agent it speaks for, if it is bound to one.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        self.agent.as_ref()
    }
}

/// One call: who makes it and under which id it is logged.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Arc<Principal>,
    /// The id that answers, logs and audit records of this call carry.
    pub request: RequestId,
}

impl Caller {
    /// A new call of `principal`.
    #[must_use]
    pub fn new(principal: Arc<Principal>) -> Self {
        Self { principal, request: RequestId::generate() }
    }
}
