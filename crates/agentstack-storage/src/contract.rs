//! The promises of a backend. The suite in `conformance` has a test for each sentence.

mod audit;
mod embedding;
mod import;
mod plugin;
mod review;

use agentstack_access::{Grant, Scope, SessionDirectory, TokenDirectory};
use agentstack_audit::{Draft, Line};
use agentstack_core::{
    Agent, AgentInstanceId, Entry, EntrySummary, Identity, IdentityId, MemoryKey, Origin, Relationship,
    SessionId, Task, TaskId, Timestamp, TokenHash, TokenId, Version,
};
use async_trait::async_trait;

pub use self::audit::AuditLog;
pub use self::embedding::EmbeddingStore;
pub use self::import::{Conclude, ImportStore};
pub use self::plugin::PluginStore;
pub use self::review::ReviewStore;

use crate::coordination::{
    AgentChange, AgentRef, Agents, Direction, Drift, DriftFigures, Ends, Identities, IdentityChange,
    IdentityFilter, IdentityRef, NewAgent, NewTask, TaskEnd, TaskFilter, Tasks,
};
use crate::{
    Counts, Figures, Found, Health, Listed, Listing, NewEntry, NewSession, Pending, Reading, Removed, Search,
    Session, SessionStatus, StorageError, Stored, Target,
};

/// Entries and their versions.
///
/// Every method fails with [`StorageError::SessionGone`] and does nothing when the scope's session is
/// not alive and held at the moment of its transaction. A mutation and its audit record are one
/// transaction; when it is acknowledged it survives a crash of the process and of the machine.
#[async_trait]
pub trait MemoryStore: Send + Sync {
    /// Stores an entry under its key in the scope's namespace: as version 1, or as the next version of
    /// what is there. The version before it goes to the history.
    ///
    /// It is unverified, whoever writes it (S12, S13, S14). One that is to be held back is quarantined: it gets its number and
    /// is on no read path, and what was there stays as it was.
    ///
    /// # Errors
    /// [`StorageError::VersionConflict`] when `if_version` is not the current version;
    /// [`StorageError::KeyTaken`] when the caller is bound to an agent and the key is another's;
    /// [`StorageError::TooMany`] when it is to be held back and [`HELD_PER_NAMESPACE`] are.
    ///
    /// [`HELD_PER_NAMESPACE`]: agentstack_core::limits::HELD_PER_NAMESPACE
    async fn store(&self, scope: &Scope, entry: NewEntry, pending: Pending) -> Result<Stored, StorageError>;

    /// The entry of this key in the scope's namespace, in the version asked for.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn get(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        target: Target,
    ) -> Result<Option<Entry>, StorageError>;

    /// The entries of the scope's namespaces, newest first.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn list(&self, scope: &Scope, listing: Listing) -> Result<Listed, StorageError>;

    /// Removes an entry with all its versions, its index terms and every trace in the files (S08).
    /// Returns whether there was one; if not, no record is written.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn delete(&self, scope: &Scope, key: &MemoryKey, pending: Pending) -> Result<bool, StorageError>;

    /// The versions of an entry, newest first, the current one included. Empty if there is no entry.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn history(&self, scope: &Scope, key: &MemoryKey, limit: u32)
    -> Result<Vec<Version>, StorageError>;

    /// Stores a past version again, as the next one, with an origin of its own and the findings it had. To restore it is to
    /// read it. `None` if there is no such version; then no record is written.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn restore(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        version: u32,
        origin: Origin,
        pending: Pending,
    ) -> Result<Option<EntrySummary>, StorageError>;

    /// The entries of the scope's namespaces that match, best first. What the entries of one
    /// namespace are answered with, scores included, depends on that namespace alone (S05). With a [`Meaning`](crate::Meaning)
    /// they are compared with it, as [`vector::fuse`](crate::vector::fuse) says; those without a vector of its model are
    /// counted.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn search(&self, scope: &Scope, search: Search) -> Result<Found, StorageError>;

    /// Notes what the scope's session is about to be shown, each version once, with the record of the call. Without a
    /// session, all live sessions of the holder have been shown it, and those that it starts or enters within [`HOLDER_READS_MS`](crate::review::HOLDER_READS_MS).
    ///
    /// # Errors
    /// [`StorageError::Changed`] when one of them is not there any more; then it must not be shown.
    async fn note_readings(
        &self,
        scope: &Scope,
        readings: &[Reading],
        record: Draft,
    ) -> Result<(), StorageError>;
}

