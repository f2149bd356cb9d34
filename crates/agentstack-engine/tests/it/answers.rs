//! No answer is larger than the contract's 256 KiB, whatever is stored.

use agentstack_access::{Principal, Role};
use agentstack_core::limits::{METADATA_BYTES, RESPONSE_BYTES};
use serde_json::{Value, json};

use agentstack_engine::Settings;

use crate::support::{Client, World};

/// An answer as a line of MCP: the structured content, and the same JSON as a text block.
fn line_bytes(answer: &Value) -> usize {
    let text = json!({ "type": "text", "text": answer.to_string() });
    let result = json!({ "content": [text], "structuredContent": answer, "isError": false });
    json!({ "jsonrpc": "2.0", "id": "an id of some length, as clients like to have", "result": result })
        .to_string()
        .len()
}

/// Characters that grow when they are written as JSON, or are large as they are.
const LETTERS: [&str; 6] = ["\"", "\\", "\n", "\u{1}", "👍", "a"];

/// Metadata of exactly the most bytes.
fn metadata(letter: &str) -> Value {
    let size = json!(letter).to_string().len() - 2;
    let frame = json!({ "m": "" }).to_string().len();
    json!({ "m": letter.repeat((METADATA_BYTES - frame) / size) })
}

/// The largest that an entry can be beside its content.
fn largest(letter: &str, number: usize) -> Value {
    let tag = |place: usize| format!("{}{place:02}", letter.repeat(62));
    // Control characters are not part of an agent's id.
    let agent = if letter.chars().all(char::is_control) { "\"" } else { letter };
    json!({
        "key": format!("{}{number:05}", letter.repeat(250)),
        "tags": (0..32).map(tag).collect::<Vec<_>>(),
        "agentId": agent.repeat(128),
        "metadata": metadata(letter),
    })
}

async fn store(client: &Client<'_>, mut entry: Value, content: &str, namespace: &str) {
    entry["content"] = json!(content);
    entry["namespace"] = json!(namespace);
    client.ok("memory_store", entry).await;
}

fn assert_fits(answer: &Value, what: &str) {
    let bytes = line_bytes(answer);
    assert!(bytes < RESPONSE_BYTES, "{what}: {bytes} bytes");
}

/// A developer whose name is as long as records show it, in a namespace with the longest name.
async fn client(world: &World) -> (Client<'_>, String) {
    let name = "\"".repeat(240);
    (world.enter(Principal::embedded(&name, Role::Developer)).await, "n".repeat(100))
}

#[tokio::test]
async fn the_largest_entries_fit_into_every_answer() {
    for letter in LETTERS {
        let world = World::new();
        let (client, namespace) = client(&world).await;
        for number in 0..3 {
            store(
                &client,
                largest(letter, number),
                &format!("needle {}", letter.repeat(200_000)),
                &namespace,
            )
            .await;
        }
        let key = largest(letter, 0)["key"].clone();
        for (name, arguments) in [
            ("memory_get", json!({ "key": key, "namespace": namespace })),
            ("memory_search", json!({ "query": "needle", "limit": 100 })),
            ("memory_list", json!({ "limit": 100, "namespace": namespace })),
            ("memory_history", json!({ "key": key, "namespace": namespace, "limit": 100 })),
        ] {
            let answer = client.ok(name, arguments).await;
            assert_fits(&answer, &format!("{name} of {letter:?}"));
            assert_ne!(answer["count"], json!(0), "{name} of {letter:?} shows something");
        }
    }
}

/// Many entries, of each part of which much or little is stored: what is little must be counted too.
#[tokio::test]
async fn a_hundred_results_fit_into_every_answer() {
    for letter in LETTERS {
        for (key, tags, agent, content) in [
            (true, false, true, 0),
            (false, false, true, 0),
            (false, true, true, 10),
            (true, false, false, 300),
            (false, false, false, 5_000),
        ] {
            let world = World::new();
            let (client, namespace) = client(&world).await;
            let mut history = Vec::new();
            for number in 0..100 {
                let mut entry = largest(letter, number);
                entry.as_object_mut().unwrap().remove("metadata");
                for (field, keep) in [("tags", tags), ("agentId", agent)] {
                    if !keep {
                        entry.as_object_mut().unwrap().remove(field);
                    }
                }
                if !key {
                    entry["key"] = json!(number.to_string());
                }
                let content = format!("needle {}", letter.repeat(content));
                store(&client, entry.clone(), &content, &namespace).await;
                entry["key"] = json!("versions");
                history.push((entry, content));
            }
            for (entry, content) in history {
                store(&client, entry, &content, "history").await;
            }
            let what = format!("{letter:?}, key {key}, tags {tags}, agent {agent}, {content} characters");
            for (name, arguments) in [
                ("memory_search", json!({ "query": "needle", "limit": 100, "namespace": namespace })),
                ("memory_list", json!({ "limit": 100, "namespace": namespace })),
                ("memory_history", json!({ "key": "versions", "limit": 100, "namespace": "history" })),
            ] {
                assert_fits(&client.ok(name, arguments).await, &format!("{name} of {what}"));
            }
        }
    }
}

#[tokio::test]
async fn many_sessions_with_much_metadata_fit_into_an_answer() {
    let world = World::with_settings(Settings { sessions_per_principal: 3_000, ..Settings::default() });
    let planner = Principal::embedded("planner", Role::Developer);
    let client = world.enter_with(planner, json!({ "metadata": metadata("\"") })).await;
    assert_fits(&client.ok("session_status", json!({})).await, "session_status");
    for _ in 0..2_000 {
        client.ok("session_start", json!({})).await;
    }
    let active = client.ok("session_active", json!({})).await;
    assert_fits(&active, "session_active");
    let listed = active["sessions"].as_array().unwrap().len();
    assert_eq!((&active["count"], listed), (&json!(listed), 500));
    assert_eq!(client.ok("system_status", json!({})).await["sessions"], 2_001, "how many there are");
    let newest = active["sessions"][0]["id"].as_str().unwrap();
    assert!(newest > client.session.as_str(), "the newest come first");
}
