//! Taking over what the product that this one replaces has kept.
//!
//! Every row is checked like any input, and its texts go past the guard. What is taken is unverified, whatever it was where
//! it comes from, and its origin is whoever imports, now. Rows are taken some at a time, each time in one transaction with
//! the record of it and how far the import has come.

mod check;
mod convert;
mod memory;
mod report;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use agentstack_access::{Caller, Principal, Scope};
use agentstack_api::ErrorBody;
use agentstack_api::operations::MEMORY_IMPORT;
use agentstack_audit::{Draft, Outcome};
use agentstack_core::random::RandomnessUnavailable;
use agentstack_core::{ResumeToken, SessionId};
use agentstack_storage::import::{
    ImportBatch, ImportId, ImportItem, ImportOutcome, ImportProgress, ImportSource, SourceItem, SourceRow,
    SourceTable, SourceUnreadable, Trial,
};
use agentstack_storage::{Pending, StorageError};
use sha2::{Digest, Sha256};

use self::convert::Not;
pub use self::memory::{
    FoundRecord, LeftRecords, MemoryImportOptions, MemoryImportReport, MemoryRecord, MemorySource,
};
pub use self::report::{ImportReason, ImportReport, LeftOut};
use crate::Engine;
use crate::failure::Failure;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Whether sessions are taken, with their memory and tasks: there is somewhere to keep their resume tokens.
    pub with_sessions: bool,
    /// Whether those that have ended are, too.
    pub with_ended_sessions: bool,
    /// The name of the principal whom identities are to belong to; the importer's own without one.
    pub owner: Option<String>,
    /// Whether it is only to be said what would be taken.
    pub dry_run: bool,
}

/// The resume token of a session that is about to be taken.
#[derive(Debug, Clone)]
pub struct SessionToken {
    /// What the session was called where it comes from.
    pub source: String,
    /// The session.
    pub session: SessionId,
    /// How to enter it.
    pub token: ResumeToken,
}

/// Where resume tokens are kept. Nobody holds a session that was imported: without its token it is lost.
pub trait TokenKeeper: Send {
    /// The token that was kept for a session before: by a run that was interrupted before the session was taken.
    fn known(&self, session: SessionId) -> Option<ResumeToken>;

    /// Keeps tokens for good. The sessions are taken after it.
    ///
    /// # Errors
    /// When they are not kept.
    fn keep(&mut self, tokens: &[SessionToken]) -> std::io::Result<()>;
}

/// Why an import did not come to its end. What was taken before is there, and a further run goes on from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportProblem {
    /// The store, the policy or the audit log.
    #[error("{}", .0.message())]
    Call(Box<ErrorBody>),
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceUnreadable),
    /// A file of entries.
    #[error("what is to be imported cannot be read")]
    File(#[source] std::io::Error),
    /// The resume tokens could not be kept.
    #[error("the resume tokens cannot be written")]
    Tokens(#[source] std::io::Error),
    /// Another process imports the same.
    #[error("another process imports the same file: wait for it, or stop it")]
    Elsewhere,
    /// The owner's name.
    #[error("the name of an owner must be 1 to 256 characters without control characters")]
    Owner,
    /// What an earlier run has noted cannot be read.
    #[error("what an earlier run of this import has noted cannot be read")]
    Report,
}

impl From<ErrorBody> for ImportProblem {
    fn from(error: ErrorBody) -> Self {
        Self::Call(Box::new(error))
    }
}

/// How an import ended.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What it has come to, all runs of it together.
    pub report: ImportReport,
    /// Whether it had come to its end before: then nothing was done.
    pub was_done: bool,
}

/// Longest name of an owner.
const OWNER_CHARS: usize = 256;

/// One run.
struct Run<'a> {
    caller: Caller,
    options: ImportOptions,
    import: ImportId,
    source: &'a mut dyn ImportSource,
    tokens: Option<&'a mut dyn TokenKeeper>,
    /// How far it has come, as the store knows it.
    seen: Option<(u32, i64)>,
    report: ImportReport,
    trial: Trial,
}

