//! Makes the index anew from the entries: after a change of its tables or of the analysis of texts.

use std::collections::HashMap;

use agentstack_storage::StorageError;
use sqlx::sqlite::SqliteConnection;

use super::{IndexBounds, Layers, Tail, Terms};
use crate::error::storage;
use crate::facts::Known;
use crate::row::Columns;
use crate::veil::Veil;

/// Few at a time: contents may be large.
const SOME: &str = "SELECT e.id, e.namespace, n.secret, e.facts, e.content FROM entries e \
     JOIN namespaces n ON n.id = e.namespace WHERE e.id > $1 ORDER BY e.id LIMIT 16";

const ADD: &str = "UPDATE entries SET length = $5 WHERE id = $2 AND length <> $5; \
     INSERT INTO index_fresh (id, entry, filled, terms) SELECT $1, $2, $3, $4 WHERE $1 IS NOT NULL";

/// Empties the index and fills it again.
pub(crate) async fn rebuild(
    connection: &mut SqliteConnection,
    bounds: IndexBounds,
) -> Result<(), StorageError> {
    for table in ["DELETE FROM index_fresh", "DELETE FROM index_segments", "DELETE FROM index_blocks"] {
        sqlx::query(table).execute(&mut *connection).await.map_err(storage)?;
    }
    let (mut tails, mut last) = (HashMap::<i64, Tail>::new(), 0_i64);
    loop {
        let rows = sqlx::query(SOME).bind(last).fetch_all(&mut *connection).await.map_err(storage)?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            let mut columns = Columns::from(row, 0);
            let (entry, namespace): (i64, i64) = (columns.take()?, columns.take()?);
            let secret: &[u8] = columns.take()?;
            let veil = Veil::new(secret);
            let facts = Known::uncover(&veil, columns.take()?)?;
            let terms = Terms::of(facts.key.as_str(), &columns.covered("a content", &veil, Some)?);
            let tail = tails.entry(namespace).or_default();
            let document = terms.document(secret, entry);
            let mut layers = Layers { connection: &mut *connection, namespace, bounds };
            let fresh = layers.admit(*tail, document).await?;
            *tail = Tail::after(fresh.as_ref().map(|fresh| (fresh.id, fresh.filled)));
            let (id, filled, bytes) =
                fresh.map_or((None, None, None), |row| (Some(row.id), Some(row.filled), Some(row.terms)));
            let add = sqlx::query(ADD).bind(id).bind(entry).bind(filled).bind(bytes).bind(terms.length);
            add.execute(&mut *connection).await.map_err(storage)?;
            last = entry;
        }
    }
}
