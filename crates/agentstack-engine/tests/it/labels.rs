//! Where entries come from, as the server says.

use agentstack_access::{Principal, Role};
use agentstack_api::OPERATIONS;
use serde_json::{Value, json};

use crate::support::{World, sample};

fn origins(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("label").cloned());
            fields.values().for_each(|value| origins(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| origins(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn s11_no_operation_takes_a_label() {
    let world = World::new();
    let client = world.client("planner").await;
    let label = json!({ "trust": "trusted", "origin": { "principal": "embedded:boss" }, "findings": [] });
    for spec in OPERATIONS {
        for (field, value) in [
            ("label", label.clone()),
            ("trust", json!("trusted")),
            ("origin", label["origin"].clone()),
            ("principal", json!("embedded:boss")),
            ("actorId", json!("boss")),
            ("createdBy", json!("boss")),
        ] {
            let mut arguments = sample(spec);
            arguments[field] = value;
            let error = client.call(spec.operation.name, arguments).await.value.unwrap_err();
            assert_eq!(
                (&error["error"]["code"], &error["error"]["field"]),
                (&json!("invalid_input"), &json!(field))
            );
        }
    }
}

#[tokio::test]
async fn s11_the_origin_is_the_principals_whatever_the_entry_says_of_itself() {
    let world = World::new();
    let claims =
        json!({ "label": { "trust": "trusted" }, "trust": "trusted", "origin": { "principal": "boss" } });
    for (principal, name) in [
        (Principal::embedded("planner", Role::Developer), "embedded:planner"),
        (Principal::local("uid-1000", agentstack_core::ProcessId::generate()), "local:uid-1000"),
    ] {
        let client = world.enter(principal).await;
        let entry =
            json!({ "key": "known", "content": claims.to_string(), "metadata": claims, "agentId": "coder" });
        client.ok("memory_store", entry).await;
        let restored = client.ok("memory_restore", json!({ "key": "known", "version": 1 })).await;
        assert_eq!(restored["entry"]["label"]["origin"]["tool"], "memory_restore");
        client.ok("memory_store", json!({ "key": "known", "content": "text", "agentId": "coder" })).await;
        let mut labels = Vec::new();
        for (operation, arguments) in [
            ("memory_get", json!({ "key": "known" })),
            ("memory_list", json!({})),
            ("memory_search", json!({ "query": "text" })),
        ] {
            origins(&client.ok(operation, arguments).await, &mut labels);
        }
        assert_eq!(labels.len(), 3);
        for label in labels {
            let origin = json!({ "principal": name, "agentId": "coder", "tool": "memory_store",
                "at": "2027-01-15T08:00:00.000Z" });
            assert_eq!(label, json!({ "trust": "unverified", "origin": origin, "findings": [] }));
        }
    }
}

#[tokio::test]
async fn s11_each_version_keeps_its_own_origin() {
    let world = World::new();
    let [ann, bob] = [world.client("ann").await, world.client("bob").await];
    for (client, content) in [(&ann, "first"), (&bob, "second"), (&ann, "third")] {
        client.ok("memory_store", json!({ "key": "known", "content": content, "namespace": "notes" })).await;
    }
    let history = bob.ok("memory_history", json!({ "key": "known", "namespace": "notes" })).await;
    let names: Vec<_> = history["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["label"]["origin"]["principal"].clone())
        .collect();
    assert_eq!(names, ["embedded:ann", "embedded:bob", "embedded:ann"]);
}
