//! The roles that a policy speaks of.

use std::fmt;
use std::str::FromStr;

use agentstack_core::InvalidName;

/// A principal's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Looks after the installation: everything, and any session's end and status.
    Operator,
    /// Works with it: everything that is its own, and all shared namespaces.
    Developer,
    /// Looks on: reads.
    Viewer,
    /// A program that works for somebody: its own sessions' memory; shared namespaces it only reads, unless a policy
    /// lets it write one.
    Agent,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Operator, Self::Developer, Self::Viewer, Self::Agent];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Developer => "developer",
            Self::Viewer => "viewer",
            Self::Agent => "agent",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let known = Self::ALL.into_iter().find(|role| role.as_str() == text);
        known.ok_or(InvalidName("must be one of operator, developer, viewer, agent"))
    }
}
