//! What sessions have been shown, and what operators decide.

use std::collections::{BTreeMap, BTreeSet};

use agentstack_access::Scope;
use agentstack_audit::Outcome;
use agentstack_core::{EntryId, MemoryKey, Namespace, Origin, SessionId, Timestamp, Trust, VersionId};
use async_trait::async_trait;

use super::forget::is_of;
use super::{HeldBack, Kept, Read, ReferenceStore, State, Writing, Written};
use crate::review::HOLDER_READS_MS;
use crate::{
    Forgotten, OriginFilter, Pending, Readers, Reading, Recorded, Review, ReviewFilter, ReviewPosition,
    ReviewStore, Reviews, Revocation, StorageError,
};

impl State {
    /// Who writes now, and how much it has been shown.
    pub(super) fn writing(&self, scope: &Scope) -> Writing {
        let session = scope.session();
        Writing {
            session,
            had_read: self.reads.iter().filter(|(reader, _)| Some(*reader) == session).count(),
        }
    }

    /// Notes what the scope's session, or without one its holder, is shown.
    pub(super) fn note(&mut self, scope: &Scope, readings: &[Reading]) {
        let read = |reading: &Reading| Read {
            id: reading.id,
            written: self.writing_of(&reading.namespace, &reading.key, reading.id),
            origin: reading.origin.clone(),
        };
        let new: Vec<Read> = readings.iter().map(read).collect();
        if let Some(session) = scope.session() {
            self.show(session, &new);
            return;
        }
        let of_holder = |(_, held): &(&SessionId, &super::Held)| {
            held.is_held_by(scope.holder()) && held.is_live(scope.at())
        };
        let sessions: Vec<SessionId> = self.sessions.iter().filter(of_holder).map(|(id, _)| *id).collect();
        for session in sessions {
            self.show(session, &new);
        }
        for read in new {
            self.holder_reads.retain(|(holder, _, known)| holder != scope.holder() || known.id != read.id);
            self.holder_reads.push((scope.holder().clone(), scope.at(), read));
        }
    }

    /// Notes in a session what its new holder has been shown outside of sessions.
    pub(super) fn bring(&mut self, scope: &Scope, session: SessionId) {
        let fresh = scope.at().plus_millis(-HOLDER_READS_MS);
        let of_holder =
            self.holder_reads.iter().filter(|(holder, at, _)| holder == scope.holder() && *at > fresh);
        let new: Vec<Read> = of_holder.map(|(.., read)| read.clone()).collect();
        self.show(session, &new);
    }

    /// Whether a version that was read is there still.
    pub(super) fn has(&self, reading: &Reading) -> bool {
        let kept = self.find(&reading.namespace, &reading.key).filter(|kept| kept.id == reading.id.entry);
        kept.is_some_and(|kept| kept.versions().any(|version| version.version == reading.id.version))
    }

    fn show(&mut self, session: SessionId, new: &[Read]) {
        for read in new {
            if !self.reads.iter().any(|(reader, known)| *reader == session && known.id == read.id) {
                self.reads.push((session, read.clone()));
            }
        }
    }

    fn writing_of(&self, namespace: &Namespace, key: &MemoryKey, id: VersionId) -> Writing {
        let kept = self.find(namespace, key).filter(|kept| kept.id == id.entry);
        let written = kept.and_then(|kept| kept.written().find(|one| one.version.version == id.version));
        written.map_or(Writing { session: None, had_read: 0 }, |written| written.writing)
    }

    /// Nothing but its name is left of a shared namespace without entries; then not that either.
    pub(super) fn forget_empty(&mut self, namespace: &Namespace) {
        let is_empty = self.entries.get(namespace).is_none_or(Vec::is_empty)
            && !self.held.iter().any(|held| held.namespace == *namespace);
        if is_empty && matches!(namespace, Namespace::Shared(_)) {
            self.entries.remove(namespace);
            self.writers.retain(|(name, ..)| name != namespace);
        }
    }

