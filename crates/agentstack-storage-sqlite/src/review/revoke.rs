//! Revoking origins, and what time takes.

use std::collections::BTreeMap;

use agentstack_access::Scope;
use agentstack_core::{AgentId, AgentInstanceId, SessionId, Timestamp, Trust};
use agentstack_storage::{Forgotten, OriginFilter, Readers, Revocation, StorageError};
use serde_json::json;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::entry::{open, promote, take_out};
use crate::IndexBounds;
use crate::error::storage;
use crate::facts::agent_hash;
use crate::memory::entry::{remove, remove_empty};
use crate::row::{Columns, count, small, uuid};
use crate::write::{Statement, Write};

/// Whether something that was stored at a time is of the origin `$1` to `$3`, through the tool or the family of tools `$5`.
macro_rules! of_origin {
    ($table:literal, $stored:literal) => {
        concat!(
            "($1 IS NULL OR ",
            $table,
            ".origin_principal = $1) AND ($5 IS NULL OR ",
            $table,
            ".origin_tool = $5 OR substr(",
            $table,
            ".origin_tool, 1, length($5) + 1) = $5 || '_') AND ($2 IS NULL OR ",
            $table,
            ".origin_agent = $2) AND ($3 IS NULL OR ",
            $stored,
            " >= $3)"
        )
    };
}

/// The sessions that were shown something of the origin, and the first place at which they were.
pub(crate) const SHOWN: &str = concat!(
    "SELECT r.reader, min(r.place) FROM reads r WHERE ",
    of_origin!("r", "r.stored_at"),
    " GROUP BY r.reader"
);

/// The sessions that were shown what the session $1 had written when it had read as far as $2, and the first place.
pub(crate) const SHOWN_OF: &str =
    "SELECT reader, min(place) FROM reads WHERE writer = $1 AND had_read >= $2 GROUP BY reader";

/// Whether a version was written by one of the sessions of the JSON array `$4`, once it had read as far.
macro_rules! derived {
    ($table:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM json_each($4) q WHERE q.value ->> 0 = ",
            $table,
            ".writer AND q.value ->> 1 <= ",
            $table,
            ".had_read)"
        )
    };
}

/// All versions of the origin, and those derived from it: the entry, the number, and whether it is of the origin.
const CONCERNED: &str = concat!(
    "SELECT e.id AS entry, e.version AS version, ",
    of_origin!("e", "e.updated_at"),
    " AS own FROM entries e WHERE e.namespace NOT IN (SELECT namespace FROM ended_namespaces) AND (own OR ",
    derived!("e"),
    ") UNION ALL SELECT v.entry, v.version, ",
    of_origin!("v", "v.stored_at"),
    " AS own FROM entry_versions v JOIN entries e ON e.id = v.entry ",
    "WHERE e.namespace NOT IN (SELECT namespace FROM ended_namespaces) AND (own OR ",
    derived!("v"),
    ") ORDER BY 1, 2"
);

const REVOKE_HELD: &str = concat!(
    "UPDATE held_versions AS h SET trust = 'revoked' WHERE h.trust = 'quarantined' AND ",
    of_origin!("h", "h.stored_at")
);

fn of_origin(sql: &'static str, origin: &OriginFilter, sessions: Option<String>) -> Statement {
    sqlx::query(sql)
        .bind(origin.principal.clone())
        .bind(origin.agent.as_ref().map(agent_hash))
        .bind(origin.since.map(Timestamp::as_millis))
        .bind(sessions)
        .bind(origin.tool.clone())
}

