//! Rows of another product's database, as plain as they are.

use std::error::Error;

use async_trait::async_trait;

/// A value of a row. Nothing in it is believed before it is checked. It prints itself without what it holds.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Cell {
    /// There is none.
    #[default]
    Null,
    /// A text, no longer than what its column may hold.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A text that is longer than any that could be taken. It was not read.
    TooLong,
    /// Neither a text nor a number where one belongs: bytes, a fraction, or text that is not UTF-8.
    Other,
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Number(_) => f.write_str("Number"),
            Self::TooLong => f.write_str("TooLong"),
            Self::Other => f.write_str("Other"),
        }
    }
}

/// The tables that are imported, in the order in which they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceTable {
    /// Sessions.
    Sessions,
    /// Identities of agents.
    Identities,
    /// Tasks.
    Tasks,
    /// Entries, as they are now.
    Memory,
    /// What entries were before.
    MemoryVersions,
}

impl SourceTable {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::Sessions, Self::Identities, Self::Tasks, Self::Memory, Self::MemoryVersions];

    /// What the table is called where it comes from.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Identities => "agent_identities",
            Self::Tasks => "tasks",
            Self::Memory => "memory",
            Self::MemoryVersions => "memory_versions",
        }
    }
}

/// A row and its number in its table.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// The number, by which a report names it.
    pub row: i64,
    /// What is in it.
    pub item: SourceItem,
}

/// What is in a row.
#[derive(Debug, Clone)]
pub enum SourceItem {
    /// A session.
    Session(SourceSession),
    /// An identity.
    Identity(Box<SourceIdentity>),
    /// A task.
    Task(Box<SourceTask>),
    /// An entry.
    Entry(Box<SourceEntry>),
    /// What an entry was before.
    Version(Box<SourceVersion>),
}

/// A session.
#[derive(Debug, Clone, Default)]
pub struct SourceSession {
    /// Its id.
    pub id: Cell,
    /// `active` or `ended`.
    pub status: Cell,
    /// When it was started, in milliseconds since the Unix epoch, as all times.
    pub started_at: Cell,
    /// JSON.
    pub metadata: Cell,
}

/// An identity.
#[derive(Debug, Clone, Default)]
pub struct SourceIdentity {
    /// Its id.
    pub id: Cell,
    /// What kind of agent it is.
    pub agent_type: Cell,
    /// Where it is in its life.
    pub status: Cell,
    /// JSON: what it can do.
    pub capabilities: Cell,
    /// How often it was made or changed.
    pub version: Cell,
    /// Its name.
    pub display_name: Cell,
    /// What it is for.
    pub description: Cell,
    /// JSON.
    pub metadata: Cell,
    /// When it was made.
    pub created_at: Cell,
    /// When it was last used.
    pub last_active_at: Cell,
    /// Why it was retired.
    pub reason: Cell,
    /// When it was last changed.
    pub updated_at: Cell,
}

/// A task.
#[derive(Debug, Clone, Default)]
pub struct SourceTask {
    /// Its id.
    pub id: Cell,
    /// Its session, as far as the table of sessions has it.
    pub session: SourceSession,
    /// The id of its session.
    pub session_id: Cell,
    /// What kind of agent it is for.
    pub agent_type: Cell,
    /// How far it is.
    pub status: Cell,
    /// What is to be done.
    pub input: Cell,
    /// What came of it.
    pub output: Cell,
    /// When it was made.
    pub created_at: Cell,
    /// When it ended.
    pub completed_at: Cell,
    /// How much can go wrong with it.
    pub risk: Cell,
    /// The id of the task that it is a part of.
    pub parent: Cell,
    /// When that was made, as far as the table has it.
    pub parent_created_at: Cell,
}

/// An entry.
#[derive(Debug, Clone, Default)]
pub struct SourceEntry {
    /// Its id.
    pub id: Cell,
    /// Its key.
    pub key: Cell,
    /// Its namespace.
    pub namespace: Cell,
    /// Its text.
    pub content: Cell,
    /// JSON.
    pub metadata: Cell,
    /// The agent that it was stored for.
    pub agent: Cell,
    /// When its first version was stored.
    pub created_at: Cell,
    /// When this one was.
    pub updated_at: Cell,
    /// Its tags: one more than there may be at most.
    pub tags: Vec<Cell>,
    /// The highest number of a version before this one.
    pub newest_past: Cell,
    /// The session of its namespace, as far as the table of sessions has it.
    pub session: SourceSession,
}

/// What an entry was before.
#[derive(Debug, Clone, Default)]
pub struct SourceVersion {
    /// The entry, as far as the table has it. Its content, metadata and tags are not read again.
    pub entry: SourceEntry,
    /// Its number.
    pub number: Cell,
    /// Its text.
    pub content: Cell,
    /// JSON.
    pub metadata: Cell,
}

/// How much a source has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceTotals {
    /// How many rows each of the tables has.
    pub rows: Vec<(SourceTable, u64)>,
    /// Tables that nothing is taken from, and how many rows they have. Those without any are left out.
    pub others: Vec<(&'static str, u64)>,
}

/// The source cannot be read on.
#[derive(Debug, thiserror::Error)]
#[error("the file that is imported cannot be read on")]
pub struct SourceUnreadable(#[source] pub Box<dyn Error + Send + Sync>);

/// Where rows come from. It never changes while it is read.
#[async_trait]
pub trait ImportSource: Send {
    /// What tells its contents apart from any other.
    fn fingerprint(&self) -> [u8; 32];

    /// How much it has.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn totals(&mut self) -> Result<SourceTotals, SourceUnreadable>;

    /// Some rows of a table after a number, in the order of their numbers: as many as can be held at a time, at least one if
    /// there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn rows(&mut self, table: SourceTable, after: i64) -> Result<Vec<SourceRow>, SourceUnreadable>;
}
