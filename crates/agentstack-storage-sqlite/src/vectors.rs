//! Vectors as they are kept, and the entries that wait for one.
//!
//! A vector is a row of its own: the number of its entry, and 8 bits a number under the secret of the namespace, as the
//! texts are (see veil.rs), so that what SQLite may leave of it in unused space is noise when the session has ended (S08).
//! `sqlite-vec` has no room for that, and its tables reserve a block for each namespace: a hundred sessions with five
//! vectors of 384 numbers each took it 158 MB, where these rows take 0.2. `examples/bench_vectors.rs` measures both.

use agentstack_access::Scope;
use agentstack_audit::Outcome;
use agentstack_core::{EntryId, Timestamp, VersionId};
use agentstack_storage::embedding::EMBEDDED_CHARS;
use agentstack_storage::{
    Again, EmbeddingFigures, EmbeddingModel, EmbeddingStore, ModelFigures, Pending, StorageError, Vector,
    Waiting, WaitingId, Wish,
};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::error::storage;
use crate::row::{Columns, count, small};
use crate::veil::{NONCE, Veil, kept_len};
use crate::write::{Statement, Write};

/// The number of a model.
pub(crate) const MODEL: &str = "SELECT id FROM embedding_models WHERE name = $1 AND dimension = $2";

const ADD_MODEL: &str =
    "INSERT INTO embedding_models (name, dimension) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const LEASE: &str = "INSERT INTO leases (name, holder, until) VALUES ('embedding', $1, $2) \
     ON CONFLICT DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE holder = $1 OR until <= $3";

/// Of each content its first `$2` bytes. What belongs to an ended session is not read any more.
pub(crate) const WAITING: &str = "SELECT e.id, e.uuid, e.version, n.secret, substr(e.content, 1, $2) FROM vectors v \
     CROSS JOIN entries e ON e.id = v.entry CROSS JOIN namespaces n ON n.id = e.namespace \
     WHERE v.model = -1 AND n.id NOT IN (SELECT namespace FROM ended_namespaces) ORDER BY v.entry LIMIT $1";

/// Where the entry of the number `$1` is, if the version `$3` of the id `$2` is its current one and waits for a vector.
pub(crate) const PLACE: &str = "SELECT n.id, n.secret FROM entries e CROSS JOIN namespaces n ON n.id = e.namespace \
     CROSS JOIN vectors v ON v.namespace = n.id AND v.entry = e.id \
     WHERE e.id = $1 AND e.uuid = $2 AND e.version = $3 AND v.model = -1 \
     AND n.id NOT IN (SELECT namespace FROM ended_namespaces)";

const KEEP: &str = "UPDATE vectors SET model = $3, vector = $4 WHERE namespace = $1 AND entry = $2";

const DECLINE: &str = "INSERT INTO vectors (namespace, entry, model, vector) VALUES ($1, $2, 0, x'') \
     ON CONFLICT DO UPDATE SET model = 0, vector = x''";

/// The last of the `$2` entries after `$1`, and how many those are.
pub(crate) const SOME: &str =
    "SELECT max(id), count(*) FROM (SELECT id FROM entries WHERE id > $1 ORDER BY id LIMIT $2)";

/// Makes those after `$1` up to `$2` wait that have no vector of the model `$3`. What belongs to an ended session does not
/// wait for anything.
pub(crate) const AGAIN: &str = "INSERT INTO vectors (namespace, entry, model, vector) SELECT e.namespace, e.id, -1, x'' \
     FROM entries e LEFT JOIN vectors v ON v.namespace = e.namespace AND v.entry = e.id \
     WHERE e.id > $1 AND e.id <= $2 AND (v.model IS NULL OR v.model NOT IN (0, -1, $3)) \
     AND e.namespace NOT IN (SELECT namespace FROM ended_namespaces) \
     ON CONFLICT DO UPDATE SET model = -1, vector = x''";

/// How many of those wait.
pub(crate) const WAIT: &str = "SELECT count(*) FROM vectors WHERE model = -1 AND entry > $1 AND entry <= $2 \
     AND namespace NOT IN (SELECT namespace FROM ended_namespaces)";

