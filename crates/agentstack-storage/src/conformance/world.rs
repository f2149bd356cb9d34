//! A store, a clock that is moved by hand, and callers.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use agentstack_access::{
    Authorizer, Caller, Claim, Denial, Effect, Limits, NamespaceClaim, Operation, Policy, Principal, Reach,
    Role, Scope,
};
use agentstack_audit::{
    Checkpoint, Decision, Draft, Outcome, Record, Report, Trusted, Verifier, VerifyingKey,
};
use agentstack_core::limits::{SESSION_AGE_MS, SESSION_IDLE_MS};
use agentstack_core::time::ManualClock;
use agentstack_core::{
    AgentId, Clock, Content, Entry, EntrySummary, MemoryKey, Metadata, Namespace, Origin, ProcessId,
    ResumeToken, SessionId, Tag, Timestamp, Version,
};

use crate::text::{Match, TextQuery};
use crate::{
    Figures, Found, Listed, Listing, NewEntry, NewSession, Page, Pending, Removed, Search, Session,
    SessionStatus, Storage, StorageError, Stored, Target, Wish,
};

macro_rules! operations {
    ($($row:ident $name:literal $effect:ident $reach:ident;)*) => {$(
        pub static $row: Operation = Operation { name: $name, effect: Effect::$effect, reach: Reach::$reach };
    )*};
}

operations! {
    MEMORY_STORE "memory_store" Write Namespace;
    MEMORY_SEARCH "memory_search" Read Namespaces;
    MEMORY_GET "memory_get" Read Namespace;
    MEMORY_LIST "memory_list" Read Namespaces;
    MEMORY_DELETE "memory_delete" Destructive Namespace;
    MEMORY_HISTORY "memory_history" Read Namespace;
    MEMORY_RESTORE "memory_restore" Write Namespace;
    SESSION_START "session_start" Write Principal;
    SESSION_END "session_end" Destructive Session;
    SESSION_STATUS "session_status" Read Session;
    SESSION_ACTIVE "session_active" Read Principal;
    SYSTEM_STATUS "system_status" Read Principal;
    TOKEN_CREATE "token_create" Write Principal;
    TOKEN_LIST "token_list" Read Principal;
    TOKEN_REVOKE "token_revoke" Destructive Principal;
    AGENT_SPAWN "agent_spawn" Write Session;
    AGENT_STATUS "agent_status" Read Session;
    AGENT_CHANGE "agent_change" Write Session;
    IDENTITY_CREATE "identity_create" Write Principal;
    IDENTITY_GET "identity_get" Read Principal;
    IDENTITY_CHANGE "identity_change" Write Principal;
    TASK_CREATE "task_create" Write Session;
    TASK_GET "task_get" Read Session;
    TASK_ASSIGN "task_assign" Write Session;
    TASK_END "task_end" Write Namespace;
    QUARANTINE_LIST "quarantine_list" Read Principal;
    QUARANTINE_APPROVE "quarantine_approve" Write Principal;
    REVOKE_ORIGIN "quarantine_revoke_origin" Destructive Principal;
    MEMORY_IMPORT "memory_import" Write Principal;
    PLUGIN_LIST "plugin_list" Read Principal;
    PLUGIN_CHANGE "plugin_enable" Write Principal;
}

/// The built-in policy over these operations.
fn policy() -> Policy {
    Policy::builtin(&[
        &MEMORY_STORE,
        &MEMORY_SEARCH,
        &MEMORY_GET,
        &MEMORY_LIST,
        &MEMORY_DELETE,
        &MEMORY_HISTORY,
        &MEMORY_RESTORE,
        &SESSION_START,
        &SESSION_END,
        &SESSION_STATUS,
        &SESSION_ACTIVE,
        &SYSTEM_STATUS,
        &TOKEN_CREATE,
        &TOKEN_LIST,
        &TOKEN_REVOKE,
        &AGENT_SPAWN,
        &AGENT_STATUS,
        &AGENT_CHANGE,
        &IDENTITY_CREATE,
        &IDENTITY_GET,
        &IDENTITY_CHANGE,
        &TASK_CREATE,
        &TASK_GET,
        &TASK_ASSIGN,
        &TASK_END,
        &QUARANTINE_LIST,
        &QUARANTINE_APPROVE,
        &REVOKE_ORIGIN,
        &MEMORY_IMPORT,
        &PLUGIN_LIST,
        &PLUGIN_CHANGE,
    ])
}

