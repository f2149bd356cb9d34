//! Entries and their versions.

use agentstack_access::Scope;
use agentstack_audit::Outcome;
use agentstack_core::limits::VERSIONS_KEPT;
use agentstack_core::{Entry, EntrySummary, Label, MemoryKey, Namespace, Version};
use async_trait::async_trait;

use super::{Kept, ReferenceStore, State, is_visible, namespace};
use crate::model::owner;
use crate::{
    Found, ListPosition, Listed, Listing, MemoryStore, NewEntry, Page, Pending, Search, StorageError, Target,
};

impl State {
    /// Stores an entry in the scope's namespace.
    pub(super) fn keep(&mut self, scope: &Scope, entry: NewEntry) -> Result<EntrySummary, StorageError> {
        let namespace = namespace(scope)?;
        let existing = self.find(namespace, &entry.key);
        if existing.is_some_and(|kept| !kept.is_visible(scope, namespace)) {
            return Err(StorageError::KeyTaken);
        }
        let current = existing.map_or(0, |kept| kept.current.version);
        if entry.if_version.is_some_and(|expected| expected != current) {
            return Err(StorageError::VersionConflict { current });
        }
        let existing = existing.map(|kept| kept.current.agent_id.as_ref());
        let agent = owner(scope, matches!(namespace, Namespace::Session(_)), existing).cloned();
        let version = Version {
            version: 0,
            content: entry.content.into_string(),
            tags: entry.tags,
            metadata: entry.metadata,
            agent_id: agent,
            stored_at: scope.at(),
            label: entry.label,
        };
        self.put(scope, &entry.key, version)
    }

    /// Makes `version` the current one of the entry of this key, under the next number.
    fn put(
        &mut self,
        scope: &Scope,
        key: &MemoryKey,
        mut version: Version,
    ) -> Result<EntrySummary, StorageError> {
        let namespace = namespace(scope)?.clone();
        let entries = self.entries.entry(namespace.clone()).or_default();
        let Some(place) = entries.iter().position(|kept| kept.key == *key) else {
            self.made += 1;
            version.version = 1;
            let kept = Kept::new(self.made, key.clone(), version);
            let summary = kept.summary(&namespace, &kept.current);
            entries.push(kept);
            return Ok(summary);
        };
        let kept = entries.get_mut(place).ok_or_else(|| StorageError::damaged("a place"))?;
        version.version = kept.current.version + 1;
        kept.body = crate::text::analyze(&version.content);
        kept.past.push(std::mem::replace(&mut kept.current, version));
        if kept.past.len() > VERSIONS_KEPT as usize {
            kept.past.remove(0);
        }
        Ok(kept.summary(&namespace, &kept.current))
    }
}

#[async_trait]
impl MemoryStore for ReferenceStore {
    async fn store(
        &self,
        scope: &Scope,
        entry: NewEntry,
        pending: Pending,
    ) -> Result<EntrySummary, StorageError> {
        let mut state = self.state()?;
        state.check(scope)?;
        let summary = state.keep(scope, entry)?;
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(summary)
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
            all.extend(passing.map(|kept| kept.summary(namespace, &kept.current)));
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
        label: Label,
        pending: Pending,
    ) -> Result<Option<EntrySummary>, StorageError> {
        let mut state = self.state()?;
        state.check(scope)?;
        let namespace = namespace(scope)?;
        let kept = state.find(namespace, key).filter(|kept| kept.is_visible(scope, namespace));
        let past = kept.and_then(|kept| kept.versions().find(|past| past.version == version));
        let Some(past) = past.filter(|past| is_visible(scope, namespace, past)) else { return Ok(None) };
        let again = Version { label, stored_at: scope.at(), ..past.clone() };
        let summary = state.put(scope, key, again)?;
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(Some(summary))
    }

    async fn search(&self, scope: &Scope, search: Search) -> Result<Found, StorageError> {
        let state = self.state()?;
        state.check(scope)?;
        Ok(state.search(scope, &search))
    }
}
