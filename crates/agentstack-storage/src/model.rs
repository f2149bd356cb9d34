//! What goes into a backend and what comes out.

use std::time::Instant;

use agentstack_access::Scope;
use agentstack_audit::{Decision, Draft, Outcome, ResourceHash};
use agentstack_core::{
    AgentId, Content, EntryId, EntrySummary, FindingSummary, Hit, IdentityId, MemoryKey, Metadata, Origin,
    SessionId, Tag, Timestamp, TokenHash,
};

use crate::embedding::Wish;
use crate::text::TextQuery;
use crate::vector::Meaning;

/// The audit record of a call that is still going on. A mutation commits it with itself (S45).
#[derive(Debug, Clone)]
pub struct Pending {
    draft: Draft,
    started: Instant,
}

impl Pending {
    /// A record of a call that began at `started`.
    #[must_use]
    pub fn new(draft: Draft, started: Instant) -> Self {
        Self { draft, started }
    }

    /// The record, closed with its outcome, its counts and the time it took until now.
    #[must_use]
    pub fn close(mut self, outcome: Outcome, counts: Vec<(&'static str, u64)>) -> Draft {
        self.draft.outcome = outcome;
        self.draft.counts.extend(counts);
        self.draft.duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.draft
    }

    /// With numbers that are recorded whatever becomes of the call.
    #[must_use]
    pub fn counting(mut self, counts: Vec<(&'static str, u64)>) -> Self {
        self.draft.counts = counts;
        self
    }

    /// Names the identity that the call is about, or whose agent makes it.
    #[must_use]
    pub fn of_identity(mut self, identity: Option<IdentityId>) -> Self {
        self.draft.identity = identity.or(self.draft.identity);
        self
    }

    /// The record of something else that the call brings about, with the word for why.
    #[must_use]
    pub fn in_operation(
        mut self,
        operation: &'static str,
        reason: &'static str,
        resource: ResourceHash,
    ) -> Self {
        (self.draft.operation, self.draft.reason) = (operation, reason);
        self.draft.resource = Some(resource);
        self
    }

    /// The record of a refusal.
    #[must_use]
    pub fn refused(self, (decision, reason, outcome): (Decision, &'static str, Outcome)) -> Draft {
        let mut draft = self.close(outcome, vec![]);
        (draft.decision, draft.reason) = (decision, reason);
        draft
    }

    /// Names the session, where it is known only in the course of the call.
    #[must_use]
    pub fn in_session(mut self, session: SessionId) -> Self {
        self.draft.session = Some(session);
        self
    }
}

/// An entry to be stored.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// Its key.
    pub key: MemoryKey,
    /// Its text.
    pub content: Content,
    /// The caller's object.
    pub metadata: Metadata,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The version the caller believes current; 0 for "there is none".
    pub if_version: Option<u32>,
    /// Made by the server (S11).
    pub origin: Origin,
    /// What was found in it.
    pub findings: Vec<FindingSummary>,
    /// Whether it is to be held back until an operator has looked at it.
    pub held: bool,
    /// Whether it is to have a vector.
    pub wish: Wish,
}

/// What a store came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The entry.
    pub entry: EntrySummary,
    /// Whether others have stored in this shared namespace before, and nobody of its origin.
    pub is_new_origin: bool,
}

/// Which entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The current version.
    Current,
    /// This version, current or past.
    Version(u32),
}

/// Keeps to the entries of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFilter {
    /// The agent.
    pub agent: AgentId,
    /// Whether entries that were stored for no agent count too.
    pub include_common: bool,
}

/// What to search for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The words.
    pub query: TextQuery,
    /// What they mean, if entries are to be compared by that too.
    pub meaning: Option<Meaning>,
    /// Tags that a result must all have.
    pub tags: Vec<Tag>,
    /// Whose entries.
    pub agent: Option<AgentFilter>,
    /// The least score of a result.
    pub threshold: f64,
    /// Whether only what is trusted counts.
    pub trusted_only: bool,
    /// How many results.
    pub limit: u32,
    /// How many of the best to pass over.
    pub offset: u32,
}

impl Search {
    /// How many of the best there have to be to know what is shown, and whether there is more.
    #[must_use]
    pub fn reach(&self) -> usize {
        (self.offset as usize).saturating_add(self.limit as usize).saturating_add(1)
    }
}

