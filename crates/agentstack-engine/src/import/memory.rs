//! Taking in entries of shared memory that were exported before.
//!
//! A record has been read into the types of the product; nothing else in it is believed. What it says of trust and origin
//! is not even handed over: what is taken is unverified, and its origin is whoever imports, now (S11).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use agentstack_access::{Caller, Claim, NamespaceClaim, Principal, Scope};
use agentstack_api::command::{EndSession, StartSession};
use agentstack_api::operations::MEMORY_IMPORT;
use agentstack_api::{Command, Reply};
use agentstack_audit::{Draft, Outcome};
use agentstack_core::limits::VERSIONS_KEPT;
use agentstack_core::{
    AgentId, Content, Entry, EntryId, MemoryKey, Metadata, Namespace, SessionId, SharedName, Tag, Timestamp,
};
use agentstack_storage::import::{
    ImportBatch, ImportId, ImportItem, ImportOutcome, ImportProgress, ImportedEntry, ImportedVersion, Trial,
    VersionData,
};
use agentstack_storage::{NewEntry, Pending, StorageError, Target, Wish};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::convert::{Not, data, origin};
use super::{ImportProblem, ImportReason, check};
use crate::Engine;
use crate::failure::Failure;

/// How many records are taken together, and how many bytes of contents at most beside the last one.
const TOGETHER: usize = 200;
const TOGETHER_BYTES: usize = 4 * 1024 * 1024;
/// How many places a report names for each reason.
const EXAMPLES: usize = 10;

/// A version of an entry, as a file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryRecord {
    /// Where it was.
    pub namespace: SharedName,
    /// Its key.
    pub key: MemoryKey,
    /// Its text.
    pub content: Content,
    /// Its object.
    pub metadata: Metadata,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The agent that it was stored for.
    pub agent: Option<AgentId>,
    /// When the first version of the entry was stored.
    pub created_at: Timestamp,
    /// Its number: 1 to 999,999,998.
    pub version: u32,
    /// Whether it was the current version. Past ones follow theirs.
    pub is_current: bool,
}

/// What a source has next: where it stands, in words, and the record, or why there is none.
pub type FoundRecord = (String, Result<MemoryRecord, ImportReason>);

/// Where records come from.
pub trait MemorySource: Send {
    /// The next record; `None` behind the last.
    ///
    /// # Errors
    /// When the source cannot be read on.
    fn next_record(&mut self) -> std::io::Result<Option<FoundRecord>>;

    /// How far it has been read, in whatever it counts.
    fn position(&self) -> u64;
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct MemoryImportOptions {
    /// The namespace that all of it is to be taken into, if not the one that each record names.
    pub into: Option<SharedName>,
    /// Whether what has another content here becomes the next version of what is there.
    pub replace: bool,
    /// Whether it is only to be said what would be taken.
    pub dry_run: bool,
}

/// Records that were not taken for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftRecords {
    /// Why.
    pub reason: ImportReason,
    /// How many.
    pub count: u64,
    /// Where the first of them stand.
    pub places: Vec<String>,
}

/// What an import of memory has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryImportReport {
    /// How many entries were taken that were not there.
    pub entries: u64,
    /// How many past versions of them.
    pub versions: u64,
    /// How many became the next version of what was there.
    pub replaced: u64,
    /// How many of all these are held back until an operator has looked at them.
    pub held: u64,
    /// What was not taken, by reason.
    pub not_taken: Vec<LeftRecords>,
}

impl MemoryImportReport {
    /// Whether something was refused.
    #[must_use]
    pub fn has_refusals(&self) -> bool {
        self.not_taken.iter().any(|left| left.reason.is_refusal())
    }

    fn leave(&mut self, reason: ImportReason, place: String) {
        let at = self.not_taken.iter().position(|left| left.reason == reason);
        if let Some(known) = at.and_then(|at| self.not_taken.get_mut(at)) {
            known.count += 1;
            if known.places.len() < EXAMPLES {
                known.places.push(place);
            }
            return;
        }
        self.not_taken.push(LeftRecords { reason, count: 1, places: vec![place] });
        self.not_taken.sort_by_key(|left| left.reason);
    }

