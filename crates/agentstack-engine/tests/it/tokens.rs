//! Tokens: whom they stand for, what they are good for, and when they end.

use std::sync::Arc;

use agentstack_access::{Principal, Role};
use agentstack_audit::{Decision, Outcome};
use agentstack_core::RequestId;
use serde_json::{Value, json};

use crate::support::{UNKNOWN, World};

fn operator() -> Arc<Principal> {
    Arc::new(Principal::operator("root"))
}

/// Makes a token; its text and its id.
async fn made(world: &World, arguments: Value) -> (String, String) {
    let answer = world.call(&operator(), "token_create", arguments).await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer["secret"]), text(&answer["token"]["id"]))
}

async fn authenticated(world: &World, token: &str) -> Option<Arc<Principal>> {
    world.engine.find_principal(token).await.ok().map(Arc::new)
}

#[tokio::test]
async fn s03_a_token_is_256_random_bits_with_a_prefix_and_a_checksum() {
    let world = World::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let (token, _) = made(&world, json!({ "subject": "ci", "role": "agent" })).await;
        let digits = token.strip_prefix("ast_").unwrap();
        assert!(
            digits.len() == 72 && digits.bytes().all(|b| b.is_ascii_hexdigit()),
            "{} digits",
            digits.len()
        );
        // One wrong character is noticed without a look into the store.
        let mut mistyped = token.clone();
        let last = mistyped.pop();
        mistyped.push(if last == Some('0') { '1' } else { '0' });
        assert!(authenticated(&world, &mistyped).await.is_none());
        assert!(seen.insert(token));
    }
}

#[tokio::test]
async fn a_token_stands_for_its_subject_role_and_agent() {
    let world = World::sqlite().await;
    let granted = json!({ "subject": "ci", "role": "agent", "agentId": "coder" });
    let (token, _) = made(&world, granted).await;
    let principal = authenticated(&world, &token).await.unwrap();
    assert_eq!((principal.name(), principal.role()), ("token:ci", Role::Agent));
    assert_eq!(principal.agent().unwrap().as_str(), "coder");
    // Two tokens of one subject are one holder: a new one takes over the sessions of an old one.
    let (second, _) = made(&world, json!({ "subject": "ci", "role": "agent" })).await;
    let second = authenticated(&world, &second).await.unwrap();
    assert_eq!(second.holder(), principal.holder());
    let (other, _) = made(&world, json!({ "subject": "cd", "role": "agent" })).await;
    assert_ne!(authenticated(&world, &other).await.unwrap().holder(), principal.holder());
}

#[tokio::test]
async fn a_revoked_token_ends_with_the_answer_and_an_expired_one_with_its_time() {
    for world in [World::new(), World::sqlite().await] {
        let (token, id) = made(&world, json!({ "subject": "ci", "role": "agent" })).await;
        assert!(authenticated(&world, &token).await.is_some());
        world.call(&operator(), "token_revoke", json!({ "id": id })).await.ok();
        assert!(authenticated(&world, &token).await.is_none());
        assert_eq!(world.call(&operator(), "token_revoke", json!({ "id": id })).await.code(), "not_found");
        let soon = json!({ "subject": "ci", "role": "agent", "expiresInSeconds": 10 });
        let (token, _) = made(&world, soon).await;
        world.clock.advance_millis(9_999);
        assert!(authenticated(&world, &token).await.is_some());
        world.clock.advance_millis(1);
        assert!(authenticated(&world, &token).await.is_none());
    }
}

