//! The proof that a call was authorized, and for what.

use std::sync::Arc;

use agentstack_core::{AgentId, Namespace, RequestId, SessionId, SharedName, Timestamp};

use crate::{Caller, Denial, Holder, Operation, Principal};

/// Which shared namespaces a call may read besides its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedNamespaces {
    /// None.
    Excluded,
    /// All there are.
    Included,
    /// Those of these that there are.
    Only(Arc<[SharedName]>),
}

/// What one authorized call may touch. Its fields are private and [`crate::Authorizer::authorize`] is
/// the one place that makes it.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(crate) principal: Arc<Principal>,
    pub(crate) request: RequestId,
    pub(crate) operation: &'static Operation,
    pub(crate) session: Option<SessionId>,
    pub(crate) overseer: bool,
    pub(crate) namespace: Option<Namespace>,
    pub(crate) shared: SharedNamespaces,
    pub(crate) agent: Option<AgentId>,
    pub(crate) at: Timestamp,
}

impl Scope {
    /// Who calls.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The call, for what else it has to be permitted.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { principal: Arc::clone(&self.principal), request: self.request }
    }

    /// What the caller's sessions belong to.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        self.principal.holder()
    }

    /// The call's id.
    #[must_use]
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// What was authorized.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The session the call is in. A store proves in the transaction of the call that it is still
    /// alive, and held by [`Scope::holder`] unless [`Scope::is_overseer`].
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Whether the session may be another holder's (an operator's call).
    #[must_use]
    pub fn is_overseer(&self) -> bool {
        self.overseer
    }

    /// The one namespace the call acts in; for a search or list, the one it begins with.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// The shared namespaces it may read besides.
    #[must_use]
    pub fn shared(&self) -> &SharedNamespaces {
        &self.shared
    }

    /// The agent the caller is bound to. In a session's namespace, entries of other agents do not
    /// exist for it.
    #[must_use]
    pub fn bound_agent(&self) -> Option<&AgentId> {
        self.principal.agent()
    }

    /// Checks that the caller may speak for an agent that only the store could name, such as the one that has a task.
    ///
    /// # Errors
    /// When the caller is bound to another.
    pub fn speak_for(&self, agent: &AgentId) -> Result<(), Denial> {
        if self.principal.speaks_for(agent) { Ok(()) } else { Err(Denial::OtherAgent) }
    }

    /// The agent on whose behalf the call writes.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        self.agent.as_ref()
    }

    /// When the call was authorized: the time of what it writes.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }
}
