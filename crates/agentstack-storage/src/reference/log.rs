//! The audit log, and what the store says of itself.

use agentstack_access::Scope;
use agentstack_audit::{Checkpoint, Draft, FormerKey, Line, Outcome, VerifyingKey};
use async_trait::async_trait;

use super::ReferenceStore;
use crate::{AuditLog, Counts, Figures, Health, Pending, StorageError, StoreHealth};

#[async_trait]
impl AuditLog for ReferenceStore {
    async fn append(&self, drafts: &[Draft]) -> Result<(), StorageError> {
        let mut state = self.state()?;
        for draft in drafts {
            state.append(draft);
        }
        Ok(())
    }

    async fn checkpoint(&self, scope: &Scope) -> Result<Option<Checkpoint>, StorageError> {
        let mut state = self.state()?;
        let head = state.head();
        if head.sequence == 0 {
            return Ok(None);
        }
        // Nobody can edit this log, so it goes on from every checkpoint.
        if let Some(last) = state.checkpoints.last().filter(|last| last.sequence == head.sequence) {
            return Ok(Some(last.clone()));
        }
        let checkpoint = Checkpoint::sign(&self.signing, &head, scope.at());
        state.checkpoints.push(checkpoint.clone());
        Ok(Some(checkpoint))
    }

    async fn lines(&self, scope: &Scope, sequence: u64, limit: u32) -> Result<Vec<Line>, StorageError> {
        let state = self.state()?;
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let after = state.log.iter().filter(|line| line.sequence > sequence);
        Ok(after.take(limit as usize).cloned().collect())
    }

    async fn lines_before(
        &self,
        scope: &Scope,
        sequence: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Line>, StorageError> {
        let state = self.state()?;
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let before = state.log.iter().rev().filter(|line| sequence.is_none_or(|end| line.sequence < end));
        Ok(before.take(limit as usize).cloned().collect())
    }

    async fn checkpoints(&self, scope: &Scope) -> Result<Vec<Checkpoint>, StorageError> {
        let state = self.state()?;
        Ok(if scope.principal().is_operator() { state.checkpoints.clone() } else { vec![] })
    }

    async fn former_keys(&self, scope: &Scope) -> Result<Vec<FormerKey>, StorageError> {
        let state = self.state()?;
        Ok(if scope.principal().is_operator() { state.former.clone() } else { vec![] })
    }

    async fn succeed(
        &self,
        scope: &Scope,
        former: &VerifyingKey,
        pending: Pending,
    ) -> Result<bool, StorageError> {
        let mut state = self.state()?;
        // Nobody else's key has ever signed this log.
        if *former == self.verifying_key() || state.former.iter().any(|known| known.former == *former) {
            return Ok(false);
        }
        let until = state.head().sequence;
        state.former.push(FormerKey::vouch(&self.signing, former.clone(), until));
        state.append(&pending.close(Outcome::Ok, vec![]));
        let checkpoint = Checkpoint::sign(&self.signing, &state.head(), scope.at());
        state.checkpoints.push(checkpoint);
        Ok(true)
    }
}

#[async_trait]
impl StoreHealth for ReferenceStore {
    async fn counts(&self, scope: &Scope) -> Result<Counts, StorageError> {
        let state = self.state()?;
        let live = state.sessions.iter().filter(|(_, held)| held.is_live(scope.at()));
        let held = live.filter(|(_, held)| held.is_held_by(scope.holder()));
        Ok(held.fold(Counts::default(), |sum, (id, _)| Counts {
            sessions: sum.sessions + 1,
            entries: sum.entries + state.size(*id),
        }))
    }

    async fn figures(&self, scope: &Scope) -> Result<Figures, StorageError> {
        let state = self.state()?;
        let live = state.sessions.values().filter(|held| held.is_live(scope.at()));
        Ok(Figures {
            sessions: live.count() as u64,
            entries: state.entries.values().map(|entries| entries.len() as u64).sum(),
            bytes: 0,
            audit_sequence: state.head().sequence,
        })
    }

    async fn health(&self) -> Result<Health, StorageError> {
        drop(self.state()?);
        Ok(Health { backend: "reference", encrypted: false, version: env!("CARGO_PKG_VERSION").to_owned() })
    }

    async fn keep_house(&self) -> Result<(), StorageError> {
        drop(self.state()?);
        Ok(())
    }

    async fn close(&self) {
        self.lock().closed = true;
    }
}
