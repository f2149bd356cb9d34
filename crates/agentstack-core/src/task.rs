//! Tasks: work that agents of a session are given.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::agent::words;
use crate::{AgentInstanceId, AgentType, InvalidName, TaskId, Timestamp, limits, name};

words! {
    /// How far a task is.
    TaskStatus, "must be one of pending, assigned, completed, failed" {
        /// Nobody has it yet.
        Pending = "pending",
        /// An agent has it.
        Assigned = "assigned",
        /// It is done.
        Completed = "completed",
        /// It could not be done.
        Failed = "failed",
    }

    /// How much can go wrong with a task.
    RiskLevel, "must be one of low, medium, high" {
        /// Little.
        Low = "low",
        /// Something.
        Medium = "medium",
        /// Much.
        High = "high",
    }

    /// How one task stands to another.
    Relation, "must be one of parent_of, derived_from, depends_on, supersedes" {
        /// The other is a part of it.
        ParentOf = "parent_of",
        /// It came out of the other.
        DerivedFrom = "derived_from",
        /// It cannot be assigned before the other is completed.
        DependsOn = "depends_on",
        /// It takes the other's place.
        Supersedes = "supersedes",
    }

    /// What is done about a task that is too much like its ancestors.
    DriftAction, "must be one of allowed, warned, prevented" {
        /// It is not too much like them.
        Allowed = "allowed",
        /// It is made all the same, and its maker is told.
        Warned = "warned",
        /// It is not made.
        Prevented = "prevented",
    }
}

impl TaskStatus {
    /// Whether a task in this state can come into another.
    #[must_use]
    pub fn can_become(self, to: Self) -> bool {
        match self {
            Self::Pending => to != Self::Pending,
            Self::Assigned => matches!(to, Self::Completed | Self::Failed),
            Self::Completed | Self::Failed => false,
        }
    }
}

/// What is to be done, or what came of it: any 1 to 20,000 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct TaskText(String);

impl TaskText {
    /// The text, as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for TaskText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TaskText {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        name::bounded(&text, limits::TASK_CHARS, "must be 1 to 20,000 characters")?;
        Ok(Self(text))
    }
}

impl fmt::Debug for TaskText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is content: it stays out of logs and panics (S40, S43).
        write!(f, "TaskText({} bytes)", self.0.len())
    }
}

impl Serialize for TaskText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A task of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What kind of agent it is for.
    pub agent_type: AgentType,
    /// How far it is.
    pub status: TaskStatus,
    /// How much can go wrong with it.
    pub risk: RiskLevel,
    /// The task it is a part of.
    pub parent: Option<TaskId>,
    /// How many ancestors it has.
    pub depth: u32,
    /// The agent that has it, or had it when it ended.
    pub agent: Option<AgentInstanceId>,
    /// What is to be done.
    pub input: Option<TaskText>,
    /// What came of it.
    pub output: Option<TaskText>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// How `from` stands to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relationship {
    /// The one task.
    pub from: TaskId,
    /// How it stands.
    pub relation: Relation,
    /// The other.
    pub to: TaskId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_given_once_and_ends_once() {
        use TaskStatus::{Assigned, Completed, Failed, Pending};
        let legal = [
            (Pending, Assigned),
            (Pending, Completed),
            (Pending, Failed),
            (Assigned, Completed),
            (Assigned, Failed),
        ];
        for from in TaskStatus::ALL.iter().copied() {
            for to in TaskStatus::ALL.iter().copied() {
                assert_eq!(from.can_become(to), legal.contains(&(from, to)), "{from} to {to}");
            }
        }
    }

    #[test]
    fn s19_a_text_has_at_most_twenty_thousand_characters() {
        for (length, good) in [(0, false), (1, true), (20_000, true), (20_001, false)] {
            assert_eq!(TaskText::try_from("ä".repeat(length)).is_ok(), good, "{length}");
        }
    }
}
