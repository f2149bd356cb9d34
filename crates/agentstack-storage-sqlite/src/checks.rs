//! Tests that need what only this crate can reach: its connections and its statements.
#![expect(clippy::disallowed_types, reason = "`EXPLAIN QUERY PLAN` is put before constant texts")]

use std::ffi::c_int;
use std::sync::Arc;
use std::time::Instant;

use agentstack_storage::conformance::Opened;
use agentstack_storage::conformance::world::{MEMORY_STORE, World, entry, pending};
use agentstack_storage::text::Match;
use agentstack_storage::{MemoryStore, StorageError, StoreHealth};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use tempfile::TempDir;

use crate::connect::LIMITS;
use crate::{
    MasterKey, OpenOptions, SqliteStore, agents, identities, memory, plugins, reclaim, review, search,
    session, tasks, vectors, write,
};

async fn open(folder: &TempDir, encrypted: bool) -> Arc<SqliteStore> {
    let keys = MasterKey::parse(&"5a".repeat(32)).unwrap().derive();
    let keys = if encrypted { keys } else { keys.without_encryption() };
    let options = OpenOptions::new(folder.path().join("data/store.db"), keys);
    Arc::new(SqliteStore::open(options).await.unwrap())
}

fn world(store: &Arc<SqliteStore>) -> World {
    let verifying = store.verifying_key();
    World::new(Opened { store: Arc::clone(store) as _, verifying, keep: Box::new(()) })
}

/// The value of a limit or of a switch, as SQLite has it.
async fn native(connection: &mut SqliteConnection) -> (Vec<c_int>, c_int, c_int) {
    let mut locked = connection.lock_handle().await.unwrap();
    let handle = locked.as_raw_handle().as_ptr();
    let (mut defensive, mut extensions) = (-1, -1);
    #[expect(unsafe_code, reason = "SQLite tells these settings through its C interface only")]
    // SAFETY: the handle is locked; -1 asks without setting, and the out pointers live across the call.
    let limits = unsafe {
        let asked: c_int = -1;
        libsqlite3_sys::sqlite3_db_config(
            handle,
            libsqlite3_sys::SQLITE_DBCONFIG_DEFENSIVE,
            asked,
            &raw mut defensive,
        );
        libsqlite3_sys::sqlite3_db_config(
            handle,
            libsqlite3_sys::SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
            asked,
            &raw mut extensions,
        );
        LIMITS.map(|(limit, _)| libsqlite3_sys::sqlite3_limit(handle, limit, -1))
    };
    (limits.to_vec(), defensive, extensions)
}

async fn assert_hardened(connection: &mut SqliteConnection) {
    let (limits, defensive, extensions) = native(connection).await;
    assert_eq!(limits, LIMITS.map(|(_, value)| value));
    assert_eq!((defensive, extensions), (1, 0));
    let pragmas = [
        ("PRAGMA trusted_schema", "0"),
        ("PRAGMA cell_size_check", "1"),
        ("PRAGMA secure_delete", "1"),
        ("PRAGMA synchronous", "2"),
        ("PRAGMA foreign_keys", "1"),
        ("PRAGMA temp_store", "2"),
        ("PRAGMA journal_mode", "wal"),
        ("PRAGMA busy_timeout", "30000"),
        ("PRAGMA cache_size", "-3072"),
    ];
    for (pragma, expected) in pragmas {
        let row = sqlx::query(pragma).fetch_one(&mut *connection).await.unwrap();
        let value =
            row.try_get::<i64, _>(0).map_or_else(|_| row.get::<String, _>(0), |value| value.to_string());
        assert_eq!(value, expected, "{pragma}");
    }
    for refused in [
        "SELECT load_extension('nothing')",
        "ATTACH ':memory:' AS other",
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema",
    ] {
        assert!(connection.execute(refused).await.is_err(), "{refused}");
    }
    connection.execute("PRAGMA writable_schema = OFF").await.unwrap();
}

#[tokio::test]
async fn s32_every_connection_is_hardened() {
    for encrypted in [true, false] {
        let folder = TempDir::new().unwrap();
        let store = open(&folder, encrypted).await;
        // The first connection and all of the pool, at the same time.
        let mut primary = store.primary().await.unwrap();
        assert_hardened(primary.connection().unwrap()).await;
        let mut first = store.reader().await.unwrap();
        let mut second = store.reader().await.unwrap();
        assert_hardened(first.connection().unwrap()).await;
        assert_hardened(second.connection().unwrap()).await;
    }
}