pub(crate) const FIGURES: &str = "SELECT (SELECT count(*) FROM vectors WHERE model = -1), \
     (SELECT count(*) FROM vectors WHERE model = -2), (SELECT count(*) FROM vectors WHERE model = 0), \
     (SELECT count(*) FROM entries)";

const MODELS: &str = "SELECT m.name, m.dimension, (SELECT count(*) FROM vectors v WHERE v.model = m.id) \
     FROM embedding_models m ORDER BY m.id";

/// Binds what is written of a wish: nothing where there is no entry.
pub(crate) fn bind_wish(statement: Statement, wish: Wish, is_held: bool) -> Statement {
    match wish {
        _ if is_held => statement,
        Wish::None => statement.bind(None::<i64>),
        Wish::Wanted => statement.bind(-1_i64),
        Wish::Declined => statement.bind(0_i64),
    }
}

/// An entry's vector as it is kept.
fn record(entry: i64, vector: &Vector, veil: &Veil) -> Result<Vec<u8>, StorageError> {
    let mut bytes = entry.to_be_bytes().to_vec();
    bytes.extend(veil.cover_bytes(&vector.to_bytes())?);
    Ok(bytes)
}

/// How many bytes a record of so many numbers has.
pub(crate) fn record_len(dimension: u32) -> usize {
    8 + NONCE + 4 + dimension as usize
}

/// The records that follow one another, each with the number of its entry. What is left over is none.
pub(crate) fn records(bytes: &mut [u8], dimension: u32) -> impl Iterator<Item = (i64, &mut [u8])> {
    bytes.chunks_exact_mut(record_len(dimension)).filter_map(|record| {
        let (entry, kept) = record.split_first_chunk_mut::<8>()?;
        Some((i64::from_be_bytes(*entry), kept))
    })
}

/// Says that an entry is to have no vector.
pub(crate) async fn decline(write: &mut Write<'_>, namespace: i64, entry: i64) -> Result<(), StorageError> {
    write.run(sqlx::query(DECLINE).bind(namespace).bind(entry)).await.map(drop)
}

/// Makes some entries wait.
async fn again(
    write: &mut Write<'_>,
    of: &EmbeddingModel,
    after: i64,
    most: u32,
) -> Result<Again, StorageError> {
    let model = model(write, of).await?;
    let asked = sqlx::query(SOME).bind(after).bind(most);
    let row = asked.fetch_one(write.connection()?).await.map_err(storage)?;
    let mut columns = Columns::from(&row, 0);
    let (last, looked): (Option<i64>, u32) = (columns.take()?, small(columns.take()?)?);
    let Some(last) = last else { return Ok(Again::default()) };
    write.run(sqlx::query(AGAIN).bind(after).bind(last).bind(model)).await?;
    let asked = sqlx::query(WAIT).bind(after).bind(last);
    let row = asked.fetch_one(write.connection()?).await.map_err(storage)?;
    let waiting = count(row.try_get(0).map_err(storage)?)?;
    Ok(Again { waiting, next: (looked == most).then_some(last) })
}

async fn model(write: &mut Write<'_>, model: &EmbeddingModel) -> Result<i64, StorageError> {
    write.run(sqlx::query(ADD_MODEL).bind(model.name.clone()).bind(model.dimension)).await?;
    let asked = sqlx::query(MODEL).bind(model.name.clone()).bind(model.dimension);
    asked.fetch_one(write.connection()?).await.map_err(storage)?.try_get(0).map_err(storage)
}

/// Keeps what was made for a version. Returns whether it is a vector, and there is a place for it.
async fn keep(
    write: &mut Write<'_>,
    model: i64,
    WaitingId { version: id, number: entry }: WaitingId,
    vector: Option<&Vector>,
) -> Result<bool, StorageError> {
    let asked = sqlx::query(PLACE).bind(entry).bind(id.entry.as_bytes().to_vec()).bind(id.version);
    let Some(row) = asked.fetch_optional(write.connection()?).await.map_err(storage)? else {
        return Ok(false);
    };
    let mut columns = Columns::from(&row, 0);
    let namespace: i64 = columns.take()?;
    let veil = Veil::new(columns.take()?);
    let keeping = sqlx::query(KEEP).bind(namespace).bind(entry);
    let keeping = match vector {
        Some(vector) => keeping.bind(model).bind(record(entry, vector, &veil)?),
        None => keeping.bind(-2_i64).bind(Vec::new()),
    };
    write.run(keeping).await?;
    Ok(vector.is_some())
}