    /// The sessions that have been shown something of the origin, or what such a session wrote from then on, and from
    /// which place on.
    fn tainted(&self, origin: &OriginFilter) -> BTreeMap<SessionId, usize> {
        let mut tainted = BTreeMap::new();
        loop {
            let before = tainted.clone();
            let mut places: BTreeMap<SessionId, usize> = BTreeMap::new();
            for (reader, read) in &self.reads {
                let place = places.entry(*reader).or_default();
                *place += 1;
                if origin.takes(&read.origin) || is_derived(&before, read.written) {
                    let from = tainted.entry(*reader).or_insert(*place);
                    *from = (*from).min(*place);
                }
            }
            if tainted == before {
                return tainted;
            }
        }
    }

    /// Lets go of namespaces that have nothing left, also of those that had nothing but what was held back.
    pub(super) fn forget_all_empty(&mut self) {
        let written = self.writers.iter().map(|(namespace, ..)| namespace);
        let namespaces: BTreeSet<Namespace> = written.chain(self.entries.keys()).cloned().collect();
        for namespace in &namespaces {
            self.forget_empty(namespace);
        }
    }

    /// Takes versions out of their entries. What is left of an entry shows the newest of it.
    pub(super) fn take_out(
        &mut self,
        wanted: impl Fn(EntryId, &Written) -> Option<Trust>,
        now: Timestamp,
    ) -> Revocation {
        let mut done = Revocation::default();
        let names: Vec<Namespace> = self.entries.keys().cloned().collect();
        for namespace in names {
            let entries = self.entries.remove(&namespace).unwrap_or_default();
            let mut left = vec![];
            for mut kept in entries {
                let (mut taken, mut stays) = (vec![], vec![]);
                for written in kept.past.drain(..).chain([kept.current.clone()]) {
                    match wanted(kept.id, &written) {
                        Some(trust) => taken.push((trust, written)),
                        None => stays.push(written),
                    }
                }
                for (trust, mut written) in taken {
                    match trust {
                        Trust::Revoked => done.revoked += 1,
                        _ => done.quarantined += 1,
                    }
                    written.version.label.trust = trust;
                    let (key, id, created_at) = (kept.key.clone(), kept.id, kept.created_at);
                    let namespace = namespace.clone();
                    self.held.push(HeldBack { namespace, key, id, created_at, since: now, written });
                }
                if let Some(current) = stays.pop() {
                    kept.body = crate::text::analyze(&current.version.content);
                    let is_another = current.version.version != kept.current.version.version;
                    (kept.current, kept.past) = (current, stays);
                    if is_another {
                        kept.outdate();
                    }
                    left.push(kept);
                }
            }
            self.entries.insert(namespace.clone(), left);
            self.forget_empty(&namespace);
        }
        done
    }

    fn held_review(held: &HeldBack) -> Review {
        let (id, at) = ((held.id, held.created_at), held.since);
        review(&held.namespace, &held.key, id, &held.written, at)
    }

    fn all_reviews(&self) -> impl Iterator<Item = (Review, &Written)> {
        let held = self.held.iter().map(|held| (Self::held_review(held), &held.written));
        let entries = self.entries.iter().flat_map(|(namespace, entries)| {
            entries.iter().flat_map(move |kept| {
                let id = (kept.id, kept.created_at);
                let one = move |one| (review(namespace, &kept.key, id, one, one.version.stored_at), one);
                kept.written().map(one)
            })
        });
        held.chain(entries)
    }
}

fn is_derived(tainted: &BTreeMap<SessionId, usize>, writing: Writing) -> bool {
    let from = writing.session.and_then(|session| tainted.get(&session));
    from.is_some_and(|from| writing.had_read >= *from)
}

fn review(
    namespace: &Namespace,
    key: &MemoryKey,
    (entry, _): (EntryId, Timestamp),
    written: &Written,
    since: Timestamp,
) -> Review {
    let version = &written.version;
    Review {
        id: VersionId { entry, version: version.version },
        key: key.clone(),
        namespace: namespace.clone(),
        agent_id: version.agent_id.clone(),
        tags: version.tags.clone(),
        metadata: version.metadata.clone(),
        label: version.label.clone(),
        chars: u32::try_from(version.content.chars().count()).unwrap_or(u32::MAX),
        since,
    }
}

