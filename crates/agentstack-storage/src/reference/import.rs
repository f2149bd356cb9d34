//! Imports.

use agentstack_access::Scope;
use agentstack_core::{
    IdentityStatus, Label, Namespace, Relation, Relationship, SessionId, Task, TaskId, Timestamp, Trust,
    Version,
};
use async_trait::async_trait;

use super::{HeldBack, ReferenceStore, State, Writing, Written};
use crate::contract::Conclude;
use crate::import::{
    ImportBatch, ImportId, ImportItem, ImportOutcome, ImportProgress, ImportedEntry, ImportedSession,
    ImportedVersion, There, Trial, VersionData, admit,
};
use crate::{ImportStore, Pending, StorageError, Wish};

/// Nobody's session has written what is imported.
const NOBODY: Writing = Writing { session: None, had_read: 0 };

impl State {
    fn there(&self, item: &ImportItem) -> There {
        match item {
            ImportItem::Session(session) => {
                There { itself: self.sessions.contains_key(&session.id).then_some(true), ..There::default() }
            }
            ImportItem::Identity(identity) => {
                let same = self.identities.iter().find(|one| one.id == identity.id);
                let is_live = |one: &&agentstack_core::Identity| {
                    one.owner == identity.owner && one.status != IdentityStatus::Retired
                };
                There {
                    itself: same.map(|same| same.owner == identity.owner),
                    name_is_taken: self.name_is_taken(
                        &identity.owner,
                        identity.display_name.as_ref(),
                        identity.id,
                    ),
                    siblings: self.identities.iter().filter(is_live).count() as u64,
                    ..There::default()
                }
            }
            ImportItem::Task(task) => self.around(task.session, &task.task),
            ImportItem::Entry(entry) => {
                let home = match &entry.namespace {
                    Namespace::Session(session) => self.sessions.contains_key(session),
                    Namespace::Shared(_) => true,
                };
                let siblings = self.entries.get(&entry.namespace).map_or(0, |entries| entries.len() as u64);
                let current = self.find(&entry.namespace, &entry.version.key).map(|kept| kept.id);
                let mut held = self.held.iter().rev();
                let held = held
                    .find(|held| held.namespace == entry.namespace && held.key == entry.version.key)
                    .map(|held| held.id);
                let itself = current.or(held).map(|id| id == entry.id);
                There { home, itself, siblings, held: self.waiting(&entry.namespace), ..There::default() }
            }
            ImportItem::Version(version) => self.beside(version),
        }
    }

    fn around(&self, session: SessionId, task: &Task) -> There {
        let depth = |parent: TaskId| self.tasks_of(session).find(|one| one.id == parent);
        let parts = |parent| self.tasks_of(session).filter(|one| one.parent == Some(parent)).count() as u64;
        There {
            home: self.sessions.contains_key(&session),
            itself: self.tasks_of(session).any(|one| one.id == task.id).then_some(true),
            siblings: self.tasks_of(session).count() as u64,
            parent: task.parent.and_then(|parent| Some((depth(parent)?.depth, parts(parent)))),
            ..There::default()
        }
    }

    fn beside(&self, version: &ImportedVersion) -> There {
        let kept =
            self.find(&version.namespace, &version.version.key).filter(|kept| kept.id == version.entry);
        let number = version.version.number;
        let held = || self.held.iter().filter(|held| held.id == version.entry);
        let is_there = kept.is_some_and(|kept| kept.versions().any(|one| one.version == number))
            || held().any(|held| held.written.version.version == number);
        There {
            home: kept.is_some(),
            home_is_held: held().next().is_some(),
            itself: is_there.then_some(true),
            held: self.waiting(&version.namespace),
            ..There::default()
        }
    }

    fn waiting(&self, namespace: &Namespace) -> u64 {
        let waits = |held: &&HeldBack| {
            held.namespace == *namespace && held.written.version.label.trust == Trust::Quarantined
        };
        self.held.iter().filter(waits).count() as u64
    }

