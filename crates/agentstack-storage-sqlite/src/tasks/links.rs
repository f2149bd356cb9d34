//! How tasks stand to one another, and what came of comparing them.

use agentstack_access::Scope;
use agentstack_core::{Relationship, TaskId, Timestamp};
use agentstack_storage::{Direction, DriftFigures, StorageError};

use crate::SqliteStore;
use crate::error::storage;
use crate::row::{Columns, count};
use crate::write::{held, scoped};

/// The relationships at one end of which a task is.
macro_rules! at {
    ($end:literal) => {
        concat!(
            " SELECT k.id, r.source, r.relation, r.target FROM held ",
            "LEFT JOIN tasks k ON k.namespace = held.id AND k.uuid = $4 ",
            "LEFT JOIN task_relations r ON r.namespace = k.namespace AND r.",
            $end,
            " = k.uuid"
        )
    };
}

pub(crate) const OUTGOING: &str = concat!(held!(), at!("source"));
pub(crate) const INCOMING: &str = concat!(held!(), at!("target"));
pub(crate) const BOTH: &str = concat!(held!(), at!("source"), " UNION ALL ", at!("target"));

pub(crate) const FIGURES: &str = concat!(
    held!(),
    " SELECT count(d.id), count(d.id) FILTER (WHERE d.action = 'warned'), ",
    "count(d.id) FILTER (WHERE d.action = 'prevented'), avg(d.similarity), max(d.similarity), ",
    "max(d.at) FILTER (WHERE d.action <> 'allowed') ",
    "FROM held LEFT JOIN drift_events d ON d.namespace = held.id AND d.at >= $4 GROUP BY held.id"
);

impl SqliteStore {
    pub(super) async fn read_relationships(
        &self,
        scope: &Scope,
        id: TaskId,
        direction: Direction,
    ) -> Result<Option<Vec<Relationship>>, StorageError> {
        let sql = match direction {
            Direction::Outgoing => OUTGOING,
            Direction::Incoming => INCOMING,
            Direction::Both => BOTH,
        };
        let question = scoped(sql, scope).bind(id.as_bytes().to_vec());
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        if rows.is_empty() {
            return Err(StorageError::SessionGone);
        }
        let mut relationships = vec![];
        for row in &rows {
            let mut columns = Columns::from(row, 0);
            if columns.take::<Option<i64>>()?.is_none() {
                return Ok(None);
            }
            // A task without any has a row all the same.
            if let Some(from) = columns.optional_id(TaskId::from_bytes)? {
                let relation = columns.word("a relationship")?;
                relationships.push(Relationship { from, relation, to: columns.id(TaskId::from_bytes)? });
            }
        }
        relationships.sort_unstable();
        Ok(Some(relationships))
    }

    pub(super) async fn read_drift(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
    ) -> Result<DriftFigures, StorageError> {
        let since = since.map_or(i64::MIN, Timestamp::as_millis);
        let question = scoped(FIGURES, scope).bind(since);
        let mut reader = self.reader().await?;
        let row = question.fetch_optional(reader.connection()?).await.map_err(storage)?;
        let row = row.ok_or(StorageError::SessionGone)?;
        let mut columns = Columns::from(&row, 0);
        Ok(DriftFigures {
            checks: count(columns.take()?)?,
            warned: count(columns.take()?)?,
            prevented: count(columns.take()?)?,
            mean_similarity: columns.take()?,
            greatest_similarity: columns.take()?,
            last_at: columns.take::<Option<i64>>()?.map(Timestamp::from_millis),
        })
    }
}
