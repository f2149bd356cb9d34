//! The same for what is kept besides entries: tasks, agents, sessions, identities (S50).

use agentstack_access::{Principal, Role};
use agentstack_audit::{Decision, Outcome};
use serde_json::{Value, json};

use super::secrets::{Sample, assert_absent, samples};
use crate::support::{Client, World};

/// What is kept somewhere, by the call that does it, and the call that shows it.
async fn kept(client: &Client<'_>, text: &str) -> Vec<(&'static str, Value)> {
    let metadata = json!({ "of": text });
    let task = json!({ "agentType": "coder", "input": text });
    let created = client.ok("task_create", task).await;
    let id = created["task"]["id"].clone();
    let done = json!({ "taskId": id, "output": text, "storeAs": "result" });
    let completed = client.ok("task_complete", done).await;
    let task = client.ok("task_get", json!({ "taskId": id })).await;
    let result = client.ok("memory_get", json!({ "key": "result" })).await;
    let agent = client.ok("agent_spawn", json!({ "type": "coder", "metadata": metadata })).await;
    let agent_shown = client.ok("agent_status", json!({ "id": agent["agent"]["id"] })).await;
    let made = json!({ "agentType": "coder", "description": text, "metadata": metadata });
    let identity = client.ok("identity_create", made).await;
    let of_identity = json!({ "agentId": identity["identity"]["agentId"] });
    let identity_shown = client.ok("identity_get", of_identity.clone()).await;
    let mut changed = json!({ "description": format!("again {text}"), "metadata": { "again": text } });
    changed["agentId"] = of_identity["agentId"].clone();
    let updated = client.ok("identity_update", changed).await;
    let updated_shown = client.ok("identity_get", of_identity.clone()).await;
    let session = client.ok("session_status", json!({})).await;
    assert_eq!(task["task"].as_object().map(|task| task.contains_key("output")), Some(true));
    vec![
        ("task_create", created),
        ("task_complete", completed),
        ("task_get, input", task["task"]["input"].clone()),
        ("task_get, output", task["task"]["output"].clone()),
        ("memory_get", result["entry"]["content"].clone()),
        ("agent_spawn", agent),
        ("agent_status", agent_shown["agent"]["metadata"]["of"].clone()),
        ("identity_create", identity),
        ("identity_get, description", identity_shown["identity"]["description"].clone()),
        ("identity_get, metadata", identity_shown["identity"]["metadata"]["of"].clone()),
        ("identity_update", updated),
        ("identity_get, description again", updated_shown["identity"]["description"].clone()),
        ("identity_get, metadata again", updated_shown["identity"]["metadata"]["again"].clone()),
        ("identity_audit", client.ok("identity_audit", of_identity).await),
        ("identity_list", client.ok("identity_list", json!({})).await),
        ("agent_list", client.ok("agent_list", json!({})).await),
        ("task_list", client.ok("task_list", json!({})).await),
        ("session_status", session["session"]["metadata"]["of"].clone()),
        ("session_active", client.ok("session_active", json!({})).await),
    ]
}

async fn assert_taken_out(world: &World, sample: &Sample) {
    let Sample { kind, text, secret } = sample;
    let planner = Principal::embedded("planner", Role::Developer);
    let client = world.enter_with(planner, json!({ "metadata": { "of": text } })).await;
    let mark = format!("[redacted:{kind}]");
    for (what, shown) in kept(&client, text).await {
        assert_absent(&shown.to_string(), secret, &format!("{kind}, {what}"));
        if what.contains("_get") || what.ends_with("_status") {
            assert!(shown.as_str().unwrap().contains(&mark), "{kind}, {what}: {shown}");
        }
    }
    client.ok("session_end", json!({})).await;
}

async fn assert_secrets(world: &World) {
    let samples = samples();
    for sample in &samples {
        assert_taken_out(world, sample).await;
    }
    let log = world.lines().await.join("\n");
    for sample in &samples {
        assert_absent(&log, &sample.secret, "the audit log");
    }
}

#[tokio::test]
async fn s50_secrets_are_taken_out_of_tasks_agents_sessions_and_identities() {
    assert_secrets(&World::new()).await;
}

#[tokio::test]
async fn s50_secrets_are_taken_out_of_tasks_agents_sessions_and_identities_over_sqlite() {
    assert_secrets(&World::sqlite().await).await;
}

#[tokio::test]
async fn s50_a_secret_is_no_key_of_a_result() {
    let world = World::new();
    let client = world.client("planner").await;
    for sample in samples().iter().filter(|sample| sample.text.len() <= 255) {
        let task = client.ok("task_create", json!({ "agentType": "coder" })).await["task"]["id"].clone();
        let done = json!({ "taskId": task, "output": "done", "storeAs": sample.text });
        let answer = client.call("task_complete", done).await;
        let [record] = &world.records_of(answer.request).await[..] else { panic!("one record") };
        assert_eq!((record.decision, record.outcome), (Decision::Deny, Outcome::InvalidInput));
        assert_eq!(record.reason, "guard");
        let error = answer.value.unwrap_err();
        assert_eq!(
            (&error["error"]["code"], &error["error"]["field"]),
            (&json!("invalid_input"), &json!("storeAs"))
        );
        // Nothing was done of it.
        let shown = client.ok("task_get", json!({ "taskId": task })).await;
        assert_eq!(shown["task"]["status"], "pending");
    }
    assert_eq!(client.ok("memory_list", json!({})).await["total"], 0);
}