impl Engine {
    /// Imports a source. `tokens` is where the resume tokens of sessions are kept; without it none is taken. `progress` is
    /// told how many rows have been looked at.
    ///
    /// A run that was interrupted is gone on with by the next one that asks for the same. What was imported before is not
    /// imported again, and what is here stays as it is.
    ///
    /// # Errors
    /// When the principal may not, or something cannot be read or written.
    pub async fn import<'a>(
        &self,
        principal: Arc<Principal>,
        source: &'a mut dyn ImportSource,
        tokens: Option<&'a mut dyn TokenKeeper>,
        mut options: ImportOptions,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Imported, ImportProblem> {
        // A session whose token nobody has would be lost.
        options.with_sessions &= tokens.is_some() || options.dry_run;
        if options.owner.as_deref().is_some_and(|owner| !is_a_name(owner)) {
            return Err(ImportProblem::Owner);
        }
        let caller = Caller::new(principal);
        let scope = self.authorize_unclaimed(&caller, &MEMORY_IMPORT).await?;
        let import = import_id(source.fingerprint(), &options, &scope);
        let known = self.store().import_progress(&scope, &import).await;
        let known = known.map_err(|error| self.import_problem(&caller, error))?;
        let known = known.filter(|_| !options.dry_run);
        let mut run = Run {
            caller,
            options,
            import,
            source,
            tokens,
            seen: known.as_ref().map(ImportProgress::place),
            report: ImportReport::default(),
            trial: Trial::default(),
        };
        if let Some(known) = known {
            run.report = serde_json::from_str(&known.report).map_err(|_| ImportProblem::Report)?;
            if known.stage == ImportProgress::DONE {
                self.note_done(&run.caller, &MEMORY_IMPORT).await;
                return Ok(Imported { report: run.report, was_done: true });
            }
        } else {
            let others = run.source.totals().await?.others;
            run.report.other_tables =
                others.into_iter().map(|(name, rows)| (name.to_owned(), rows)).collect();
        }
        self.go_on(&mut run, progress).await?;
        if run.options.dry_run {
            self.note_done(&run.caller, &MEMORY_IMPORT).await;
        } else {
            self.wake_embedder();
        }
        Ok(Imported { report: run.report, was_done: false })
    }

    async fn go_on(
        &self,
        run: &mut Run<'_>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ImportProblem> {
        let (first, mut after) = run.seen.unwrap_or((0, i64::MIN));
        for (stage, table) in (0..).zip(SourceTable::ALL).skip_while(|(stage, _)| *stage < first) {
            loop {
                let rows = run.source.rows(table, after).await?;
                let Some(last) = rows.last() else { break };
                after = last.row;
                let count = rows.len() as u64;
                self.take_some(run, table, &rows, (stage, after)).await?;
                progress(count);
            }
            after = i64::MIN;
        }
        self.take_some(run, SourceTable::MemoryVersions, &[], (ImportProgress::DONE, 0)).await
    }

    /// Takes some rows of a table, which brings the import to a place.
    async fn take_some(
        &self,
        run: &mut Run<'_>,
        table: SourceTable,
        rows: &[SourceRow],
        place: (u32, i64),
    ) -> Result<(), ImportProblem> {
        let begun = Instant::now();
        // The policy may have changed since the last time, and time has gone on.
        let scope = self.authorize_unclaimed(&run.caller, &MEMORY_IMPORT).await?;
        let mut report = run.report.clone();
        let (mut items, mut numbers) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in rows {
            match self.import_item(&scope, &run.options, &row.item).await {
                Ok(item) => {
                    items.push(item);
                    numbers.push(row.row);
                }
                Err(Not::Fit(reason)) => report.leave(table, row.row, reason),
                Err(Not::Possible(failure)) => return Err(self.refused(&run.caller, begun, &failure).await),
            }
        }
        if run.options.dry_run {
            let tried = self.store().try_import(&scope, &items, &mut run.trial).await;
            let outcomes = tried.map_err(|error| self.import_problem(&run.caller, error))?;
            run.report = concluded(report, table, &numbers, &outcomes);
            return Ok(());
        }
        self.give_tokens(run, &scope, rows, &mut items).await?;
        let pending = Pending::new(self.draft(&run.caller, MEMORY_IMPORT.name, None), begun);
        let written = Mutex::new(None);
        let conclude = |outcomes: &[ImportOutcome], pending: Pending| {
            let report = concluded(report.clone(), table, &numbers, outcomes);
            let text = serde_json::to_string(&report).unwrap_or_default();
            let draft = record(pending, table, outcomes);
            *written.lock().unwrap_or_else(PoisonError::into_inner) = Some((report, draft.clone()));
            (ImportProgress { stage: place.0, row: place.1, report: text }, draft)
        };
        let batch = ImportBatch { import: run.import, seen: run.seen, items };
        match self.store().import_batch(&scope, batch, &conclude, pending).await {
            Ok(()) => {}
            Err(StorageError::Changed) => return Err(ImportProblem::Elsewhere),
            Err(error) => return Err(self.refused(&run.caller, begun, &Failure::from(error)).await),
        }
        run.seen = Some(place);
        if let Some((report, draft)) = written.into_inner().unwrap_or_else(PoisonError::into_inner) {
            run.report = report;
            self.tell(&draft);
        }
        Ok(())
    }

