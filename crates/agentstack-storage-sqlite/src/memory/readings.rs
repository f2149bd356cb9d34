//! What sessions have been shown of others.

use agentstack_access::Scope;
use agentstack_audit::Draft;
use agentstack_core::hex;
use agentstack_storage::review::HOLDER_READS_MS;
use agentstack_storage::{Reading, StorageError};
use serde_json::json;
use sqlx::Row;

use crate::SqliteStore;
use crate::error::storage;
use crate::facts::agent_hash;
use crate::index::key_hash;
use crate::row::Columns;
use crate::write::{Write, alive, scoped};

/// Opens a transaction of a scope: the log's head, whether the session lives, and the columns of [`Reader`].
pub(crate) const OPEN: &str = concat!(
    "BEGIN IMMEDIATE; SELECT a.sequence, a.hash, ",
    alive!(),
    ", coalesce(w.namespace, 0), ",
    "(SELECT coalesce(max(r.place), 0) FROM reads r WHERE r.reader = w.namespace) ",
    "FROM (SELECT 1) LEFT JOIN (SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1) a ",
    "LEFT JOIN sessions w ON w.id = $1"
);

/// What is read, from the JSON array `$2`, with who has written it.
macro_rules! shown {
    () => {
        "unhex(q.value ->> 2) AS uuid, q.value ->> 3 AS version, \
         CASE WHEN e.version = q.value ->> 3 THEN e.writer ELSE coalesce(p.writer, 0) END AS writer, \
         CASE WHEN e.version = q.value ->> 3 THEN e.had_read ELSE coalesce(p.had_read, 0) END AS had_read, \
         q.value ->> 4 AS stored_at, q.value ->> 5 AS origin_principal, unhex(q.value ->> 6) AS origin_agent, \
         q.value ->> 7 AS origin_tool \
         FROM json_each($2) q LEFT JOIN namespaces n ON n.name = q.value ->> 0 \
         LEFT JOIN entries e ON e.namespace = n.id AND e.key_hash = unhex(q.value ->> 1) \
         AND e.uuid = unhex(q.value ->> 2) \
         LEFT JOIN entry_versions p ON p.entry = e.id AND p.version = q.value ->> 3 "
    };
}

/// The place before the next one of the reader `$1`.
macro_rules! last_place {
    () => {
        "(SELECT coalesce(max(place), 0) FROM reads WHERE reader = $1)"
    };
}

/// The reader `$1` is shown what is in `$2`.
pub(crate) const SHOW: &str = concat!(
    "INSERT INTO reads (reader, place, uuid, version, writer, had_read, stored_at, origin_principal, origin_agent, ",
    "origin_tool) SELECT $1, ",
    last_place!(),
    " + row_number() OVER (ORDER BY q.key), ",
    shown!(),
    "WHERE true ON CONFLICT (reader, uuid, version) DO NOTHING"
);

/// How many of those in `$1` are not there any more.
pub(crate) const GONE: &str = "SELECT count(*) FROM json_each($1) q LEFT JOIN namespaces n ON n.name = q.value ->> 0 \
     LEFT JOIN entries e ON e.namespace = n.id AND e.key_hash = unhex(q.value ->> 1) AND e.uuid = unhex(q.value ->> 2) \
     LEFT JOIN entry_versions p ON p.entry = e.id AND p.version = q.value ->> 3 \
     WHERE e.version IS NOT q.value ->> 3 AND p.version IS NULL";

/// A holder `$1` is shown at `$3` what is in `$2`.
pub(crate) const SHOW_HOLDER: &str = concat!(
    "INSERT INTO holder_reads (holder, read_at, uuid, version, writer, had_read, stored_at, origin_principal, ",
    "origin_agent, origin_tool) SELECT $1, $3, ",
    shown!(),
    "WHERE true ON CONFLICT DO UPDATE SET read_at = excluded.read_at"
);

/// The session of the namespace `$1` has been shown what its holder `$2` has been since `$3`.
pub(crate) const BRING: &str = concat!(
    "INSERT INTO reads (reader, place, uuid, version, writer, had_read, stored_at, origin_principal, origin_agent, ",
    "origin_tool) SELECT $1, ",
    last_place!(),
    " + row_number() OVER (ORDER BY r.read_at, r.uuid, r.version), r.uuid, r.version, r.writer, r.had_read, ",
    "r.stored_at, r.origin_principal, r.origin_agent, r.origin_tool FROM holder_reads r WHERE r.holder = $2 AND r.read_at > $3 ",
    "ON CONFLICT (reader, uuid, version) DO NOTHING"
);

