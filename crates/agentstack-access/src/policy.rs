//! What a role may do.

use agentstack_core::Namespace;

use crate::{Effect, Operation};

/// A principal's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Looks after the installation: everything, and any session's end and status.
    Operator,
    /// Works with it: everything that is its own, and all shared namespaces.
    Developer,
    /// Looks on: reads.
    Viewer,
}

/// The built-in policy: deny unless a rule permits (S35).
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy;

impl Policy {
    /// Names the rules that were in force, for the audit log.
    #[must_use]
    pub fn version(self) -> &'static str {
        "builtin-1"
    }

    /// Whether `role` may do `operation` on `namespace` (or on no namespace).
    #[must_use]
    pub fn permits(self, role: Role, operation: &Operation, namespace: Option<&Namespace>) -> bool {
        // The audit log and what time demands are an operator's, whatever their effect.
        if operation.name.starts_with("audit_") || operation.name == "housekeeping" {
            return role == Role::Operator;
        }
        match (role, operation.effect) {
            (Role::Operator | Role::Developer, _) | (Role::Viewer, Effect::Read) => true,
            // A viewer may open and close a session of its own, or it could not read one; it stores nothing.
            (Role::Viewer, Effect::Write | Effect::Destructive) => {
                namespace.is_none() && operation.name.starts_with("session_")
            }
        }
    }

    /// Whether `role` may see and end sessions that it does not hold (S09).
    #[must_use]
    pub fn oversees_sessions(self, role: Role, operation: &Operation) -> bool {
        role == Role::Operator && matches!(operation.name, "session_end" | "session_status")
    }
}
