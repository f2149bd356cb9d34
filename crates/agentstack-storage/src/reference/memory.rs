//! Entries and their versions.

use agentstack_access::Scope;
use agentstack_audit::{Draft, Outcome};
use agentstack_core::limits::{HELD_PER_NAMESPACE, VERSIONS_KEPT};
use agentstack_core::{
    Entry, EntryId, EntrySummary, Label, MemoryKey, Namespace, Origin, Timestamp, Trust, Version, VersionId,
};
use async_trait::async_trait;

use super::{Embedded, HeldBack, Kept, ReferenceStore, State, Written, is_visible, namespace};
use crate::model::owner;
use crate::{
    Found, ListPosition, Listed, Listing, MemoryStore, NewEntry, Page, Pending, Reading, Search,
    StorageError, Stored, Target, Wish,
};

impl State {
    /// Stores an entry in the scope's namespace.
    pub(super) fn keep(&mut self, scope: &Scope, entry: NewEntry) -> Result<Stored, StorageError> {
        let namespace = namespace(scope)?;
        let existing = self.find(namespace, &entry.key);
        if existing.is_some_and(|kept| !kept.is_visible(scope, namespace)) {
            return Err(StorageError::KeyTaken);
        }
        let current = existing.map_or(0, |kept| kept.current.version.version);
        if entry.if_version.is_some_and(|expected| expected != current) {
            return Err(StorageError::VersionConflict { current });
        }
        let is_common = existing.is_some_and(|kept| kept.current.version.agent_id.is_none());
        let in_session = matches!(namespace, Namespace::Session(_));
        let agent = owner(scope, in_session, is_common).cloned();
        let waits = |held: &&HeldBack| {
            held.namespace == *namespace && held.written.version.label.trust == Trust::Quarantined
        };
        let held = self.held.iter().filter(waits).count();
        if entry.held && held >= HELD_PER_NAMESPACE as usize {
            return Err(StorageError::TooMany { what: "versions held back" });
        }
        let trust = if entry.held { Trust::Quarantined } else { Trust::Unverified };
        let version = Version {
            // It and its number are known when it is put among those of its entry.
            entry: EntryId::from_bytes([0; 16]),
            version: 0,
            content: entry.content.into_string(),
            tags: entry.tags,
            metadata: entry.metadata,
            agent_id: agent,
            stored_at: scope.at(),
            label: Label { trust, origin: entry.origin, findings: entry.findings },
        };
        let stored = self.put(scope, &entry.key, version, entry.wish == Wish::Declined)?;
        if !entry.held {
            self.wish(namespace, &entry.key, entry.wish);
        }
        Ok(stored)
    }

    /// Makes `version` the current one of the entry of this key, or one that is held back, under the next number.
    fn put(
        &mut self,
        scope: &Scope,
        key: &MemoryKey,
        mut version: Version,
        declined: bool,
    ) -> Result<Stored, StorageError> {
        let namespace = namespace(scope)?.clone();
        let is_new_origin = self.note_writer(&namespace, &version);
        let existing = self.find(&namespace, key);
        let held = self.held.iter().filter(|held| held.namespace == namespace && held.key == *key);
        let newest_held = held.max_by_key(|held| held.written.version.version);
        let known = existing.map(|kept| (kept.id, kept.created_at));
        // When what is held back began is nobody's business.
        let known = known.or(newest_held.map(|held| (held.id, version.stored_at)));
        let (id, created_at) = known.unwrap_or((EntryId::generate(), version.stored_at));
        let highest = existing.map_or(0, |kept| kept.last);
        version.entry = id;
        version.version = 1 + highest.max(newest_held.map_or(0, |held| held.written.version.version));
        let written = Written { version, writing: self.writing(scope), declined };
        let summary = self.admit(scope, namespace, key, (id, created_at), written);
        Ok(Stored { entry: summary, is_new_origin })
    }

