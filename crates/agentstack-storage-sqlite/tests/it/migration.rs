//! Files of earlier versions, and of another analysis of texts.

use std::path::Path;

use agentstack_storage::conformance::coordination::everything;
use agentstack_storage::conformance::world;
use agentstack_storage::text::Match;
use sha2::{Digest, Sha256};
use sqlx::{Connection, Executor};
use tempfile::TempDir;

use crate::support;

const OLD: [&str; 4] = [
    include_str!("../../src/migrations/0001_foundation.sql"),
    include_str!("../../src/migrations/0002_tokens.sql"),
    include_str!("../../src/migrations/0003_index.sql"),
    include_str!("../../src/migrations/0004_coordination.sql"),
];

/// What the first version of the program wrote for entries of the shared namespace `team`.
const FILL: &str = "INSERT INTO namespaces (name, shared, entries, terms, run, filled) VALUES ('team', 1, 300, 1200, 2, 9); \
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300) \
    INSERT INTO entries (id, namespace, run, length, version, updated_at, created_at, uuid, key_hash, key, tags, trust, \
    origin_principal, origin_tool, chars, metadata, content) SELECT n, 1, n / 100, 4, 1, n, n, randomblob(16), \
    randomblob(16), 'key ' || n, '[]', 'trusted', 'local:ann', 'memory_store', 20, '{}', 'deployment of number' || n || ' running' FROM n; \
    INSERT INTO postings SELECT 1, run, CAST('running' AS BLOB), id, 0, 1, x'01' FROM entries; \
    INSERT INTO index_analysis VALUES (1); PRAGMA application_id = 1095193428; PRAGMA journal_mode = WAL";

/// A file as the program of so many migrations left it.
async fn old_file(path: &Path, migrations: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut raw = support::raw(path).await;
    for script in &OLD[..migrations] {
        raw.execute(*script).await.unwrap();
    }
    raw.execute(FILL).await.unwrap();
    raw.execute(if migrations == 1 { "PRAGMA user_version = 1" } else { "PRAGMA user_version = 2" })
        .await
        .unwrap();
    raw.close().await.unwrap();
    make_private(path);
}

fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let set =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    set(path.parent().unwrap(), 0o700);
    set(path, 0o600);
}

async fn column(path: &Path, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(&mut support::raw(path).await).await.unwrap()
}

const TABLES: &str = "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name";

#[tokio::test]
async fn an_old_file_is_searched_like_a_new_one() {
    for (migrations, bounds) in
        [(1, support::small_bounds()), (2, agentstack_storage_sqlite::IndexBounds::default())]
    {
        let folder = TempDir::new().unwrap();
        let path = support::path(&folder);
        old_file(&path, migrations).await;
        let world = support::world_with(&path, false, bounds).await;
        let team = world.local("ann").start().await.named("team");
        assert_eq!(team.found("number77", Match::Any).await, ["key 77"]);
        assert_eq!(team.found("deployments runs", Match::All).await.len(), 100, "as many as are asked for");
        team.store("new", "number77 again").await;
        assert_eq!(team.found("number77", Match::Any).await.len(), 2);
        world.store.close().await;
        let fresh = support::path(&TempDir::new().unwrap());
        support::create(&fresh, false).await;
        assert_eq!(column(&path, TABLES).await, column(&fresh, TABLES).await);
        let counted = "SELECT CAST((SELECT count(*) FROM index_fresh) + (SELECT sum(entries) FROM index_segments) AS TEXT)";
        assert_eq!(column(&path, counted).await, ["301"]);
    }
}

#[tokio::test]
async fn an_index_of_another_analysis_is_made_anew() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let team = world.local("ann").start().await.named("team");
    for number in 0..150 {
        team.store(&format!("key {number}"), &format!("text of number{number}")).await;
    }
    world.store.close().await;
    let mut raw = support::raw(&path).await;
    // As if the other analysis had found nothing and counted otherwise.
    raw.execute(
        "UPDATE index_analysis SET analysis = 99; DELETE FROM index_blocks; DELETE FROM index_segments; \
         DELETE FROM index_fresh; UPDATE entries SET length = 7",
    )
    .await
    .unwrap();
    raw.close().await.unwrap();
    let world = support::world(&path, false).await;
    let team = world.local("ann").start().await.named("team");
    assert_eq!(team.found("number77", Match::Any).await, ["key 77"]);
    assert!(team.delete("key 77").await);
    assert_eq!(team.found("number77", Match::Any).await, Vec::<String>::new());
    world.store.close().await;
    assert_eq!(column(&path, "SELECT DISTINCT length || '' FROM entries").await, ["3"]);
    assert_eq!(column(&path, "SELECT analysis || '' FROM index_analysis").await, ["1"]);
}