/// Search results, best first.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The results.
    pub hits: Vec<Hit>,
    /// Whether there are more.
    pub more: bool,
    /// Of a search by meaning, how many entries that the scope reads have no vector of its model, those left out that are
    /// to have none.
    pub without_vector: u64,
}

/// Where a page of a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// After this many entries.
    Offset(u32),
    /// After this entry.
    After(ListPosition),
}

/// A place in a list: lists are in descending order of (`updated_at`, `id`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPosition {
    /// When the entry at this place was last stored.
    pub updated_at: Timestamp,
    /// The entry.
    pub id: EntryId,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Tags that an entry must all have.
    pub tags: Vec<Tag>,
    /// Whose entries.
    pub agent: Option<AgentFilter>,
    /// How many entries.
    pub limit: u32,
    /// Where to begin.
    pub page: Page,
}

/// A page of a list, newest first.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// How many entries the whole list has.
    pub total: u64,
    /// This page.
    pub entries: Vec<EntrySummary>,
    /// Where the next page begins, if there is one.
    pub next: Option<ListPosition>,
}

/// A session to be started.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// The caller's object.
    pub metadata: Metadata,
    /// The hash of its resume token (S03).
    pub resume: TokenHash,
    /// Idle time after which it expires, in milliseconds.
    pub idle_ms: i64,
    /// When it expires in any case.
    pub expires_at: Timestamp,
}

/// A live session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it expires if nothing happens.
    pub expires_at: Timestamp,
    /// The starter's object.
    pub metadata: Metadata,
}

/// A live session and what it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionStatus {
    /// The session.
    pub session: Session,
    /// How many entries it has.
    pub entries: u64,
    /// How many agents it has that have not stopped.
    pub agents: u64,
    /// How many tasks it has that have not ended.
    pub tasks: u64,
}

/// What the end of a session removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Entries, each with its versions.
    pub entries: u64,
    /// Agents, stopped ones too.
    pub agents: u64,
    /// Tasks, ended ones too.
    pub tasks: u64,
}

impl Removed {
    /// The counts of the record of it.
    #[must_use]
    pub fn counts(self) -> Vec<(&'static str, u64)> {
        vec![("entries", self.entries), ("agents", self.agents), ("tasks", self.tasks)]
    }
}

/// How much a caller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Sessions it holds.
    pub sessions: u64,
    /// Entries in them.
    pub entries: u64,
}

/// How much there is, of everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Live sessions.
    pub sessions: u64,
    /// Current entries, shared ones too.
    pub entries: u64,
    /// Bytes that the database takes, if the backend knows.
    pub bytes: u64,
    /// The sequence of the newest audit record.
    pub audit_sequence: u64,
}

/// What a backend says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Its name.
    pub backend: &'static str,
    /// Whether what it keeps is encrypted at rest (S37).
    pub encrypted: bool,
    /// The version of the engine beneath it.
    pub version: String,
}

/// Whether `scope` may know an entry of its own namespace that belongs to `agent`.
///
/// A caller bound to an agent sees that agent's entries and those of no agent. In a shared namespace
/// an agent's name is information, not a border.
#[must_use]
pub fn visible(scope: &Scope, in_session: bool, agent: Option<&AgentId>) -> bool {
    !in_session || scope.bound_agent().is_none_or(|bound| agent.is_none_or(|agent| agent == bound))
}

/// To which agent an entry belongs after `scope` has stored it. `is_common` says that it is there and belongs to none: a
/// caller bound to an agent changes such an entry without taking it from the others.
#[must_use]
pub fn owner(scope: &Scope, in_session: bool, is_common: bool) -> Option<&AgentId> {
    let common = in_session && scope.bound_agent().is_some() && is_common;
    scope.agent().filter(|_| !common)
}

/// How much of a content a search result carries, in characters: more than an answer can show of it.
pub const SEARCHED_CHARS: u32 = 60_000;

/// How stale a session's time of last use may get, in milliseconds: a backend need not write it with every call.
pub const USED_STALE_MS: i64 = 60_000;

/// Whether a session's time of last use is to be written again. Where a minute would be much of the idle
/// time, it may get no staler than an eighth of that.
#[must_use]
pub fn used_is_stale(last_used_at: Timestamp, now: Timestamp, idle_ms: i64) -> bool {
    last_used_at.plus_millis(USED_STALE_MS.min(idle_ms / 8)) < now
}
