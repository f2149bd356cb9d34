//! One record for each call, whatever became of it, for every operation of the table.

use std::sync::Arc;

use agentstack_access::{Caller, Effect, Principal, Reach, Role};
use agentstack_api::{OPERATIONS, Spec};
use agentstack_audit::{Decision, Outcome, Record};
use agentstack_core::Namespace;
use serde_json::json;

use crate::support::{Client, UNKNOWN, World, in_sessions, is_reserved, sample, takes, takes_session};

/// Operations that the policy gives to everyone and that claim no session, so nobody can be denied.
const OPEN_TO_ALL: &[&str] = &[
    "session_start",
    "session_active",
    "agent_types",
    "identity_get",
    "identity_list",
    "identity_audit",
    "system_status",
    "system_health",
    "system_config",
    "plugin_list",
    "plugin_show",
    "github_issue_list",
    "github_issue_get",
    "github_pr_list",
    "github_pr_get",
    "github_repo_info",
];

async fn ready(world: &World) -> Client<'_> {
    let client = world.client("planner").await;
    client.store("known", "first").await;
    client.store("known", "second").await;
    client
}

fn name_of(spec: &Spec) -> &'static str {
    spec.operation.name
}

/// The one record of a call, and nothing else since `before`.
async fn only_record(
    client: &Client<'_>,
    before: usize,
    request: agentstack_core::RequestId,
    what: &str,
) -> Record {
    let mut records = client.world.records().await.split_off(before);
    // What goes out is recorded before it does.
    records.retain(|record| {
        (what != "agent_run" || record.operation == what)
            && record.reason != "began"
            && record.operation != "plugin_load"
    });
    assert_eq!(records.len(), 1, "{what}: one record");
    let record = records.remove(0);
    assert_eq!(record.request, request, "{what}: the record is the call's");
    record
}

#[tokio::test]
async fn s43_each_operation_leaves_one_record_of_who_did_what() {
    for spec in OPERATIONS {
        let world = World::new();
        let mut client = ready(&world).await;
        let mut arguments = sample(spec);
        if is_reserved(spec) {
            client = client.as_operator();
            let made = client.ok("token_create", json!({ "subject": "ci", "role": "viewer" })).await;
            if name_of(spec).starts_with("token_") && takes(spec, "id") {
                arguments["id"] = made["token"]["id"].clone();
            } else if takes(spec, "id") {
                let stored = client.store("held", "text").await;
                arguments["id"] = format!("{}.1", stored["id"].as_str().unwrap()).into();
            }
        }
        let arguments = client.with_things(arguments).await;
        let before = world.records().await.len();
        let name = spec.operation.name;
        let answer = client.call(name, arguments).await;
        assert_eq!(answer.code(), "ok", "{name}");
        let record = only_record(&client, before, answer.request, name).await;
        assert_eq!(record.operation, name);
        assert_eq!(record.principal, "embedded:planner");
        assert_eq!((record.decision, record.outcome), (Decision::Allow, Outcome::Ok), "{name}");
        assert_eq!((record.reason.as_str(), record.policy.as_str()), ("permitted", "builtin-1"));
        assert_eq!(record.at, "2027-01-15T08:00:00.000Z");
        if spec.operation.reach != Reach::Principal {
            assert_eq!(record.session.unwrap().to_string(), client.session, "{name}");
        }
        if name == "session_start" {
            let started = answer.ok()["session"]["id"].as_str().unwrap().to_owned();
            assert_eq!(record.session.unwrap().to_string(), started);
        }
    }
}

#[tokio::test]
async fn s43_a_record_names_the_entry_by_its_keyed_hash() {
    for spec in OPERATIONS.iter().filter(|spec| takes(spec, "key")) {
        let world = World::new();
        let client = ready(&world).await;
        let arguments = sample(spec);
        let key = arguments["key"].as_str().unwrap().to_owned();
        let answer = client.call(spec.operation.name, arguments).await;
        let namespace = Namespace::Session(client.session.parse().unwrap());
        let expected = world.resources.hash("memory", Some(&namespace), &key);
        let records = world.records_of(answer.request).await;
        assert_eq!(records[0].resource, Some(expected), "{}", spec.operation.name);
    }
}

#[tokio::test]
async fn s43_each_denied_call_leaves_one_record_with_the_reason() {
    let world = World::new();
    let client = ready(&world).await;
    for spec in OPERATIONS {
        let name = spec.operation.name;
        let denied_here = is_reserved(spec) || spec.operation.reach != Reach::Principal;
        assert!(
            OPEN_TO_ALL.contains(&name) || denied_here || is_forbidden_to_viewers(spec),
            "{name}: can be denied"
        );
    }
    for spec in OPERATIONS.iter().filter(|spec| is_reserved(spec)) {
        let name = spec.operation.name;
        let before = world.records().await.len();
        let answer = client.call(name, sample(spec)).await;
        assert_eq!(answer.code(), "forbidden", "{name}");
        let record = only_record(&client, before, answer.request, name).await;
        assert_eq!((record.decision, record.reason.as_str()), (Decision::Deny, "policy"), "{name}");
    }
    for spec in in_sessions() {
        let name = spec.operation.name;
        let before = world.records().await.len();
        let mut arguments = sample(spec);
        arguments["sessionId"] = json!(UNKNOWN);
        let answer = client.call(name, arguments).await;
        assert_eq!(answer.code(), "not_found", "{name}");
        let record = only_record(&client, before, answer.request, name).await;
        assert_eq!((record.decision, record.outcome), (Decision::Deny, Outcome::NotFound), "{name}");
        assert_eq!((record.operation.as_str(), record.reason.as_str()), (name, "session_not_held"));
        assert_eq!(record.session.unwrap().to_string(), UNKNOWN);
        assert_eq!(record.principal, "embedded:planner");
    }
}