/// Revokes what is of an origin, and quarantines what is derived from it.
pub(super) async fn revoke(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    scope: &Scope,
    origin: &OriginFilter,
) -> Result<Revocation, StorageError> {
    let tainted = tainted(write, origin).await?;
    let mut done =
        Revocation { revoked: write.run(of_origin(REVOKE_HELD, origin, None)).await?, quarantined: 0 };
    let sessions: serde_json::Value =
        tainted.iter().map(|(session, place)| json!([session, place])).collect();
    let asked = of_origin(CONCERNED, origin, Some(sessions.to_string()));
    let rows = asked.fetch_all(write.connection()?).await.map_err(storage)?;
    let mut concerned: BTreeMap<i64, Vec<(u32, Trust)>> = BTreeMap::new();
    for row in &rows {
        let mut columns = Columns::from(row, 0);
        let (entry, version) = (columns.take()?, small(columns.take()?)?);
        let trust = if columns.take::<bool>()? { Trust::Revoked } else { Trust::Quarantined };
        match trust {
            Trust::Revoked => done.revoked += 1,
            _ => done.quarantined += 1,
        }
        concerned.entry(entry).or_default().push((version, trust));
    }
    for (entry, versions) in concerned {
        take_out(write, bounds, scope.at(), entry, &versions).await?;
    }
    Ok(done)
}

const FORGET_PAST: &str = "DELETE FROM entry_versions WHERE entry = $1 AND version = $2";

const FORGET_OF_HELD: &str = concat!("DELETE FROM held_versions AS h WHERE ", of_origin!("h", "h.stored_at"));
const FORGET_SHOWN: &str = concat!("DELETE FROM reads AS r WHERE ", of_origin!("r", "r.stored_at"));
const FORGET_SHOWN_TO_HOLDERS: &str =
    concat!("DELETE FROM holder_reads AS r WHERE ", of_origin!("r", "r.stored_at"));

/// What there is of the principal `$1` itself.
const FORGET_IDENTITIES: &str = "DELETE FROM identities WHERE owner = $1";
const FORGET_TOKENS: &str = "DELETE FROM tokens WHERE 'token:' || subject = $1";
const FORGET_SHOWN_TO: &str =
    "DELETE FROM holder_reads WHERE holder = $1 OR substr(holder, 1, length($1) + 1) = $1 || '/'";
const FORGET_WRITER: &str = "DELETE FROM namespace_writers WHERE principal = $1";

/// The agents of the id `$1` or the name `$2`, in the sessions of the principal `$3` if one is given.
macro_rules! agents {
    () => {
        "FROM agents a WHERE (a.uuid = $1 OR a.name_hash = $2) AND ($3 IS NULL OR a.namespace IN \
         (SELECT s.namespace FROM sessions s JOIN session_holders h ON h.session = s.id \
          WHERE h.holder = $3 OR substr(h.holder, 1, length($3) + 1) = $3 || '/'))"
    };
}
const AGENTS: &str = concat!("SELECT a.namespace, a.uuid ", agents!());
const FORGET_TASK_RELATIONS: &str = "DELETE FROM task_relations WHERE (namespace, source) IN \
     (SELECT t.namespace, t.uuid FROM tasks t WHERE t.namespace = $1 AND t.agent = $2) OR (namespace, target) IN \
     (SELECT t.namespace, t.uuid FROM tasks t WHERE t.namespace = $1 AND t.agent = $2)";
const FORGET_TASKS: &str = "DELETE FROM tasks WHERE namespace = $1 AND agent = $2";
const FORGET_AGENT: &str = "DELETE FROM agents WHERE namespace = $1 AND uuid = $2";