/// A new store.
pub struct Opened {
    pub store: Arc<dyn Storage>,
    /// The key that proves its checkpoints.
    pub verifying: VerifyingKey,
    /// What must live as long as the store.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// A store and all it takes to call it.
pub struct World {
    pub store: Arc<dyn Storage>,
    pub clock: Arc<ManualClock>,
    pub verifying: VerifyingKey,
    authorizer: Authorizer,
    _keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    #[must_use]
    pub fn new(opened: Opened) -> Self {
        let Opened { store, verifying, keep } = opened;
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let authorizer = Authorizer::new(
            policy(),
            Arc::clone(&store) as _,
            Arc::clone(&clock) as _,
            "default".parse().unwrap(),
        );
        Self { store, clock, verifying, authorizer, _keep: keep }
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The local user `name` in a process of its own.
    #[must_use]
    pub fn local(&self, name: &str) -> Call<'_> {
        self.call(Principal::local(name, ProcessId::generate()))
    }

    #[must_use]
    pub fn operator(&self) -> Call<'_> {
        self.call(Principal::operator("root"))
    }

    #[must_use]
    pub fn embedded(&self, name: &str) -> Call<'_> {
        self.call(Principal::embedded(name, Role::Developer))
    }

    fn call(&self, principal: Principal) -> Call<'_> {
        Call {
            world: self,
            principal: Arc::new(principal),
            session: None,
            namespace: None,
            agent: None,
            shared: false,
        }
    }

    /// All records, oldest first.
    pub async fn records(&self) -> Vec<Record> {
        let scope = self.operator().scope(&SYSTEM_STATUS).await;
        let lines = self.store.lines(&scope, 0, u32::MAX).await.unwrap();
        lines.iter().map(|line| Record::parse(&line.body).unwrap()).collect()
    }

    /// What the verifier says of the log.
    pub async fn verified(&self) -> Report {
        self.verified_with(vec![]).await
    }

    /// The same with checkpoints that were kept elsewhere.
    pub async fn verified_with(&self, kept: Vec<Checkpoint>) -> Report {
        let scope = self.operator().scope(&SYSTEM_STATUS).await;
        let mut checkpoints = self.store.checkpoints(&scope).await.unwrap();
        checkpoints.extend(kept);
        let former = self.store.former_keys(&scope).await.unwrap();
        let trusted = Trusted::new(self.verifying.clone(), former);
        let mut verifier = Verifier::new(Some(&trusted), checkpoints);
        for line in self.store.lines(&scope, 0, u32::MAX).await.unwrap() {
            verifier.push(&line);
        }
        verifier.finish()
    }
}

/// A caller, and what its calls claim.
#[derive(Clone, Debug)]
pub struct Call<'w> {
    pub world: &'w World,
    pub principal: Arc<Principal>,
    pub session: Option<SessionId>,
    namespace: Option<Namespace>,
    agent: Option<AgentId>,
    shared: bool,
}

