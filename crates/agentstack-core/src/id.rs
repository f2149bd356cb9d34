//! Identifiers: `UUIDv7` (RFC 9562) in their canonical lower-case text form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text that is not a UUID in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID in its canonical lower-case form")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes an id that no one has seen before; ids made later sort later.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The 16 bytes of the id.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id that these 16 bytes are.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let id = Uuid::try_parse(text).map_err(|_| InvalidId)?;
                // One id, one spelling: `parse` also takes braces, URNs and capitals.
                let mut buffer = Uuid::encode_buffer();
                if id.hyphenated().encode_lower(&mut buffer) == text { Ok(Self(id)) } else { Err(InvalidId) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A session. Knowing it gives nobody access: a session answers its holders only.
    SessionId;
    /// One memory entry, through all its versions.
    EntryId;
    /// One call, as it appears in answers, logs and the audit log.
    RequestId;
    /// One running process of the local user.
    ProcessId;
    /// One agent that was spawned in a session. What it stores names it by this text as its [`AgentId`].
    AgentInstanceId;
    /// One identity: an agent that outlives its sessions.
    IdentityId;
    /// One task of a session.
    TaskId;
    /// One API token. Knowing it gives nobody access: it is not the token.
    TokenId;
}

/// An agent's id or name as its spawner chose it: 1 to 128 characters, none of them a control character.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId(String);

impl AgentId {
    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<AgentInstanceId> for AgentId {
    fn from(id: AgentInstanceId) -> Self {
        Self(id.to_string())
    }
}

impl From<IdentityId> for AgentId {
    fn from(id: IdentityId) -> Self {
        Self(id.to_string())
    }
}

impl FromStr for AgentId {
    type Err = crate::InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "must be 1 to 128 characters without control characters";
        crate::name::bounded(text, crate::limits::AGENT_CHARS, rule)?;
        if text.chars().any(char::is_control) {
            return Err(crate::InvalidName(rule));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for AgentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_an_id() {
        let id = SessionId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        let text = id.to_string();
        for other in
            [text.to_uppercase(), format!("{{{text}}}"), format!("urn:uuid:{text}"), text.replace('-', "")]
        {
            assert_eq!(other.parse::<SessionId>(), Err(InvalidId), "{other}");
        }
    }

    #[test]
    fn ids_made_later_sort_later() {
        let ids: Vec<_> = (0..100).map(|_| EntryId::generate()).collect();
        assert!(ids.is_sorted());
    }
}
