//! A store that can be made to fail, and what is answered while it does.

mod audit;
mod imports;
mod plugins;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use agentstack_access::{
    DirectoryUnavailable, Grant, Holder, Scope, SessionDirectory, Standing, TokenDirectory,
};
use agentstack_audit::{Decision, Draft, Line, Outcome};
use agentstack_core::{
    Agent, AgentInstanceId, Entry, EntrySummary, Identity, IdentityId, MemoryKey, Origin, Relationship,
    SessionId, SharedName, Task, TaskId, Timestamp, TokenHash, TokenId, Trust, Version, VersionId,
};
use agentstack_storage::reference::ReferenceStore;
use agentstack_storage::{
    Again, AgentChange, AgentRef, AgentStore, Agents, Counts, Direction, Drift, DriftFigures,
    EmbeddingFigures, EmbeddingModel, EmbeddingStore, Ends, Figures, Forgotten, Found, Health, Identities,
    IdentityChange, IdentityFilter, IdentityRef, IdentityStore, Listed, Listing, MemoryStore, NewAgent,
    NewEntry, NewSession, NewTask, OriginFilter, Pending, Readers, Reading, Recorded, Removed, Review,
    ReviewFilter, ReviewStore, Reviews, Revocation, Search, Session, SessionStatus, SessionStore,
    StorageError, StoreHealth, Stored, Target, TaskEnd, TaskFilter, TaskStore, Tasks, TokenStore, Vector,
    Waiting, WaitingId,
};
use async_trait::async_trait;
use serde_json::json;

use crate::errors::CANARY;
use crate::support::{UNKNOWN, World, reference, sample, spec};

/// A reference store whose disk is full, or gone, when a test says so.
pub(crate) struct Faulty {
    inner: ReferenceStore,
    /// 0 when it works, 1 when it cannot write, 2 when it cannot do anything.
    fault: AtomicU8,
    /// How many times more what is read is taken away before that is noted.
    changes: AtomicU8,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        Self { inner: reference(), fault: AtomicU8::new(0), changes: AtomicU8::new(0) }
    }

    pub(crate) fn break_writes(&self) {
        self.fault.store(1, Ordering::SeqCst);
    }

    pub(crate) fn break_everything(&self) {
        self.fault.store(2, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.fault.store(0, Ordering::SeqCst);
    }

    fn change(&self, times: u8) {
        self.changes.store(times, Ordering::SeqCst);
    }

    fn writes(&self) -> Result<&ReferenceStore, StorageError> {
        match self.fault.load(Ordering::SeqCst) {
            0 => Ok(&self.inner),
            1 => Err(StorageError::Full(format!("/var/{CANARY}.db: INSERT INTO audit: disk full").into())),
            _ => Err(StorageError::Unavailable(format!("/var/{CANARY}.db: no such table: entries").into())),
        }
    }

    fn reads(&self) -> Result<&ReferenceStore, StorageError> {
        if self.fault.load(Ordering::SeqCst) < 2 { Ok(&self.inner) } else { self.writes() }
    }
}

#[async_trait]
impl MemoryStore for Faulty {
    async fn store(&self, scope: &Scope, entry: NewEntry, pending: Pending) -> Result<Stored, StorageError> {
        self.writes()?.store(scope, entry, pending).await
    }

    async fn get(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        target: Target,
    ) -> Result<Option<Entry>, StorageError> {
        self.reads()?.get(scope, key, target).await
    }

    async fn list(&self, scope: &Scope, listing: Listing) -> Result<Listed, StorageError> {
        self.reads()?.list(scope, listing).await
    }

    async fn delete(&self, scope: &Scope, key: &MemoryKey, pending: Pending) -> Result<bool, StorageError> {
        self.writes()?.delete(scope, key, pending).await
    }

    async fn history(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        limit: u32,
    ) -> Result<Vec<Version>, StorageError> {
        self.reads()?.history(scope, key, limit).await
    }

    async fn restore(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        version: u32,
        origin: Origin,
        pending: Pending,
    ) -> Result<Option<EntrySummary>, StorageError> {
        self.writes()?.restore(scope, key, version, origin, pending).await
    }

    async fn search(&self, scope: &Scope, search: Search) -> Result<Found, StorageError> {
        self.reads()?.search(scope, search).await
    }

