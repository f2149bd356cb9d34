//! Reading rows, some at a time.

use agentstack_core::limits::TAGS;
use agentstack_storage::import::{
    Cell, SourceEntry, SourceIdentity, SourceItem, SourceRow, SourceSession, SourceTable, SourceTask,
    SourceVersion,
};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::columns::{Cells, cell_of, json, name, text};
use super::shape::Shape;

/// Most bytes of texts that are read at a time, unless one row alone has more.
const BYTES: i64 = 4 * 1024 * 1024;

/// The numbers of the next rows after $1, and about how many bytes each has.
macro_rules! next {
    ($table:literal, $bytes:literal) => {
        concat!("SELECT rowid, ", $bytes, " FROM ", $table, " WHERE rowid > $1 ORDER BY rowid LIMIT 200")
    };
}

/// The rows of a table after $1 up to $2.
macro_rules! rows {
    ($from:literal) => {
        concat!(" FROM ", $from, " WHERE r.rowid > $1 AND r.rowid <= $2 ORDER BY r.rowid")
    };
}

/// A value to look something up by, unless it is longer than any that is there.
macro_rules! named {
    ($column:literal) => {
        concat!("CASE WHEN octet_length(", $column, ") <= 4096 THEN ", $column, " END")
    };
}

/// The first row of a table with an id, which need not be there once only.
macro_rules! first {
    ($table:literal, $of:literal, $id:expr) => {
        concat!(
            "LEFT JOIN ",
            $table,
            " ",
            $of,
            " ON ",
            $of,
            ".rowid = (SELECT i.rowid FROM ",
            $table,
            " i WHERE i.id = ",
            $id,
            " LIMIT 1) "
        )
    };
}

/// The session of the namespace of the entry `m`.
macro_rules! session_of_entry {
    () => {
        first!(
            "sessions",
            "s",
            "CASE WHEN octet_length(m.namespace) <= 4096 \
             AND substr(m.namespace, 1, 8) = 'session:' THEN substr(m.namespace, 9) END"
        )
    };
}

/// A session that a row names, as far as it is there.
macro_rules! session {
    () => {
        concat!(name!("s.id"), ", ", name!("s.status"), ", ", name!("s.started_at"))
    };
}

const NEXT_SESSIONS: &str = next!("sessions", "coalesce(octet_length(metadata), 0)");
const NEXT_IDENTITIES: &str = next!(
    "agent_identities",
    "coalesce(octet_length(metadata), 0) + coalesce(octet_length(capabilities), 0) \
     + coalesce(octet_length(description), 0) + coalesce(octet_length(retirement_reason), 0)"
);
const NEXT_TASKS: &str =
    next!("tasks", "coalesce(octet_length(input), 0) + coalesce(octet_length(output), 0)");
const NEXT_MEMORY: &str =
    next!("memory", "coalesce(octet_length(content), 0) + coalesce(octet_length(metadata), 0)");
const NEXT_VERSIONS: &str =
    next!("memory_versions", "coalesce(octet_length(content), 0) + coalesce(octet_length(metadata), 0)");

const SESSIONS: &str = concat!(
    "SELECT r.rowid, ",
    name!("r.id"),
    ", ",
    name!("r.status"),
    ", ",
    name!("r.started_at"),
    ", ",
    json!("r.metadata"),
    rows!("sessions r")
);

const IDENTITIES: &str = concat!(
    "SELECT r.rowid, ",
    name!("r.agent_id"),
    ", ",
    name!("r.agent_type"),
    ", ",
    name!("r.status"),
    ", ",
    json!("r.capabilities"),
    ", ",
    name!("r.version"),
    ", ",
    name!("r.display_name"),
    ", ",
    json!("r.description"),
    ", ",
    json!("r.metadata"),
    ", ",
    name!("r.created_at"),
    ", ",
    name!("r.last_active_at"),
    ", ",
    json!("r.retirement_reason"),
    ", ",
    name!("r.updated_at"),
    rows!("agent_identities r")
);

macro_rules! tasks {
    ($risk:expr, $parent:expr, $parent_created:expr, $parents:expr) => {
        concat!(
            "SELECT r.rowid, ",
            name!("r.id"),
            ", ",
            name!("r.session_id"),
            ", ",
            name!("r.agent_type"),
            ", ",
            name!("r.status"),
            ", ",
            json!("r.input"),
            ", ",
            json!("r.output"),
            ", ",
            name!("r.created_at"),
            ", ",
            name!("r.completed_at"),
            ", ",
            $risk,
            ", ",
            $parent,
            ", ",
            $parent_created,
            ", ",
            session!(),
            " FROM tasks r ",
            first!("sessions", "s", named!("r.session_id")),
            $parents,
            "WHERE r.rowid > $1 AND r.rowid <= $2 ORDER BY r.rowid"
        )
    };
}