    fn admit(
        &mut self,
        scope: &Scope,
        namespace: Namespace,
        key: &MemoryKey,
        (id, created_at): (EntryId, Timestamp),
        written: Written,
    ) -> EntrySummary {
        let probe = Kept::new(0, id, key.clone(), created_at, written.clone());
        let summary = probe.summary(&namespace, &written.version);
        if written.version.label.trust.is_held() {
            let entries = self.entries.get_mut(&namespace).into_iter().flatten();
            for kept in entries.filter(|kept| kept.key == *key) {
                kept.last = written.version.version;
            }
            let (key, since) = (key.clone(), scope.at());
            self.held.push(HeldBack { namespace, key, id, created_at, since, written });
        } else {
            self.insert(&namespace, key, (id, created_at), written);
        }
        summary
    }

    /// Puts a version among those of its entry, by its number.
    pub(super) fn insert(
        &mut self,
        namespace: &Namespace,
        key: &MemoryKey,
        (id, created_at): (EntryId, Timestamp),
        written: Written,
    ) {
        let next = self.made + 1;
        let number = written.version.version;
        let held = self.held.iter().filter(|held| held.id == id).map(|held| held.written.version.version);
        let last = held.max().unwrap_or_default();
        let entries = self.entries.entry(namespace.clone()).or_default();
        let Some(kept) = entries.iter_mut().find(|kept| kept.key == *key) else {
            self.made = next;
            let mut kept = Kept::new(next, id, key.clone(), created_at, written);
            kept.last = kept.last.max(last);
            kept.embedded = match (kept.current.declined, self.models.is_empty()) {
                (true, _) => Embedded::Declined,
                (false, true) => Embedded::No,
                (false, false) => Embedded::Waiting,
            };
            entries.push(kept);
            return;
        };
        kept.last = kept.last.max(number);
        if number > kept.current.version.version {
            kept.body = crate::text::analyze(&written.version.content);
            kept.past.push(std::mem::replace(&mut kept.current, written));
            kept.outdate();
        } else {
            kept.past.push(written);
            kept.past.sort_by_key(|past| past.version.version);
        }
        let newest = kept.current.version.version;
        kept.past
            .retain(|past| past.version.version + VERSIONS_KEPT >= newest || past.version.version == number);
    }

    /// Notes who writes to a shared namespace. Returns whether only others have before.
    pub(super) fn note_writer(&mut self, namespace: &Namespace, version: &Version) -> bool {
        let origin = &version.label.origin;
        let writer = (namespace.clone(), origin.principal.clone(), origin.agent_id.clone());
        let others = self.writers.iter().any(|(of, ..)| of == namespace);
        let is_first = matches!(namespace, Namespace::Shared(_)) && !self.writers.contains(&writer);
        if is_first {
            self.writers.push(writer);
        }
        is_first && others
    }
}

#[async_trait]
impl MemoryStore for ReferenceStore {
    async fn store(&self, scope: &Scope, entry: NewEntry, pending: Pending) -> Result<Stored, StorageError> {
        let mut state = self.state()?;
        state.check(scope)?;
        let counts = if entry.held { vec![("held", 1)] } else { vec![] };
        let stored = state.keep(scope, entry)?;
        state.append(&pending.close(Outcome::Ok, counts));
        Ok(stored)
    }

    async fn get(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        target: Target,
    ) -> Result<Option<Entry>, StorageError> {
        let state = self.state()?;
        state.check(scope)?;
        let namespace = namespace(scope)?;
        let kept = state.find(namespace, key).filter(|kept| kept.is_visible(scope, namespace));
        Ok(kept.and_then(|kept| {
            let wanted = |version: &&Version| match target {
                Target::Current => true,
                Target::Version(number) => version.version == number,
            };
            let version =
                kept.versions().find(wanted).filter(|version| is_visible(scope, namespace, version))?;
            Some(Entry { summary: kept.summary(namespace, version), content: version.content.clone() })
        }))
    }