/// Deletes what is of an origin.
pub(super) async fn forget(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    origin: &OriginFilter,
) -> Result<Forgotten, StorageError> {
    let asked = of_origin(CONCERNED, origin, Some("[]".to_owned()));
    let rows = asked.fetch_all(write.connection()?).await.map_err(storage)?;
    let mut done = Forgotten { versions: rows.len() as u64, ..Forgotten::default() };
    let mut concerned: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for row in &rows {
        let mut columns = Columns::from(row, 0);
        let (entry, version) = (columns.take()?, small(columns.take()?)?);
        concerned.entry(entry).or_default().push(version);
    }
    for (row, versions) in concerned {
        let (space, entry) = open(write, row).await?;
        for version in versions.iter().filter(|version| **version != entry.version) {
            write.run(sqlx::query(FORGET_PAST).bind(row).bind(*version)).await?;
        }
        if versions.contains(&entry.version) {
            promote(write, bounds, &space, &entry).await?;
        }
    }
    done.versions += write.run(of_origin(FORGET_OF_HELD, origin, None)).await?;
    for shown in [FORGET_SHOWN, FORGET_SHOWN_TO_HOLDERS] {
        done.readings += write.run(of_origin(shown, origin, None)).await?;
    }
    if let (Some(principal), true) = (&origin.principal, origin.is_whole_principal()) {
        let of = |sql| sqlx::query(sql).bind(principal.clone());
        done.identities = write.run(of(FORGET_IDENTITIES)).await?;
        done.tokens = write.run(of(FORGET_TOKENS)).await?;
        done.readings += write.run(of(FORGET_SHOWN_TO)).await?;
        write.run(of(FORGET_WRITER)).await?;
    }
    if let (Some(agent), true) = (&origin.agent, origin.is_whole_agent()) {
        forget_agents(write, agent, origin.principal.as_ref(), &mut done).await?;
    }
    write.run(sqlx::query(FORGET_EMPTY)).await?;
    Ok(done)
}

async fn forget_agents(
    write: &mut Write<'_>,
    agent: &AgentId,
    principal: Option<&String>,
    done: &mut Forgotten,
) -> Result<(), StorageError> {
    let id = agent.as_str().parse::<AgentInstanceId>().ok();
    let asked = sqlx::query(AGENTS)
        .bind(id.map(|id| id.as_bytes().to_vec()))
        .bind(agent_hash(agent))
        .bind(principal.cloned());
    for row in asked.fetch_all(write.connection()?).await.map_err(storage)? {
        let mut columns = Columns::from(&row, 0);
        let (namespace, agent): (i64, Vec<u8>) = (columns.take()?, columns.take()?);
        let of = |sql| sqlx::query(sql).bind(namespace).bind(agent.clone());
        write.run(of(FORGET_TASK_RELATIONS)).await?;
        done.tasks += write.run(of(FORGET_TASKS)).await?;
        done.agents += write.run(of(FORGET_AGENT)).await?;
    }
    Ok(())
}

const READERS: &str = concat!(
    "SELECT s.id, (SELECT min(h.holder) FROM session_holders h WHERE h.session = s.id) FROM sessions s ",
    "WHERE s.namespace IN (SELECT r.reader FROM reads r WHERE ",
    of_origin!("r", "r.stored_at"),
    ") ORDER BY s.id DESC LIMIT 100"
);
const READERS_GONE: &str = concat!(
    "SELECT count(DISTINCT r.reader) FROM reads r WHERE ",
    of_origin!("r", "r.stored_at"),
    " AND r.reader NOT IN (SELECT namespace FROM sessions)"
);
const READING_HOLDERS: &str = concat!(
    "SELECT DISTINCT r.holder FROM holder_reads r WHERE ",
    of_origin!("r", "r.stored_at"),
    " ORDER BY r.holder LIMIT 100"
);

/// Who has been shown something of an origin.
pub(super) async fn readers(
    connection: &mut SqliteConnection,
    origin: &OriginFilter,
) -> Result<Readers, StorageError> {
    let mut readers = Readers::default();
    let asked = of_origin(READERS, origin, None);
    for row in asked.fetch_all(&mut *connection).await.map_err(storage)? {
        let mut columns = Columns::from(&row, 0);
        let session = SessionId::from_bytes(uuid(columns.take()?)?);
        readers.sessions.push((session, columns.take::<Option<String>>()?.unwrap_or_default()));
    }
    let row = of_origin(READERS_GONE, origin, None).fetch_one(&mut *connection).await.map_err(storage)?;
    readers.ended = count(Columns::from(&row, 0).take()?)?;
    let asked = of_origin(READING_HOLDERS, origin, None);
    for row in asked.fetch_all(&mut *connection).await.map_err(storage)? {
        readers.holders.push(Columns::from(&row, 0).take()?);
    }
    Ok(readers)
}