fn waiting(row: &SqliteRow) -> Result<Waiting, StorageError> {
    let mut columns = Columns::from(row, 0);
    let number = columns.take()?;
    let version = VersionId { entry: columns.id(EntryId::from_bytes)?, version: small(columns.take()?)? };
    let veil = Veil::new(columns.take()?);
    let bytes = veil.uncover_bytes(columns.take()?).ok_or_else(|| StorageError::damaged("a content"))?;
    // The last character may be cut.
    let text = String::from_utf8_lossy(&bytes);
    let text = text.chars().take(EMBEDDED_CHARS as usize).collect();
    Ok(Waiting { id: WaitingId { version, number }, text })
}

#[async_trait]
impl EmbeddingStore for SqliteStore {
    async fn lease_embedding(
        &self,
        scope: &Scope,
        worker: [u8; 16],
        until: Timestamp,
    ) -> Result<bool, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(false);
        }
        let leasing =
            sqlx::query(LEASE).bind(worker.to_vec()).bind(until.as_millis()).bind(scope.at().as_millis());
        let mut primary = self.primary().await?;
        let leased = leasing.execute(primary.connection()?).await.map_err(storage)?;
        Ok(leased.rows_affected() > 0)
    }

    async fn waiting(&self, scope: &Scope, limit: u32) -> Result<Vec<Waiting>, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let mut reader = self.reader().await?;
        let asked = sqlx::query(WAITING).bind(limit).bind(kept_len(EMBEDDED_CHARS * 4));
        let rows = asked.fetch_all(reader.connection()?).await.map_err(storage)?;
        rows.iter().map(waiting).collect()
    }

    async fn keep_vectors(
        &self,
        scope: &Scope,
        of: &EmbeddingModel,
        vectors: Vec<(WaitingId, Option<Vector>)>,
        pending: Pending,
    ) -> Result<u64, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(0);
        }
        let mut write = self.write().await?;
        let kept = async {
            let model = model(&mut write, of).await?;
            let mut kept = 0;
            for (id, vector) in &vectors {
                let vector = vector.as_ref().filter(|vector| vector.dimension() == of.dimension);
                kept += u64::from(keep(&mut write, model, *id, vector).await?);
            }
            Ok(kept)
        };
        match kept.await {
            Ok(kept) => {
                write.commit(&pending.close(Outcome::Ok, vec![("entries", kept)])).await?;
                Ok(kept)
            }
            Err(error) => write.undo(error).await,
        }
    }

    async fn embed_again(
        &self,
        scope: &Scope,
        of: &EmbeddingModel,
        (after, most): (i64, u32),
        pending: Pending,
    ) -> Result<Again, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(Again::default());
        }
        let mut write = self.write().await?;
        match again(&mut write, of, after, most).await {
            Ok(done) => {
                write.commit(&pending.close(Outcome::Ok, vec![("entries", done.waiting)])).await?;
                Ok(done)
            }
            Err(error) => write.undo(error).await,
        }
    }

    async fn embedding_figures(&self, scope: &Scope) -> Result<EmbeddingFigures, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(EmbeddingFigures::default());
        }
        let mut reader = self.reader().await?;
        let row = sqlx::query(FIGURES).fetch_one(reader.connection()?).await.map_err(storage)?;
        let mut columns = Columns::from(&row, 0);
        let mut next = || count(columns.take()?);
        let (waiting, failed, declined, entries) = (next()?, next()?, next()?, next()?);
        let rows = sqlx::query(MODELS).fetch_all(reader.connection()?).await.map_err(storage)?;
        let figures = |row: &SqliteRow| {
            let mut columns = Columns::from(row, 0);
            let model = EmbeddingModel { name: columns.take()?, dimension: small(columns.take()?)? };
            Ok(ModelFigures { model, vectors: count(columns.take()?)? })
        };
        let models = rows.iter().map(figures).collect::<Result<Vec<_>, StorageError>>()?;
        let models = models.into_iter().filter(|figures| figures.vectors > 0).collect();
        Ok(EmbeddingFigures { models, waiting, failed, declined, entries })
    }
}
