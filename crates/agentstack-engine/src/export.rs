//! Taking shared memory out of the product.
//!
//! An export goes the way of readers: what is quarantined or revoked is on no path of it (S16), each namespace is asked of
//! the policy (S34), and who was shown what is noted before the export is handed over (S21). The memory of a session
//! belongs to its session and is not exported.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use agentstack_access::{Caller, Claim, NamespaceClaim, Principal, Scope};
use agentstack_api::ErrorBody;
use agentstack_api::operations::MEMORY_EXPORT;
use agentstack_audit::Outcome;
use agentstack_core::limits::VERSIONS_KEPT;
use agentstack_core::{Entry, EntrySummary, MemoryKey, Namespace, SharedName, Version};
use agentstack_storage::{ListPosition, Listing, Page, Pending, Reading, StorageError, Target};

use crate::Engine;
use crate::failure::Failure;

/// How many entries are listed at a time.
const LISTED: u32 = 200;

/// What is to be exported.
#[derive(Debug, Clone, Default)]
pub struct ExportAsked {
    /// Only these namespaces; all shared ones if there is none.
    pub namespaces: Vec<SharedName>,
    /// Whether past versions are, too.
    pub with_versions: bool,
}

/// A version on its way out.
#[derive(Debug, Clone, Copy)]
pub struct ExportedVersion<'a> {
    /// The entry, as it is or was.
    pub entry: &'a Entry,
    /// Whether it is the current version. Past ones follow theirs, the newest first.
    pub is_current: bool,
}

/// How much was exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportCounts {
    /// Entries.
    pub entries: u64,
    /// Past versions.
    pub versions: u64,
}

/// An export under way.
struct Export<T> {
    caller: Caller,
    take: T,
    readings: Vec<Reading>,
    counts: ExportCounts,
}

impl Engine {
    /// Hands all entries of shared namespaces that are asked for to `take`, in the order of namespaces and keys. What is
    /// stored meanwhile may or may not be among them. `progress` is told how many entries are done, and how many there are.
    ///
    /// What `take` was given is not to be shown to anybody before this has returned: it may have been revoked meanwhile,
    /// and then this fails.
    ///
    /// # Errors
    /// When the principal may not, the store cannot be read, something that was handed over is gone, or `take` fails.
    pub async fn export_memory<E: From<ErrorBody>>(
        &self,
        principal: Arc<Principal>,
        asked: &ExportAsked,
        take: impl FnMut(ExportedVersion<'_>) -> Result<(), E>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<ExportCounts, E> {
        let begun = Instant::now();
        let caller = Caller::new(principal);
        let scopes = self.export_scopes(&caller, asked).await?;
        let mut keys = BTreeSet::new();
        for scope in &scopes {
            let listed = self.export_keys(scope, &mut keys).await;
            listed.map_err(|failure| failure.body(caller.request, &self.settings().redactor))?;
        }
        let mut export = Export { caller, take, readings: vec![], counts: ExportCounts::default() };
        let total = keys.len() as u64;
        let mut within: Option<(Namespace, Scope)> = None;
        for (done, (namespace, key)) in (1..).zip(keys) {
            let scope = match within {
                Some((known, scope)) if known == namespace => scope,
                _ => self.export_scope(&export.caller, namespace.clone()).await?,
            };
            self.export_entry(&mut export, asked, &scope, &key).await?;
            within = Some((namespace, scope));
            progress(done, total);
        }
        self.export_ends(&export, scopes.first(), begun).await?;
        Ok(export.counts)
    }

    /// The scopes that all that is asked for is in.
    async fn export_scopes(&self, caller: &Caller, asked: &ExportAsked) -> Result<Vec<Scope>, ErrorBody> {
        if asked.namespaces.is_empty() {
            return Ok(vec![
                self.export_claim(caller, NamespaceClaim::Unnamed { include_shared: true }).await?,
            ]);
        }
        let mut scopes = Vec::with_capacity(asked.namespaces.len());
        for name in &asked.namespaces {
            scopes.push(self.export_scope(caller, Namespace::Shared(name.clone())).await?);
        }
        Ok(scopes)
    }

    async fn export_scope(&self, caller: &Caller, namespace: Namespace) -> Result<Scope, ErrorBody> {
        self.export_claim(caller, NamespaceClaim::Named(namespace)).await
    }

    async fn export_claim(&self, caller: &Caller, namespace: NamespaceClaim) -> Result<Scope, ErrorBody> {
        let pending = Pending::new(self.draft(caller, MEMORY_EXPORT.name, None), Instant::now());
        let claim = Claim { namespace, ..Claim::none() };
        match self.authorizer().authorize(caller, &MEMORY_EXPORT, claim).await {
            Ok(scope) => Ok(scope),
            Err(denial) => Err(self.fail(pending, &denial.into()).await),
        }
    }

    /// Which entries there are. What is stored while they are listed comes to the beginning of the list, so that is looked
    /// at again until it has nothing new.
    async fn export_keys(
        &self,
        scope: &Scope,
        keys: &mut BTreeSet<(Namespace, MemoryKey)>,
    ) -> Result<(), Failure> {
        let mut known: Option<ListPosition> = None;
        loop {
            let (mut page, mut newest) = (Page::Offset(0), known);
            'list: loop {
                let listing = Listing { tags: vec![], agent: None, limit: LISTED, page };
                let listed = self.store().list(scope, listing).await?;
                for entry in listed.entries {
                    let position = ListPosition { updated_at: entry.updated_at, id: entry.id };
                    if known.is_some_and(|known| position <= known) {
                        break 'list;
                    }
                    newest = newest.max(Some(position));
                    if matches!(entry.namespace, Namespace::Shared(_)) {
                        keys.insert((entry.namespace, entry.key));
                    }
                }
                let Some(next) = listed.next else { break };
                page = Page::After(next);
            }
            if newest == known {
                return Ok(());
            }
            known = newest;
        }
    }

