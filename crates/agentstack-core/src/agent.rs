//! Agents that were spawned in a session: their types and their states.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::{AgentId, AgentInstanceId, IdentityId, InvalidName, Metadata, Timestamp, limits};

/// The words of a set, with the one text that each of them has.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident, $rule:literal { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$word_doc])* $word,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$word,)*];

            /// The word for it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or($crate::InvalidName($rule))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )*};
}
pub(crate) use words;

words! {
    /// What an agent is doing.
    AgentStatus, "must be one of idle, running, completed, failed, stopped" {
        /// It waits for work.
        Idle = "idle",
        /// It works.
        Running = "running",
        /// It has done its work.
        Completed = "completed",
        /// It has failed at its work.
        Failed = "failed",
        /// It has ended, for good.
        Stopped = "stopped",
    }
}

impl AgentStatus {
    /// Whether an agent in this state can come into another. The one it is in is no change.
    #[must_use]
    pub fn can_become(self, to: Self) -> bool {
        match (self, to) {
            (Self::Stopped, to) => to == Self::Stopped,
            (Self::Completed, Self::Failed) | (Self::Failed, Self::Completed) => false,
            _ => true,
        }
    }
}

/// The name of a kind of agent: 1 to 64 of `a-z 0-9 -`, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentType(String);

impl AgentType {
    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgentType {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let rule = "must be 1 to 64 of lower-case letters, digits and `-`, starting with a letter";
        let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let fits =
            text.len() <= limits::AGENT_TYPE_CHARS && text.starts_with(|c: char| c.is_ascii_lowercase());
        if letters && fits { Ok(Self(text.to_owned())) } else { Err(InvalidName(rule)) }
    }
}

impl fmt::Display for AgentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for AgentType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// An agent of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Its id. What it stores names it by this text as its agent.
    pub id: AgentInstanceId,
    /// What kind of agent it is.
    pub agent_type: AgentType,
    /// Its name; no two agents of a session that have not stopped share one.
    pub name: AgentId,
    /// What it is doing.
    pub status: AgentStatus,
    /// The identity it was spawned with.
    pub identity: Option<IdentityId>,
    /// The spawner's object.
    pub metadata: Metadata,
    /// When it was spawned.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// What it has used.
    pub usage: AgentUsage,
}

/// What an agent has used of its allowance, since it was spawned or was given a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentUsage {
    /// Calls that named it.
    pub operations: u64,
    /// Tokens of language models.
    pub tokens: u64,
    /// Tasks that were made under tasks assigned to it.
    pub subtasks: u64,
    /// When it last completed a task; else when it was spawned or given a new allowance.
    pub result_at: Timestamp,
}

impl AgentUsage {
    /// Nothing yet.
    #[must_use]
    pub fn none(at: Timestamp) -> Self {
        Self { operations: 0, tokens: 0, subtasks: 0, result_at: at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_short_word_in_lower_case() {
        for good in ["a", "coder", "security-auditor", "a1-"] {
            assert!(good.parse::<AgentType>().is_ok(), "{good}");
        }
        let long = "a".repeat(65);
        for bad in ["", "Coder", "1a", "-a", "a b", "a_b", "ä", &long] {
            assert!(bad.parse::<AgentType>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stopped_agent_stays_stopped_and_a_result_is_not_turned_round() {
        use AgentStatus::{Completed, Failed, Stopped};
        for from in AgentStatus::ALL.iter().copied() {
            for to in AgentStatus::ALL.iter().copied() {
                let illegal = (from == Stopped && to != Stopped)
                    || matches!((from, to), (Completed, Failed) | (Failed, Completed));
                assert_eq!(from.can_become(to), !illegal, "{from} to {to}");
            }
        }
    }
}
