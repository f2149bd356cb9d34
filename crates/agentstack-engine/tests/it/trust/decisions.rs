//! What operators decide is what the states of a version permit, and nobody else decides anything (S13).

use std::sync::Arc;

use agentstack_access::{Principal, Role};
use agentstack_api::OPERATIONS;
use agentstack_core::Trust;
use serde_json::{Value, json};

use super::{operate, tagged, version_id};
use crate::support::{Client, UNKNOWN, World, sample};

/// What somebody decides, and the state that a version is to come into.
const DECISIONS: [(&str, Trust); 4] = [
    ("quarantine_approve", Trust::Trusted),
    ("quarantine_reject", Trust::Revoked),
    ("revoke the origin", Trust::Revoked),
    ("revoke what it is derived from", Trust::Quarantined),
];

/// A version of the client's in a state, in its session or in a shared namespace.
async fn version_in(client: &Client<'_>, state: Trust, shared: bool) -> String {
    let content = if state == Trust::Quarantined { tagged("obey") } else { "text".to_owned() };
    let mut entry = json!({ "key": "key", "content": content });
    if shared {
        entry["namespace"] = json!(format!("of-{}", client.session));
    }
    let id = version_id(&client.ok("memory_store", entry).await);
    let decision = match state {
        Trust::Trusted => "quarantine_approve",
        Trust::Revoked => "quarantine_reject",
        _ => return id,
    };
    operate(client.world, decision, json!({ "id": id })).await.ok();
    id
}

async fn state_of(world: &World, id: &str) -> Value {
    operate(world, "quarantine_show", json!({ "id": id })).await.ok()["version"]["label"]["trust"].clone()
}

async fn assert_transition(world: &World, number: usize, from: Trust, decision: (&str, Trust), shared: bool) {
    let (decision, to) = decision;
    let what = format!("{from}, {decision}, shared: {shared}");
    let [eve, ann] =
        [world.client(&format!("eve-{number}")).await, world.client(&format!("ann-{number}")).await];
    eve.share(&format!("poison-{number}"), "poison", "text").await;
    assert!(ann.shared(&format!("poison-{number}"), "poison").await.is_some());
    let id = version_in(&ann, from, shared).await;
    assert_eq!(state_of(world, &id).await, from.as_str(), "{what}");
    let changes = from.can_become(to);
    if decision.starts_with("quarantine_") {
        let answer = operate(world, decision, json!({ "id": id })).await;
        assert_eq!(answer.code(), if changes { "ok" } else { "conflict" }, "{what}");
        let said = answer.value.unwrap_or_else(|error| error);
        let expected = if changes { json!(to) } else { Value::Null };
        assert_eq!(said["version"]["label"]["trust"], expected, "{what}");
    } else {
        let derived = decision.ends_with("derived from");
        let origin = format!("embedded:{}-{number}", if derived { "eve" } else { "ann" });
        let done =
            operate(world, "quarantine_revoke_origin", json!({ "originPrincipal": origin })).await.ok();
        let field = if derived { "quarantined" } else { "revoked" };
        assert_eq!(done[field], u64::from(changes), "{what}");
    }
    let expected = if changes { to } else { from };
    assert_eq!(state_of(world, &id).await, expected.as_str(), "{what}");
    // What can be read is what is not held back, and says the same of itself.
    let mut get = json!({ "key": "key" });
    if shared {
        get["namespace"] = json!(format!("of-{}", ann.session));
    }
    let got = ann.ok("memory_get", get).await;
    assert_eq!(got["found"], !expected.is_held(), "{what}");
    let shown = got.pointer("/entry/label/trust").cloned();
    assert_eq!(shown, (!expected.is_held()).then(|| json!(expected)), "{what}");
}

async fn assert_decisions(world: &World) {
    let mut number = 0;
    for from in Trust::ALL.iter().copied() {
        for decision in DECISIONS {
            for shared in [false, true] {
                assert_transition(world, number, from, decision, shared).await;
                number += 1;
            }
        }
    }
    assert_eq!(number, 32);
    for (name, _) in &DECISIONS[..2] {
        let answer = operate(world, name, json!({ "id": format!("{UNKNOWN}.1") })).await;
        assert_eq!(answer.code(), "not_found");
    }
}

#[tokio::test]
async fn s13_a_version_goes_where_its_state_lets_an_operator_bring_it() {
    assert_decisions(&World::new()).await;
}

#[tokio::test]
async fn s13_a_version_goes_where_its_state_lets_an_operator_bring_it_over_sqlite() {
    assert_decisions(&World::sqlite().await).await;
}

#[tokio::test]
async fn s13_to_decide_is_no_tool_and_nobody_elses() {
    let world = World::new();
    let decide: Vec<_> =
        OPERATIONS.iter().filter(|spec| spec.operation.name.starts_with("quarantine_")).collect();
    assert_eq!(decide.len(), 6);
    for role in [Role::Developer, Role::Agent, Role::Viewer] {
        let principal = Principal::embedded("ann", role);
        let bound = Principal::clone(&principal).bound_to("scribe".parse().unwrap());
        for principal in [principal, bound].map(Arc::new) {
            for spec in &decide {
                assert!(!spec.is_tool && !world.engine.offers(&principal, &spec.operation));
                let answer = world.call(&principal, spec.operation.name, sample(spec)).await;
                assert_eq!(answer.code(), "forbidden", "{role:?} {}", spec.operation.name);
            }
        }
    }
    assert!(decide.iter().all(|spec| world.engine.offers(&Principal::operator("root"), &spec.operation)));
}

#[tokio::test]
async fn s13_whoever_wrote_it_approves_nothing_by_writing_it_again() {
    let world = World::new();
    let ann = world.client("ann").await;
    let stored = ann.share("team", "key", "text").await;
    operate(&world, "quarantine_approve", json!({ "id": version_id(&stored) })).await.ok();
    // The same text over what is trusted, also by an operator who only writes.
    for client in [&ann, &ann.as_operator()] {
        let again = client.share("team", "key", "text").await;
        assert_eq!(again["label"]["trust"], "unverified");
    }
    let history = ann.ok("memory_history", json!({ "key": "key", "namespace": "team" })).await;
    let mut found = vec![];
    super::trusts(&history, &mut found);
    assert_eq!(found, ["unverified", "unverified", "trusted"]);
}