#[async_trait]
impl ReviewStore for ReferenceStore {
    async fn reviews(&self, _: &Scope, filter: ReviewFilter) -> Result<Reviews, StorageError> {
        let state = self.state()?;
        let position = |review: &Review| ReviewPosition { since: review.since, id: review.id };
        let listed = |review: &Review| {
            let is_current = |kept: &Kept| {
                VersionId { entry: kept.id, version: kept.current.version.version } == review.id
            };
            let is_shared = matches!(review.namespace, Namespace::Shared(_));
            let current = state.find(&review.namespace, &review.key).is_some_and(is_current);
            review.label.trust == filter.trust && (filter.trust.is_held() || current && is_shared)
        };
        let mut all: Vec<Review> = state.all_reviews().map(|(review, _)| review).filter(listed).collect();
        all.sort_by_key(|review| std::cmp::Reverse(position(review)));
        all.retain(|review| filter.after.is_none_or(|after| position(review) < after));
        let more = all.len() > filter.limit as usize;
        all.truncate(filter.limit as usize);
        let next = all.last().filter(|_| more).map(position);
        Ok(Reviews { reviews: all, next })
    }

    async fn review(&self, _: &Scope, id: VersionId) -> Result<Option<(Review, String)>, StorageError> {
        let state = self.state()?;
        let found = state.all_reviews().find(|(review, _)| review.id == id);
        Ok(found.map(|(review, written)| (review, written.version.content.clone())))
    }

    async fn decide(
        &self,
        scope: &Scope,
        id: VersionId,
        to: Trust,
        pending: Pending,
    ) -> Result<Option<Review>, StorageError> {
        let mut state = self.state()?;
        let Some((mut review, _)) = state.all_reviews().find(|(review, _)| review.id == id) else {
            return Ok(None);
        };
        let is = review.label.trust;
        if !is.can_become(to) {
            return Err(StorageError::State { what: "version", is: is.as_str(), to: to.as_str() });
        }
        let is_held = |held: &HeldBack| held.id == id.entry && held.written.version.version == id.version;
        if let Some(place) = state.held.iter().position(is_held) {
            let mut held = state.held.remove(place);
            held.written.version.label.trust = to;
            if to.is_held() {
                state.held.push(held);
            } else {
                let known = (held.id, held.created_at);
                state.insert(&held.namespace, &held.key, known, held.written);
            }
        } else if to == Trust::Trusted {
            let entries = state.entries.values_mut().flatten().filter(|kept| kept.id == id.entry);
            for kept in entries {
                let versions = std::iter::once(&mut kept.current).chain(&mut kept.past);
                for one in versions.filter(|one| one.version.version == id.version) {
                    one.version.label.trust = to;
                }
            }
        } else {
            let wanted =
                |entry, one: &Written| (entry == id.entry && one.version.version == id.version).then_some(to);
            state.take_out(wanted, scope.at());
            review.since = scope.at();
        }
        review.label.trust = to;
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(Some(review))
    }

    async fn revoke_origin(
        &self,
        scope: &Scope,
        origin: &OriginFilter,
        pending: Option<Pending>,
    ) -> Result<Revocation, StorageError> {
        let mut state = self.state()?;
        let tainted = state.tainted(origin);
        let verdict = |origin_of: &Origin, writing: Writing| match () {
            () if origin.takes(origin_of) => Some(Trust::Revoked),
            () if is_derived(&tainted, writing) => Some(Trust::Quarantined),
            () => None,
        };
        let of = |one: &Written| verdict(&one.version.label.origin, one.writing);
        let again = |held: &HeldBack| {
            held.written.version.label.trust == Trust::Quarantined
                && of(&held.written) == Some(Trust::Revoked)
        };
        let Some(pending) = pending else {
            let verdicts = state.entries.values().flatten().flat_map(Kept::written).filter_map(of);
            let mut would = Revocation::default();
            for verdict in
                verdicts.chain(state.held.iter().filter(|held| again(held)).map(|_| Trust::Revoked))
            {
                match verdict {
                    Trust::Revoked => would.revoked += 1,
                    _ => would.quarantined += 1,
                }
            }
            return Ok(would);
        };
        let mut done = Revocation::default();
        for held in &mut state.held {
            if again(held) {
                held.written.version.label.trust = Trust::Revoked;
                done.revoked += 1;
            }
        }
        let taken = state.take_out(|_, one| of(one), scope.at());
        done.revoked += taken.revoked;
        done.quarantined = taken.quarantined;
        let counts = vec![("revoked", done.revoked), ("quarantined", done.quarantined)];
        state.append(&pending.close(Outcome::Ok, counts));
        Ok(done)
    }