/// Sessions and who holds them.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Starts a session held by the scope's holder.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn start(
        &self,
        scope: &Scope,
        session: NewSession,
        pending: Pending,
    ) -> Result<Session, StorageError>;

    /// Makes the scope's holder a holder of the live session with this resume token. `None` if there is
    /// none; then no record is written.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn resume(
        &self,
        scope: &Scope,
        token: TokenHash,
        pending: Pending,
    ) -> Result<Option<Session>, StorageError>;

    /// Ends the scope's session: removes all of it, in one step, with every trace in the files (S07, S08). `record` makes
    /// the records of agents and tasks that end with it; they come before that of the session itself, first those of
    /// agents, each in the order of the ids.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn end(
        &self,
        scope: &Scope,
        record: &(dyn Fn(Ends) -> Draft + Send + Sync),
        pending: Pending,
    ) -> Result<Removed, StorageError>;

    /// The scope's session.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn status(&self, scope: &Scope) -> Result<SessionStatus, StorageError>;

    /// The live sessions of the scope's holder, newest first; every one for an operator.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn active(&self, scope: &Scope) -> Result<Vec<Session>, StorageError>;

    /// Some sessions that have expired and are still to be ended, for an operator; else none.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn expired(&self, scope: &Scope) -> Result<Vec<SessionId>, StorageError>;
}

/// Agents of sessions. Those of another session do not exist for a scope.
///
/// Every method fails with [`StorageError::SessionGone`] and does nothing when the scope's session is not alive and held
/// at the moment of its transaction. A mutation and its audit record are one transaction.
///
/// Every record of the audit log of a call that was let in, and whose agent is the id of an agent of the record's session,
/// counts as an operation of that agent, in the transaction of the record. One of a call that was denied counts as nobody's:
/// it may name somebody else's session and agent (S05).
#[async_trait]
pub trait AgentStore: Send + Sync {
    /// Makes an idle agent. If it has an identity, that identity's time of last activity becomes the scope's.
    ///
    /// # Errors
    /// [`StorageError::NameTaken`] when an agent of the session that has not stopped has the name;
    /// [`StorageError::TooMany`] when there are as many as may be, or [`AGENTS_PER_SESSION`] in all;
    /// [`StorageError::Missing`] when the principal has no such identity; [`StorageError::State`] when it is not active.
    ///
    /// [`AGENTS_PER_SESSION`]: agentstack_core::limits::AGENTS_PER_SESSION
    async fn spawn(&self, scope: &Scope, agent: NewAgent, pending: Pending) -> Result<Agent, StorageError>;

    /// An agent of the session.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn agent(&self, scope: &Scope, which: &AgentRef) -> Result<Option<Agent>, StorageError>;

    /// The agents of the session, the newest first: at most `limit`, and how many there are.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn agents(&self, scope: &Scope, limit: u32) -> Result<Agents, StorageError>;

    /// Brings an agent into another state. `None` if there is no such agent; then no record is written.
    ///
    /// # Errors
    /// [`StorageError::State`] when the agent cannot come into it.
    async fn change_agent(
        &self,
        scope: &Scope,
        which: &AgentRef,
        change: AgentChange,
        pending: Pending,
    ) -> Result<Option<Agent>, StorageError>;
}

/// Identities. Each belongs to the principal that made it, by name; those of another do not exist for a scope, unless
/// its principal is an operator. A mutation and its audit record are one transaction.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Keeps a new identity. It belongs to the scope's principal, whatever owner it names.
    ///
    /// # Errors
    /// [`StorageError::NameTaken`] when an identity of the principal that is not retired has the name;
    /// [`StorageError::TooMany`] when there are [`IDENTITIES_PER_PRINCIPAL`] that are not retired.
    ///
    /// [`IDENTITIES_PER_PRINCIPAL`]: agentstack_core::limits::IDENTITIES_PER_PRINCIPAL
    async fn create_identity(
        &self,
        scope: &Scope,
        identity: Identity,
        pending: Pending,
    ) -> Result<(), StorageError>;

    /// An identity.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn identity(&self, scope: &Scope, which: &IdentityRef) -> Result<Option<Identity>, StorageError>;

    /// The identities of the scope's principal, an operator's own too, the newest first.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn identities(&self, scope: &Scope, filter: IdentityFilter) -> Result<Identities, StorageError>;

    /// Changes an identity, and its version with it. `None` if there is no such identity; then no record is written.
    ///
    /// # Errors
    /// [`StorageError::State`] when it is retired or cannot come into the state;
    /// [`StorageError::NameTaken`] as when one is made, unless it is to be retired.
    async fn change_identity(
        &self,
        scope: &Scope,
        id: IdentityId,
        change: IdentityChange,
        pending: Pending,
    ) -> Result<Option<Identity>, StorageError>;

    /// The newest lines of the audit log that name the identity, newest first. `None` if there is no such identity.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn identity_lines(
        &self,
        scope: &Scope,
        id: IdentityId,
        limit: u32,
    ) -> Result<Option<Vec<Line>>, StorageError>;
}

