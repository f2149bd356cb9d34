//! The in-memory reference store.
//!
//! Vectors and maps behind one lock, and every question answered by looking at everything: so plain that
//! it can be believed by reading it. The other backends are compared with it. Nothing outlives it, and it
//! is not made to be fast.

mod agents;
mod embedding;
mod forget;
mod identities;
mod import;
mod log;
mod memory;
mod plugins;
mod review;
mod search;
mod sessions;
mod tasks;
mod tokens;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agentstack_access::{Grant, Holder, Scope, SharedNamespaces};
use agentstack_audit::{Checkpoint, Draft, FormerKey, Head, Line, SigningKey, VerifyingKey};
use agentstack_core::{
    Agent, AgentId, EntryId, EntrySummary, Identity, MemoryKey, Metadata, Namespace, Origin, PluginName,
    Relationship, SessionId, Task, Timestamp, TokenHash, Version, VersionId,
};

use self::embedding::Embedded;
use crate::import::{ImportId, ImportProgress};
use crate::model::{AgentFilter, used_is_stale, visible};
use crate::text::{Analyzed, analyze};
use crate::{Drift, EmbeddingModel, PluginRecord, StorageError};

/// A store that keeps everything in memory.
pub struct ReferenceStore {
    signing: SigningKey,
    state: Mutex<State>,
}

impl fmt::Debug for ReferenceStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceStore").finish_non_exhaustive()
    }
}

impl ReferenceStore {
    /// An empty store whose checkpoints are signed with `signing`.
    #[must_use]
    pub fn new(signing: SigningKey) -> Self {
        Self { signing, state: Mutex::new(State::default()) }
    }

    /// The key with which the audit log's checkpoints are verified.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, StorageError> {
        let state = self.lock();
        if state.closed {
            return Err(StorageError::Unavailable("the store is closed".into()));
        }
        Ok(state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Default)]
struct State {
    closed: bool,
    sessions: BTreeMap<SessionId, Held>,
    /// The entries of each namespace, in the order in which they were first stored.
    entries: BTreeMap<Namespace, Vec<Kept>>,
    /// How many entries there have ever been.
    made: i64,
    log: Vec<Line>,
    checkpoints: Vec<Checkpoint>,
    former: Vec<FormerKey>,
    /// Oldest first, as all of these are.
    tokens: Vec<(TokenHash, Grant)>,
    plugins: BTreeMap<PluginName, PluginRecord>,
    imports: BTreeMap<ImportId, ImportProgress>,
    agents: Vec<(SessionId, Agent)>,
    identities: Vec<Identity>,
    tasks: Vec<(SessionId, Task)>,
    relationships: Vec<Relationship>,
    drifts: Vec<(SessionId, Timestamp, Drift)>,
    /// What each session has been shown, in order.
    reads: Vec<(SessionId, Read)>,
    /// What holders have been shown outside of sessions, and when.
    holder_reads: Vec<(Holder, Timestamp, Read)>,
    /// What is held back, in the order in which it came to be.
    held: Vec<HeldBack>,
    /// Models in the order in which they came to be known.
    models: Vec<EmbeddingModel>,
    /// Who embeds, and until when.
    embedder: Option<([u8; 16], Timestamp)>,
    /// Who has written to shared namespaces.
    writers: Vec<(Namespace, String, Option<AgentId>)>,
}

/// A version that was shown: its id, and what is known of where it comes from.
#[derive(Clone)]
struct Read {
    id: VersionId,
    written: Writing,
    origin: Origin,
}

/// Which session wrote a version, and how many it had been shown then.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Writing {
    session: Option<SessionId>,
    had_read: usize,
}

/// A version as it is kept.
#[derive(Clone)]
struct Written {
    version: Version,
    writing: Writing,
    /// Whether it is to have no vector.
    declined: bool,
}

/// A version that is held back, and what is to be known of its entry to put it back.
#[derive(Clone)]
struct HeldBack {
    namespace: Namespace,
    key: MemoryKey,
    id: EntryId,
    created_at: Timestamp,
    since: Timestamp,
    written: Written,
}

/// A session.
#[derive(Clone)]
struct Held {
    holders: Vec<Holder>,
    started_at: Timestamp,
    last_used_at: Timestamp,
    idle_ms: i64,
    expires_at: Timestamp,
    resume: TokenHash,
    metadata: Metadata,
}

impl Held {
    fn ends_at(&self) -> Timestamp {
        self.expires_at.min(self.last_used_at.plus_millis(self.idle_ms))
    }

    fn is_live(&self, now: Timestamp) -> bool {
        self.ends_at() > now
    }