    async fn readers(&self, _: &Scope, origin: &OriginFilter) -> Result<Readers, StorageError> {
        let state = self.state()?;
        let shown: BTreeSet<SessionId> = state
            .reads
            .iter()
            .filter(|(_, read)| origin.takes(&read.origin))
            .map(|(reader, _)| *reader)
            .collect();
        let mut readers = Readers::default();
        for session in shown.iter().rev() {
            match state.sessions.get(session).and_then(|held| held.holders.iter().min()) {
                Some(holder) => readers.sessions.push((*session, holder.as_str().to_owned())),
                None => readers.ended += 1,
            }
        }
        readers.sessions.truncate(100);
        let holders = state.holder_reads.iter().filter(|(.., read)| origin.takes(&read.origin));
        let holders: BTreeSet<String> = holders.map(|(holder, ..)| holder.as_str().to_owned()).collect();
        readers.holders = holders.into_iter().take(100).collect();
        Ok(readers)
    }

    async fn sessions_of(&self, _: &Scope, principal: &str) -> Result<Vec<SessionId>, StorageError> {
        let state = self.state()?;
        let held =
            state.sessions.iter().filter(|(_, held)| held.holders.iter().any(|it| is_of(it, principal)));
        Ok(held.map(|(id, _)| *id).collect())
    }

    async fn forget(
        &self,
        scope: &Scope,
        origin: &OriginFilter,
        pending: Option<Pending>,
    ) -> Result<(Forgotten, Option<Recorded>), StorageError> {
        let mut state = self.state()?;
        let Some(pending) = pending else {
            let mut would = state.clone();
            return Ok((would.forget(origin, scope.at()), None));
        };
        let done = state.forget(origin, scope.at());
        let previous = state.head().hash;
        state.append(&pending.close(Outcome::Ok, done.counts()));
        let line = state.log.last().cloned().ok_or_else(|| StorageError::damaged("the audit log"))?;
        Ok((done, Some(Recorded { previous, line })))
    }

    async fn expire(&self, _: &Scope, before: Timestamp, pending: Pending) -> Result<u64, StorageError> {
        let mut state = self.state()?;
        let mut removed = state.held.len() as u64;
        state.held.retain(|held| held.since >= before);
        removed -= state.held.len() as u64;
        let names: Vec<Namespace> = state.entries.keys().cloned().collect();
        for namespace in names.iter().filter(|name| matches!(name, Namespace::Shared(_))) {
            let entries = state.entries.get_mut(namespace).map(std::mem::take).unwrap_or_default();
            let mut left = vec![];
            for mut kept in entries {
                let current = &kept.current.version;
                if current.label.trust == Trust::Trusted || current.stored_at >= before {
                    left.push(kept);
                    continue;
                }
                removed += 1;
                while let Some(past) = kept.past.pop() {
                    if past.version.label.trust == Trust::Trusted {
                        kept.body = crate::text::analyze(&past.version.content);
                        kept.current = past;
                        kept.outdate();
                        left.push(kept);
                        break;
                    }
                }
            }
            state.entries.insert(namespace.clone(), left);
        }
        state.forget_all_empty();
        if removed > 0 {
            state.append(&pending.close(Outcome::Ok, vec![("entries", removed)]));
        }
        Ok(removed)
    }
}
