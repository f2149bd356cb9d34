//! Looking records up, and taking them out.

use std::sync::Arc;

use agentstack_access::Principal;
use agentstack_api::ErrorBody;
use agentstack_api::command::AuditFilter;
use agentstack_audit::{Head, link};
use serde_json::{Value, json};

use crate::support::World;

fn operator() -> Arc<Principal> {
    Arc::new(Principal::operator("root"))
}

/// What the records of an answer are of: principal, operation and outcome.
fn told(answer: &Value) -> Vec<String> {
    let text = |record: &Value, field: &str| record[field].as_str().unwrap().to_owned();
    let records = answer["records"].as_array().unwrap().iter();
    records.map(|it| [text(it, "principal"), text(it, "operation"), text(it, "outcome")].join(" ")).collect()
}

/// All pages of a question.
async fn all(world: &World, mut question: Value) -> Vec<String> {
    let mut found = vec![];
    loop {
        let page = world.call(&operator(), "audit_query", question.clone()).await.ok();
        found.extend(told(&page));
        let Some(next) = page.get("nextCursor") else { return found };
        question["cursor"] = next.clone();
    }
}

#[tokio::test]
async fn records_are_found_by_what_they_say() {
    for world in [World::new(), World::sqlite().await] {
        let (ann, bob) = (world.client("ann").await, world.client("bob").await);
        ann.store("key", "text").await;
        world.clock.advance_millis(60_000);
        let later = world.engine.now();
        bob.call("memory_get", json!({ "key": "nothing" })).await;
        ann.call("memory_get", json!({ "key": "key", "sessionId": bob.session })).await;
        ann.call("task_list", json!({})).await;
        let cases = [
            (
                json!({ "caller": "embedded:ann", "operation": "memory" }),
                &["embedded:ann memory_get not_found", "embedded:ann memory_store ok"][..],
            ),
            (
                json!({ "operation": "memory_get" }),
                &["embedded:ann memory_get not_found", "embedded:bob memory_get ok"],
            ),
            (json!({ "operation": "memory_g" }), &[]),
            (
                json!({ "inSession": bob.session, "operation": "memory" }),
                &["embedded:ann memory_get not_found", "embedded:bob memory_get ok"],
            ),
            (json!({ "decision": "deny" }), &["embedded:ann memory_get not_found"]),
            (json!({ "outcome": "not_found" }), &["embedded:ann memory_get not_found"]),
            (json!({ "until": later.to_string(), "operation": "memory" }), &["embedded:ann memory_store ok"]),
            (json!({ "since": later.to_string(), "operation": "task_list" }), &["embedded:ann task_list ok"]),
            (json!({ "agentId": "nobody" }), &[]),
        ];
        for (question, expected) in cases {
            assert_eq!(all(&world, question.clone()).await, expected, "{question}");
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_to_the_first_record() {
    let world = World::new();
    let ann = world.client("ann").await;
    for number in 0..30 {
        ann.store(&format!("key {number}"), "text").await;
    }
    let stored = json!({ "operation": "memory_store", "limit": 7 });
    assert_eq!(all(&world, stored).await.len(), 30);
    // And all there are, each once.
    let everything = world.call(&operator(), "audit_query", json!({ "limit": 100 })).await.ok();
    let sequences: Vec<u64> =
        everything["records"].as_array().unwrap().iter().map(|it| it["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=sequences[0]).rev().collect::<Vec<_>>());
    let bad = world.call(&operator(), "audit_query", json!({ "cursor": "l.1.2" })).await;
    assert_eq!(bad.code(), "invalid_input");
}

#[tokio::test]
async fn records_of_long_names_fit_into_an_answer() {
    let world = World::new();
    let name = "\u{1f600}".repeat(200);
    let ann = Arc::new(Principal::embedded(&name, agentstack_access::Role::Developer));
    for _ in 0..250 {
        world.call(&ann, "system_status", json!({})).await.ok();
    }
    let page = world.call(&operator(), "audit_query", json!({ "limit": 100 })).await.ok();
    assert!(page.to_string().len() < 256 * 1024, "{}", page.to_string().len());
    assert_eq!(all(&world, json!({ "limit": 100, "operation": "system_status" })).await.len(), 250);
}

#[tokio::test]
async fn an_export_has_every_line_as_the_log_has_it() {
    let world = World::sqlite().await;
    let ann = world.client("ann").await;
    for number in 0..1_200 {
        ann.call("memory_get", json!({ "key": number.to_string() })).await;
    }
    let (mut head, mut seen) = (Head::EMPTY, vec![]);
    let everything = AuditFilter::default();
    let taken = world
        .engine
        .export_audit::<ErrorBody>(
            operator(),
            &everything,
            |line, record| {
                // The lines alone are enough to prove the chain.
                assert_eq!(link(&head.hash, line.sequence, &line.body), line.hash);
                head = Head { sequence: line.sequence, hash: line.hash };
                assert_eq!(record.sequence, line.sequence);
                Ok(())
            },
            |at, end| seen.push((at, end)),
        )
        .await;
    assert_eq!(taken.unwrap(), head.sequence);
    assert!(head.sequence > 1_200 && seen.last() == Some(&(head.sequence, head.sequence)), "{seen:?}");
    // It is itself in the log then, and only an operator gets that far.
    assert_eq!(all(&world, json!({ "operation": "audit_export" })).await, ["operator:root audit_export ok"]);
    let nobody = world.engine.export_audit::<ErrorBody>(
        Arc::clone(&ann.principal),
        &everything,
        |_, _| panic!("a record was shown"),
        |_, _| {},
    );
    assert_eq!(nobody.await.unwrap_err().code().as_str(), "forbidden");
}
