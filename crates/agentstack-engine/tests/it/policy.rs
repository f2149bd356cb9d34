//! Another policy while calls go on, and one that fails.

use agentstack_access::{Policy, PolicyError, PolicyFile};
use agentstack_audit::{Decision, Outcome};
use serde_json::json;

use crate::support::World;

fn rules(text: &str) -> Result<Policy, PolicyError> {
    let file = PolicyFile { name: "rules.cedar".to_owned(), text: text.to_owned() };
    Policy::parse(&[file], &agentstack_api::all_operations()).map(|(policy, _)| policy)
}

#[tokio::test]
async fn s36_each_reload_is_recorded_and_one_that_fails_denies_everything_until_the_next() {
    let world = World::new();
    let client = world.client("planner").await;
    let get = || client.call("memory_get", json!({ "sessionId": client.session, "key": "a" }));
    assert_eq!(get().await.code(), "ok");

    world.engine.reload_policy(rules("permit (")).await.unwrap_err();
    let denied = get().await;
    assert_eq!(denied.code(), "forbidden");
    assert_eq!(client.call("system_health", json!({})).await.code(), "forbidden");

    let version = world.engine.reload_policy(rules("permit (principal, action, resource);")).await.unwrap();
    let permitted = get().await;
    assert_eq!(permitted.code(), "ok");

    let records = world.records().await;
    let reloads: Vec<_> = records.iter().filter(|record| record.operation == "policy_reload").collect();
    let told: Vec<_> = reloads
        .iter()
        .map(|record| (record.decision, record.reason.as_str(), record.outcome, record.policy.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Decision::Deny, "policy_unloadable", Outcome::Unavailable, "unloadable"),
            (Decision::Allow, "permitted", Outcome::Ok, &*version),
        ]
    );
    // Each call's record has the policy that decided.
    for (request, policy) in [(denied.request, "unloadable"), (permitted.request, &*version)] {
        assert_eq!(world.records_of(request).await[0].policy, policy);
    }
}

#[tokio::test]
async fn s36_a_rule_that_cannot_be_evaluated_denies_and_is_recorded() {
    let world = World::new();
    let client = world.client("planner").await;
    let overflows = "permit (principal, action, resource);
        forbid (principal, action == Action::\"memory_get\", resource) when { 9223372036854775807 + 1 == 0 };";
    world.engine.reload_policy(rules(overflows)).await.unwrap();
    let answer = client.call("memory_get", json!({ "sessionId": client.session, "key": "a" })).await;
    let error = answer.value.clone().unwrap_err();
    // The caller learns what it learns from any other refusal.
    assert_eq!(error["error"]["message"], "The policy does not permit `memory_get`.");
    let records = world.records_of(answer.request).await;
    let [record] = records.as_slice() else { panic!("{} records", records.len()) };
    assert_eq!((record.decision, record.outcome), (Decision::Deny, Outcome::Forbidden));
    assert_eq!(record.reason, "policy_error");
}