/// What changes anything is denied to who only looks on, but for sessions, without which it could not look.
fn is_forbidden_to_viewers(spec: &Spec) -> bool {
    spec.operation.effect != Effect::Read && spec.operation.family() != Some("session") && !is_reserved(spec)
}

fn forbidden_to_viewers() -> impl Iterator<Item = &'static Spec> {
    OPERATIONS.iter().copied().filter(|spec| is_forbidden_to_viewers(spec))
}

#[tokio::test]
async fn s35_a_viewer_reads_and_the_denied_rest_is_recorded() {
    let world = World::new();
    let viewer = world.enter(Principal::embedded("viewer", Role::Viewer)).await;
    assert_eq!(forbidden_to_viewers().count(), 18);
    for spec in forbidden_to_viewers() {
        let name = spec.operation.name;
        let arguments = viewer.with_things(sample(spec)).await;
        let before = world.records().await.len();
        let answer = viewer.call(name, arguments).await;
        let error = answer.value.clone().unwrap_err();
        assert_eq!(error["error"]["message"], format!("The policy does not permit `{name}`."));
        let record = only_record(&viewer, before, answer.request, name).await;
        assert_eq!((record.decision, record.outcome), (Decision::Deny, Outcome::Forbidden), "{name}");
        assert_eq!(record.reason, "policy");
    }
    for spec in OPERATIONS.iter().filter(|spec| spec.operation.effect == Effect::Read) {
        let expected = if is_reserved(spec) { "forbidden" } else { "ok" };
        let name = spec.operation.name;
        assert_eq!(viewer.call(name, sample(spec)).await.code(), expected, "{name}");
    }
}

#[tokio::test]
async fn s43_another_agents_name_is_denied_and_recorded() {
    let world = World::new();
    let coder = world.client("planner").await.bound_to("coder");
    // An identity's id is no agent on whose behalf the call is made, nor is the one that a task is given to.
    let speaks_for = |spec: &&&Spec| spec.operation.family() == Some("memory") && takes(spec, "agentId");
    for spec in OPERATIONS.iter().filter(speaks_for) {
        let mut arguments = sample(spec);
        arguments["agentId"] = json!("reviewer");
        let answer = coder.call(spec.operation.name, arguments).await;
        assert_eq!(answer.code(), "forbidden");
        let [record] = &world.records_of(answer.request).await[..] else { panic!("one record") };
        assert_eq!((record.decision, record.reason.as_str()), (Decision::Deny, "other_agent"));
        assert_eq!(record.agent.as_ref().unwrap().as_str(), "coder", "who it was, not whom it named");
    }
}

#[tokio::test]
async fn s43_each_invalid_call_leaves_one_record() {
    let world = World::new();
    let client = ready(&world).await;
    for spec in OPERATIONS {
        let name = spec.operation.name;
        let mut arguments = client.with_things(sample(spec)).await;
        let before = world.records().await.len();
        arguments["noSuchField"] = json!(1);
        let answer = client.call(name, arguments).await;
        assert_eq!(answer.code(), "invalid_input", "{name}");
        let record = only_record(&client, before, answer.request, name).await;
        assert_eq!((record.operation.as_str(), record.outcome), (name, Outcome::InvalidInput));
        assert_eq!((record.decision, record.reason.as_str()), (Decision::Deny, "input"), "{name}");
        assert_eq!(record.principal, "embedded:planner");
    }
}

#[tokio::test]
async fn s43_what_is_not_there_and_what_conflicts_is_recorded_as_that() {
    let world = World::new();
    let client = ready(&world).await;
    for (name, arguments, outcome) in [
        ("memory_delete", json!({ "key": "nothing" }), Outcome::Ok),
        ("memory_get", json!({ "key": "nothing" }), Outcome::Ok),
        ("memory_history", json!({ "key": "nothing" }), Outcome::Ok),
        ("memory_restore", json!({ "key": "nothing", "version": 1 }), Outcome::NotFound),
        ("memory_store", json!({ "key": "known", "content": "x", "ifVersion": 7 }), Outcome::Conflict),
    ] {
        let before = world.records().await.len();
        let answer = client.call(name, arguments).await;
        let record = only_record(&client, before, answer.request, name).await;
        assert_eq!((record.outcome, record.decision), (outcome, Decision::Allow), "{name}");
    }
}

#[tokio::test]
async fn s43_looking_after_the_log_is_the_operators_and_denied_attempts_are_recorded() {
    let world = World::new();
    let developer = Arc::new(Principal::embedded("planner", Role::Developer));
    let error = world.engine.checkpoint_audit(Arc::clone(&developer)).await.unwrap_err();
    assert_eq!(error.code().as_str(), "forbidden");
    let [record] = &world.records_of(error.request_id()).await[..] else { panic!("one record") };
    assert_eq!((record.decision, record.operation.as_str()), (Decision::Deny, "audit_checkpoint"));
}

#[tokio::test]
async fn s01_no_call_is_made_without_a_principal() {
    let world = World::new();
    // The one way in takes a caller, and a caller has a principal with a name and a holder.
    let caller = Caller::new(Arc::new(Principal::embedded("", Role::Developer)));
    for spec in OPERATIONS.iter().filter(|spec| !takes_session(spec) && !is_reserved(spec)) {
        if sample(spec).get("agentId").or(sample(spec).get("plugin")).is_some() {
            continue; // of an identity, which the caller does not have, or of a plugin, which nobody has installed
        }
        let answer = world.dispatch(&caller, spec.operation.name, sample(spec)).await;
        assert!(answer.is_ok(), "{}", spec.operation.name);
    }
    let records = world.records().await;
    assert!(records.iter().all(|record| record.principal == "embedded:"));
}
