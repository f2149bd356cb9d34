//! Who is calling, as a credential proved it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use agentstack_core::{AgentId, Namespace, ProcessId, RequestId, SharedName, TokenHash};

use crate::{Operation, Role};

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
    limits: Limits,
    /// What acts for it, if not itself.
    through: Option<Arc<str>>,
    credential: Credential,
}

/// The token that somebody calls with, to ask whether it is still good. Two callers of one name do not differ by it.
#[derive(Debug, Clone, Default)]
struct Credential(Option<TokenHash>);

impl PartialEq for Credential {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Credential {}

/// What a credential leaves of what the policy permits. It takes away and never gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// The operations it is good for, by name; `None` for all.
    pub operations: Option<Arc<BTreeSet<String>>>,
    /// The shared namespaces it reaches; `None` for all.
    pub namespaces: Option<Arc<BTreeSet<SharedName>>>,
}

impl Limits {
    /// Whether they leave this operation.
    #[must_use]
    pub fn allow_operation(&self, operation: &Operation) -> bool {
        self.operations.as_ref().is_none_or(|names| names.contains(operation.name))
    }

    /// Whether they leave this namespace. A session's is for its holders, whatever their credential.
    #[must_use]
    pub fn allow_namespace(&self, namespace: &Namespace) -> bool {
        match namespace {
            Namespace::Session(_) => true,
            Namespace::Shared(name) => self.namespaces.as_ref().is_none_or(|names| names.contains(name)),
        }
    }

    /// What both leave.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        Self {
            operations: meet(self.operations.as_ref(), other.operations.as_ref()),
            namespaces: meet(self.namespaces.as_ref(), other.namespaces.as_ref()),
        }
    }

    /// Whether nothing is allowed under these that `other` does not allow.
    #[must_use]
    pub fn are_within(&self, other: &Self) -> bool {
        within(self.operations.as_deref(), other.operations.as_deref())
            && within(self.namespaces.as_deref(), other.namespaces.as_deref())
    }
}

fn meet<T: Ord + Clone>(
    one: Option<&Arc<BTreeSet<T>>>,
    other: Option<&Arc<BTreeSet<T>>>,
) -> Option<Arc<BTreeSet<T>>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Arc::new(one.intersection(other).cloned().collect())),
        (only, None) | (None, only) => only.cloned(),
    }
}

fn within<T: Ord>(inner: Option<&BTreeSet<T>>, outer: Option<&BTreeSet<T>>) -> bool {
    match (inner, outer) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(inner), Some(outer)) => inner.is_subset(outer),
    }
}

/// The name of the product itself.
const HOUSEKEEPING: &str = "agentstack:housekeeping";

impl Principal {
    /// The local user, in this one process. Another process of the same user is another holder and
    /// enters a session only with its resume token.
    #[must_use]
    pub fn local(user: &str, process: ProcessId) -> Self {
        let name = format!("local:{user}");
        let holder = Holder(format!("{name}/{process}").into());
        Self { holder, ..Self::named(name.into(), Role::Developer) }
    }

    /// A part of the program that embeds the product, by the name the program gives it.
    #[must_use]
    pub fn embedded(name: &str, role: Role) -> Self {
        let name: Arc<str> = format!("embedded:{name}").into();
        Self::named(name, role)
    }

    /// The local user at the operator's own command line.
    #[must_use]
    pub fn operator(user: &str) -> Self {
        let name: Arc<str> = format!("operator:{user}").into();
        Self::named(name, Role::Operator)
    }

    /// Somebody whose credential was not accepted, for the record of it. It holds nothing and is let in nowhere.
    #[must_use]
    pub fn unknown() -> Self {
        Self::named("unauthenticated".into(), Role::Viewer)
            .limited_to(Limits { operations: Some(Arc::default()), namespaces: Some(Arc::default()) })
    }

    /// The product itself, doing what time demands (expiry).
    #[must_use]
    pub fn housekeeping() -> Self {
        Self::named(HOUSEKEEPING.into(), Role::Operator)
    }

    /// Whether it is the product itself. No credential has that name.
    #[must_use]
    pub fn is_housekeeping(&self) -> bool {
        self.name() == HOUSEKEEPING
    }

    /// Whoever reads metrics at their own loopback address, where no token is asked for. It can do nothing else.
    #[must_use]
    pub fn metrics() -> Self {
        let only = BTreeSet::from(["metrics:read".to_owned()]);
        let limits = Limits { operations: Some(Arc::new(only)), namespaces: Some(Arc::default()) };
        Self::named("agentstack:metrics".into(), Role::Operator).limited_to(limits)
    }

    /// A program that showed a token of this subject. Tokens of one subject are one holder, so that a token can be
    /// replaced without losing its sessions.
    #[must_use]
    pub fn token(subject: &SharedName, role: Role) -> Self {
        Self::named(format!("token:{subject}").into(), role)
    }

    /// The subject of a JSON Web Token, as its issuer knows it.
    #[must_use]
    pub fn oauth(issuer: &str, subject: &str, role: Role) -> Self {
        // A space occurs in no issuer, which is a URL, so no two pairs have one name.
        Self::named(format!("oauth:{issuer} {subject}").into(), role)
    }

    fn named(name: Arc<str>, role: Role) -> Self {
        Self {
            holder: Holder(name.clone()),
            name,
            role,
            agent: None,
            limits: Limits::default(),
            through: None,
            credential: Credential::default(),
        }
    }

    /// The same principal, held to what its credential is good for.
    #[must_use]
    pub fn limited_to(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same principal, held to these limits besides its own. Whether its credential is still good is for the
    /// principal itself to be asked about: a narrowed one is not what the credential stands for.
    #[must_use]
    pub fn narrowed_to(&self, limits: &Limits) -> Self {
        self.clone().limited_to(self.limits.meet(limits))
    }

    /// The same principal, for which this tool of a plugin acts.
    #[must_use]
    pub fn through(mut self, tool: &str) -> Self {
        self.through = Some(tool.into());
        self
    }

    /// The tool of a plugin that acts for it, if one does.
    #[must_use]
    pub fn acts_through(&self) -> Option<&str> {
        self.through.as_deref()
    }

    /// The same principal, speaking for one agent and unable to speak for another.
    #[must_use]
    pub fn bound_to(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }

    /// The same principal, who showed this token.
    pub(crate) fn showing(mut self, token: TokenHash) -> Self {
        self.credential = Credential(Some(token));
        self
    }

    /// The token that it showed, if it was one of ours.
    pub(crate) fn shown(&self) -> Option<&TokenHash> {
        self.credential.0.as_ref()
    }

    /// The principal's name, as origins and the audit log show it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, to be kept.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
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

    /// What its credential is good for.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether it looks after the installation.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.role == Role::Operator
    }

    /// Whether it may speak for an agent: one that is bound to another may not.
    #[must_use]
    pub fn speaks_for(&self, agent: &AgentId) -> bool {
        self.agent.as_ref().is_none_or(|bound| bound == agent)
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