    async fn list(&self, scope: &Scope, listing: Listing) -> Result<Listed, StorageError> {
        let state = self.state()?;
        state.check(scope)?;
        let passes = |namespace, kept: &&Kept| {
            kept.is_visible(scope, namespace) && kept.passes(&listing.tags, listing.agent.as_ref())
        };
        let mut all: Vec<EntrySummary> = vec![];
        for (namespace, entries) in state.read(scope) {
            let passing = entries.iter().filter(|kept| passes(namespace, kept));
            all.extend(passing.map(|kept| kept.summary(namespace, &kept.current.version)));
        }
        let position = |entry: &EntrySummary| ListPosition { updated_at: entry.updated_at, id: entry.id };
        all.sort_by_key(|entry| std::cmp::Reverse(position(entry)));
        let begin = match listing.page {
            Page::Offset(offset) => offset as usize,
            Page::After(after) => all.iter().take_while(|entry| position(entry) >= after).count(),
        };
        let rest = all.iter().skip(begin);
        let entries: Vec<EntrySummary> = rest.clone().take(listing.limit as usize).cloned().collect();
        let more = rest.count() > entries.len();
        let next = entries.last().filter(|_| more).map(position);
        Ok(Listed { total: all.len() as u64, entries, next })
    }

    async fn delete(&self, scope: &Scope, key: &MemoryKey, pending: Pending) -> Result<bool, StorageError> {
        let mut state = self.state()?;
        state.check(scope)?;
        let namespace = namespace(scope)?;
        if state.find(namespace, key).is_none_or(|kept| !kept.is_visible(scope, namespace)) {
            return Ok(false);
        }
        if let Some(entries) = state.entries.get_mut(namespace) {
            entries.retain(|kept| kept.key != *key);
        }
        state.held.retain(|held| held.namespace != *namespace || held.key != *key);
        state.forget_empty(namespace);
        state.append(&pending.close(Outcome::Ok, vec![("entries", 1)]));
        Ok(true)
    }

    async fn history(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        limit: u32,
    ) -> Result<Vec<Version>, StorageError> {
        let state = self.state()?;
        state.check(scope)?;
        let namespace = namespace(scope)?;
        let Some(kept) = state.find(namespace, key).filter(|kept| kept.is_visible(scope, namespace)) else {
            return Ok(vec![]);
        };
        let visible = kept.versions().filter(|version| is_visible(scope, namespace, version));
        Ok(visible.take(limit as usize).cloned().collect())
    }

    async fn restore(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        version: u32,
        origin: Origin,
        pending: Pending,
    ) -> Result<Option<EntrySummary>, StorageError> {
        let mut state = self.state()?;
        state.check(scope)?;
        let namespace = namespace(scope)?;
        let kept = state.find(namespace, key).filter(|kept| kept.is_visible(scope, namespace));
        let past = kept.and_then(|kept| kept.written().find(|past| past.version.version == version));
        let Some(past) = past.filter(|past| is_visible(scope, namespace, &past.version)) else {
            return Ok(None);
        };
        let Written { version: past, declined, .. } = past.clone();
        let id = kept.map(|kept| VersionId { entry: kept.id, version });
        let reading = id.and_then(|id| Reading::of(scope, namespace, key, id, &past.label.origin));
        let reading: Vec<Reading> = reading.into_iter().collect();
        state.note(scope, &reading);
        let label = Label { trust: Trust::Unverified, origin, findings: past.label.findings.clone() };
        let stored = state.put(scope, key, Version { label, stored_at: scope.at(), ..past }, declined)?;
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(Some(stored.entry))
    }

    async fn search(&self, scope: &Scope, search: Search) -> Result<Found, StorageError> {
        let state = self.state()?;
        state.check(scope)?;
        Ok(state.search(scope, &search))
    }

    async fn note_readings(
        &self,
        scope: &Scope,
        readings: &[Reading],
        record: Draft,
    ) -> Result<(), StorageError> {
        let mut state = self.state()?;
        state.check(scope)?;
        if readings.iter().any(|reading| !state.has(reading)) {
            return Err(StorageError::Changed);
        }
        state.note(scope, readings);
        state.append(&record);
        Ok(())
    }
}