    async fn note_readings(
        &self,
        scope: &Scope,
        readings: &[Reading],
        record: Draft,
    ) -> Result<(), StorageError> {
        let changes = self.changes.load(Ordering::SeqCst);
        if changes > 0 {
            self.change(changes - 1);
            return Err(StorageError::Changed);
        }
        self.writes()?.note_readings(scope, readings, record).await
    }
}

#[async_trait]
impl EmbeddingStore for Faulty {
    async fn lease_embedding(
        &self,
        scope: &Scope,
        worker: [u8; 16],
        until: Timestamp,
    ) -> Result<bool, StorageError> {
        self.writes()?.lease_embedding(scope, worker, until).await
    }

    async fn waiting(&self, scope: &Scope, limit: u32) -> Result<Vec<Waiting>, StorageError> {
        self.reads()?.waiting(scope, limit).await
    }

    async fn keep_vectors(
        &self,
        scope: &Scope,
        model: &EmbeddingModel,
        vectors: Vec<(WaitingId, Option<Vector>)>,
        pending: Pending,
    ) -> Result<u64, StorageError> {
        self.writes()?.keep_vectors(scope, model, vectors, pending).await
    }

    async fn embed_again(
        &self,
        scope: &Scope,
        model: &EmbeddingModel,
        some: (i64, u32),
        pending: Pending,
    ) -> Result<Again, StorageError> {
        self.writes()?.embed_again(scope, model, some, pending).await
    }

    async fn embedding_figures(&self, scope: &Scope) -> Result<EmbeddingFigures, StorageError> {
        self.reads()?.embedding_figures(scope).await
    }
}

#[async_trait]
impl ReviewStore for Faulty {
    async fn reviews(&self, scope: &Scope, filter: ReviewFilter) -> Result<Reviews, StorageError> {
        self.reads()?.reviews(scope, filter).await
    }

    async fn review(&self, scope: &Scope, id: VersionId) -> Result<Option<(Review, String)>, StorageError> {
        self.reads()?.review(scope, id).await
    }

    async fn decide(
        &self,
        scope: &Scope,
        id: VersionId,
        to: Trust,
        pending: Pending,
    ) -> Result<Option<Review>, StorageError> {
        self.writes()?.decide(scope, id, to, pending).await
    }

    async fn revoke_origin(
        &self,
        scope: &Scope,
        origin: &OriginFilter,
        pending: Option<Pending>,
    ) -> Result<Revocation, StorageError> {
        self.writes()?.revoke_origin(scope, origin, pending).await
    }

    async fn readers(&self, scope: &Scope, origin: &OriginFilter) -> Result<Readers, StorageError> {
        self.reads()?.readers(scope, origin).await
    }

    async fn sessions_of(&self, scope: &Scope, principal: &str) -> Result<Vec<SessionId>, StorageError> {
        self.reads()?.sessions_of(scope, principal).await
    }

    async fn forget(
        &self,
        scope: &Scope,
        origin: &OriginFilter,
        pending: Option<Pending>,
    ) -> Result<(Forgotten, Option<Recorded>), StorageError> {
        self.writes()?.forget(scope, origin, pending).await
    }

    async fn expire(&self, scope: &Scope, before: Timestamp, pending: Pending) -> Result<u64, StorageError> {
        self.writes()?.expire(scope, before, pending).await
    }
}

#[async_trait]
impl SessionStore for Faulty {
    async fn start(
        &self,
        scope: &Scope,
        session: NewSession,
        pending: Pending,
    ) -> Result<Session, StorageError> {
        self.writes()?.start(scope, session, pending).await
    }

    async fn resume(
        &self,
        scope: &Scope,
        token: TokenHash,
        pending: Pending,
    ) -> Result<Option<Session>, StorageError> {
        self.writes()?.resume(scope, token, pending).await
    }

    async fn end(
        &self,
        scope: &Scope,
        record: &(dyn Fn(Ends) -> Draft + Send + Sync),
        pending: Pending,
    ) -> Result<Removed, StorageError> {
        self.writes()?.end(scope, record, pending).await
    }

    async fn status(&self, scope: &Scope) -> Result<SessionStatus, StorageError> {
        self.reads()?.status(scope).await
    }

    async fn active(&self, scope: &Scope) -> Result<Vec<Session>, StorageError> {
        self.reads()?.active(scope).await
    }

    async fn expired(&self, scope: &Scope) -> Result<Vec<SessionId>, StorageError> {
        self.reads()?.expired(scope).await
    }
}

