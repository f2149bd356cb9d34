//! Runs that somebody does not wait for, or may not have the answer of any more.

use std::sync::Arc;
use std::time::Duration;

use agentstack_access::Principal;
use agentstack_audit::{Decision, Outcome};
use agentstack_engine::{AgentKind, RunLimits};
use agentstack_providers::testing::Gate;
use serde_json::{Value, json};

use super::{begun, forever, held_to, run, spawned, state, world};
use crate::support::{Client, World};

/// Four characters of what was asked and has come are a token.
fn estimated() -> u64 {
    let kind = AgentKind::builtin().iter().find(|kind| kind.agent_type.as_str() == "coder").unwrap();
    (kind.system_prompt.chars().count() as u64 + 9 + 8).div_ceil(4)
}

/// What a run is to leave in a namespace that outlives the session.
fn shared(agent: &str) -> Value {
    run(agent, json!({ "storeAs": "answer", "storeNamespace": "team" }))
}

async fn assert_not_kept(world: &World) {
    let other = world.client("other").await;
    let got = other.ok("memory_get", json!({ "key": "answer", "namespace": "team" })).await;
    assert_eq!(got["found"], false);
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_given_up_and_its_agent_has_failed() {
    let gate = Arc::new(Gate::default());
    let world = held_to(gate, RunLimits { time: Duration::from_millis(1), ..RunLimits::default() });
    let ann = world.client("ann").await;
    let agent = spawned(&ann).await;
    assert_eq!(ann.call("agent_run", run(&agent, json!({}))).await.code(), "unavailable");
    assert_eq!(state(&ann, &agent).await, ("failed".to_owned(), estimated()));
    // It holds no place.
    assert_eq!(ann.call("agent_run", run(&agent, json!({}))).await.code(), "unavailable");
}

async fn idle(client: &Client<'_>, agent: &str) {
    for _ in 0..1_000 {
        if state(client, agent).await.0 == "idle" {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the agent stays as it is");
}

#[tokio::test]
async fn who_does_not_wait_leaves_an_idle_agent_a_record_and_a_free_place() {
    let gate = Arc::new(Gate::default());
    let world = forever(held_to(gate.clone(), RunLimits { concurrent: 1, ..RunLimits::default() }));
    let ann = world.client("ann").await;
    let agent = spawned(&ann).await;
    let running = begun(&ann, &gate, shared(&agent)).await;
    assert_eq!(state(&ann, &agent).await, ("running".to_owned(), 0));
    running.abort();
    assert!(running.await.is_err_and(|error| error.is_cancelled()));
    idle(&ann, &agent).await;
    assert_eq!(state(&ann, &agent).await.1, estimated());
    let records = world.records().await;
    let [call] = &records.iter().filter(|record| record.operation == "agent_run").collect::<Vec<_>>()[..]
    else {
        panic!("one record")
    };
    assert_eq!((call.decision, call.outcome), (Decision::Allow, Outcome::Cancelled));
    assert_eq!(call.counts["answer_chars"], 8);
    let reasons: Vec<&str> = records
        .iter()
        .filter(|record| record.operation == "agent_update_status")
        .map(|record| record.reason.as_str())
        .collect();
    assert_eq!(reasons, ["run_began", "run_cancelled"]);
    assert_not_kept(world).await;
    let again = begun(&ann, &gate, run(&agent, json!({}))).await;
    gate.go();
    again.await.unwrap().ok();
}

#[tokio::test]
async fn s07_nothing_remains_of_a_run_whose_session_ends_meanwhile() {
    let gate = Arc::new(Gate::default());
    let world = forever(world(gate.clone()));
    let ann = world.client("ann").await;
    let agent = spawned(&ann).await;
    let running = begun(&ann, &gate, shared(&agent)).await;
    ann.ok("session_end", json!({})).await;
    gate.go();
    let answer = running.await.unwrap();
    assert_eq!(answer.code(), "not_found");
    assert!(!answer.bytes().contains("rest"));
    let foreign = ann.call("session_status", json!({})).await.bytes();
    assert_eq!(answer.bytes(), foreign);
    assert_not_kept(world).await;
    let last = world.records_of(answer.request).await.pop().unwrap();
    assert_eq!((last.operation.as_str(), last.outcome), ("agent_run", Outcome::NotFound));
}

#[tokio::test]
async fn s07_nothing_is_told_of_a_run_that_fails_after_its_session() {
    let gate = Arc::new(Gate::default());
    let world =
        forever(held_to(gate.clone(), RunLimits { time: Duration::from_secs(2), ..RunLimits::default() }));
    let ann = world.client("ann").await;
    let running = begun(&ann, &gate, shared(&spawned(&ann).await)).await;
    ann.ok("session_end", json!({})).await;
    assert_eq!(running.await.unwrap().code(), "not_found");
}

#[tokio::test]
async fn s26_a_token_that_is_revoked_meanwhile_gets_no_answer() {
    let gate = Arc::new(Gate::default());
    let world = forever(world(gate.clone()));
    let root = Arc::new(Principal::operator("root"));
    let granted = json!({ "subject": "ci", "role": "developer" });
    let made = world.call(&root, "token_create", granted).await.ok();
    let principal = world.engine.find_principal(made["secret"].as_str().unwrap()).await.unwrap();
    let ci = world.enter(principal.clone()).await;
    let agent = spawned(&ci).await;
    let running = begun(&ci, &gate, shared(&agent)).await;
    world.call(&root, "token_revoke", json!({ "id": made["token"]["id"] })).await.ok();
    gate.go();
    let answer = running.await.unwrap();
    assert_eq!(answer.code(), "not_found");
    assert!(!answer.bytes().contains("rest"));
    assert_not_kept(world).await;
    // What it has used is counted all the same.
    assert_eq!(state(&ci, &agent).await, ("idle".to_owned(), 18));
}

#[tokio::test]
async fn an_agent_that_is_stopped_meanwhile_stays_so_and_gives_no_answer() {
    let gate = Arc::new(Gate::default());
    let world = forever(world(gate.clone()));
    let ann = world.client("ann").await;
    let agent = spawned(&ann).await;
    let running = begun(&ann, &gate, shared(&agent)).await;
    ann.ok("agent_stop", json!({ "id": agent })).await;
    gate.go();
    let error = running.await.unwrap().value.unwrap_err();
    assert_eq!(error["error"]["message"], "The agent is `stopped` and cannot become `idle`.");
    assert_not_kept(world).await;
    assert_eq!(state(&ann, &agent).await.0, "stopped");
}