    fn take(&mut self, scope: &Scope, item: ImportItem, there: &There) {
        match item {
            ImportItem::Session(session) => self.take_session(scope, session),
            ImportItem::Identity(identity) => self.identities.push(*identity),
            ImportItem::Task(task) => {
                let depth = there.parent.map_or(0, |(depth, _)| depth + 1);
                let (session, task) = (task.session, Task { depth, ..task.task });
                let parent =
                    task.parent.map(|from| Relationship { from, relation: Relation::ParentOf, to: task.id });
                self.relationships.extend(parent);
                self.relationships.sort_unstable();
                self.tasks.push((session, task));
            }
            ImportItem::Entry(entry) => self.take_entry(scope, *entry),
            ImportItem::Version(version) => {
                let created_at = scope.at();
                self.take_version(
                    scope,
                    version.namespace,
                    (version.entry, created_at),
                    version.version,
                    false,
                );
            }
        }
    }

    fn take_session(&mut self, scope: &Scope, session: ImportedSession) {
        let held = super::Held {
            holders: vec![],
            started_at: session.started_at,
            last_used_at: scope.at(),
            idle_ms: session.idle_ms,
            expires_at: session.expires_at,
            resume: session.resume,
            metadata: session.metadata,
        };
        self.sessions.insert(session.id, held);
    }

    fn take_entry(&mut self, scope: &Scope, entry: ImportedEntry) {
        let ImportedEntry { namespace, id, created_at, version, wish, .. } = entry;
        let (key, is_held) = (version.key.clone(), version.held);
        self.take_version(scope, namespace.clone(), (id, created_at), version, wish == Wish::Declined);
        if !is_held {
            self.wish(&namespace, &key, wish);
        }
    }

    fn take_version(
        &mut self,
        scope: &Scope,
        namespace: Namespace,
        (id, created_at): (agentstack_core::EntryId, Timestamp),
        data: VersionData,
        declined: bool,
    ) {
        let trust = if data.held { Trust::Quarantined } else { Trust::Unverified };
        let version = Version {
            entry: id,
            version: data.number,
            content: data.content.into_string(),
            tags: data.tags,
            metadata: data.metadata,
            agent_id: data.agent,
            stored_at: scope.at(),
            label: Label { trust, origin: data.origin, findings: data.findings },
        };
        self.note_writer(&namespace, &version);
        let written = Written { version, writing: NOBODY, declined };
        if trust.is_held() {
            let (key, since) = (data.key, scope.at());
            self.held.push(HeldBack { namespace, key, id, created_at, since, written });
        } else {
            self.insert(&namespace, &data.key, (id, created_at), written);
        }
    }
}

#[async_trait]
impl ImportStore for ReferenceStore {
    async fn import_progress(
        &self,
        _: &Scope,
        import: &ImportId,
    ) -> Result<Option<ImportProgress>, StorageError> {
        Ok(self.state()?.imports.get(import).cloned())
    }

    async fn import_batch(
        &self,
        scope: &Scope,
        batch: ImportBatch,
        conclude: &Conclude<'_>,
        pending: Pending,
    ) -> Result<(), StorageError> {
        let mut state = self.state()?;
        if state.imports.get(&batch.import).map(ImportProgress::place) != batch.seen {
            return Err(StorageError::Changed);
        }
        let mut outcomes = Vec::with_capacity(batch.items.len());
        for item in batch.items {
            let there = state.there(&item);
            let outcome = admit(&item, &there);
            if outcome.is_taken() {
                state.take(scope, item, &there);
            }
            outcomes.push(outcome);
        }
        let (progress, record) = conclude(&outcomes, pending);
        state.imports.insert(batch.import, progress);
        state.append(&record);
        Ok(())
    }

    async fn try_import(
        &self,
        _: &Scope,
        items: &[ImportItem],
        trial: &mut Trial,
    ) -> Result<Vec<ImportOutcome>, StorageError> {
        let state = self.state()?;
        let tried = |item| {
            let there = trial.overlay(item, state.there(item));
            let outcome = admit(item, &there);
            trial.note(item, &there, outcome);
            outcome
        };
        Ok(items.iter().map(tried).collect())
    }
}