#[async_trait]
impl StoreHealth for Faulty {
    async fn counts(&self, scope: &Scope) -> Result<Counts, StorageError> {
        self.reads()?.counts(scope).await
    }

    async fn figures(&self, scope: &Scope) -> Result<Figures, StorageError> {
        self.reads()?.figures(scope).await
    }

    async fn health(&self) -> Result<Health, StorageError> {
        self.reads()?.health().await
    }

    async fn keep_house(&self) -> Result<(), StorageError> {
        self.writes()?.keep_house().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[async_trait]
impl SessionDirectory for Faulty {
    async fn standing(
        &self,
        session: SessionId,
        holder: Option<&Holder>,
        now: Timestamp,
    ) -> Result<Option<Standing>, DirectoryUnavailable> {
        let store = self.reads().map_err(|error| DirectoryUnavailable(Box::new(error)))?;
        store.standing(session, holder, now).await
    }

    async fn shared_namespaces(&self) -> Result<Vec<SharedName>, DirectoryUnavailable> {
        let store = self.reads().map_err(|error| DirectoryUnavailable(Box::new(error)))?;
        store.shared_namespaces().await
    }
}

#[async_trait]
impl TokenDirectory for Faulty {
    async fn grant(&self, token: &TokenHash, now: Timestamp) -> Result<Option<Grant>, DirectoryUnavailable> {
        let store = self.reads().map_err(|error| DirectoryUnavailable(Box::new(error)))?;
        store.grant(token, now).await
    }
}

/// Traits whose methods work while the disk does, or while the store can be read at all.
macro_rules! frames {
    ($($store:ident { $(fn $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty, $how:ident;)* })*) => {$(
        #[async_trait]
        impl $store for Faulty {
            $(async fn $name(&self, $($arg: $kind),*) -> Result<$answer, StorageError> {
                // Whoever asks a store may have to wait, and may go meanwhile.
                tokio::task::yield_now().await;
                self.$how()?.$name($($arg),*).await
            })*
        }
    )*};
}

frames! {
    AgentStore {
        fn spawn(scope: &Scope, agent: NewAgent, pending: Pending) -> Agent, writes;
        fn agent(scope: &Scope, which: &AgentRef) -> Option<Agent>, reads;
        fn agents(scope: &Scope, limit: u32) -> Agents, reads;
        fn change_agent(
            scope: &Scope, which: &AgentRef, change: AgentChange, pending: Pending
        ) -> Option<Agent>, writes;
    }
    IdentityStore {
        fn create_identity(scope: &Scope, identity: Identity, pending: Pending) -> (), writes;
        fn identity(scope: &Scope, which: &IdentityRef) -> Option<Identity>, reads;
        fn identities(scope: &Scope, filter: IdentityFilter) -> Identities, reads;
        fn change_identity(
            scope: &Scope, id: IdentityId, change: IdentityChange, pending: Pending
        ) -> Option<Identity>, writes;
        fn identity_lines(scope: &Scope, id: IdentityId, limit: u32) -> Option<Vec<Line>>, reads;
    }
    TaskStore {
        fn create_task(scope: &Scope, task: NewTask, pending: Pending) -> Task, writes;
        fn task(scope: &Scope, id: TaskId) -> Option<Task>, reads;
        fn tasks(scope: &Scope, filter: TaskFilter) -> Tasks, reads;
        fn assign_task(
            scope: &Scope, id: TaskId, agent: AgentInstanceId, pending: Pending
        ) -> Option<Task>, writes;
        fn end_task(scope: &Scope, id: TaskId, end: TaskEnd, pending: Pending) -> Option<Task>, writes;
        fn relationships(
            scope: &Scope, id: TaskId, direction: Direction
        ) -> Option<Vec<Relationship>>, reads;
        fn lineage(scope: &Scope, id: TaskId, most: u32) -> Vec<Task>, reads;
        fn note_drift(scope: &Scope, drift: Drift, record: Draft) -> (), writes;
        fn drift_figures(scope: &Scope, since: Option<Timestamp>) -> DriftFigures, reads;
    }
}

#[async_trait]
impl TokenStore for Faulty {
    async fn grant_token(
        &self,
        scope: &Scope,
        hash: TokenHash,
        grant: Grant,
        pending: Pending,
    ) -> Result<(), StorageError> {
        self.writes()?.grant_token(scope, hash, grant, pending).await
    }

    async fn revoke_token(&self, scope: &Scope, id: TokenId, pending: Pending) -> Result<bool, StorageError> {
        self.writes()?.revoke_token(scope, id, pending).await
    }

    async fn tokens(
        &self,
        scope: &Scope,
        before: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<Grant>, StorageError> {
        self.reads()?.tokens(scope, before, limit).await
    }
}

#[tokio::test]
async fn s45_without_a_log_refusals_deny_reads_are_not_answered_and_nothing_is_written() {
    let store = Arc::new(Faulty::new());
    let world = World::over(Arc::clone(&store) as _, Box::new(()));
    let client = world.client("planner").await;
    client.store("known", "text").await;
    let before = world.records().await.len();

    store.break_writes();
    let foreign = client.call("memory_get", json!({ "sessionId": UNKNOWN, "key": "known" })).await;
    assert_eq!(foreign.code(), "not_found");
    let mut calls = vec![(foreign.request, "memory_get", Decision::Deny, Outcome::NotFound)];
    for name in
        ["memory_get", "memory_search", "memory_list", "memory_history", "session_status", "system_status"]
    {
        let read = client.call(name, sample(spec(name))).await;
        assert_eq!(read.code(), "unavailable", "{name}");
        calls.push((read.request, name, Decision::Allow, Outcome::Unavailable));
    }
    for name in ["memory_store", "memory_delete", "memory_restore", "session_end", "session_start"] {
        let write = client.call(name, sample(spec(name))).await;
        assert_eq!(write.code(), "unavailable", "{name}");
        calls.push((write.request, name, Decision::Allow, Outcome::Unavailable));
    }
    let invalid = client.call("memory_get", json!({ "key": 1 })).await;
    assert_eq!(invalid.code(), "invalid_input");
    calls.push((invalid.request, "memory_get", Decision::Deny, Outcome::InvalidInput));
    // Health says so, and needs no record to say it.
    let health = client.ok("system_health", json!({})).await;
    assert_eq!(health["status"], "degraded");

    store.mend();
    assert_eq!(client.content("known").await.as_deref(), Some("text"));
    assert_eq!(client.ok("memory_list", json!({})).await["total"], 1);
    // What could not be recorded then is recorded now, once, in its order.
    let records = world.records().await;
    let told: Vec<_> = records[before..]
        .iter()
        .map(|record| (record.request, record.operation.as_str(), record.decision, record.outcome))
        .collect();
    assert_eq!(told[..calls.len()], calls);
    assert_eq!(told.len(), calls.len() + 3, "health, get and list");
}

#[tokio::test]
async fn s12_a_read_is_begun_anew_when_what_it_found_is_taken_away_and_recorded_once() {
    let store = Arc::new(Faulty::new());
    let world = World::over(Arc::clone(&store) as _, Box::new(()));
    let bob = world.client("bob").await;
    bob.ok("memory_store", json!({ "key": "known", "content": "text", "namespace": "team" })).await;
    for name in ["memory_get", "memory_search", "memory_list", "memory_history"] {
        // Anew each time: what a session has been shown is noted once.
        let ann = world.client("ann").await;
        let ask = || {
            let mut arguments = sample(spec(name));
            arguments["namespace"] = json!("team");
            ann.call(name, arguments)
        };
        store.change(3);
        assert_eq!(ask().await.code(), "unavailable", "{name}");
        store.change(2);
        let read = ask().await;
        assert!(read.value.is_ok(), "{name}: {:?}", read.value);
        let records = world.records().await;
        assert_eq!(records.iter().filter(|record| record.request == read.request).count(), 1, "{name}");
    }
}

#[tokio::test]
async fn s45_a_mutation_that_cannot_be_recorded_did_not_happen() {
    let store = Arc::new(Faulty::new());
    let world = World::over(Arc::clone(&store) as _, Box::new(()));
    let client = world.client("planner").await;
    let before = client.store("known", "text").await;
    store.break_writes();
    for (name, arguments) in [
        ("memory_store", json!({ "key": "known", "content": "other" })),
        ("memory_store", json!({ "key": "second", "content": "other" })),
        ("memory_delete", json!({ "key": "known" })),
        ("session_end", json!({})),
    ] {
        assert_eq!(client.call(name, arguments).await.code(), "unavailable", "{name}");
    }
    store.mend();
    let after = client.ok("memory_list", json!({})).await;
    assert_eq!((&after["total"], &after["entries"][0]["version"]), (&json!(1), &before["version"]));
}