impl Call<'_> {
    /// The same caller bound to an agent.
    #[must_use]
    pub fn bound_to(&self, agent: &str) -> Self {
        let principal = Arc::new(Principal::clone(&self.principal).bound_to(agent.parse().unwrap()));
        Self { principal, ..self.clone() }
    }

    /// The same caller, for whom a tool of a plugin acts.
    #[must_use]
    pub fn through(&self, tool: &str) -> Self {
        let principal = Arc::new(Principal::clone(&self.principal).through(tool));
        Self { principal, ..self.clone() }
    }

    /// The same caller on behalf of an agent.
    #[must_use]
    pub fn for_agent(&self, agent: &str) -> Self {
        Self { agent: Some(agent.parse().unwrap()), ..self.clone() }
    }

    /// The same caller in a shared namespace.
    #[must_use]
    pub fn named(&self, namespace: &str) -> Self {
        Self { namespace: Some(namespace.parse().unwrap()), ..self.clone() }
    }

    /// The same caller with a credential that reaches these shared namespaces only.
    #[must_use]
    pub fn limited_to(&self, namespaces: &[&str]) -> Self {
        let names = namespaces.iter().map(|name| name.parse().unwrap()).collect();
        let limits = Limits { namespaces: Some(Arc::new(names)), ..Limits::default() };
        let principal = Arc::new(Principal::clone(&self.principal).limited_to(limits));
        Self { principal, ..self.clone() }
    }

    /// The same caller, reading all shared namespaces besides.
    #[must_use]
    pub fn with_shared(&self) -> Self {
        Self { shared: true, ..self.clone() }
    }

    /// The same caller in another session.
    #[must_use]
    pub fn in_session(&self, session: SessionId) -> Self {
        Self { session: Some(session), ..self.clone() }
    }

    pub async fn authorize(&self, operation: &'static Operation) -> Result<Scope, Denial> {
        let namespace = match &self.namespace {
            Some(namespace) => NamespaceClaim::Named(namespace.clone()),
            None => NamespaceClaim::Unnamed { include_shared: self.shared },
        };
        let claim = Claim { session: self.session, namespace, agent: self.agent.clone() };
        let caller = Caller::new(Arc::clone(&self.principal));
        self.world.authorizer.authorize(&caller, operation, claim).await
    }

    pub async fn scope(&self, operation: &'static Operation) -> Scope {
        self.authorize(operation).await.unwrap()
    }

    /// The same caller in a new session.
    pub async fn start(&self) -> Self {
        self.start_with(new_session(self.world, SESSION_IDLE_MS, SESSION_AGE_MS).0).await
    }

    pub async fn start_with(&self, session: NewSession) -> Self {
        let scope = self.scope(&SESSION_START).await;
        let session = self.world.store.start(&scope, session, pending(&scope)).await.unwrap();
        self.in_session(session.id)
    }

    pub async fn resume(&self, token: &ResumeToken) -> Option<Session> {
        let scope = self.scope(&SESSION_START).await;
        self.world.store.resume(&scope, token.hash(), pending(&scope)).await.unwrap()
    }

    pub async fn end(&self) -> Removed {
        let scope = self.scope(&SESSION_END).await;
        self.world.store.end(&scope, &|_| draft(&scope), pending(&scope)).await.unwrap()
    }

    pub async fn status(&self) -> SessionStatus {
        let scope = self.scope(&SESSION_STATUS).await;
        self.world.store.status(&scope).await.unwrap()
    }

    pub async fn figures(&self) -> Figures {
        let scope = self.scope(&SYSTEM_STATUS).await;
        self.world.store.figures(&scope).await.unwrap()
    }

    pub async fn active(&self) -> Vec<Session> {
        let scope = self.scope(&SESSION_ACTIVE).await;
        self.world.store.active(&scope).await.unwrap()
    }

    pub async fn store(&self, key: &str, content: &str) -> EntrySummary {
        self.try_store(entry(key, content)).await.unwrap()
    }

    pub async fn store_tagged(&self, key: &str, content: &str, tags: &[&str]) -> EntrySummary {
        self.try_store(NewEntry { tags: self::tags(tags), ..entry(key, content) }).await.unwrap()
    }

    pub async fn try_store(&self, entry: NewEntry) -> Result<EntrySummary, StorageError> {
        Ok(self.try_storing(entry).await?.entry)
    }

    pub async fn try_storing(&self, mut entry: NewEntry) -> Result<Stored, StorageError> {
        let scope = self.scope(&MEMORY_STORE).await;
        entry.origin = origin(&scope);
        self.world.store.store(&scope, entry, pending(&scope)).await
    }

    pub async fn get(&self, key: &str) -> Option<Entry> {
        self.get_at(key, Target::Current).await
    }

    pub async fn get_at(&self, key: &str, target: Target) -> Option<Entry> {
        let scope = self.scope(&MEMORY_GET).await;
        self.world.store.get(&scope, &self::key(key), target).await.unwrap()
    }

    pub async fn delete(&self, key: &str) -> bool {
        let scope = self.scope(&MEMORY_DELETE).await;
        self.world.store.delete(&scope, &self::key(key), pending(&scope)).await.unwrap()
    }

    pub async fn history(&self, key: &str) -> Vec<Version> {
        self.history_of(key, 1_000).await
    }

    pub async fn history_of(&self, key: &str, limit: u32) -> Vec<Version> {
        let scope = self.scope(&MEMORY_HISTORY).await;
        self.world.store.history(&scope, &self::key(key), limit).await.unwrap()
    }

    pub async fn restore(&self, key: &str, version: u32) -> Option<EntrySummary> {
        let scope = self.scope(&MEMORY_RESTORE).await;
        let (key, origin) = (self::key(key), origin(&scope));
        self.world.store.restore(&scope, &key, version, origin, pending(&scope)).await.unwrap()
    }

    pub async fn list(&self, listing: Listing) -> Listed {
        let scope = self.scope(&MEMORY_LIST).await;
        self.world.store.list(&scope, listing).await.unwrap()
    }

    /// The keys of a list.
    pub async fn keys(&self) -> Vec<String> {
        keys(&self.list(listing(1_000)).await)
    }

    pub async fn search(&self, search: Search) -> Found {
        let scope = self.scope(&MEMORY_SEARCH).await;
        self.world.store.search(&scope, search).await.unwrap()
    }

    /// The keys of what a query finds, best first.
    pub async fn found(&self, query: &str, how: Match) -> Vec<String> {
        let found = self.search(search(query, how)).await;
        found.hits.iter().map(|hit| hit.entry.summary.key.as_str().to_owned()).collect()
    }
}