    /// Gives the sessions that are about to be taken their tokens, and keeps these first.
    async fn give_tokens(
        &self,
        run: &mut Run<'_>,
        scope: &Scope,
        rows: &[SourceRow],
        items: &mut [ImportItem],
    ) -> Result<(), ImportProblem> {
        let Some(keeper) = run.tokens.as_deref_mut() else { return Ok(()) };
        if !items.iter().any(|item| matches!(item, ImportItem::Session(_))) {
            return Ok(());
        }
        let tried = self.store().try_import(scope, items, &mut Trial::default()).await;
        let outcomes = tried.map_err(|error| self.import_problem(&run.caller, error))?;
        let names = names(rows);
        let mut drawn = vec![];
        for (item, outcome) in items.iter_mut().zip(outcomes) {
            let ImportItem::Session(session) = item else { continue };
            if !outcome.is_taken() {
                continue;
            }
            let token = if let Some(token) = keeper.known(session.id) {
                token
            } else {
                let token =
                    ResumeToken::generate().map_err(|error| self.no_randomness(&run.caller, error))?;
                let source = names.get(&session.id).cloned().unwrap_or_default();
                drawn.push(SessionToken { source, session: session.id, token: token.clone() });
                token
            };
            session.resume = token.hash();
        }
        keeper.keep(&drawn).map_err(ImportProblem::Tokens)
    }

    async fn refused(&self, caller: &Caller, begun: Instant, failure: &Failure) -> ImportProblem {
        let pending = Pending::new(self.draft(caller, MEMORY_IMPORT.name, None), begun);
        self.fail(pending, failure).await.into()
    }

    fn no_randomness(&self, caller: &Caller, error: RandomnessUnavailable) -> ImportProblem {
        Failure::from(error).body(caller.request, &self.settings().redactor).into()
    }

    fn import_problem(&self, caller: &Caller, error: StorageError) -> ImportProblem {
        Failure::from(error).body(caller.request, &self.settings().redactor).into()
    }
}

fn is_a_name(owner: &str) -> bool {
    (1..=OWNER_CHARS).contains(&owner.chars().count()) && !owner.contains(char::is_control)
}

/// What is imported, by whom, and what was asked for: another question is another import.
fn import_id(fingerprint: [u8; 32], options: &ImportOptions, scope: &Scope) -> ImportId {
    let owner = options.owner.as_deref().unwrap_or_else(|| scope.principal().name());
    Sha256::new()
        .chain_update(b"agentstack import v1")
        .chain_update(fingerprint)
        .chain_update([u8::from(options.with_sessions), u8::from(options.with_ended_sessions)])
        .chain_update(owner)
        .finalize()
        .into()
}

/// What sessions are called where they come from.
fn names(rows: &[SourceRow]) -> HashMap<SessionId, String> {
    let name = |row: &SourceRow| {
        let SourceItem::Session(session) = &row.item else { return None };
        let id = check::id(&session.id).ok()?;
        let started_at = check::time(&session.started_at).ok()?;
        Some((check::session_id(id, started_at), id.to_owned()))
    };
    rows.iter().filter_map(name).collect()
}

/// The report, once it is known what became of the items of some rows.
fn concluded(
    mut report: ImportReport,
    table: SourceTable,
    numbers: &[i64],
    outcomes: &[ImportOutcome],
) -> ImportReport {
    for (row, outcome) in numbers.iter().zip(outcomes) {
        match ImportReason::of(*outcome) {
            None => report.take(table, *outcome == ImportOutcome::Held),
            Some(reason) => report.leave(table, *row, reason),
        }
    }
    report
}

/// The record of some rows.
fn record(pending: Pending, table: SourceTable, outcomes: &[ImportOutcome]) -> Draft {
    let taken = outcomes.iter().filter(|outcome| outcome.is_taken()).count() as u64;
    let held = outcomes.iter().filter(|outcome| **outcome == ImportOutcome::Held).count() as u64;
    let of = match table {
        SourceTable::Sessions => "sessions",
        SourceTable::Identities => "identities",
        SourceTable::Tasks => "tasks",
        SourceTable::Memory => "entries",
        SourceTable::MemoryVersions => "versions",
    };
    let counts = [(of, taken), ("held", held)];
    pending.close(Outcome::Ok, counts.into_iter().filter(|(_, count)| *count > 0).collect())
}
