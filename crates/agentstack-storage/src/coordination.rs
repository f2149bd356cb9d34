//! What goes into a backend about agents, identities and tasks, and what comes out.

use agentstack_core::{
    AgentId, AgentInstanceId, AgentStatus, AgentType, Capability, DriftAction, Identity, IdentityId,
    IdentityStatus, Metadata, Relation, RiskLevel, Task, TaskId, TaskStatus, TaskText, Timestamp,
};

use crate::NewEntry;

/// An agent to be spawned.
#[derive(Debug, Clone)]
pub struct NewAgent {
    /// Its id.
    pub id: AgentInstanceId,
    /// What kind of agent it is.
    pub agent_type: AgentType,
    /// Its name.
    pub name: AgentId,
    /// The identity it is spawned with.
    pub identity: Option<IdentityId>,
    /// The spawner's object.
    pub metadata: Metadata,
    /// Most agents of the session that have not stopped, this one included.
    pub most: u32,
}

/// Which agent of the scope's session is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentRef {
    /// The one with this id.
    Id(AgentInstanceId),
    /// The one with this name: the one that has not stopped, else the one that was spawned last.
    Name(AgentId),
}

/// A change of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentChange {
    /// Its new state.
    pub to: AgentStatus,
    /// Whether what it has used is forgotten, from the scope's time on.
    pub renew: bool,
    /// Tokens of language models that count as used by it, once what was used is forgotten if it is.
    pub tokens: u64,
}

impl AgentChange {
    /// A change of its state alone.
    #[must_use]
    pub fn to(to: AgentStatus) -> Self {
        Self { to, renew: false, tokens: 0 }
    }
}

/// Agents of a session, the newest first.
#[derive(Debug, Clone, Default)]
pub struct Agents {
    /// How many there are.
    pub total: u64,
    /// The first of them.
    pub agents: Vec<agentstack_core::Agent>,
}

/// Which identity is meant, of those that the scope's principal may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityRef {
    /// The one with this id.
    Id(IdentityId),
    /// The one with this name: the one that is not retired, else the one that was made last.
    Name(AgentId),
}

/// Which identities to list.
#[derive(Debug, Clone, Default)]
pub struct IdentityFilter {
    /// Only those in this state.
    pub status: Option<IdentityStatus>,
    /// Only those of this kind.
    pub agent_type: Option<AgentType>,
    /// How many.
    pub limit: u32,
    /// How many of the newest to pass over.
    pub offset: u32,
}

/// Identities, the newest first.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    /// How many there are.
    pub total: u64,
    /// This page.
    pub identities: Vec<Identity>,
}

/// A change of an identity. What is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct IdentityChange {
    /// Its name.
    pub display_name: Option<AgentId>,
    /// What it is for.
    pub description: Option<String>,
    /// What it can do.
    pub capabilities: Option<Vec<Capability>>,
    /// The owner's object.
    pub metadata: Option<Metadata>,
    /// Where it is in its life, and why, which replaces the reason before.
    pub status: Option<(IdentityStatus, Option<String>)>,
}

/// A task to be made.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Its id.
    pub id: TaskId,
    /// What kind of agent it is for.
    pub agent_type: AgentType,
    /// What is to be done.
    pub input: Option<TaskText>,
    /// How much can go wrong with it.
    pub risk: RiskLevel,
    /// The task it is a part of.
    pub parent: Option<TaskId>,
    /// How it stands to tasks that there are. As a task is never related again, no relation leads in a circle.
    pub relations: Vec<(Relation, TaskId)>,
    /// How it came off when it was compared with its ancestors.
    pub drift: Option<Drift>,
    /// How many and how deep tasks may be.
    pub bounds: TaskBounds,
}

/// How many and how deep tasks may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskBounds {
    /// Most ancestors of one.
    pub depth: u32,
    /// Most parts of one.
    pub parts: u32,
    /// Most in a session.
    pub tasks: u32,
}

/// How a task came off when it was compared with its ancestors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The ancestor that it is most like.
    pub ancestor: TaskId,
    /// How like it is, from 0 to 1.
    pub similarity: f64,
    /// What is done about it.
    pub action: DriftAction,
}

/// Which tasks to list.
#[derive(Debug, Clone)]
pub struct TaskFilter {
    /// Only those that are so far.
    pub status: Option<TaskStatus>,
    /// How many.
    pub limit: u32,
    /// Only those made before this one.
    pub before: Option<TaskId>,
}

/// Tasks of a session, the newest first.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    /// How many there are, on all pages.
    pub total: u64,
    /// This page.
    pub tasks: Vec<Task>,
}

/// How a task ends.
#[derive(Debug, Clone)]
pub struct TaskEnd {
    /// Completed or failed.
    pub to: TaskStatus,
    /// What came of it.
    pub output: Option<TaskText>,
    /// The entry that keeps the output in the session's own namespace, if one is to.
    pub entry: Option<NewEntry>,
}

/// Which relationships of a task to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Those in which it comes first.
    Outgoing,
    /// Those in which it comes second.
    Incoming,
    /// All.
    Both,
}

/// What comparisons of tasks with their ancestors came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DriftFigures {
    /// How many there were.
    pub checks: u64,
    /// After how many the maker was warned.
    pub warned: u64,
    /// After how many the task was not made.
    pub prevented: u64,
    /// The mean likeness.
    pub mean_similarity: Option<f64>,
    /// The greatest.
    pub greatest_similarity: Option<f64>,
    /// The last that was not allowed.
    pub last_at: Option<Timestamp>,
}

/// What ends with a session, each with a record of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// An agent that has not stopped.
    Agent(AgentInstanceId),
    /// A task that has not ended.
    Task(TaskId),
}