/// The sessions that have been shown something of the origin, or what such a session wrote from then on, and from
/// which place on.
async fn tainted(write: &mut Write<'_>, origin: &OriginFilter) -> Result<BTreeMap<i64, i64>, StorageError> {
    let mut tainted = BTreeMap::new();
    let mut found = pairs(write, of_origin(SHOWN, origin, None)).await?;
    while let Some((session, place)) = found.pop() {
        let known = tainted.entry(session).or_insert(i64::MAX);
        if place < *known {
            *known = place;
            found.extend(pairs(write, sqlx::query(SHOWN_OF).bind(session).bind(place)).await?);
        }
    }
    Ok(tainted)
}

async fn pairs(write: &mut Write<'_>, asked: Statement) -> Result<Vec<(i64, i64)>, StorageError> {
    let rows = asked.fetch_all(write.connection()?).await.map_err(storage)?;
    let pair = |row: &SqliteRow| {
        let mut columns = Columns::from(row, 0);
        Ok((columns.take()?, columns.take()?))
    };
    rows.iter().map(pair).collect()
}

/// Shared entries that nobody has verified since $1: no more than a thousand.
pub(crate) const UNVERIFIED: &str = "SELECT e.id, (SELECT max(v.version) FROM entry_versions v WHERE v.entry = e.id \
     AND v.trust = 'trusted') FROM namespaces n CROSS JOIN entries e ON e.namespace = n.id AND e.updated_at < $1 \
     WHERE n.shared = 1 AND e.trust = 'unverified' LIMIT 1000";

const FORGET_NEWER: &str = "DELETE FROM entry_versions WHERE entry = $1 AND version > $2";

const FORGET_HELD: &str = "DELETE FROM held_versions WHERE id IN \
     (SELECT id FROM held_versions WHERE held_at < $1 LIMIT 1000)";

/// What ended sessions have read is of use as long as something is there that one of them wrote, or that was made of
/// what one wrote.
const FORGET_READS: &str = "DELETE FROM holder_reads WHERE read_at < $1; \
     DELETE FROM reads WHERE reader IN (SELECT reader FROM reads EXCEPT SELECT id FROM namespaces \
     EXCEPT SELECT writer FROM entries EXCEPT SELECT writer FROM entry_versions \
     EXCEPT SELECT writer FROM held_versions EXCEPT SELECT writer FROM reads \
     EXCEPT SELECT writer FROM holder_reads)";

/// Shared namespaces that have nothing left, not even what is held back.
const FORGET_EMPTY: &str = "DELETE FROM namespace_writers WHERE namespace NOT IN (SELECT namespace FROM entries) \
     AND namespace NOT IN (SELECT namespace FROM held_versions); \
     DELETE FROM namespaces WHERE shared = 1 AND id NOT IN (SELECT namespace FROM entries) \
     AND id NOT IN (SELECT namespace FROM held_versions)";

/// Removes what nobody has verified in time. Returns how many.
pub(super) async fn expire(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    before: Timestamp,
) -> Result<u64, StorageError> {
    let asked = sqlx::query(UNVERIFIED).bind(before.as_millis());
    let rows = asked.fetch_all(write.connection()?).await.map_err(storage)?;
    for row in &rows {
        let mut columns = Columns::from(row, 0);
        let (entry, verified): (i64, Option<i64>) = (columns.take()?, columns.take()?);
        let (space, entry) = open(write, entry).await?;
        if let Some(verified) = verified {
            write.run(sqlx::query(FORGET_NEWER).bind(entry.row).bind(verified)).await?;
            promote(write, bounds, &space, &entry).await?;
        } else {
            remove(write, &space, bounds, &entry).await?;
            remove_empty(write, space.id).await?;
        }
    }
    let held = write.run(sqlx::query(FORGET_HELD).bind(before.as_millis())).await?;
    let removed = held + rows.len() as u64;
    if removed > 0 {
        write.run(sqlx::query(FORGET_READS).bind(before.as_millis())).await?;
        write.run(sqlx::query(FORGET_EMPTY)).await?;
    }
    Ok(removed)
}