const TASKS: &str = tasks!("NULL, 0", "NULL, 0", "NULL, 0", "");
const TASKS_WITH_PARENTS: &str = tasks!(
    name!("r.risk_level"),
    name!("r.parent_task_id"),
    name!("p.created_at"),
    first!("tasks", "p", named!("r.parent_task_id"))
);

/// The columns of an entry that say which it is, and its session.
macro_rules! entry {
    () => {
        concat!(
            name!("m.id"),
            ", ",
            name!("m.key"),
            ", ",
            name!("m.namespace"),
            ", ",
            name!("m.updated_at"),
            ", ",
            session!()
        )
    };
}

macro_rules! memory {
    ($agent:expr, $newest:expr) => {
        concat!(
            "SELECT m.rowid, ",
            entry!(),
            ", ",
            text!("m.content"),
            ", ",
            json!("m.metadata"),
            ", ",
            name!("m.created_at"),
            ", ",
            $agent,
            ", ",
            $newest,
            " FROM memory m ",
            session_of_entry!(),
            "WHERE m.rowid > $1 AND m.rowid <= $2 ORDER BY m.rowid"
        )
    };
}

/// The highest number of a past version of the entry: of those that are numbers.
macro_rules! newest {
    () => {
        concat!(
            "(SELECT max(v.version) FROM memory_versions v WHERE v.memory_id = ",
            named!("m.id"),
            " AND typeof(v.version) = 'integer' AND v.version BETWEEN 1 AND 999999998), 0"
        )
    };
}

const MEMORY: &str = memory!("NULL, 0", "NULL, 0");
const MEMORY_WITH_VERSIONS: &str = memory!("NULL, 0", newest!());
const MEMORY_WITH_AGENTS: &str = memory!(name!("m.agent_id"), "NULL, 0");
const MEMORY_WITH_BOTH: &str = memory!(name!("m.agent_id"), newest!());

const VERSIONS: &str = concat!(
    "SELECT r.rowid, ",
    entry!(),
    ", ",
    name!("r.version"),
    ", ",
    text!("r.content"),
    ", ",
    json!("r.metadata"),
    ", ",
    newest!(),
    " FROM memory_versions r ",
    first!("memory", "m", named!("r.memory_id")),
    session_of_entry!(),
    "WHERE r.rowid > $1 AND r.rowid <= $2 ORDER BY r.rowid"
);

/// The tags of the entry with the number $1, as one more than there may be at most.
const TAGS_OF: &str = "SELECT CASE WHEN octet_length(t.name) <= 4096 THEN t.name END \
     FROM memory m JOIN memory_tags b ON b.memory_id = m.id JOIN tags t ON t.id = b.tag_id \
     WHERE m.rowid = $1 AND octet_length(m.id) <= 4096 ORDER BY t.name LIMIT $2";

/// Rows of a table after a number.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    shape: &Shape,
    table: SourceTable,
    after: i64,
) -> Result<Vec<SourceRow>, sqlx::Error> {
    if !shape.has(table) {
        return Ok(vec![]);
    }
    let (next, sql) = match table {
        SourceTable::Sessions => (NEXT_SESSIONS, SESSIONS),
        SourceTable::Identities => (NEXT_IDENTITIES, IDENTITIES),
        SourceTable::Tasks if shape.has_parents => (NEXT_TASKS, TASKS_WITH_PARENTS),
        SourceTable::Tasks => (NEXT_TASKS, TASKS),
        SourceTable::Memory => (NEXT_MEMORY, memory_question(shape)),
        SourceTable::MemoryVersions => (NEXT_VERSIONS, VERSIONS),
    };
    let Some(last) = reach(connection, next, after).await? else { return Ok(vec![]) };
    let rows = sqlx::query(sql).bind(after).bind(last).fetch_all(&mut *connection).await?;
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        let number: i64 = row.try_get(0)?;
        // A file that is damaged could lead in a circle.
        if read.last().map_or(after, |row: &SourceRow| row.row) >= number {
            continue;
        }
        let item = match item(&row, table)? {
            SourceItem::Entry(entry) if shape.has_tags => {
                let tags = tags(connection, number).await?;
                SourceItem::Entry(Box::new(SourceEntry { tags, ..*entry }))
            }
            item => item,
        };
        read.push(SourceRow { row: number, item });
    }
    Ok(read)
}