/// A session to be started, with its token.
#[must_use]
pub fn new_session(world: &World, idle_ms: i64, age_ms: i64) -> (NewSession, ResumeToken) {
    let token = ResumeToken::generate().unwrap();
    let session = NewSession {
        id: SessionId::generate(),
        metadata: metadata(r#"{"purpose": "a test"}"#),
        resume: token.hash(),
        idle_ms,
        expires_at: world.now().plus_millis(age_ms),
    };
    (session, token)
}

/// The record of a call. Its outcome is wrong until the store closes it.
#[must_use]
pub fn pending(scope: &Scope) -> Pending {
    Pending::new(draft(scope), Instant::now())
}

#[must_use]
pub fn draft(scope: &Scope) -> Draft {
    Draft {
        at: scope.at(),
        principal: scope.principal().name().to_owned(),
        agent: scope.agent().cloned(),
        identity: None,
        session: scope.session(),
        operation: scope.operation().name,
        resource: None,
        decision: Decision::Allow,
        reason: "policy",
        policy: "builtin-1".into(),
        request: scope.request(),
        outcome: Outcome::Internal,
        duration_us: 0,
        counts: vec![],
    }
}

/// The origin of what a scope writes.
#[must_use]
pub fn origin(scope: &Scope) -> Origin {
    Origin {
        principal: scope.principal().name().to_owned(),
        agent_id: scope.agent().cloned(),
        tool: scope.principal().acts_through().unwrap_or(scope.operation().name).to_owned(),
        at: scope.at(),
    }
}

/// An entry. Its origin is a stranger's until it is stored by a [`Call`].
#[must_use]
pub fn entry(key: &str, content: &str) -> NewEntry {
    let origin = Origin {
        principal: "nobody".into(),
        agent_id: None,
        tool: "nothing".into(),
        at: Timestamp::from_millis(0),
    };
    NewEntry {
        key: self::key(key),
        content: Content::try_from(content.to_owned()).unwrap(),
        metadata: Metadata::default(),
        tags: vec![],
        if_version: None,
        origin,
        findings: vec![],
        held: false,
        wish: Wish::None,
    }
}

#[must_use]
pub fn key(text: &str) -> MemoryKey {
    text.parse().unwrap()
}

#[must_use]
pub fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[must_use]
pub fn metadata(json: &str) -> Metadata {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
    object.try_into().unwrap()
}

#[must_use]
pub fn listing(limit: u32) -> Listing {
    Listing { tags: vec![], agent: None, limit, page: Page::Offset(0) }
}

#[must_use]
pub fn search(query: &str, how: Match) -> Search {
    let query = TextQuery::parse(query, how);
    Search {
        query,
        meaning: None,
        tags: vec![],
        agent: None,
        threshold: 0.0,
        trusted_only: false,
        limit: 100,
        offset: 0,
    }
}

#[must_use]
pub fn keys(listed: &Listed) -> Vec<String> {
    listed.entries.iter().map(|entry| entry.key.as_str().to_owned()).collect()
}
