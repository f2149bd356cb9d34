//! The schema as it stands in a new file. A change of it is a new migration.

use agentstack_storage::conformance::coordination::{new_identity, new_task};
use sqlx::Executor;
use tempfile::TempDir;

use crate::support;

#[tokio::test]
async fn the_schema_is_the_published_one() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    support::create(&path, false).await;
    let sql = "SELECT coalesce(sql, '-- ' || name) FROM sqlite_schema ORDER BY rowid";
    let schema: Vec<String> =
        sqlx::query_scalar(sql).fetch_all(&mut support::raw(&path).await).await.unwrap();
    insta::assert_snapshot!(schema.join(";\n\n"));
}

#[tokio::test]
async fn what_has_ended_does_not_come_back_whoever_writes() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let ann = world.local("ann").start().await;
    ann.stop(&ann.spawn("a").await).await;
    ann.complete(&ann.make(new_task()).await).await;
    let identity = ann.keep(new_identity(&world, None)).await;
    ann.retire(identity.id).await.unwrap();
    let mut raw = support::raw(&path).await;
    for (refused, why) in [
        ("UPDATE agents SET status = 'idle'", "stays stopped"),
        ("UPDATE tasks SET status = 'pending'", "ends once"),
        ("UPDATE tasks SET status = 'failed'", "ends once"),
        ("UPDATE identities SET status = 'active'", "stays retired"),
        ("UPDATE identities SET owner = 'local:bob'", "changes hands"),
    ] {
        let error = raw.execute(refused).await.unwrap_err().to_string();
        assert!(error.contains(why), "{refused}: {error}");
    }
}