#[tokio::test]
async fn a_read_does_not_wait_for_a_write() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder, true).await;
    let write = store.write().await.unwrap();
    assert_eq!(store.health().await.unwrap().backend, "sqlite");
    drop(write);
    assert!(world(&store).records().await.is_empty());
}

#[tokio::test]
async fn an_abandoned_search_leaves_no_transaction_open() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder, false).await;
    let world = world(&store);
    let team = world.local("ann").start().await.named("team");
    for busy in [false, true] {
        team.store("key", "word").await;
        // While the first connection is busy, one of the pool is taken.
        let held = if busy { Some(store.primary().await.unwrap()) } else { None };
        let mut reader = store.reader().await.unwrap();
        reader.mark(true);
        reader.connection().unwrap().execute("BEGIN; SELECT count(*) FROM entries").await.unwrap();
        drop(reader);
        drop(held);
        // A transaction that is open holds the log back.
        team.store("key", "words").await;
        assert!(store.truncate_log().await.unwrap(), "busy: {busy}");
        assert_eq!(team.found("words", Match::Any).await, ["key"]);
    }
}

#[tokio::test]
async fn a_store_writes_five_pages() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder, true).await;
    let world = world(&store);
    let team = world.local("ann").start().await;
    let log = folder.path().join("data/store.db-wal");
    let frames = || std::fs::metadata(&log).unwrap().len() / (4_096 + 24);
    let mut written = vec![];
    for number in 0..60 {
        let before = frames();
        team.store(&format!("key {number}"), &format!("some words of the entry {number}")).await;
        written.push(frames() - before);
    }
    // The entry, its key, its time, its terms, the record; more when a page is full.
    written.sort_unstable();
    assert_eq!(written[30], 5, "{written:?}");
}

/// Sets what makes writing fail on the first connection.
async fn set(store: &SqliteStore, pragma: &'static str) {
    let mut primary = store.primary().await.unwrap();
    primary.connection().unwrap().execute(pragma).await.unwrap();
}

#[tokio::test]
async fn s45_a_full_database_undoes_the_call_and_goes_on_when_there_is_room() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder, true).await;
    let world = world(&store);
    let team = world.local("ann").start().await.named("team");
    set(&store, "PRAGMA max_page_count = 60").await;
    let mut stored = 0;
    let error = loop {
        match team.try_store(entry(&stored.to_string(), &"word ".repeat(500))).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StorageError::Full(_)), "{error:?}");
    let recorded = world.records().await.len() - 1; // The start of the session.
    assert_eq!((team.keys().await.len(), recorded), (stored, stored));
    set(&store, "PRAGMA max_page_count = 10000").await;
    team.store("more", "word").await;
    assert_eq!(team.found("word", Match::Any).await.len(), stored + 1);
    assert!(world.verified().await.is_intact());
}

#[tokio::test]
async fn s45_a_read_only_database_answers_and_refuses() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder, true).await;
    let world = world(&store);
    let team = world.local("ann").start().await.named("team");
    team.store("key", "word").await;
    // Long enough for the time of last use to be written again: that this fails must not refuse a read.
    world.clock.advance_millis(600_000);
    set(&store, "PRAGMA query_only = ON").await;
    let scope = team.scope(&MEMORY_STORE).await;
    let refused = store.store(&scope, entry("key", "words"), pending(&scope)).await;
    assert!(matches!(refused, Err(StorageError::ReadOnly(_))), "{refused:?}");
    assert_eq!(team.get("key").await.unwrap().content, "word");
    set(&store, "PRAGMA query_only = OFF").await;
    assert_eq!(team.store("key", "words").await.version, 2);
    assert!(world.verified().await.is_intact());
}

#[tokio::test]
async fn a_call_waits_for_another_processs_transaction_and_then_gives_up() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder, false).await;
    let world = world(&store);
    let team = world.local("ann").start().await.named("team");
    team.store("key", "word").await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("data/store.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    set(&store, "PRAGMA busy_timeout = 50").await;
    let begun = Instant::now();
    let refused = team.try_store(entry("key", "words")).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert!(begun.elapsed().as_millis() >= 50);
    assert_eq!(team.get("key").await.unwrap().content, "word");
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(team.store("key", "words").await.version, 2);
}