/// The namespaces of the live sessions of the scope's holder.
pub(crate) const HELD_SESSIONS: &str = "SELECT s.namespace FROM session_holders h JOIN sessions s ON s.id = h.session \
     WHERE h.holder = $2 AND s.expires_at > $3 AND s.last_used_at + s.idle_ms > $3";

/// A session as one that reads and writes.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    /// The number of its namespace; 0 for none.
    pub(crate) id: i64,
    /// How far it has read.
    pub(crate) had_read: i64,
}

impl Reader {
    pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Self, StorageError> {
        Ok(Self { id: columns.take()?, had_read: columns.take()? })
    }
}

/// Readings as the statements take them.
fn array(readings: &[Reading]) -> String {
    let row = |reading: &Reading| {
        json!([
            reading.namespace.to_string(),
            hex::encode(&key_hash(&reading.key)),
            hex::encode(reading.id.entry.as_bytes()),
            reading.id.version,
            reading.origin.at.as_millis(),
            reading.origin.principal,
            reading.origin.agent_id.as_ref().map(|agent| hex::encode(&agent_hash(agent))),
            reading.origin.tool,
        ])
    };
    readings.iter().map(row).collect::<serde_json::Value>().to_string()
}

async fn show(write: &mut Write<'_>, reader: i64, readings: &[Reading]) -> Result<(), StorageError> {
    write.run(sqlx::query(SHOW).bind(reader).bind(array(readings))).await.map(drop)
}

/// Notes what a session is shown in the course of a call that writes.
pub(super) async fn read_first(
    write: &mut Write<'_>,
    reader: Reader,
    reading: &Reading,
) -> Result<Reader, StorageError> {
    show(write, reader.id, std::slice::from_ref(reading)).await?;
    let asked = sqlx::query("SELECT coalesce(max(place), 0) FROM reads WHERE reader = $1").bind(reader.id);
    let row = asked.fetch_one(write.connection()?).await.map_err(storage)?;
    let had_read = row.try_get(0).map_err(storage)?;
    Ok(Reader { had_read, ..reader })
}

/// Notes what a holder is shown outside of any session.
async fn show_holder(write: &mut Write<'_>, scope: &Scope, readings: &[Reading]) -> Result<(), StorageError> {
    let rows = scoped(HELD_SESSIONS, scope).fetch_all(write.connection()?).await.map_err(storage)?;
    for row in rows {
        show(write, row.try_get(0).map_err(storage)?, readings).await?;
    }
    let showing = sqlx::query(SHOW_HOLDER)
        .bind(scope.holder().as_str().to_owned())
        .bind(array(readings))
        .bind(scope.at().as_millis());
    write.run(showing).await.map(drop)
}

/// Notes in a session what its new holder has been shown outside of any.
pub(crate) async fn bring(write: &mut Write<'_>, scope: &Scope, namespace: i64) -> Result<(), StorageError> {
    let bringing = sqlx::query(BRING)
        .bind(namespace)
        .bind(scope.holder().as_str().to_owned())
        .bind(scope.at().as_millis().saturating_sub(HOLDER_READS_MS));
    write.run(bringing).await.map(drop)
}

impl SqliteStore {
    pub(super) async fn note(
        &self,
        scope: &Scope,
        readings: &[Reading],
        record: &Draft,
    ) -> Result<(), StorageError> {
        let (mut write, row, ()) = self.write_after(scoped(OPEN, scope), || ()).await?;
        // What is noted is among nothing that is known.
        let unchanging = self.known.unchanging();
        let noted = async {
            if !row.try_get::<bool, _>(2).map_err(storage)? {
                return Err(StorageError::SessionGone);
            }
            let gone = sqlx::query(GONE).bind(array(readings));
            let gone = gone.fetch_one(write.connection()?).await.map_err(storage)?;
            if gone.try_get::<i64, _>(0).map_err(storage)? > 0 {
                return Err(StorageError::Changed);
            }
            match Reader::read(&mut Columns::from(&row, 3))? {
                Reader { id: 0, .. } => show_holder(&mut write, scope, readings).await,
                reader => show(&mut write, reader.id, readings).await,
            }
        };
        let done = match noted.await {
            Ok(()) => write.commit(record).await,
            Err(error) => write.undo(error).await,
        };
        drop(unchanging);
        done
    }
}