    fn conclude(&mut self, items: Vec<Placed>, outcomes: &[ImportOutcome]) {
        for (placed, outcome) in items.into_iter().zip(outcomes) {
            if let Some(reason) = ImportReason::of(*outcome) {
                self.leave(reason, placed.place);
                continue;
            }
            let count = if placed.is_version { &mut self.versions } else { &mut self.entries };
            *count += 1;
            self.held += u64::from(*outcome == ImportOutcome::Held);
        }
    }
}

/// Where an item stands.
struct Placed {
    place: String,
    is_version: bool,
}

/// The entry that past versions may follow.
struct Home {
    namespace: Namespace,
    key: MemoryKey,
    id: EntryId,
    version: u32,
}

/// What a record comes to.
enum Fate {
    /// Something that is not there.
    New(Box<ImportItem>),
    /// The next version of what is there, for an agent.
    Next(Namespace, Option<AgentId>, Box<NewEntry>),
}

/// One run.
struct Run {
    caller: Caller,
    options: MemoryImportOptions,
    import: ImportId,
    seen: Option<(u32, i64)>,
    /// A session of its own, to write the next versions of entries in.
    session: Option<SessionId>,
    home: Option<Home>,
    trial: Trial,
    report: MemoryImportReport,
}

impl Engine {
    /// Takes in records of shared memory. What is there under its key with the same content, metadata and tags is passed
    /// over; with others it is a conflict, unless it is to be replaced. Records are taken some at a time, each time in one
    /// transaction with the record of it; a run that was interrupted is gone on with by doing the same again. `progress` is
    /// told how far the source has been read.
    ///
    /// # Errors
    /// When the principal may not, or something cannot be read or written.
    pub async fn import_memory(
        &self,
        principal: Arc<Principal>,
        source: &mut dyn MemorySource,
        options: MemoryImportOptions,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<MemoryImportReport, ImportProblem> {
        let caller = Caller::new(principal);
        self.authorize_unclaimed(&caller, &MEMORY_IMPORT).await?;
        let named = Sha256::new().chain_update(b"agentstack memory import v1");
        let mut run = Run {
            // Each run is another import: what was deleted since the last one comes again.
            import: named.chain_update(caller.request.as_bytes()).finalize().into(),
            seen: None,
            session: None,
            home: None,
            trial: Trial::default(),
            report: MemoryImportReport::default(),
            options,
            caller,
        };
        let done = self.take_records(&mut run, source, progress).await;
        if let Some(session) = run.session.take() {
            let ending = EndSession { claim: Claim::session(session) };
            let caller = Caller::new(Arc::clone(&run.caller.principal));
            self.call(&caller, Command::EndSession(ending)).await?;
        }
        done?;
        if run.seen.is_none() {
            self.note_done(&run.caller, &MEMORY_IMPORT).await;
        } else {
            self.wake_embedder();
        }
        Ok(run.report)
    }

    async fn take_records(
        &self,
        run: &mut Run,
        source: &mut dyn MemorySource,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ImportProblem> {
        loop {
            let (mut records, mut bytes, mut is_over) = (vec![], 0, false);
            while records.len() < TOGETHER && bytes < TOGETHER_BYTES {
                let Some((place, found)) = source.next_record().map_err(ImportProblem::File)? else {
                    is_over = true;
                    break;
                };
                bytes += found.as_ref().map_or(0, |record| record.content.as_str().len());
                records.push((place, found));
            }
            self.take_together(run, records).await?;
            progress(source.position());
            if is_over {
                return Ok(());
            }
        }
    }

    async fn take_together(&self, run: &mut Run, records: Vec<FoundRecord>) -> Result<(), ImportProblem> {
        let begun = Instant::now();
        // The policy may have changed since the last time, and time has gone on.
        let scope = self.authorize_unclaimed(&run.caller, &MEMORY_IMPORT).await?;
        let (mut items, mut places, mut next) = (vec![], vec![], vec![]);
        for (place, found) in records {
            let fate = match found {
                Ok(record) => self.fate(run, &scope, record).await,
                Err(reason) => {
                    run.home = None;
                    Err(Not::Fit(reason))
                }
            };
            match fate {
                Ok(Fate::New(item)) => {
                    places.push(Placed { place, is_version: matches!(*item, ImportItem::Version(_)) });
                    items.push(*item);
                }
                Ok(Fate::Next(namespace, agent, entry)) => next.push((place, namespace, agent, entry)),
                Err(Not::Fit(reason)) => run.report.leave(reason, place),
                Err(Not::Possible(failure)) => return Err(self.refused(&run.caller, begun, &failure).await),
            }
        }
        self.take_new(run, &scope, items, places, begun).await?;
        for (place, namespace, agent, entry) in next {
            let is_held = entry.held;
            let taken = if run.options.dry_run {
                Ok(())
            } else {
                self.take_next(run, namespace, agent, *entry).await?
            };
            match taken {
                Ok(()) => {
                    run.report.replaced += 1;
                    run.report.held += u64::from(is_held);
                }
                Err(reason) => run.report.leave(reason, place),
            }
        }
        Ok(())
    }

    /// Takes what is not there, if anything.
    async fn take_new(
        &self,
        run: &mut Run,
        scope: &Scope,
        items: Vec<ImportItem>,
        places: Vec<Placed>,
        begun: Instant,
    ) -> Result<(), ImportProblem> {
        if items.is_empty() {
            return Ok(());
        }
        if run.options.dry_run {
            let tried = self.store().try_import(scope, &items, &mut run.trial).await;
            let outcomes = tried.map_err(|error| self.import_problem(&run.caller, error))?;
            run.report.conclude(places, &outcomes);
            return Ok(());
        }
        let place = (0, run.seen.map_or(0, |(_, row)| row + 1));
        let pending = Pending::new(self.draft(&run.caller, MEMORY_IMPORT.name, None), begun);
        let written = Mutex::new(None);
        let conclude = |outcomes: &[ImportOutcome], pending: Pending| {
            let draft = record(pending, &places, outcomes);
            let kept = (outcomes.to_vec(), draft.clone());
            *written.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
            (ImportProgress { stage: place.0, row: place.1, report: String::new() }, draft)
        };
        let batch = ImportBatch { import: run.import, seen: run.seen, items };
        if let Err(error) = self.store().import_batch(scope, batch, &conclude, pending).await {
            return Err(self.refused(&run.caller, begun, &Failure::from(error)).await);
        }
        run.seen = Some(place);
        if let Some((outcomes, draft)) = written.into_inner().unwrap_or_else(PoisonError::into_inner) {
            run.report.conclude(places, &outcomes);
            self.tell(&draft);
        }
        Ok(())
    }

    /// What a record comes to, once the guard has looked at it.
    async fn fate(&self, run: &mut Run, scope: &Scope, record: MemoryRecord) -> Result<Fate, Not> {
        let into = run.options.into.as_ref().unwrap_or(&record.namespace);
        let namespace = Namespace::Shared(into.clone());
        if !scope.principal().limits().allow_namespace(&namespace) {
            run.home = None;
            return Err(ImportReason::Forbidden.into());
        }
        let created_at = record.created_at.min(scope.at());
        let id = home_of(&mut run.home, &namespace, &record)?;
        let wish = if record.is_current { self.wish(true) } else { Wish::None };
        let new = NewEntry {
            key: record.key,
            content: record.content,
            metadata: record.metadata,
            tags: record.tags,
            if_version: None,
            origin: origin(scope),
            findings: vec![],
            held: false,
            wish,
        };
        let new = self.screened_in(&namespace, new).await?;
        if !record.is_current {
            let version = VersionData { agent: record.agent, ..data(new, record.version) };
            let past = ImportedVersion { namespace, entry: id, version };
            return Ok(Fate::New(Box::new(ImportItem::Version(Box::new(past)))));
        }
        if let Some(there) = self.is_there(run, &namespace, &new.key).await? {
            if is_same(&there, &new) {
                return Err(ImportReason::Same.into());
            }
            if !run.options.replace {
                return Err(ImportReason::Conflict.into());
            }
            let new = NewEntry { if_version: Some(there.summary.version), ..new };
            return Ok(Fate::Next(namespace, record.agent, Box::new(new)));
        }
        let entry = ImportedEntry {
            namespace,
            id,
            created_at,
            version: VersionData { agent: record.agent, ..data(new, record.version) },
            entries_per_session: self.settings().entries_per_session,
            wish,
        };
        Ok(Fate::New(Box::new(ImportItem::Entry(Box::new(entry)))))
    }

    /// What the importer would read under a key.
    async fn is_there(
        &self,
        run: &Run,
        namespace: &Namespace,
        key: &MemoryKey,
    ) -> Result<Option<Entry>, Failure> {
        let operation = &agentstack_api::find("memory_get").ok_or(Failure::Absent)?.operation;
        let claim = Claim { namespace: NamespaceClaim::Named(namespace.clone()), ..Claim::none() };
        let scope = self.authorizer().authorize(&run.caller, operation, claim).await?;
        Ok(self.store().get(&scope, key, Target::Current).await?)
    }

    /// Stores the next version of what is there, as any store does: in a session, for what it is derived from (S12).
    async fn take_next(
        &self,
        run: &mut Run,
        namespace: Namespace,
        agent: Option<AgentId>,
        mut entry: NewEntry,
    ) -> Result<Result<(), ImportReason>, ImportProblem> {
        let session = self.session_to_replace_in(run).await?;
        let pending = Pending::new(self.draft(&run.caller, MEMORY_IMPORT.name, None), Instant::now());
        let operation = agentstack_api::find("memory_store").map(|spec| &spec.operation);
        let claim = Claim { session: Some(session), namespace: NamespaceClaim::Named(namespace), agent };
        let authorized = match operation {
            Some(operation) => self.authorizer().authorize(&run.caller, operation, claim).await,
            None => return Ok(Err(ImportReason::Forbidden)),
        };
        let scope = match authorized {
            Ok(scope) => scope,
            Err(denial) => return Err(self.fail(pending, &denial.into()).await.into()),
        };
        entry.origin = origin(&scope);
        let pending =
            pending.in_operation(MEMORY_IMPORT.name, "permitted", self.hash_of_entry(&scope, &entry.key));
        match self.store().store(&scope, entry, pending.clone()).await {
            Ok(_) => {
                self.tell(&pending.close(Outcome::Ok, vec![]));
                self.wake_embedder();
                Ok(Ok(()))
            }
            Err(StorageError::VersionConflict { .. }) => Ok(Err(ImportReason::Conflict)),
            Err(StorageError::TooMany { .. }) => Ok(Err(ImportReason::TooMany)),
            Err(error) => Err(self.fail(pending, &error.into()).await.into()),
        }
    }

    async fn session_to_replace_in(&self, run: &mut Run) -> Result<SessionId, ImportProblem> {
        if let Some(session) = run.session {
            return Ok(session);
        }
        let start = StartSession {
            claim: Claim::none(),
            metadata: Metadata::default(),
            resume_token: None,
            ttl_seconds: None,
        };
        let caller = Caller::new(Arc::clone(&run.caller.principal));
        match self.call(&caller, Command::StartSession(start)).await? {
            Reply::StartSession(started) => Ok(*run.session.insert(started.session.id)),
            _ => Err(ImportProblem::Report),
        }
    }
}

/// The id of the entry that a record is of, as far as it may be one of its versions.
fn home_of(
    home: &mut Option<Home>,
    namespace: &Namespace,
    record: &MemoryRecord,
) -> Result<EntryId, ImportReason> {
    if record.is_current {
        let id = check::record_id(namespace, record);
        let key = record.key.clone();
        *home = Some(Home { namespace: namespace.clone(), key, id, version: record.version });
        return Ok(id);
    }
    let of_it = |home: &&Home| home.namespace == *namespace && home.key == record.key;
    let home = home.as_ref().filter(of_it).ok_or(ImportReason::UnknownEntry)?;
    if record.version >= home.version {
        return Err(ImportReason::Version);
    }
    if record.version.saturating_add(VERSIONS_KEPT) < home.version {
        return Err(ImportReason::OldVersion);
    }
    Ok(home.id)
}

/// Whether what is there says the same. What the guard has taken out of one it has taken out of the other.
fn is_same(there: &Entry, new: &NewEntry) -> bool {
    there.content == new.content.as_str()
        && there.summary.metadata == new.metadata
        && there.summary.tags == new.tags
}

/// The record of some that were taken together.
fn record(pending: Pending, places: &[Placed], outcomes: &[ImportOutcome]) -> Draft {
    let count = |take: &dyn Fn(&Placed, ImportOutcome) -> bool| {
        places.iter().zip(outcomes).filter(|(placed, outcome)| take(placed, **outcome)).count() as u64
    };
    let counts = [
        ("entries", count(&|placed, outcome| !placed.is_version && outcome.is_taken())),
        ("versions", count(&|placed, outcome| placed.is_version && outcome.is_taken())),
        ("held", count(&|_, outcome| outcome == ImportOutcome::Held)),
    ];
    pending.close(Outcome::Ok, counts.into_iter().filter(|(_, count)| *count > 0).collect())
}
