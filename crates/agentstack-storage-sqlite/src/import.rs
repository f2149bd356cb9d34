//! Imports: how far they have come, and taking what they bring.

mod look;
pub(crate) mod put;

use agentstack_access::Scope;
use agentstack_storage::contract::Conclude;
use agentstack_storage::import::{
    ImportBatch, ImportId, ImportItem, ImportOutcome, ImportProgress, Trial, admit,
};
use agentstack_storage::{ImportStore, Pending, StorageError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;

use self::look::look;
use self::put::put;
use crate::error::storage;
use crate::row::Columns;
use crate::write::Write;
use crate::{IndexBounds, SqliteStore};

pub(crate) const PROGRESS: &str = "SELECT stage, source_row, report FROM imports WHERE import = $1";

const ADVANCE: &str = "INSERT INTO imports (import, begun_at, updated_at, stage, source_row, report) VALUES ($1, $2, $2, $3, $4, $5) \
     ON CONFLICT (import) DO UPDATE SET updated_at = excluded.updated_at, stage = excluded.stage, \
     source_row = excluded.source_row, report = excluded.report";

#[async_trait]
impl ImportStore for SqliteStore {
    async fn import_progress(
        &self,
        _: &Scope,
        import: &ImportId,
    ) -> Result<Option<ImportProgress>, StorageError> {
        let mut reader = self.reader().await?;
        progress(reader.connection()?, import).await
    }

    async fn import_batch(
        &self,
        scope: &Scope,
        batch: ImportBatch,
        conclude: &Conclude<'_>,
        pending: Pending,
    ) -> Result<(), StorageError> {
        let import = batch.import;
        let mut write = self.write().await?;
        let outcomes = match take(&mut write, self.index, scope, batch).await {
            Ok(outcomes) => outcomes,
            Err(error) => return write.undo(error).await,
        };
        let (progress, record) = conclude(&outcomes, pending);
        let advancing = sqlx::query(ADVANCE)
            .bind(import.to_vec())
            .bind(scope.at().as_millis())
            .bind(progress.stage)
            .bind(progress.row)
            .bind(progress.report);
        if let Err(error) = write.run(advancing).await {
            return write.undo(error).await;
        }
        write.commit(&record).await
    }

    async fn try_import(
        &self,
        _: &Scope,
        items: &[ImportItem],
        trial: &mut Trial,
    ) -> Result<Vec<ImportOutcome>, StorageError> {
        let mut reader = self.reader().await?;
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            let there = trial.overlay(item, look(reader.connection()?, item).await?.there);
            let outcome = admit(item, &there);
            trial.note(item, &there, outcome);
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

async fn progress(
    connection: &mut SqliteConnection,
    import: &ImportId,
) -> Result<Option<ImportProgress>, StorageError> {
    let question = sqlx::query(PROGRESS).bind(import.to_vec());
    let Some(row) = question.fetch_optional(connection).await.map_err(storage)? else { return Ok(None) };
    let mut columns = Columns::from(&row, 0);
    Ok(Some(ImportProgress { stage: columns.take()?, row: columns.take()?, report: columns.take()? }))
}

async fn take(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    scope: &Scope,
    batch: ImportBatch,
) -> Result<Vec<ImportOutcome>, StorageError> {
    let place = progress(write.connection()?, &batch.import).await?.map(|progress| progress.place());
    if place != batch.seen {
        return Err(StorageError::Changed);
    }
    let mut outcomes = Vec::with_capacity(batch.items.len());
    for item in batch.items {
        let seen = look(write.connection()?, &item).await?;
        let outcome = admit(&item, &seen.there);
        if outcome.is_taken() {
            put(write, bounds, scope, item, seen).await?;
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}
