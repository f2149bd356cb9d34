//! What is refused before anything goes out, and what a provider refuses.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use agentstack_access::{Limits, Principal, Role};
use agentstack_audit::Decision;
use agentstack_engine::{AgentKind, Coordination, Models, RunLimits, Settings};
use agentstack_providers::testing::{Gate, Scripted, answer};
use agentstack_providers::{EgressProblem, Phase, ProviderError};
use serde_json::json;

use super::{begun, forever, held_to, run, settings, spawned, state, world};
use crate::support::{UNKNOWN, World};

fn silent() -> Arc<Scripted> {
    Arc::new(Scripted::new())
}

#[tokio::test]
async fn without_a_provider_a_run_is_a_conflict_that_says_what_to_do() {
    let world = World::with_settings(Settings { models: Models::default(), ..Settings::default() });
    let ann = world.client("ann").await;
    let agent = spawned(&ann).await;
    let error = ann.call("agent_run", run(&agent, json!({}))).await.value.unwrap_err();
    assert_eq!(error["error"]["code"], "conflict");
    assert_eq!(
        error["error"]["message"],
        "No provider is configured. The operator names one under `providers` in the configuration."
    );
    assert_eq!(state(&ann, &agent).await, ("idle".to_owned(), 0));
}

#[tokio::test]
async fn an_unknown_provider_is_named_by_its_field_with_those_there_are() {
    let model = silent();
    let mut settings = settings(model.clone(), Coordination::default());
    let world_of = |settings: &Settings| World::with_settings(settings.clone());
    let first = world_of(&settings);
    let ann = first.client("ann").await;
    let agent = spawned(&ann).await;
    let told =
        ann.call("agent_run", run(&agent, json!({ "provider": "elsewhere" }))).await.value.unwrap_err();
    assert_eq!(
        (&told["error"]["code"], &told["error"]["field"]),
        (&json!("invalid_input"), &json!("provider"))
    );
    assert_eq!(told["error"]["message"], "`provider` must be one that is configured: local");
    settings.models.default = None;
    let second = world_of(&settings);
    let ann = second.client("ann").await;
    let agent = spawned(&ann).await;
    let told = ann.call("agent_run", run(&agent, json!({}))).await.value.unwrap_err();
    assert_eq!(told["error"]["message"], "`provider` is required: there are local");
    assert!(model.asked().chats.is_empty());
}

#[tokio::test]
async fn s02_foreign_and_unknown_agents_are_not_found_and_stopped_ones_are_not_run() {
    let model = silent();
    let world = world(model.clone());
    let (ann, bob) = (world.client("ann").await, world.client("bob").await);
    let (agent, foreign) = (spawned(&ann).await, spawned(&bob).await);
    let mut told = vec![];
    for id in [foreign.as_str(), UNKNOWN] {
        let answer = ann.call("agent_run", run(id, json!({}))).await;
        assert_eq!(answer.code(), "not_found");
        told.push(answer.bytes());
    }
    let answer = ann
        .call("agent_run", {
            let mut it = run(&foreign, json!({}));
            it["sessionId"] = json!(bob.session);
            it
        })
        .await;
    told.push(answer.bytes());
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    ann.ok("agent_stop", json!({ "id": agent })).await;
    let error = ann.call("agent_run", run(&agent, json!({}))).await.value.unwrap_err();
    assert_eq!(error["error"]["message"], "The agent is `stopped` and cannot become `running`.");
    let other = ann.bound_to(&spawned(&ann).await);
    assert_eq!(other.call("agent_run", run(&agent, json!({}))).await.code(), "forbidden");
    assert!(model.asked().chats.is_empty());
}

#[tokio::test]
async fn s34_an_agents_role_does_not_run_agents() {
    let model = silent();
    let world = world(model.clone());
    for role in [Role::Agent, Role::Viewer] {
        let client = world.enter(Principal::embedded("ann", role)).await;
        let agent = spawned(&client.as_operator()).await;
        let error = client.call("agent_run", run(&agent, json!({}))).await.value.unwrap_err();
        assert_eq!(error["error"]["message"], "The policy does not permit `agent_run`.");
    }
    assert!(model.asked().chats.is_empty());
}