#[tokio::test]
async fn s01_a_credential_that_is_not_accepted_is_recorded_and_told_nothing() {
    let world = World::new();
    let (revoked, id) = made(&world, json!({ "subject": "ci", "role": "agent" })).await;
    world.call(&operator(), "token_revoke", json!({ "id": id })).await.ok();
    let mut told = vec![];
    for (token, reason) in
        [(revoked.as_str(), "token_unknown"), ("hunter2", "token_malformed"), ("", "token_malformed")]
    {
        let request = RequestId::generate();
        let refusal = world.engine.find_principal(token).await.unwrap_err();
        let error = world.engine.refuse_credential(refusal, request).await;
        told.push(error.to_problem().to_string().replace(&request.to_string(), "<request>"));
        let [record] = &world.records_of(request).await[..] else { panic!("one record") };
        assert_eq!((record.decision, record.outcome), (Decision::Deny, Outcome::Unauthenticated));
        assert_eq!((record.reason.as_str(), record.principal.as_str()), (reason, "unauthenticated"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "the reason stays in the log: {told:?}");
}

#[tokio::test]
async fn a_limited_token_is_held_to_its_operations_and_namespaces() {
    let world = World::sqlite().await;
    let planner = world.client("planner").await;
    for name in ["team", "private"] {
        let note = json!({ "key": "k", "content": format!("note of {name}"), "namespace": name });
        planner.ok("memory_store", note).await;
    }
    let limited = json!({ "subject": "ci", "role": "developer", "namespaces": ["team"],
        "operations": ["memory_search", "memory_get", "memory_list", "memory_store", "session_start"] });
    let (token, _) = made(&world, limited).await;
    let principal = authenticated(&world, &token).await.unwrap();
    let ci = world.enter(Principal::clone(&principal)).await;
    let seen = ci.ok("memory_search", json!({ "query": "note" })).await;
    assert_eq!((&seen["count"], &seen["results"][0]["namespace"]), (&json!(1), &json!("team")));
    let listed = ci.ok("memory_list", json!({ "includeShared": true })).await;
    assert_eq!(listed["total"], 1);
    for (name, arguments) in [
        ("memory_get", json!({ "key": "k", "namespace": "private" })),
        ("memory_store", json!({ "key": "k", "content": "x", "namespace": "private" })),
        ("memory_delete", json!({ "key": "k", "namespace": "team" })),
        ("session_end", json!({})),
    ] {
        let error = ci.call(name, arguments).await.value.unwrap_err();
        assert_eq!(error["error"]["code"], "forbidden", "{name}");
        // S27: the one missing permission and nothing else.
        assert_eq!(error["error"]["message"], format!("The policy does not permit `{name}`."));
    }
    // Its own session is not a shared namespace, so no list of those holds it out.
    ci.store("own", "text").await;
    assert_eq!(ci.content("own").await.as_deref(), Some("text"));
}

#[tokio::test]
async fn s34_nobody_gets_a_token_that_is_good_for_more_than_the_one_that_was_shown() {
    let world = World::new();
    let granted = json!({ "subject": "helpdesk", "role": "operator", "agentId": "desk",
        "operations": ["token_create", "token_list"], "namespaces": ["team"] });
    let (token, _) = made(&world, granted).await;
    let desk = authenticated(&world, &token).await.unwrap();
    let within = json!({ "subject": "x", "role": "viewer", "agentId": "desk",
        "operations": ["token_list"], "namespaces": ["team"] });
    world.call(&desk, "token_create", within.clone()).await.ok();
    for (field, value) in [
        ("operations", json!(["token_list", "memory_delete"])),
        ("operations", Value::Null),
        ("namespaces", json!(["team", "private"])),
        ("namespaces", Value::Null),
        ("agentId", json!("another")),
        ("agentId", Value::Null),
    ] {
        let mut wider = within.clone();
        wider[field] = value;
        let answer = world.call(&desk, "token_create", wider.clone()).await;
        assert_eq!(answer.code(), "forbidden", "{wider}");
    }
}

#[tokio::test]
async fn tokens_are_listed_without_their_secrets() {
    let world = World::sqlite().await;
    let mut secrets = vec![];
    for number in 0..5 {
        let granted = json!({ "subject": format!("ci-{number}"), "role": "agent" });
        secrets.push(made(&world, granted).await.0);
    }
    let first = world.call(&operator(), "token_list", json!({ "limit": 3 })).await.ok();
    let rest = json!({ "limit": 3, "cursor": first["nextCursor"] });
    let rest = world.call(&operator(), "token_list", rest).await.ok();
    let subjects: Vec<&Value> = [&first, &rest]
        .into_iter()
        .flat_map(|page| page["tokens"].as_array().unwrap())
        .map(|token| &token["subject"])
        .collect();
    assert_eq!(subjects, ["ci-4", "ci-3", "ci-2", "ci-1", "ci-0"]);
    assert!(rest.get("nextCursor").is_none());
    for secret in secrets {
        let digits = secret.get(4..20).unwrap();
        assert!(!first.to_string().contains(digits) && !rest.to_string().contains(digits));
    }
    assert_eq!(world.call(&operator(), "token_revoke", json!({ "id": UNKNOWN })).await.code(), "not_found");
}
