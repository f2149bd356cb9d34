//! What errors say, and what they keep to themselves.

use std::sync::Arc;

use agentstack_access::{Principal, Role};
use agentstack_api::{ErrorBody, OPERATIONS};
use agentstack_core::RequestId;
use serde_json::{Value, json};

use crate::faulty::Faulty;
use crate::support::{Client, UNKNOWN, World, is_id, sample, takes_session};

/// What a test sends where it must not come back.
pub(crate) const CANARY: &str = "canary-7f3a91";

/// Words of SQL and of our own insides, and what paths look like.
const INSIDES: &[&str] = &[
    "select ",
    "insert ",
    "update ",
    "delete from",
    "sqlite",
    "sqlcipher",
    "database",
    "fts5",
    "syntax error",
    "constraint",
    "session_holders",
    "rowid",
    "panicked",
    ".rs",
    "/tmp",
    "/home",
    "/var",
    ".db",
    "serde",
    "expected",
    "invalid type",
];

/// Whether an error shows nothing but its code, its sentence, the field and rule, and the call's own id (S10).
pub(crate) fn assert_discreet(error: &ErrorBody, request: RequestId, sent: &str) {
    for body in [error.to_mcp(), error.to_problem()] {
        let text = body.to_string().replace(&request.to_string(), "<request>");
        // Of the words below, two are in names of operations.
        let lower = text.to_lowercase().replace("identity_update", "").replace("agent_update_status", "");
        for word in INSIDES {
            assert!(!lower.contains(word), "{word} in {text}");
        }
        assert!(!lower.contains("canary"), "{text}");
        let is_foreign = |window: &[u8]| std::str::from_utf8(window).is_ok_and(is_id);
        assert!(!text.as_bytes().windows(36).any(is_foreign), "an id in {text}, after {sent}");
        assert!(text.len() < 600, "{} bytes: {text}", text.len());
    }
}

/// Values that break some rule in most places.
fn hostile() -> Vec<Value> {
    let deep = (0..50).fold(json!(CANARY), |inner, _| json!([inner]));
    vec![
        json!(CANARY),
        json!(format!("{CANARY}'; SELECT * FROM entries; --")),
        json!(format!("/var/{CANARY}/../\u{0}\u{202e}\n{CANARY}")),
        json!(format!("session:{CANARY}")),
        json!(format!("session:{UNKNOWN} ")),
        json!(CANARY.repeat(100_000)),
        json!(""),
        json!(null),
        json!(-1),
        json!(1e300),
        json!(true),
        json!([CANARY, 1, null]),
        json!(vec![CANARY; 100]),
        json!({ CANARY: CANARY }),
        json!({ "any": CANARY }),
        deep,
    ]
}

async fn provoke(client: &Client<'_>) -> usize {
    let mut errors = 0;
    for spec in OPERATIONS {
        let name = spec.operation.name;
        let fields = (spec.input_schema)()["properties"].as_object().unwrap();
        for field in fields.keys().map(String::as_str).chain(["unknown", CANARY, "label"]) {
            for value in hostile() {
                let mut arguments = sample(spec);
                if takes_session(spec) {
                    arguments["sessionId"] = json!(client.session);
                }
                arguments[field] = value;
                errors += usize::from(client.anywhere(name, arguments).await.value.is_err());
            }
        }
        for other in [json!({}), json!({ "sessionId": UNKNOWN }), json!({ CANARY: CANARY })] {
            errors += usize::from(client.anywhere(name, other).await.value.is_err());
        }
    }
    errors
}

/// Each error is looked at by [`World::dispatch`].
#[tokio::test]
async fn s10_bad_input_is_refused_without_repeating_it() {
    let world = World::new();
    let client = world.client("planner").await;
    let viewer = world.enter(Principal::embedded("viewer", Role::Viewer)).await;
    let errors = [provoke(&client).await, provoke(&viewer).await];
    assert!(errors.iter().all(|count| *count > 500), "{errors:?}");
}

#[tokio::test]
async fn s10_a_failing_store_shows_nothing_of_itself() {
    let store = Arc::new(Faulty::new());
    let world = World::over(Arc::clone(&store) as _, Box::new(()));
    let client = world.client("planner").await.as_operator();
    client.store("known", "text").await;
    let mut calls = vec![];
    for spec in OPERATIONS {
        calls.push((spec.operation.name, client.with_things(sample(spec)).await));
    }
    store.break_everything();
    let stored = |name: &str| !matches!(name, "system_health" | "system_config" | "agent_types");
    for (name, arguments) in calls.into_iter().filter(|(name, _)| stored(name)) {
        assert_eq!(client.call(name, arguments).await.code(), "unavailable", "{name}");
    }
    let health = client.ok("system_health", json!({})).await.to_string();
    assert!(!health.contains(CANARY) && health.contains("degraded"), "{health}");
}

#[tokio::test]
async fn invalid_input_names_the_field_and_the_rule() {
    let world = World::new();
    let client = world.client("planner").await;
    for (name, arguments, field) in [
        ("memory_search", json!({ "query": "a", "limit": 101 }), "limit"),
        ("memory_store", json!({ "key": "a", "content": "a", "tags": ["fine", ""] }), "tags[1]"),
        ("memory_store", json!({ "key": "a", "content": "a", "namespace": "session:x" }), "namespace"),
        ("memory_get", json!({}), "key"),
        ("memory_list", json!({ "cursor": "no cursor" }), "cursor"),
        ("memory_search", json!({ "query": "a", "cursor": "no cursor" }), "cursor"),
        ("session_start", json!({ "resumeToken": CANARY }), "resumeToken"),
    ] {
        let error = client.call(name, arguments).await.value.unwrap_err();
        assert_eq!(error["error"]["field"], field, "{error}");
        assert_eq!(error["error"]["code"], "invalid_input");
    }
}

#[tokio::test]
async fn search_by_meaning_is_refused_without_an_embedder_and_the_best_there_is_is_text() {
    let world = World::new();
    let client = world.client("planner").await;
    client.store("known", "text").await;
    for mode in ["semantic", "hybrid"] {
        let error =
            client.call("memory_search", json!({ "query": "text", "mode": mode })).await.value.unwrap_err();
        let error = &error["error"];
        assert_eq!((&error["code"], &error["field"]), (&json!("invalid_input"), &json!("mode")));
    }
    for way in [json!({ "mode": "auto" }), json!({ "useVector": true }), json!({ "useVector": false })] {
        let mut arguments = way;
        arguments["query"] = json!("text");
        assert_eq!(client.keys("memory_search", arguments).await, ["known"]);
    }
}
