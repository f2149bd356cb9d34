//! The audit log.

use agentstack_access::Scope;
use agentstack_audit::{Checkpoint, Draft, FormerKey, Line, VerifyingKey};
use async_trait::async_trait;

use crate::{Pending, StorageError};

/// The audit log. Writing needs no scope: what was denied has none.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Appends records of calls that changed nothing, durably, in this order.
    ///
    /// # Errors
    /// When they were not written.
    async fn append(&self, drafts: &[Draft]) -> Result<(), StorageError>;

    /// Signs the head of the log and keeps the checkpoint for good. `None` while the log is empty.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] when the log does not go on from the checkpoint before: signing it would
    /// hide that.
    async fn checkpoint(&self, scope: &Scope) -> Result<Option<Checkpoint>, StorageError>;

    /// Up to `limit` lines after `sequence`, for an operator; else none.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn lines(&self, scope: &Scope, sequence: u64, limit: u32) -> Result<Vec<Line>, StorageError>;

    /// Up to `limit` lines, the newest first: those before `sequence`, or the last ones. For an operator; else none.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn lines_before(
        &self,
        scope: &Scope,
        sequence: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Line>, StorageError>;

    /// The checkpoints that are kept, oldest first, for an operator; else none.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn checkpoints(&self, scope: &Scope) -> Result<Vec<Checkpoint>, StorageError>;

    /// What the key that signs says of those that have signed before it, for an operator; else nothing.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn former_keys(&self, scope: &Scope) -> Result<Vec<FormerKey>, StorageError>;

    /// Lets the store's key follow the one that has signed so far, with the record of the call: the new one vouches for the
    /// old one up to now, and signs the log. Says whether there was anything to do; if not, no record is written.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] when the last checkpoint is neither of `former` nor of the store's own key: then the log
    /// is another one.
    async fn succeed(
        &self,
        scope: &Scope,
        former: &VerifyingKey,
        pending: Pending,
    ) -> Result<bool, StorageError>;
}
