//! Files of earlier versions, and of another analysis of texts.

use std::path::Path;

use agentstack_audit::Draft;
use agentstack_core::{Identity, IdentityId};
use agentstack_storage::conformance::coordination::{new_identity, new_task};
use agentstack_storage::conformance::world::{IDENTITY_GET, MEMORY_GET, draft};
use agentstack_storage::text::Match;
use sqlx::{Connection, Executor};
use tempfile::TempDir;

use crate::support;

const OLD: [&str; 2] = [
    include_str!("../../src/migrations/0001_foundation.sql"),
    include_str!("../../src/migrations/0002_tokens.sql"),
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
        let team = world.local("ann").named("team");
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
    let team = world.local("ann").named("team");
    assert_eq!(team.found("number77", Match::Any).await, ["key 77"]);
    assert!(team.delete("key 77").await);
    assert_eq!(team.found("number77", Match::Any).await, Vec::<String>::new());
    world.store.close().await;
    assert_eq!(column(&path, "SELECT DISTINCT length || '' FROM entries").await, ["3"]);
    assert_eq!(column(&path, "SELECT analysis || '' FROM index_analysis").await, ["1"]);
}

/// Takes the fourth version away.
const BACK: &str = "DROP INDEX audit_identity; DROP TABLE drift_events; DROP TABLE task_relations; DROP TABLE tasks; \
    DROP TABLE agents; DROP TABLE identities; PRAGMA user_version = 3";

#[tokio::test]
async fn a_file_without_agents_and_tasks_gets_them_and_its_log_can_be_asked() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let ann = world.local("ann").start().await;
    let identity = IdentityId::generate();
    let record = Draft { identity: Some(identity), ..draft(&ann.scope(&MEMORY_GET).await) };
    ann.store("key", "text").await;
    world.store.append(&[record]).await.unwrap();
    world.store.close().await;
    let published = column(&path, TABLES).await;
    let mut raw = support::raw(&path).await;
    raw.execute(BACK).await.unwrap();
    raw.close().await.unwrap();
    let world = support::world(&path, false).await;
    assert_eq!(column(&path, TABLES).await, published);
    let ann = world.local("ann").start().await;
    ann.keep(Identity { id: identity, ..new_identity(&world, None) }).await;
    let scope = ann.scope(&IDENTITY_GET).await;
    let lines = world.store.identity_lines(&scope, identity, 9).await.unwrap().unwrap();
    assert_eq!(lines.iter().map(|line| line.sequence).collect::<Vec<_>>(), [3]);
    assert_eq!(ann.complete(&ann.make(new_task()).await).await.depth, 0);
}