    fn is_held_by(&self, holder: &Holder) -> bool {
        self.holders.contains(holder)
    }

    fn touch(&mut self, now: Timestamp) {
        if used_is_stale(self.last_used_at, now, self.idle_ms) {
            self.last_used_at = now;
        }
    }
}

/// An entry.
#[derive(Clone)]
struct Kept {
    /// Newer entries have higher numbers.
    number: i64,
    id: EntryId,
    key: MemoryKey,
    created_at: Timestamp,
    current: Written,
    /// Past versions, oldest first.
    past: Vec<Written>,
    /// The highest number that a version of it has ever had.
    last: u32,
    head: Analyzed,
    body: Analyzed,
    embedded: Embedded,
}

impl Kept {
    fn new(number: i64, id: EntryId, key: MemoryKey, created_at: Timestamp, current: Written) -> Self {
        let (head, body) = (analyze(key.as_str()), analyze(&current.version.content));
        let last = current.version.version;
        Self { number, id, key, created_at, current, past: vec![], last, head, body, embedded: Embedded::No }
    }

    /// The versions, newest first.
    fn versions(&self) -> impl Iterator<Item = &Version> {
        self.written().map(|written| &written.version)
    }

    fn written(&self) -> impl Iterator<Item = &Written> {
        std::iter::once(&self.current).chain(self.past.iter().rev())
    }

    /// What a listing shows of the entry as it was, or is, in `version`.
    fn summary(&self, namespace: &Namespace, version: &Version) -> EntrySummary {
        EntrySummary {
            id: self.id,
            key: self.key.clone(),
            namespace: namespace.clone(),
            version: version.version,
            agent_id: version.agent_id.clone(),
            tags: version.tags.clone(),
            metadata: version.metadata.clone(),
            created_at: self.created_at,
            updated_at: version.stored_at,
            label: version.label.clone(),
            chars: u32::try_from(version.content.chars().count()).unwrap_or(u32::MAX),
        }
    }

    /// Whether the scope may know the entry.
    fn is_visible(&self, scope: &Scope, namespace: &Namespace) -> bool {
        is_visible(scope, namespace, &self.current.version)
    }

    /// Whether the entry has all the tags and is one of the agent's.
    fn passes(&self, tags: &[agentstack_core::Tag], agent: Option<&AgentFilter>) -> bool {
        let of_agent = agent.is_none_or(|filter| match &self.current.version.agent_id {
            Some(agent) => *agent == filter.agent,
            None => filter.include_common,
        });
        of_agent && tags.iter().all(|tag| self.current.version.tags.contains(tag))
    }
}

fn is_visible(scope: &Scope, namespace: &Namespace, version: &Version) -> bool {
    visible(scope, matches!(namespace, Namespace::Session(_)), version.agent_id.as_ref())
}

impl State {
    /// Fails if the scope's session, if it has one, is not alive and held.
    fn check(&self, scope: &Scope) -> Result<(), StorageError> {
        let Some(session) = scope.session() else { return Ok(()) };
        let held = self.sessions.get(&session).filter(|held| held.is_live(scope.at()));
        held.filter(|held| held.is_held_by(scope.holder())).map(drop).ok_or(StorageError::SessionGone)
    }

    /// Where in the namespace the entry of this key is.
    fn find(&self, namespace: &Namespace, key: &MemoryKey) -> Option<&Kept> {
        self.entries.get(namespace)?.iter().find(|kept| kept.key == *key)
    }

    /// The namespaces that a scope reads, with their entries.
    fn read<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = (&'a Namespace, &'a Vec<Kept>)> {
        let besides = |namespace: &Namespace| match (namespace, scope.shared()) {
            (Namespace::Session(_), _) | (_, SharedNamespaces::Excluded) => false,
            (Namespace::Shared(_), SharedNamespaces::Included) => true,
            (Namespace::Shared(name), SharedNamespaces::Only(names)) => names.contains(name),
        };
        let read = move |namespace: &Namespace| Some(namespace) == scope.namespace() || besides(namespace);
        self.entries.iter().filter(move |(namespace, _)| read(namespace))
    }

    fn head(&self) -> Head {
        self.log.last().map_or(Head::EMPTY, |line| Head { sequence: line.sequence, hash: line.hash })
    }

    fn append(&mut self, draft: &Draft) {
        let (line, _) = agentstack_audit::append(&self.head(), draft);
        self.log.push(line);
        self.count_operation(draft);
    }
}

/// The namespace of a scope whose operation acts in one.
fn namespace(scope: &Scope) -> Result<&Namespace, StorageError> {
    scope.namespace().ok_or(StorageError::SessionGone)
}