#[tokio::test]
async fn s34_whoever_may_not_store_or_search_is_told_before_anything_goes_out() {
    let model = silent();
    let world = world(model.clone());
    let names = ["session_start", "agent_spawn", "agent_status", "agent_run"];
    let only: BTreeSet<String> = names.map(str::to_owned).into();
    let limits = Limits { operations: Some(Arc::new(only)), namespaces: None };
    let ann = world.enter(Principal::embedded("ann", Role::Developer).limited_to(limits)).await;
    let agent = spawned(&ann).await;
    for (more, lacking) in
        [(json!({ "storeAs": "k" }), "memory_store"), (json!({ "recall": "x" }), "memory_search")]
    {
        let answer = ann.call("agent_run", run(&agent, more)).await;
        let error = answer.value.unwrap_err();
        assert_eq!(error["error"]["message"], format!("The policy does not permit `{lacking}`."));
        let records = world.records_of(answer.request).await;
        let denied: Vec<_> = records.iter().map(|it| (it.operation.as_str(), it.reason.as_str())).collect();
        assert_eq!(denied, [(lacking, "policy"), ("agent_run", "policy")]);
        assert!(records.iter().all(|record| record.decision == Decision::Deny));
    }
    let bob = world.client("bob").await;
    let foreign = format!("session:{}", ann.session);
    let more = json!({ "storeAs": "k", "storeNamespace": foreign });
    let answer = bob.call("agent_run", run(&spawned(&bob).await, more)).await;
    assert_eq!(answer.code(), "not_found");
    assert!(model.asked().chats.is_empty());
    assert_eq!(state(&ann, &agent).await, ("idle".to_owned(), 0));
}

#[tokio::test]
async fn s33_a_caller_has_so_many_runs_at_one_time_and_an_agent_one() {
    let gate = Arc::new(Gate::default());
    let world = forever(held_to(gate.clone(), RunLimits { concurrent: 1, ..RunLimits::default() }));
    let (ann, bob) = (world.client("ann").await, world.client("bob").await);
    let (agent, second, other) = (spawned(&ann).await, spawned(&ann).await, spawned(&bob).await);
    let running = begun(&ann, &gate, run(&agent, json!({}))).await;
    assert_eq!(state(&ann, &agent).await.0, "running");
    let answer = ann.call("agent_run", run(&agent, json!({}))).await;
    assert_eq!(
        answer.value.unwrap_err()["error"]["message"],
        "The agent is `running` and cannot become `running`."
    );
    assert_eq!(ann.call("agent_run", run(&second, json!({}))).await.code(), "rate_limited");
    let elsewhere = begun(&bob, &gate, run(&other, json!({}))).await;
    gate.go();
    gate.go();
    for done in [running, elsewhere] {
        done.await.unwrap().ok();
    }
    let again = begun(&ann, &gate, run(&second, json!({}))).await;
    gate.go();
    again.await.unwrap().ok();
}

/// What the prompt of a run is estimated at.
fn prompt_tokens() -> u64 {
    let kind = AgentKind::builtin().iter().find(|kind| kind.agent_type.as_str() == "coder").unwrap();
    (kind.system_prompt.chars().count() as u64 + 9).div_ceil(4)
}

#[tokio::test]
async fn what_a_provider_refuses_is_told_in_words_of_ours() {
    let second = Some(Duration::from_secs(7));
    let bad = |kind| ProviderError::BadRequest { status: 400, kind };
    let cases = [
        (ProviderError::RateLimited { retry_after: second }, "rate_limited"),
        (ProviderError::Unavailable { status: 529, retry_after: None }, "unavailable"),
        (ProviderError::Connection("canary".into()), "unavailable"),
        (ProviderError::TimedOut(Phase::Silence), "unavailable"),
        (ProviderError::TimedOut(Phase::Connect), "unavailable"),
        (ProviderError::NoKey, "unavailable"),
        (ProviderError::Unauthorized, "unavailable"),
        (ProviderError::NotPermitted(EgressProblem::Redirect), "unavailable"),
        (ProviderError::Malformed("canary"), "unavailable"),
        (bad(Some("insufficient_quota")), "unavailable"),
        (bad(Some("model_not_found")), "invalid_input"),
        (bad(None), "invalid_input"),
        (ProviderError::TooLarge { most: 5 }, "too_large"),
        (ProviderError::Midway(Box::new(bad(None))), "invalid_input"),
    ];
    // What went out counts, unless a status says that there is no answer.
    let counts = [2, 3, 8, 12, 13];
    let codes: Vec<&str> = cases.iter().map(|(_, code)| *code).collect();
    let model = cases.into_iter().fold(Scripted::new(), |model, (error, _)| model.then_chat(Err(error)));
    let world = world(Arc::new(model.then_chat(Ok(answer("at last")))));
    let ann = world.client("ann").await;
    let agent = spawned(&ann).await;
    let mut used = 0;
    for (at, code) in codes.into_iter().enumerate() {
        let answer = ann.call("agent_run", run(&agent, json!({}))).await;
        assert_eq!(answer.code(), code);
        assert!(!answer.bytes().contains("canary"), "{}", answer.bytes());
        used += if counts.contains(&at) { prompt_tokens() } else { 0 };
        assert_eq!(state(&ann, &agent).await, ("failed".to_owned(), used), "{at}: {code}");
        let records = world.records_of(answer.request).await;
        let told: Vec<_> =
            records.iter().map(|record| (record.operation.as_str(), record.outcome.as_str())).collect();
        let changed = ("agent_update_status", "ok");
        assert_eq!(told, [changed, changed, ("agent_run", code)]);
    }
    assert_eq!(ann.ok("agent_run", run(&agent, json!({}))).await["response"], "at last");
    assert_eq!(state(&ann, &agent).await.0, "idle");
}
