//! Sessions that expire, and the operator who ends any.

use std::sync::Arc;

use agentstack_access::{Principal, Role};
use agentstack_audit::Outcome;
use agentstack_core::Clock;
use agentstack_core::limits::{SESSION_AGE_MS, SESSION_IDLE_MS};
use serde_json::json;

use crate::support::{Client, World};

const MINUTE: i64 = 60_000;

async fn is_open(client: &Client<'_>) -> bool {
    client.call("session_status", json!({})).await.code() == "ok"
}

#[tokio::test]
async fn s09_a_session_ends_after_a_day_of_silence() {
    let world = World::new();
    let client = world.client("planner").await;
    world.clock.advance_millis(SESSION_IDLE_MS - 1);
    assert!(is_open(&client).await);
    world.clock.advance_millis(SESSION_IDLE_MS - 1);
    assert!(is_open(&client).await, "use keeps it alive");
    world.clock.advance_millis(SESSION_IDLE_MS);
    assert!(!is_open(&client).await);
}

#[tokio::test]
async fn s09_a_session_ends_after_thirty_days_however_busy() {
    let world = World::new();
    let client = world.client("planner").await;
    let end = world.clock.now().plus_millis(SESSION_AGE_MS);
    while world.clock.now().plus_millis(SESSION_IDLE_MS / 2) < end {
        world.clock.advance_millis(SESSION_IDLE_MS / 2);
        assert!(is_open(&client).await);
    }
    world.clock.advance_millis(SESSION_IDLE_MS / 2);
    assert!(!is_open(&client).await);
}

#[tokio::test]
async fn s09_a_short_life_is_kept_to_the_second() {
    let world = World::new();
    let planner = Principal::embedded("planner", Role::Developer);
    let client = world.enter_with(planner, json!({ "ttlSeconds": 60 })).await;
    world.clock.advance_millis(MINUTE - 1);
    assert!(is_open(&client).await);
    world.clock.advance_millis(1);
    assert!(!is_open(&client).await);
}

#[tokio::test]
async fn s02_a_strangers_attempts_do_not_keep_a_session_alive() {
    let world = World::new();
    let client = world.client("planner").await;
    let stranger = Client { session: client.session.clone(), ..world.client("stranger").await };
    world.clock.advance_millis(SESSION_IDLE_MS - 1);
    assert_eq!(stranger.call("memory_get", json!({ "key": "a" })).await.code(), "not_found");
    world.clock.advance_millis(1);
    assert!(!is_open(&client).await);
}

#[tokio::test]
async fn s09_housekeeping_ends_what_has_expired_as_any_session_ends() {
    let world = World::new();
    let clients = [world.client("one").await, world.client("other").await];
    for client in &clients {
        client.store("known", "text").await;
    }
    assert_eq!(world.engine.end_expired_sessions().await.unwrap(), 0);
    world.clock.advance_millis(SESSION_IDLE_MS);
    let young = world.client("young").await;
    assert_eq!(world.engine.end_expired_sessions().await.unwrap(), 2);
    assert_eq!(world.engine.end_expired_sessions().await.unwrap(), 0, "once is enough");
    assert!(is_open(&young).await);
    let ends: Vec<_> = world.records().await.into_iter().filter(|r| r.operation == "session_end").collect();
    assert_eq!(ends.len(), 2);
    for (end, client) in ends.iter().zip(&clients) {
        assert_eq!(end.principal, "agentstack:housekeeping");
        assert_eq!(end.session.unwrap().to_string(), client.session);
        assert_eq!((end.outcome, end.counts["entries"]), (Outcome::Ok, 1));
    }
}

#[tokio::test]
async fn s09_an_operator_ends_any_session_and_cannot_read_it() {
    let world = World::new();
    let client = world.client("planner").await;
    client.store("known", "text").await;
    let operator = Client { principal: Arc::new(Principal::operator("root")), ..client.clone() };
    let status = operator.ok("session_status", json!({})).await;
    assert_eq!(status["session"]["entries"], 1);
    assert_eq!(operator.call("memory_get", json!({ "key": "known" })).await.code(), "not_found");
    let ended = operator.ok("session_end", json!({})).await;
    assert_eq!(ended["removed"]["entries"], 1);
    assert!(!is_open(&client).await);
    assert_eq!(operator.call("session_end", json!({})).await.code(), "not_found");
}

#[tokio::test]
async fn an_ended_session_takes_its_memory_along_and_leaves_the_shared_one() {
    let world = World::new();
    let client = world.client("planner").await;
    client.store("own", "text").await;
    client.ok("memory_store", json!({ "key": "lasting", "content": "text", "namespace": "notes" })).await;
    let ended = client.ok("session_end", json!({})).await;
    assert_eq!(ended["removed"], json!({ "entries": 1, "agents": 0, "tasks": 0 }));
    let next = world.client("planner").await;
    assert_eq!(next.keys("memory_search", json!({ "query": "text" })).await, ["lasting"]);
}
