//! Moves rows to the fifth schema: entries come under their namespace's secret, agents and tasks under a better one.

use agentstack_core::{MemoryKey, Metadata, Tag};
use agentstack_storage::StorageError;
use sha2::{Digest, Sha256};
use sqlx::Executor;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::storage;
use crate::facts::{Facts, agent_hash, tag_hashes};
use crate::row::{Columns, parse_metadata};
use crate::veil::Veil;

/// The number of the migration after whose script the rows are moved.
pub(super) const MIGRATION: i64 = 5;

/// Few at a time: contents may be large.
const ENTRIES: &str = "SELECT e.id, n.secret, n.shared, e.namespace, e.agent, e.key, e.tags, e.metadata, e.origin_principal, \
     e.origin_agent, e.content FROM old_entries e JOIN namespaces n ON n.id = e.namespace WHERE e.id > $1 \
     ORDER BY e.id LIMIT 16";

const MOVE_ENTRY: &str = "INSERT INTO entries (id, namespace, length, version, last_version, updated_at, created_at, uuid, \
     key_hash, agent, tags, trust, writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content) \
     SELECT id, namespace, length, version, version, updated_at, created_at, uuid, key_hash, $2, $3, trust, $4, 0, \
     origin_principal, $5, origin_tool, chars, $6, $7 FROM old_entries WHERE id = $1";

const NOTE_WRITER: &str =
    "INSERT INTO namespace_writers (namespace, principal, agent) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

const VERSIONS: &str = "SELECT v.rowid, n.secret, n.shared, e.namespace, v.agent, e.key, v.tags, v.metadata, \
     v.origin_principal, v.origin_agent, v.content FROM old_versions v JOIN old_entries e ON e.id = v.entry \
     JOIN namespaces n ON n.id = e.namespace WHERE v.rowid > $1 ORDER BY v.rowid LIMIT 16";

const MOVE_VERSION: &str = "INSERT INTO entry_versions (entry, version, stored_at, agent, trust, writer, had_read, \
     origin_principal, origin_agent, origin_tool, chars, facts, content) \
     SELECT entry, version, stored_at, $2, trust, $4, 0, origin_principal, $5, origin_tool, $8, $6, $7 \
     FROM old_versions WHERE rowid = $1 AND $3 IS NOT NULL";

const AGENTS: &str = "SELECT a.id, n.secret, a.name, a.agent_type, a.metadata FROM agents a \
     JOIN namespaces n ON n.id = a.namespace WHERE a.id > $1 ORDER BY a.id LIMIT 100";

const TASKS: &str = "SELECT t.id, n.secret, t.agent_type, t.input, t.output FROM tasks t \
     JOIN namespaces n ON n.id = t.namespace WHERE t.id > $1 ORDER BY t.id LIMIT 16";

const MOVE_AGENT: &str = "UPDATE agents SET name = $2, agent_type = $3, metadata = $4 WHERE id = $1";
const MOVE_TASK: &str = "UPDATE tasks SET agent_type = $2, input = $3, output = $4 WHERE id = $1";

/// Sessions are few, and their objects small.
const SESSIONS: &str =
    "SELECT s.id, n.secret, s.metadata FROM sessions s JOIN namespaces n ON n.id = s.namespace";
const MOVE_SESSION: &str = "UPDATE sessions SET about = $2 WHERE id = $1";

const DROP: &str =
    "DROP TABLE old_versions; DROP TABLE old_entries; ALTER TABLE sessions DROP COLUMN metadata";

/// Moves everything.
pub(super) async fn move_rows(connection: &mut SqliteConnection) -> Result<(), StorageError> {
    for (some, put) in [(ENTRIES, MOVE_ENTRY), (VERSIONS, MOVE_VERSION)] {
        let mut last = 0_i64;
        loop {
            let rows = sqlx::query(some).bind(last).fetch_all(&mut *connection).await.map_err(storage)?;
            let Some(newest) = rows.last() else { break };
            last = Columns::from(newest, 0).take()?;
            for row in &rows {
                move_version(connection, row, put).await?;
            }
        }
    }
    for (some, put) in [(AGENTS, MOVE_AGENT), (TASKS, MOVE_TASK)] {
        let mut last = 0_i64;
        loop {
            let rows = sqlx::query(some).bind(last).fetch_all(&mut *connection).await.map_err(storage)?;
            let Some(newest) = rows.last() else { break };
            last = Columns::from(newest, 0).take()?;
            for row in &rows {
                move_texts(connection, row, put).await?;
            }
        }
    }
    for row in sqlx::query(SESSIONS).fetch_all(&mut *connection).await.map_err(storage)? {
        let mut columns = Columns::from(&row, 0);
        let id: Vec<u8> = columns.take()?;
        let veil = Veil::new(columns.take()?);
        let moving = sqlx::query(MOVE_SESSION).bind(id).bind(veil.cover(columns.take()?)?);
        moving.execute(&mut *connection).await.map_err(storage)?;
    }
    connection.execute(DROP).await.map(drop).map_err(storage)
}

