//! Imports.

use agentstack_access::Scope;
use agentstack_storage::contract::Conclude;
use agentstack_storage::import::{ImportBatch, ImportId, ImportItem, ImportOutcome, ImportProgress, Trial};
use agentstack_storage::{ImportStore, Pending, StorageError};
use async_trait::async_trait;

use super::Faulty;

#[async_trait]
impl ImportStore for Faulty {
    async fn import_progress(
        &self,
        scope: &Scope,
        import: &ImportId,
    ) -> Result<Option<ImportProgress>, StorageError> {
        self.reads()?.import_progress(scope, import).await
    }

    async fn import_batch(
        &self,
        scope: &Scope,
        batch: ImportBatch,
        conclude: &Conclude<'_>,
        pending: Pending,
    ) -> Result<(), StorageError> {
        self.writes()?.import_batch(scope, batch, conclude, pending).await
    }

    async fn try_import(
        &self,
        scope: &Scope,
        items: &[ImportItem],
        trial: &mut Trial,
    ) -> Result<Vec<ImportOutcome>, StorageError> {
        self.reads()?.try_import(scope, items, trial).await
    }
}
