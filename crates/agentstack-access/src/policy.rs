//! What a role may do.

use std::collections::BTreeSet;
use std::sync::Arc;

use agentstack_core::{Namespace, SessionId};

use crate::{Effect, Operation, Principal, Role};

/// What a call would touch, as the policy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The service itself, or what belongs to the principal as a whole.
    Service,
    /// A session that the principal holds.
    Session(SessionId),
    /// A session that it does not hold: seen and ended by those alone who look after the installation.
    ForeignSession(SessionId),
    /// A namespace; a session's is the principal's own.
    Namespace(&'a Namespace),
}

/// A policy: deny unless a rule permits (S35).
#[derive(Debug, Clone)]
pub struct Policy {
    version: Arc<str>,
    operations: Arc<BTreeSet<&'static str>>,
}

impl Policy {
    /// The safe policy that is in force unless the operator names another, over the operations there are.
    #[must_use]
    pub fn builtin(operations: &[&'static Operation]) -> Self {
        let operations = operations.iter().map(|operation| operation.name).collect();
        Self { version: "builtin-1".into(), operations: Arc::new(operations) }
    }

    /// Names the rules, for the audit log.
    #[must_use]
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// Whether the principal may do the operation on the resource.
    #[must_use]
    pub fn permits(&self, principal: &Principal, operation: &Operation, resource: Resource<'_>) -> bool {
        if !self.operations.contains(operation.name) {
            return false;
        }
        let role = principal.role();
        // The audit log, tokens and what time demands are an operator's, whatever their effect.
        let reserved =
            ["audit_", "token_", "metrics:"].iter().any(|family| operation.name.starts_with(family));
        if reserved || operation.name == "housekeeping" || matches!(resource, Resource::ForeignSession(_)) {
            return role == Role::Operator;
        }
        match (role, operation.effect) {
            (Role::Operator | Role::Developer, _) | (_, Effect::Read) => true,
            (Role::Agent, _) => !matches!(resource, Resource::Namespace(Namespace::Shared(_))),
            // A viewer may open and close a session of its own, or it could not read one; it stores nothing.
            (Role::Viewer, _) => {
                !matches!(resource, Resource::Namespace(_)) && operation.name.starts_with("session_")
            }
        }
    }

    /// Whether there may be a resource on which the principal may do the operation. Errs towards yes.
    #[must_use]
    pub fn may_permit(&self, principal: &Principal, operation: &Operation) -> bool {
        let session = SessionId::from_bytes([0; 16]);
        let own = Namespace::Session(session);
        let resources = [Resource::Service, Resource::Session(session), Resource::Namespace(&own)];
        resources.into_iter().any(|resource| self.permits(principal, operation, resource))
    }

    /// Whether a rule can tell one shared namespace from another. If not, what is permitted on one is on all.
    #[must_use]
    pub fn tells_shared_namespaces_apart(&self) -> bool {
        false
    }
}
