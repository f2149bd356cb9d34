//! What is imported from the database of another product, and how far an import has come.
//!
//! The rows of the other product come through an [`ImportSource`]; what they may become is an [`ImportItem`]; a backend
//! takes some of them at a time, in one transaction with how far that has brought the import. So an import that was
//! interrupted goes on where it was. Whether an item is taken is decided in one place, [`admit`], for every backend and for
//! a trial alike.

mod admit;
mod source;

use agentstack_core::{
    AgentId, Content, EntryId, FindingSummary, Identity, MemoryKey, Metadata, Namespace, Origin, SessionId,
    Tag, Task, Timestamp, TokenHash,
};

pub use self::admit::{There, Trial, admit};
pub use self::source::{
    Cell, ImportSource, SourceEntry, SourceIdentity, SourceItem, SourceRow, SourceSession, SourceTable,
    SourceTask, SourceTotals, SourceUnreadable, SourceVersion,
};
use crate::{TaskBounds, Wish};

/// Which import: what is imported, and what was asked for.
pub type ImportId = [u8; 32];

/// How far an import has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProgress {
    /// Which table it is at; [`ImportProgress::DONE`] when it is through.
    pub stage: u32,
    /// The last row of the table that was looked at.
    pub row: i64,
    /// What it has come to so far, in the words of whoever imports. It holds nothing of what is imported.
    pub report: String,
}

impl ImportProgress {
    /// The stage of an import that has come to its end.
    pub const DONE: u32 = u32::MAX;

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> (u32, i64) {
        (self.stage, self.row)
    }
}

/// Some items that are taken together.
#[derive(Debug, Clone)]
pub struct ImportBatch {
    /// Of which import they are.
    pub import: ImportId,
    /// How far that has come, as whoever imports believes; `None` if it has not begun.
    pub seen: Option<(u32, i64)>,
    /// The items, in order.
    pub items: Vec<ImportItem>,
}

/// Something to be taken. What it is made of was checked, and has been looked at by the guard.
#[derive(Debug, Clone)]
pub enum ImportItem {
    /// A session, which nobody holds: whoever has its resume token enters it.
    Session(ImportedSession),
    /// An identity, which belongs to the owner that it names.
    Identity(Box<Identity>),
    /// A task.
    Task(Box<ImportedTask>),
    /// The current version of an entry.
    Entry(Box<ImportedEntry>),
    /// A past version of an entry that was taken before.
    Version(Box<ImportedVersion>),
}

/// A session to be taken.
#[derive(Debug, Clone)]
pub struct ImportedSession {
    /// Its id.
    pub id: SessionId,
    /// Its starter's object.
    pub metadata: Metadata,
    /// The hash of its resume token (S03).
    pub resume: TokenHash,
    /// When it was started, where it comes from.
    pub started_at: Timestamp,
    /// Idle time after which it expires, in milliseconds.
    pub idle_ms: i64,
    /// When it expires in any case.
    pub expires_at: Timestamp,
}

/// A task to be taken.
#[derive(Debug, Clone)]
pub struct ImportedTask {
    /// Its session.
    pub session: SessionId,
    /// The task. How many ancestors it has is counted when it is taken.
    pub task: Task,
    /// How many and how deep tasks may be.
    pub bounds: TaskBounds,
}

/// An entry to be taken, as its current version is.
#[derive(Debug, Clone)]
pub struct ImportedEntry {
    /// Where it is to live.
    pub namespace: Namespace,
    /// Its id: the same each time the same row is imported.
    pub id: EntryId,
    /// When its first version was stored, where it comes from.
    pub created_at: Timestamp,
    /// Its current version.
    pub version: VersionData,
    /// Most entries of a session.
    pub entries_per_session: u64,
    /// Whether it is to have a vector.
    pub wish: Wish,
}

/// A past version to be taken.
#[derive(Debug, Clone)]
pub struct ImportedVersion {
    /// Where its entry lives.
    pub namespace: Namespace,
    /// Its entry.
    pub entry: EntryId,
    /// The version.
    pub version: VersionData,
}

/// A version to be taken.
#[derive(Debug, Clone)]
pub struct VersionData {
    /// The key of its entry.
    pub key: MemoryKey,
    /// Its number.
    pub number: u32,
    /// Its text.
    pub content: Content,
    /// Its object.
    pub metadata: Metadata,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The agent that it was stored for.
    pub agent: Option<AgentId>,
    /// Made by the server (S11).
    pub origin: Origin,
    /// What was found in it.
    pub findings: Vec<FindingSummary>,
    /// Whether it is to be held back until an operator has looked at it.
    pub held: bool,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// It is there now.
    Taken,
    /// It is there now, and is held back.
    Held,
    /// It was there already: the same row was imported before.
    Already,
    /// Something else is there under its key.
    Conflict,
    /// Its session, or the entry of the version, was not taken.
    Homeless,
    /// The entry of the version is held back.
    HomeHeld,
    /// The task that it is a part of is not there.
    Orphan,
    /// Its name is taken.
    NameTaken,
    /// There are as many as there may be.
    TooMany,
}

impl ImportOutcome {
    /// Whether it is there now, and was not before.
    #[must_use]
    pub fn is_taken(self) -> bool {
        matches!(self, Self::Taken | Self::Held)
    }
}
