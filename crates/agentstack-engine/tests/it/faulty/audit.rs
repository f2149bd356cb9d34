//! The audit log of a store that fails.

use agentstack_access::Scope;
use agentstack_audit::{Checkpoint, Draft, FormerKey, Line, VerifyingKey};
use agentstack_storage::{AuditLog, Pending, StorageError};
use async_trait::async_trait;

use super::Faulty;

#[async_trait]
impl AuditLog for Faulty {
    async fn append(&self, drafts: &[Draft]) -> Result<(), StorageError> {
        self.writes()?.append(drafts).await
    }

    async fn checkpoint(&self, scope: &Scope) -> Result<Option<Checkpoint>, StorageError> {
        self.writes()?.checkpoint(scope).await
    }

    async fn lines(&self, scope: &Scope, sequence: u64, limit: u32) -> Result<Vec<Line>, StorageError> {
        self.reads()?.lines(scope, sequence, limit).await
    }

    async fn former_keys(&self, scope: &Scope) -> Result<Vec<FormerKey>, StorageError> {
        self.reads()?.former_keys(scope).await
    }

    async fn succeed(
        &self,
        scope: &Scope,
        former: &VerifyingKey,
        pending: Pending,
    ) -> Result<bool, StorageError> {
        self.writes()?.succeed(scope, former, pending).await
    }

    async fn lines_before(
        &self,
        scope: &Scope,
        sequence: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Line>, StorageError> {
        self.reads()?.lines_before(scope, sequence, limit).await
    }

    async fn checkpoints(&self, scope: &Scope) -> Result<Vec<Checkpoint>, StorageError> {
        self.reads()?.checkpoints(scope).await
    }
}
