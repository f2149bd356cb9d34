//! How alike the entries of a search are to what is meant by it.
//!
//! All vectors of its namespaces are compared, one after the other: for some ten thousand that takes less than an index
//! would save, and nothing is missed.

use agentstack_access::Scope;
use agentstack_storage::{Meaning, StorageError};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::candidates::{Candidates, Space};
use super::{namespaces, seen};
use crate::briefly::briefly;
use crate::error::storage;
use crate::row::{Columns, count};
use crate::vectors::{MODEL, record_len, records};
use crate::write::Statement;

/// How many vectors are read at a time, and how many bytes of them: a blob has a limit (S32).
const PAGE: usize = 8_192;
const PAGE_BYTES: usize = 16 << 20;

/// How many vectors of so many numbers are read at a time.
fn page(dimension: u32) -> usize {
    PAGE.min(PAGE_BYTES / record_len(dimension)).max(1)
}

/// Vectors of the model `$2`: for each pair of a namespace and an entry in `$1`, up to `$3` of those after it. One blob of
/// many costs a fraction of as many rows.
pub(crate) const VECTORS: &str = "SELECT q.value ->> 0, (SELECT CAST(coalesce(group_concat(page.vector, ''), '') AS BLOB) \
     FROM (SELECT v.vector FROM vectors v WHERE v.namespace = q.value ->> 0 AND v.entry > q.value ->> 1 \
     AND v.model = $2 ORDER BY v.entry LIMIT $3) page) FROM json_each($1) q";

/// How many entries of the namespaces in `$1` are to have no vector.
pub(crate) const DECLINED: &str =
    "SELECT count(*) FROM json_each($1) q CROSS JOIN vectors v ON v.namespace = q.value AND v.model = 0";

/// How many entries that the caller may see have a vector of the model `$11`, or are to have none.
pub(crate) const SETTLED: &str = concat!(
    "SELECT count(*) FROM namespaces n CROSS JOIN entries e ON e.namespace = n.id ",
    "CROSS JOIN vectors v ON v.namespace = e.namespace AND v.entry = e.id WHERE n.id IN ",
    namespaces!(),
    " AND v.model IN (0, $11) AND ",
    seen!()
);

impl Candidates<'_> {
    /// Compares the entries that have a vector of the model. Returns how many that the caller may see have none.
    pub(super) async fn compare(
        &mut self,
        connection: &mut SqliteConnection,
        meaning: &Meaning,
        scope: &Scope,
        ask: impl Fn(&'static str) -> Statement,
    ) -> Result<u64, StorageError> {
        let asked = sqlx::query(MODEL).bind(meaning.model.name.clone()).bind(meaning.model.dimension);
        let model = briefly(asked.fetch_optional(&mut *connection)).await.map_err(storage)?;
        let model: Option<i64> = model.map(|row| row.try_get(0)).transpose().map_err(storage)?;
        if let Some(model) = model {
            self.read_vectors(connection, model, meaning).await?;
        }
        let entries: u64 = self.spaces.iter().map(|space| space.statistics.entries).sum();
        let settled = if scope.bound_agent().is_some() {
            // In a session it sees some of the entries only.
            let row = briefly(ask(SETTLED).bind(model).fetch_one(&mut *connection)).await.map_err(storage)?;
            count(row.try_get(0).map_err(storage)?)?
        } else {
            let compared: usize = self.spaces.iter().map(|space| space.cosines.len()).sum();
            let ids = self.spaces.iter().map(|space| space.id).collect::<Vec<_>>();
            let asked = sqlx::query(DECLINED).bind(array(&ids));
            let row = briefly(asked.fetch_one(&mut *connection)).await.map_err(storage)?;
            count(row.try_get(0).map_err(storage)?)? + compared as u64
        };
        Ok(entries.saturating_sub(settled))
    }

    async fn read_vectors(
        &mut self,
        connection: &mut SqliteConnection,
        model: i64,
        meaning: &Meaning,
    ) -> Result<(), StorageError> {
        let page = page(meaning.model.dimension);
        let mut from: Vec<[i64; 2]> = self.spaces.iter().map(|space| [space.id, 0]).collect();
        while !from.is_empty() {
            let asked =
                sqlx::query(VECTORS).bind(array(&from)).bind(model).bind(i64::try_from(page).unwrap_or(1));
            from.clear();
            for row in briefly(asked.fetch_all(&mut *connection)).await.map_err(storage)? {
                let mut columns = Columns::from(&row, 0);
                let (id, bytes): (i64, Vec<u8>) = (columns.take()?, columns.take()?);
                let Some(space) = self.spaces.iter_mut().find(|space| space.id == id) else { continue };
                if let Some(last) = space.take_vectors(bytes, meaning, page)? {
                    from.push([id, last]);
                }
            }
        }
        Ok(())
    }
}

impl Space {
    /// Compares a page of vectors. Returns the last entry of a full one.
    fn take_vectors(
        &mut self,
        mut bytes: Vec<u8>,
        meaning: &Meaning,
        page: usize,
    ) -> Result<Option<i64>, StorageError> {
        let before = self.cosines.len();
        for (entry, kept) in records(&mut bytes, meaning.model.dimension) {
            let vector = self.veil.uncover_there(kept);
            let cosine = vector.and_then(|vector| meaning.vector.cosine_to(vector));
            self.cosines.push((entry, cosine.ok_or_else(|| StorageError::damaged("a vector"))?));
        }
        let is_full = self.cosines.len() - before == page;
        Ok(self.cosines.last().filter(|_| is_full).map(|(entry, _)| *entry))
    }
}

/// Nothing can go wrong with numbers; if it did, there would be nothing to read.
fn array(numbers: &impl serde::Serialize) -> String {
    serde_json::to_string(numbers).unwrap_or_else(|_| "[]".into())
}

#[cfg(test)]
mod tests {
    use agentstack_storage::vector::DIMENSION_MOST;

    use super::*;
    use crate::connect::LIMITS;

    #[test]
    fn s32_a_page_of_vectors_of_any_dimension_is_within_the_limit_of_a_blob() {
        let most = LIMITS.iter().find(|(limit, _)| *limit == libsqlite3_sys::SQLITE_LIMIT_LENGTH).unwrap().1;
        for dimension in [1, 384, 3_072, 4_096, u32::try_from(DIMENSION_MOST).unwrap()] {
            let bytes = page(dimension) * record_len(dimension);
            assert!(bytes < usize::try_from(most).unwrap() / 2 + 1, "{dimension}: {bytes}");
        }
    }
}
