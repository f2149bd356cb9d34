//! What the product itself makes or copies is not trusted by itself (S14).

use serde_json::{Value, json};

use super::{keys_in, operate, set, trusts, version_id};
use crate::support::{Client, World};

const DAY: i64 = 24 * 60 * 60 * 1_000;

async fn assert_trust(client: &Client<'_>, name: &str, arguments: Value, expected: &[&str]) {
    let answer = client.ok(name, arguments).await;
    let mut found = vec![];
    trusts(&answer, &mut found);
    assert_eq!(found, expected, "{name}: {answer}");
}

/// A task's output, by its session and by an agent with an identity that it was assigned to.
async fn assert_outputs(ann: &Client<'_>) {
    let identity = ann.ok("identity_create", json!({ "agentType": "coder", "autoActivate": true })).await;
    let spawn = json!({ "type": "coder", "identityId": identity["identity"]["agentId"] });
    let agent = ann.ok("agent_spawn", spawn).await["agent"]["id"].as_str().unwrap().to_owned();
    for (client, key) in [(ann.clone(), "by the session"), (ann.bound_to(&agent), "by its agent")] {
        let task = json!({ "agentType": "coder", "input": "text" });
        let task = ann.ok("task_create", task).await["task"]["id"].clone();
        ann.ok("task_assign", json!({ "taskId": task, "agentId": agent })).await;
        let done = json!({ "taskId": task, "output": "verified by an operator", "storeAs": key });
        client.ok("task_complete", done).await;
        assert_trust(&client, "memory_get", json!({ "key": key }), &["unverified"]).await;
    }
}

/// A trusted version that is copied: restored over another, over none, and from what was deleted.
async fn assert_copies(world: &World, ann: &Client<'_>) {
    let stored = ann.share("team", "key", "good words").await;
    operate(world, "quarantine_approve", json!({ "id": version_id(&stored) })).await.ok();
    let key = json!({ "key": "key", "namespace": "team" });
    assert_trust(ann, "memory_get", key.clone(), &["trusted"]).await;
    let restore = json!({ "key": "key", "namespace": "team", "version": 1 });
    assert_trust(ann, "memory_restore", restore.clone(), &["unverified"]).await;
    assert_trust(ann, "memory_restore", restore, &["unverified"]).await;
    assert_trust(ann, "memory_history", key.clone(), &["unverified", "unverified", "trusted"]).await;
    // What is asked to be trusted is not there: the newest version is not.
    let trusted = json!({ "key": "key", "namespace": "team", "minTrust": "trusted" });
    assert_eq!(ann.ok("memory_get", trusted).await["found"], false);
    // A new entry under an old key has nothing of the old one.
    ann.ok("memory_delete", key.clone()).await;
    ann.share("team", "key", "good words").await;
    assert_trust(ann, "memory_history", key, &["unverified"]).await;
}

async fn assert_bootstrap(world: &World) {
    assert_eq!(keys_in(world, "trusted").await, set(&[]), "an empty store");
    let ann = world.client("ann").await;
    assert_outputs(&ann).await;
    assert_eq!(keys_in(world, "trusted").await, set(&[]));
    assert_copies(world, &ann).await;
    assert_eq!(keys_in(world, "trusted").await, set(&[]));
    // Nor does time or housekeeping raise it.
    for _ in 0..4 {
        world.clock.advance_millis(20 * DAY);
        world.engine.keep_house().await;
        assert_eq!(keys_in(world, "trusted").await, set(&[]));
        assert_eq!(keys_in(world, "unverified").await, set(&["team/key"]));
    }
}

#[tokio::test]
async fn s14_what_the_product_makes_or_copies_is_not_trusted_by_itself() {
    for world in [World::new(), World::sqlite().await] {
        assert_bootstrap(&world).await;
    }
}