async fn move_version(
    connection: &mut SqliteConnection,
    row: &SqliteRow,
    put: &'static str,
) -> Result<(), StorageError> {
    let mut columns = Columns::from(row, 0);
    let id: i64 = columns.take()?;
    let veil = Veil::new(columns.take()?);
    let (shared, namespace): (bool, i64) = (columns.take()?, columns.take()?);
    let agent = columns.agent()?;
    let key = columns.parsed("a key", |text| text.parse::<MemoryKey>().ok())?;
    let tags = columns.parsed("an entry's tags", |text| {
        let tags: Vec<String> = serde_json::from_str(text).ok()?;
        tags.into_iter().map(|tag| Tag::try_from(tag).ok()).collect::<Option<Vec<Tag>>>()
    })?;
    let metadata: Metadata = columns.parsed("a metadata object", parse_metadata)?;
    let principal: String = columns.take()?;
    let origin_agent = columns.agent()?;
    let content: &str = columns.take()?;
    let facts = Facts {
        key: &key,
        agent: agent.as_ref(),
        origin_agent: origin_agent.as_ref(),
        tags: &tags,
        metadata: metadata.as_object(),
        findings: &[],
        declined: false,
    };
    let moving = sqlx::query(put)
        .bind(id)
        .bind(agent.as_ref().map(agent_hash))
        .bind(tag_hashes(&tags))
        .bind(if shared { 0 } else { namespace })
        .bind(origin_agent.as_ref().map(agent_hash))
        .bind(facts.cover(&veil)?)
        .bind(veil.cover(content)?)
        .bind(i64::try_from(content.chars().count()).unwrap_or(i64::MAX));
    moving.execute(&mut *connection).await.map_err(storage)?;
    if shared {
        let agent = origin_agent.as_ref().map(agent_hash).unwrap_or_default();
        let noting = sqlx::query(NOTE_WRITER).bind(namespace).bind(principal).bind(agent);
        noting.execute(connection).await.map_err(storage)?;
    }
    Ok(())
}

/// Three texts of an agent or a task come under the new veil.
async fn move_texts(
    connection: &mut SqliteConnection,
    row: &SqliteRow,
    put: &'static str,
) -> Result<(), StorageError> {
    let mut columns = Columns::from(row, 0);
    let id: i64 = columns.take()?;
    let secret: &[u8] = columns.take()?;
    let veil = Veil::new(secret);
    let mut moving = sqlx::query(put).bind(id);
    for _ in 0..3 {
        let covered: Option<&[u8]> = columns.take()?;
        let text =
            covered.map(|bytes| old_text(secret, bytes).ok_or_else(|| StorageError::damaged("a text")));
        moving = moving.bind(text.transpose()?.map(|text| veil.cover(&text)).transpose()?);
    }
    moving.execute(connection).await.map(drop).map_err(storage)
}

/// A text as the fourth schema kept it: each byte moved by a number that depends on the secret and the bytes before it,
/// by `SplitMix64`.
fn old_text(secret: &[u8], bytes: &[u8]) -> Option<String> {
    let seed = Sha256::new().chain_update(b"agentstack text v1").chain_update(secret).finalize();
    let mut state = seed.iter().take(8).fold(0_u64, |seed, byte| seed << 8 | u64::from(*byte));
    let uncover = |covered: &u8| {
        let [first, ..] = state.to_be_bytes();
        let byte = covered.wrapping_sub(first);
        let mut mixed = (state ^ u64::from(byte)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state = mixed ^ (mixed >> 31);
        byte
    };
    String::from_utf8(bytes.iter().map(uncover).collect()).ok()
}
