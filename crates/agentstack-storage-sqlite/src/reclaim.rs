//! Removing what is left of ended sessions.

use agentstack_storage::StorageError;
use sqlx::Row;

use crate::SqliteStore;
use crate::error::storage;
use crate::write::Write;

/// How much of an ended session is removed in one transaction, so that other writers get their turn: blocks of the
/// index, and rows, no more of these after so many characters of content or bytes of text.
const BLOCKS: u32 = 200;
const ROWS: u32 = 1_000;
const CHARS: u32 = 2_000_000;

/// Removes what there is of the index of the namespace $1, but no more than $2 blocks.
pub(crate) const REMOVE_INDEX: &str = "DELETE FROM index_blocks WHERE id IN \
     (SELECT id FROM index_blocks WHERE id >= $1 << 32 AND id < ($1 + 1) << 32 LIMIT $2); \
     DELETE FROM index_fresh WHERE id >= $1 << 32 AND id < ($1 + 1) << 32; \
     DELETE FROM index_segments WHERE id >= $1 << 32 AND id < ($1 + 1) << 32";

/// Some rows of the namespace $1: the first, and those before which there is less than $3 of what they hold.
macro_rules! some {
    ($size:literal, $table:literal, $order:literal) => {
        concat!(
            "SELECT json_group_array(id) FROM (SELECT id, sum(size) OVER ",
            "(ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM (SELECT id, ",
            $size,
            " AS size FROM ",
            $table,
            " WHERE namespace = $1 ORDER BY ",
            $order,
            " LIMIT $2)) WHERE coalesce(before, 0) < $3"
        )
    };
}

/// In the order in which they were stored, so that each page of the table is touched about once; in the order of another
/// index it is touched once a step.
pub(crate) const SOME_ENTRIES: &str = some!("chars", "entries", "updated_at, uuid");
pub(crate) const SOME_TASKS: &str =
    some!("coalesce(octet_length(input), 0) + coalesce(octet_length(output), 0)", "tasks", "uuid");
pub(crate) const SOME_AGENTS: &str = some!("octet_length(metadata)", "agents", "uuid");

const REMOVE_ENTRIES: &str = "DELETE FROM entry_versions WHERE entry IN (SELECT value FROM json_each($1)); \
     DELETE FROM entries WHERE id IN (SELECT value FROM json_each($1))";

/// A relationship goes with its first task.
pub(crate) const REMOVE_TASKS: &str = "DELETE FROM task_relations WHERE (namespace, source) IN \
     (SELECT namespace, uuid FROM tasks WHERE id IN (SELECT value FROM json_each($1))); \
     DELETE FROM tasks WHERE id IN (SELECT value FROM json_each($1))";

const REMOVE_AGENTS: &str = "DELETE FROM agents WHERE id IN (SELECT value FROM json_each($1))";

pub(crate) const REMOVE_DRIFT: &str =
    "DELETE FROM drift_events WHERE id IN (SELECT id FROM drift_events WHERE namespace = $1 LIMIT $2)";

pub(crate) const REMOVE_HELD: &str =
    "DELETE FROM held_versions WHERE id IN (SELECT id FROM held_versions WHERE namespace = $1 LIMIT $2)";

/// What the session has read stays as long as anything says that it wrote it, or that it read it: by then what is derived
/// from what can be asked for.
const REMOVE_NAMESPACE: &str =
    "DELETE FROM ended_namespaces WHERE namespace = $1; DELETE FROM namespaces WHERE id = $1";

impl SqliteStore {
    /// Removes what is left of ended sessions, some rows at a time, and every trace of it in the
    /// files. It can be interrupted anywhere and goes on from there (S07, S08).
    pub(crate) async fn reclaim(&self) -> Result<(), StorageError> {
        let mut removed = false;
        while self.reclaim_some().await? {
            removed = true;
        }
        if removed {
            self.try_truncate_log().await;
        }
        Ok(())
    }

    /// One step of [`SqliteStore::reclaim`]. Returns whether there was anything to do.
    async fn reclaim_some(&self) -> Result<bool, StorageError> {
        let ended = sqlx::query("SELECT namespace FROM ended_namespaces LIMIT 1");
        let ended = {
            let mut reader = self.reader().await?;
            ended.fetch_optional(reader.connection()?).await.map_err(storage)?
        };
        let Some(row) = ended else { return Ok(false) };
        let namespace: i64 = row.try_get(0).map_err(storage)?;
        let mut write = self.write().await?;
        let removed = match remove_some(&mut write, namespace).await {
            Ok(()) => write.run(sqlx::query("COMMIT")).await,
            Err(error) => Err(error),
        };
        match removed {
            Ok(_) => {
                write.committed();
                Ok(true)
            }
            Err(error) => write.undo(error).await,
        }
    }
}

/// Removes some of what an ended namespace has, or with the last of it the namespace.
async fn remove_some(write: &mut Write<'_>, namespace: i64) -> Result<(), StorageError> {
    if write.run(sqlx::query(REMOVE_INDEX).bind(namespace).bind(BLOCKS)).await? > 0 {
        return Ok(());
    }
    for (some, remove) in
        [(SOME_ENTRIES, REMOVE_ENTRIES), (SOME_TASKS, REMOVE_TASKS), (SOME_AGENTS, REMOVE_AGENTS)]
    {
        let some = sqlx::query(some).bind(namespace).bind(ROWS).bind(CHARS);
        let row = some.fetch_one(write.connection()?).await.map_err(storage)?;
        let ids: String = row.try_get(0).map_err(storage)?;
        if ids != "[]" {
            return write.run(sqlx::query(remove).bind(ids)).await.map(drop);
        }
    }
    if write.run(sqlx::query(REMOVE_DRIFT).bind(namespace).bind(ROWS)).await? > 0 {
        return Ok(());
    }
    if write.run(sqlx::query(REMOVE_HELD).bind(namespace).bind(ROWS)).await? > 0 {
        return Ok(());
    }
    write.run(sqlx::query(REMOVE_NAMESPACE).bind(namespace)).await.map(drop)
}
