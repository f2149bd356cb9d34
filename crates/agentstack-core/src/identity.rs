//! Identities: agents that outlive their sessions, and belong to a principal.

use serde::{Deserialize, Serialize};

use crate::agent::words;
use crate::{AgentId, AgentType, IdentityId, InvalidName, Metadata, Timestamp, limits, name};

words! {
    /// Where an identity is in its life.
    IdentityStatus, "must be one of created, active, dormant, retired" {
        /// It was made, and has not been used.
        Created = "created",
        /// Agents can be spawned with it.
        Active = "active",
        /// It rests.
        Dormant = "dormant",
        /// It has ended, for good.
        Retired = "retired",
    }
}

impl IdentityStatus {
    /// Whether an identity in this state can come into another. The one it is in is no change.
    #[must_use]
    pub fn can_become(self, to: Self) -> bool {
        match to {
            Self::Created => self == Self::Created,
            Self::Active => self != Self::Retired,
            Self::Dormant => matches!(self, Self::Active | Self::Dormant),
            Self::Retired => true,
        }
    }
}

/// Something an identity can do, in a version of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Its name: 1 to 64 characters.
    pub name: String,
    /// Its version: 1 to 32 characters.
    pub version: String,
}

impl Capability {
    /// The version of one that was named without.
    pub const FIRST_VERSION: &'static str = "1.0.0";

    /// Checks the two lengths; control characters are in neither.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn new(name: String, version: String) -> Result<Self, InvalidName> {
        let rule =
            "must have a name of 1 to 64 and a version of 1 to 32 characters, without control characters";
        name::bounded(&name, limits::CAPABILITY_CHARS, rule)?;
        name::bounded(&version, limits::CAPABILITY_VERSION_CHARS, rule)?;
        if name.contains(char::is_control) || version.contains(char::is_control) {
            return Err(InvalidName(rule));
        }
        Ok(Self { name, version })
    }
}

/// An identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Its id, which callers know as its `agentId`.
    pub id: IdentityId,
    /// The name of the principal it belongs to.
    pub owner: String,
    /// What kind of agent it is.
    pub agent_type: AgentType,
    /// Where it is in its life.
    pub status: IdentityStatus,
    /// Why it is there, in the words of whoever brought it there: at most 1,000 characters.
    pub reason: Option<String>,
    /// How often it was made or changed: 1 at first.
    pub version: u32,
    /// Its name; no two identities of an owner that are not retired share one.
    pub display_name: Option<AgentId>,
    /// What it is for: at most 1,000 characters.
    pub description: Option<String>,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// The owner's object.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When an agent was last spawned with it.
    pub last_active_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_lives_from_created_by_active_and_dormant_to_retired() {
        use IdentityStatus::{Active, Created, Dormant, Retired};
        let legal = [
            (Created, Active),
            (Created, Retired),
            (Active, Dormant),
            (Active, Retired),
            (Dormant, Active),
            (Dormant, Retired),
        ];
        for from in IdentityStatus::ALL.iter().copied() {
            for to in IdentityStatus::ALL.iter().copied() {
                assert_eq!(from.can_become(to), from == to || legal.contains(&(from, to)), "{from} to {to}");
            }
        }
    }
}
