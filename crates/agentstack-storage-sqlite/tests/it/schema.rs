//! The schema as it stands in a new file. A change of it is a new migration.

use agentstack_core::Trust;
use agentstack_storage::conformance::coordination::{new_identity, new_task};
use agentstack_storage::conformance::trust::id;
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

/// S11, S13: whoever has the key and writes past the program is refused too, as long as the triggers are there.
#[tokio::test]
async fn s11_an_origin_stays_and_trust_only_rises_whoever_writes() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let team = world.local("ann").start().await.named("team");
    let first = team.store("key", "text").await;
    team.store("key", "text").await;
    team.store_held("key", "text").await;
    world.operator().decide(id(&first), Trust::Trusted).await.unwrap().unwrap();
    let mut raw = support::raw(&path).await;
    for refused in [
        "UPDATE entries SET origin_principal = 'local:eve'",
        "UPDATE entries SET origin_agent = randomblob(16)",
        "UPDATE entries SET updated_at = 7",
        "UPDATE entries SET writer = 7",
        "UPDATE entry_versions SET origin_tool = 'import'",
        "UPDATE entry_versions SET had_read = 7",
        "UPDATE held_versions SET origin_principal = 'local:eve'",
        "UPDATE held_versions SET writer = 7",
        "UPDATE entry_versions SET trust = 'unverified'",
        "UPDATE entry_versions SET trust = 'trusted', content = x'00'",
        "UPDATE entries SET trust = 'unverified'",
        "UPDATE entries SET trust = 'quarantined', version = version + 1",
        "UPDATE held_versions SET trust = 'trusted'",
        "UPDATE held_versions SET content = x'00'",
    ] {
        assert!(raw.execute(refused).await.is_err(), "{refused}");
    }
}
