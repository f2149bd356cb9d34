//! Taking over what another product has kept.

use agentstack_access::Scope;
use agentstack_audit::Draft;
use async_trait::async_trait;

use crate::import::{ImportBatch, ImportId, ImportItem, ImportOutcome, ImportProgress, Trial};
use crate::{Pending, StorageError};

/// What follows from what became of the items of a batch: how far the import has come, and the record of it.
pub type Conclude<'a> = dyn Fn(&[ImportOutcome], Pending) -> (ImportProgress, Draft) + Send + Sync + 'a;

/// Imports. Whose they are is no matter here: the scope says that its caller may import, whatever namespace it is into.
#[async_trait]
pub trait ImportStore: Send + Sync {
    /// How far an import has come; `None` if it has not begun.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn import_progress(
        &self,
        scope: &Scope,
        import: &ImportId,
    ) -> Result<Option<ImportProgress>, StorageError>;

    /// Takes items as [`admit`](crate::import::admit) says, each as if those before it were there. They, how far they have
    /// brought the import, and the record are one transaction. An entry's versions are stored at the scope's time, which is
    /// that of their origins; what is there is never changed.
    ///
    /// # Errors
    /// [`StorageError::Changed`] when the import is not where the batch believes it to be.
    async fn import_batch(
        &self,
        scope: &Scope,
        batch: ImportBatch,
        conclude: &Conclude<'_>,
        pending: Pending,
    ) -> Result<(), StorageError>;

    /// What would become of items if they were taken, after those that the trial knows of. Nothing is changed.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn try_import(
        &self,
        scope: &Scope,
        items: &[ImportItem],
        trial: &mut Trial,
    ) -> Result<Vec<ImportOutcome>, StorageError>;
}
