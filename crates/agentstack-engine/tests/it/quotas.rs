//! How much a principal and a session may have (S33).

use std::num::NonZeroU32;

use agentstack_engine::{CallLimits, Settings};
use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn s33_one_session_too_many_is_refused_until_one_has_ended() {
    let world = World::with_settings(Settings { sessions_per_principal: 3, ..Settings::default() });
    let first = world.client("ann").await;
    for _ in 0..2 {
        first.ok("session_start", json!({})).await;
    }
    let refused = first.call("session_start", json!({})).await;
    assert_eq!(refused.code(), "rate_limited");
    let [record] = &world.records_of(refused.request).await[..] else { panic!("one record") };
    assert_eq!(record.reason, "limit");
    world.client("bob").await;
    first.ok("session_end", json!({})).await;
    first.ok("session_start", json!({})).await;
}

#[tokio::test]
async fn s33_one_entry_too_many_is_refused_until_one_is_deleted() {
    let world = World::with_settings(Settings { entries_per_session: 10, ..Settings::default() });
    let ann = world.client("ann").await;
    for number in 0..10 {
        ann.store(&format!("k{number}"), "text").await;
    }
    let one_more = json!({ "key": "new", "content": "text" });
    assert_eq!(ann.call("memory_store", one_more.clone()).await.code(), "rate_limited");
    // What is there can be kept up to date, other sessions have room of their own, and so has shared memory.
    ann.store("k3", "changed").await;
    world.client("ann").await.store("new", "text").await;
    ann.ok("memory_store", json!({ "key": "new", "content": "text", "namespace": "team" })).await;
    ann.ok("memory_delete", json!({ "key": "k5" })).await;
    ann.ok("memory_store", one_more).await;
}

#[tokio::test]
async fn s09_expired_sessions_are_ended_however_few_calls_a_caller_may_make() {
    let limits = CallLimits { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN, concurrent: 1 };
    let world = World::with_settings(Settings { call_limits: Some(limits), ..Settings::default() });
    for name in ["ann", "bob", "eve"] {
        world.client(name).await;
    }
    world.clock.advance_millis(agentstack_core::limits::SESSION_AGE_MS);
    assert_eq!(world.engine.end_expired_sessions().await.unwrap(), 3);
}