/// What the program of the fourth version wrote: a session with an entry that has a history, an agent and a task, and a
/// shared entry. $1 is the secret of the session's namespace, $2 the hash of both keys, $3 to $7 texts under the secret.
const FILL_FOURTH: &str = "INSERT INTO namespaces (id, name, shared, secret) VALUES \
    (1, 'session:01900000-0000-7000-8000-000000000001', 0, $1), (2, 'team', 1, randomblob(16)); \
    INSERT INTO sessions VALUES (x'01900000000070008000000000000001', 1, 1, 1, 99999999999999, 99999999999999, \
    randomblob(32), '{\"purpose\":\"old\"}'); \
    INSERT INTO session_holders VALUES ('embedded:ann', x'01900000000070008000000000000001'); \
    INSERT INTO entries (id, namespace, length, version, updated_at, created_at, uuid, key_hash, agent, key, tags, trust, \
    origin_principal, origin_agent, origin_tool, chars, metadata, content) VALUES \
    (1, 1, 2, 2, 8, 5, randomblob(16), $2, 'planner', 'key', '[\"blue\",\"green\"]', \
    'unverified', 'embedded:ann', 'planner', 'memory_store', 10, '{\"a\":1.5}', 'second one'), \
    (2, 2, 2, 1, 9, 9, randomblob(16), $2, NULL, 'key', '[]', \
    'unverified', 'token:bob', NULL, 'memory_store', 11, '{}', 'shared text'); \
    INSERT INTO entry_versions VALUES (1, 1, 5, NULL, '[]', 'unverified', 'embedded:ann', NULL, 'memory_store', '{}', 'first one'); \
    INSERT INTO agents VALUES (1, 1, x'01900000000070008000000000000002', 'idle', 3, 0, 0, 7, 7, 7, NULL, \
    $2, $3, $4, $5); \
    INSERT INTO tasks VALUES (1, 1, x'01900000000070008000000000000003', 'pending', 'low', 0, NULL, NULL, 7, 7, NULL, \
    $6, $7, NULL)";

const MARK_FOURTH: &str =
    "PRAGMA application_id = 1095193428; PRAGMA user_version = 4; PRAGMA journal_mode = WAL";

/// A text as the fourth version kept it.
fn old_cover(secret: &[u8], text: &str) -> Vec<u8> {
    let seed = Sha256::new().chain_update(b"agentstack text v1").chain_update(secret).finalize();
    let mut state = u64::from_be_bytes(seed[..8].try_into().unwrap());
    let cover = |byte: u8| {
        let covered = byte.wrapping_add(state.to_be_bytes()[0]);
        let mut mixed = (state ^ u64::from(byte)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state = mixed ^ (mixed >> 31);
        covered
    };
    text.bytes().map(cover).collect()
}

async fn fourth_file(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut raw = support::raw(path).await;
    for script in OLD {
        raw.execute(script).await.unwrap();
    }
    let secret = [7_u8; 16];
    let under = |text| old_cover(&secret, text);
    let fill = sqlx::query(FILL_FOURTH)
        .bind(&secret[..])
        .bind(Sha256::digest(b"key")[..16].to_vec())
        .bind(under("Rex"))
        .bind(under("planner"))
        .bind(under(r#"{"colour": "blue"}"#))
        .bind(under("coder"))
        .bind(under("write it down"));
    fill.execute(&mut raw).await.unwrap();
    raw.execute(MARK_FOURTH).await.unwrap();
    raw.close().await.unwrap();
    make_private(path);
}

#[tokio::test]
async fn a_file_of_the_fourth_version_holds_all_that_it_held_and_no_text() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    fourth_file(&path).await;
    let world = support::world(&path, false).await;
    let session = "01900000-0000-7000-8000-000000000001".parse().unwrap();
    let ann = world.embedded("ann").in_session(session);
    assert_eq!(ann.status().await.session.metadata, world::metadata(r#"{"purpose": "old"}"#));
    let entry = ann.get("key").await.unwrap();
    assert_eq!((entry.content.as_str(), entry.summary.version), ("second one", 2));
    assert_eq!(entry.summary.tags, world::tags(&["blue", "green"]));
    assert_eq!(entry.summary.metadata, world::metadata(r#"{"a": 1.5}"#));
    let planner = Some("planner".parse().unwrap());
    assert_eq!((&entry.summary.agent_id, &entry.summary.label.origin.agent_id), (&planner, &planner));
    let history = ann.history("key").await;
    assert_eq!((history.len(), history[1].content.as_str()), (2, "first one"));
    assert_eq!(history[1].agent_id, None);
    assert_eq!(ann.found("second", Match::Any).await, ["key"]);
    assert_eq!(ann.named("team").get("key").await.unwrap().content, "shared text");
    let agents = ann.agents(9).await;
    assert_eq!((agents.agents[0].name.as_str(), agents.agents[0].usage.operations), ("Rex", 3));
    assert_eq!(agents.agents[0].metadata, world::metadata(r#"{"colour": "blue"}"#));
    let task = &ann.tasks(everything()).await.tasks[0];
    assert_eq!(task.input.as_ref().unwrap().as_str(), "write it down");
    world.store.close().await;
    let bytes: Vec<u8> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    for text in ["second one", "first one", "shared text", "green", "planner", "purpose"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
    let fresh = support::path(&TempDir::new().unwrap());
    support::create(&fresh, false).await;
    assert_eq!(column(&path, TABLES).await, column(&fresh, TABLES).await);
}