fn memory_question(shape: &Shape) -> &'static str {
    match (shape.has(SourceTable::MemoryVersions), shape.has_agents) {
        (true, true) => MEMORY_WITH_BOTH,
        (true, false) => MEMORY_WITH_VERSIONS,
        (false, true) => MEMORY_WITH_AGENTS,
        (false, false) => MEMORY,
    }
}

/// Up to which row what is after a number can be read at a time.
async fn reach(
    connection: &mut SqliteConnection,
    sql: &'static str,
    after: i64,
) -> Result<Option<i64>, sqlx::Error> {
    let next: Vec<(i64, i64)> = sqlx::query_as(sql).bind(after).fetch_all(connection).await?;
    let (mut last, mut bytes) = (None, 0_i64);
    for (row, length) in next {
        // What is too long is not read.
        bytes = bytes.saturating_add(length.min(BYTES));
        if last.is_some() && bytes > BYTES {
            break;
        }
        last = Some(row);
    }
    Ok(last)
}

async fn tags(connection: &mut SqliteConnection, row: i64) -> Result<Vec<Cell>, sqlx::Error> {
    let most = i64::try_from(TAGS).unwrap_or(i64::MAX).saturating_add(1);
    let rows = sqlx::query(TAGS_OF).bind(row).bind(most).fetch_all(connection).await?;
    rows.iter().map(|row| cell_of(&row.try_get_raw(0)?)).collect()
}

fn item(row: &SqliteRow, table: SourceTable) -> Result<SourceItem, sqlx::Error> {
    let cells = &mut Cells::from(row, 1);
    Ok(match table {
        SourceTable::Sessions => SourceItem::Session(SourceSession {
            id: cells.take()?,
            status: cells.take()?,
            started_at: cells.take()?,
            metadata: cells.take()?,
        }),
        SourceTable::Identities => SourceItem::Identity(Box::new(SourceIdentity {
            id: cells.take()?,
            agent_type: cells.take()?,
            status: cells.take()?,
            capabilities: cells.take()?,
            version: cells.take()?,
            display_name: cells.take()?,
            description: cells.take()?,
            metadata: cells.take()?,
            created_at: cells.take()?,
            last_active_at: cells.take()?,
            reason: cells.take()?,
            updated_at: cells.take()?,
        })),
        SourceTable::Tasks => SourceItem::Task(Box::new(task(cells)?)),
        SourceTable::Memory => SourceItem::Entry(Box::new(memory(cells)?)),
        SourceTable::MemoryVersions => {
            let mut entry = entry(cells)?;
            let (number, content, metadata) = (cells.take()?, cells.take()?, cells.take()?);
            entry.newest_past = cells.take()?;
            SourceItem::Version(Box::new(SourceVersion { entry, number, content, metadata }))
        }
    })
}

fn task(cells: &mut Cells<'_>) -> Result<SourceTask, sqlx::Error> {
    Ok(SourceTask {
        id: cells.take()?,
        session_id: cells.take()?,
        agent_type: cells.take()?,
        status: cells.take()?,
        input: cells.take()?,
        output: cells.take()?,
        created_at: cells.take()?,
        completed_at: cells.take()?,
        risk: cells.take()?,
        parent: cells.take()?,
        parent_created_at: cells.take()?,
        session: session(cells)?,
    })
}

fn memory(cells: &mut Cells<'_>) -> Result<SourceEntry, sqlx::Error> {
    let entry = entry(cells)?;
    Ok(SourceEntry {
        content: cells.take()?,
        metadata: cells.take()?,
        created_at: cells.take()?,
        agent: cells.take()?,
        newest_past: cells.take()?,
        ..entry
    })
}

fn entry(cells: &mut Cells<'_>) -> Result<SourceEntry, sqlx::Error> {
    Ok(SourceEntry {
        id: cells.take()?,
        key: cells.take()?,
        namespace: cells.take()?,
        updated_at: cells.take()?,
        session: session(cells)?,
        ..SourceEntry::default()
    })
}

fn session(cells: &mut Cells<'_>) -> Result<SourceSession, sqlx::Error> {
    Ok(SourceSession {
        id: cells.take()?,
        status: cells.take()?,
        started_at: cells.take()?,
        metadata: Cell::Null,
    })
}