/// The plan of a statement, without the transaction it may begin.
async fn plan(connection: &mut SqliteConnection, sql: &'static str) -> Vec<String> {
    let sql = sql
        .trim_start_matches("BEGIN IMMEDIATE; ")
        .trim_start_matches("BEGIN; ")
        .trim_end_matches("; COMMIT");
    let rows =
        sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

/// What is asked or done again and again.
const STATEMENTS: &[&str] = &[
    memory::statements::OPEN,
    memory::GET,
    memory::VERSIONS,
    memory::ALIVE,
    search::SPACES,
    search::BLOCKS,
    search::PASSING,
    search::HITS,
    search::LIST,
    search::COUNT,
    search::COUNT_ALL,
    search::vectors::VECTORS,
    search::vectors::DECLINED,
    search::vectors::SETTLED,
    vectors::MODEL,
    vectors::PLACE,
    vectors::SOME,
    vectors::AGAIN,
    vectors::WAIT,
    plugins::FIND,
    plugins::LOADED,
    session::STATUS,
    session::STANDING,
    session::RESUME,
    session::HOLDS,
    reclaim::SOME_ENTRIES,
    reclaim::SOME_TASKS,
    reclaim::SOME_AGENTS,
    reclaim::REMOVE_INDEX,
    reclaim::REMOVE_TASKS,
    reclaim::REMOVE_DRIFT,
    write::HELD,
    write::COUNT,
    agents::BY_ID,
    agents::BY_NAME,
    agents::LIST,
    agents::CROWD,
    agents::IDENTITY,
    memory::readings::OPEN,
    memory::readings::SHOW,
    memory::readings::GONE,
    memory::readings::SHOW_HOLDER,
    memory::readings::BRING,
    memory::readings::HELD_SESSIONS,
    memory::statements::OPEN_ROW,
    review::HELD,
    review::CURRENT,
    reclaim::REMOVE_HELD,
    identities::BY_ID,
    identities::BY_NAME,
    identities::LIST,
    identities::TAKEN,
    identities::LIVE,
    identities::LINES,
    tasks::FIND,
    tasks::LIST,
    tasks::LIST_SO_FAR,
    tasks::LINEAGE,
    tasks::WAITS_FOR,
    tasks::NOTE_RESULT,
    tasks::create::PARTS,
    tasks::create::EXISTS,
    tasks::create::ALL,
    tasks::create::COUNT_SUBTASK,
    tasks::links::OUTGOING,
    tasks::links::INCOMING,
    tasks::links::BOTH,
    tasks::links::FIGURES,
];

#[tokio::test]
async fn what_waits_is_found_by_its_own_index() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder, false).await;
    let mut primary = store.primary().await.unwrap();
    let plan = plan(primary.connection().unwrap(), vectors::WAITING).await;
    assert!(
        plan[0].contains("USING INDEX vectors_waiting")
            || plan[0].contains("USING COVERING INDEX vectors_waiting"),
        "{plan:#?}"
    );
    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
}

#[tokio::test]
async fn no_statement_reads_a_whole_table_of_entries_or_sessions() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder, false).await;
    let mut primary = store.primary().await.unwrap();
    let connection = primary.connection().unwrap();
    for sql in STATEMENTS.iter().copied() {
        let plan = plan(connection, sql).await;
        let scans = plan.iter().filter(|step| {
            let table = step.strip_prefix("SCAN ").unwrap_or_default();
            // Constants, arguments, the shared namespaces, the last record of the log, and what one step found.
            let small = [
                "CONSTANT",
                "json_each",
                "q VIRTUAL",
                "t VIRTUAL",
                "namespaces",
                "n ",
                "audit",
                "a ",
                "e",
                "e ",
                "(subquery",
                // The session of a scope, a page of what it has, a line of ancestors.
                "held",
                "page",
                "line",
            ];
            step.starts_with("SCAN ")
                && !small.iter().any(|name| table == *name || name.len() > 1 && table.starts_with(name))
        });
        assert_eq!(scans.collect::<Vec<_>>(), Vec::<&String>::new(), "{sql}\n{plan:#?}");
    }
}