    async fn export_entry<E: From<ErrorBody>, T: FnMut(ExportedVersion<'_>) -> Result<(), E>>(
        &self,
        export: &mut Export<T>,
        asked: &ExportAsked,
        scope: &Scope,
        key: &MemoryKey,
    ) -> Result<(), E> {
        let request = export.caller.request;
        let body = |error: StorageError| Failure::from(error).body(request, &self.settings().redactor);
        // One that was deleted, or held back, meanwhile is not there.
        let found = self.store().get(scope, key, Target::Current).await.map_err(body)?;
        let Some(entry) = found else { return Ok(()) };
        export.readings.extend(Reading::of_entry(scope, &entry.summary));
        (export.take)(ExportedVersion { entry: &entry, is_current: true })?;
        export.counts.entries += 1;
        if !asked.with_versions || entry.summary.version == 1 {
            return Ok(());
        }
        let history = self.store().history(scope, key, VERSIONS_KEPT + 1).await.map_err(body)?;
        let past =
            |version: &Version| version.entry == entry.summary.id && version.version < entry.summary.version;
        for version in history.into_iter().filter(past) {
            let past = as_it_was(&entry.summary, version);
            export.readings.extend(Reading::of_entry(scope, &past.summary));
            (export.take)(ExportedVersion { entry: &past, is_current: false })?;
            export.counts.versions += 1;
        }
        Ok(())
    }

    /// Notes who was shown what, with the one record of the export.
    async fn export_ends<T>(
        &self,
        export: &Export<T>,
        scope: Option<&Scope>,
        begun: Instant,
    ) -> Result<(), ErrorBody> {
        let counts = vec![("entries", export.counts.entries), ("versions", export.counts.versions)];
        let counts = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        let pending = Pending::new(self.draft(&export.caller, MEMORY_EXPORT.name, None), begun);
        let record = pending.clone().close(Outcome::Ok, counts);
        match scope.filter(|_| !export.readings.is_empty()) {
            None => self.journal().note(record.clone()).await,
            Some(scope) => {
                if let Err(error) = self.store().note_readings(scope, &export.readings, record.clone()).await
                {
                    return Err(self.fail(pending, &error.into()).await);
                }
            }
        }
        self.tell(&record);
        Ok(())
    }
}

/// The entry as it was in a past version.
fn as_it_was(now: &EntrySummary, past: Version) -> Entry {
    let summary = EntrySummary {
        version: past.version,
        agent_id: past.agent_id,
        tags: past.tags,
        metadata: past.metadata,
        updated_at: past.stored_at,
        label: past.label,
        chars: u32::try_from(past.content.chars().count()).unwrap_or(u32::MAX),
        ..now.clone()
    };
    Entry { summary, content: past.content }
}