/// Tasks of sessions, as [`AgentStore`] has agents.
#[async_trait]
pub trait TaskStore: Send + Sync {
    /// Makes a pending task. If its parent is assigned to an agent, that counts as a subtask of the agent.
    ///
    /// # Errors
    /// [`StorageError::Missing`] when the session has no such parent or no such task to be related to;
    /// [`StorageError::TooMany`] when it would be beyond the bounds.
    async fn create_task(&self, scope: &Scope, task: NewTask, pending: Pending)
    -> Result<Task, StorageError>;

    /// A task of the session.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn task(&self, scope: &Scope, id: TaskId) -> Result<Option<Task>, StorageError>;

    /// Tasks of the session, the newest first.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn tasks(&self, scope: &Scope, filter: TaskFilter) -> Result<Tasks, StorageError>;

    /// Gives a task to an agent. Once more to the same agent is no change, and recorded all the same. `None` if the
    /// session has no such task; then no record is written.
    ///
    /// # Errors
    /// [`StorageError::Missing`] when the session has no such agent; [`StorageError::State`] when the agent has stopped,
    /// when the task has ended or is another's, and when one that it depends on is not completed.
    async fn assign_task(
        &self,
        scope: &Scope,
        id: TaskId,
        agent: AgentInstanceId,
        pending: Pending,
    ) -> Result<Option<Task>, StorageError>;

    /// Ends a task, and stores its output as an entry if asked to, all in one transaction. If it is completed, its agent
    /// has had a result at the scope's time. `None` if the session has no such task; then no record is written.
    ///
    /// # Errors
    /// [`StorageError::State`] when it has ended; for the entry, as [`MemoryStore::store`] has it.
    async fn end_task(
        &self,
        scope: &Scope,
        id: TaskId,
        end: TaskEnd,
        pending: Pending,
    ) -> Result<Option<Task>, StorageError>;

    /// The relationships of a task, in order. `None` if the session has no such task.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn relationships(
        &self,
        scope: &Scope,
        id: TaskId,
        direction: Direction,
    ) -> Result<Option<Vec<Relationship>>, StorageError>;

    /// A task and its ancestors, the nearest first: at most `most`. Empty if the session has no such task.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn lineage(&self, scope: &Scope, id: TaskId, most: u32) -> Result<Vec<Task>, StorageError>;

    /// Counts a comparison whose task was not made, with the record of the refusal.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn note_drift(&self, scope: &Scope, drift: Drift, record: Draft) -> Result<(), StorageError>;

    /// What the comparisons in the session came to, since a time if one is given.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn drift_figures(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
    ) -> Result<DriftFigures, StorageError>;
}

/// API tokens. Whom they belong to is no matter here: the scope says that its caller may look after all of them.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Keeps the grant of a new token under its hash.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn grant_token(
        &self,
        scope: &Scope,
        hash: TokenHash,
        grant: Grant,
        pending: Pending,
    ) -> Result<(), StorageError>;

    /// Forgets a token: from the commit on it is unknown, in every process. Returns whether there was one; if not, no
    /// record is written.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn revoke_token(&self, scope: &Scope, id: TokenId, pending: Pending) -> Result<bool, StorageError>;

    /// The tokens there are, expired ones too, newest first: at most `limit` older than `before`.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn tokens(
        &self,
        scope: &Scope,
        before: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<Grant>, StorageError>;
}

/// What a backend says of itself and of how much there is.
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// What the scope's holder has.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn counts(&self, scope: &Scope) -> Result<Counts, StorageError>;

    /// How much there is, of everybody's: the scope says that its caller may know.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn figures(&self, scope: &Scope) -> Result<Figures, StorageError>;

    /// Proves that the backend answers, and says what it is.
    ///
    /// # Errors
    /// When it does not answer.
    async fn health(&self) -> Result<Health, StorageError>;

    /// Does what may have been left undone: the rest of ended sessions after a crash, traces that another
    /// process's reader held back.
    ///
    /// # Errors
    /// When the backend cannot do it now.
    async fn keep_house(&self) -> Result<(), StorageError>;

    /// Brings everything to the disk and lets go of the files. The store answers nothing after it.
    async fn close(&self);
}

/// All a backend is.
pub trait Storage:
    MemoryStore
    + EmbeddingStore
    + ReviewStore
    + SessionStore
    + AgentStore
    + IdentityStore
    + TaskStore
    + TokenStore
    + PluginStore
    + ImportStore
    + AuditLog
    + StoreHealth
    + SessionDirectory
    + TokenDirectory
{
}

impl<T> Storage for T where
    T: MemoryStore
        + EmbeddingStore
        + ReviewStore
        + SessionStore
        + AgentStore
        + IdentityStore
        + TaskStore
        + TokenStore
        + PluginStore
        + ImportStore
        + ImportStore
        + AuditLog
        + StoreHealth
        + SessionDirectory
        + TokenDirectory
{
}
