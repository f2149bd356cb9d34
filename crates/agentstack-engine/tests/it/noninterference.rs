//! What one session is answered does not depend on what others hold (S05).

use agentstack_access::{Principal, Role};
use serde_json::{Value, json};

use crate::support::{Client, UNKNOWN, World, without_ids};

const WORDS: &str = "alpha beta gamma, alpha beta: the canary's key is under the alpha stone";

/// What A does: every kind of call that answers with something, errors among them.
fn script() -> Vec<(&'static str, Value)> {
    let mut script = vec![
        ("session_status", json!({})),
        ("session_active", json!({})),
        ("system_status", json!({})),
        ("memory_search", json!({ "query": "alpha" })),
    ];
    for (key, content) in [
        ("one", "alpha beta gamma"),
        ("two", "alpha alpha beta, and a longer text in which gamma is far away from delta"),
        ("three", "delta and nothing else"),
        ("alpha stone", "the key is not here"),
    ] {
        script.push(("memory_store", json!({ "key": key, "content": content, "tags": ["t", key] })));
    }
    script.push(("memory_store", json!({ "key": "one", "content": "alpha beta", "ifVersion": 1 })));
    script.push(("memory_store", json!({ "key": "one", "content": "alpha", "ifVersion": 1 })));
    for query in ["alpha", "alpha beta", "gamma delta stone", "the canary's", "al be", "nothing of this"] {
        for how in ["any", "all", "phrase", "prefix"] {
            script.push(("memory_search", json!({ "query": query, "match": how })));
        }
        script
            .push(("memory_search", json!({ "query": query, "limit": 1, "threshold": 0.1, "tags": ["t"] })));
        script.push(("memory_search", json!({ "query": query, "includeShared": false })));
    }
    script.extend([
        ("memory_list", json!({})),
        ("memory_list", json!({ "limit": 2, "offset": 1 })),
        ("memory_list", json!({ "includeShared": true, "tags": ["t"] })),
        ("memory_get", json!({ "key": "one" })),
        ("memory_get", json!({ "key": "of the others" })),
        ("memory_history", json!({ "key": "one" })),
        ("memory_history", json!({ "key": "of the others" })),
        ("memory_delete", json!({ "key": "two" })),
        ("memory_delete", json!({ "key": "of the others" })),
        ("memory_search", json!({ "query": "alpha beta gamma" })),
        ("memory_restore", json!({ "key": "one", "version": 1 })),
        ("memory_restore", json!({ "key": "of the others", "version": 1 })),
        ("memory_get", json!({ "key": "one", "sessionId": UNKNOWN })),
        ("memory_get", json!({ "key": "one", "namespace": format!("session:{UNKNOWN}") })),
        ("memory_store", json!({ "key": "", "content": "alpha" })),
        ("memory_search", json!({ "query": "alpha", "cursor": "r.1" })),
        ("session_status", json!({})),
        ("session_active", json!({})),
        ("session_end", json!({})),
        ("session_status", json!({})),
    ]);
    script
}

/// Others store: another principal in two sessions, and an agent of a third one.
async fn others_store(others: &[Client<'_>], numbers: std::ops::Range<usize>) {
    for number in numbers {
        let other = &others[number % others.len()];
        let key = if number < 3 { "of the others".to_owned() } else { format!("alpha {number}") };
        other.store(&key, &format!("{WORDS} {}", "alpha ".repeat(number % 5))).await;
    }
}

/// All that A is answered in a store where others have `many` documents: half of them from before, the rest
/// while A goes on, and one session of theirs ends in the middle.
async fn answers(world: &World, many: usize) -> Vec<String> {
    let other = Principal::embedded("bob", Role::Developer);
    let others = [
        world.enter(other.clone()).await,
        world.enter(other).await,
        world.client("carol").await.bound_to("coder"),
    ];
    others_store(&others, 0..many / 2).await;
    let ann = world.client("ann").await;
    let script = script();
    let mut answers = Vec::new();
    let mut told = many / 2;
    for (step, (name, arguments)) in script.iter().enumerate() {
        let answer = ann.call(name, arguments.clone()).await;
        answers.push(format!("{name} {arguments}: {}", answer.bytes()));
        let until = many / 2 + (many - many / 2) * (step + 1) / script.len();
        others_store(&others[..2], told..until).await;
        told = until;
        if many > 0 && step == script.len() / 2 {
            let carol = &others[2];
            carol.ok("session_end", json!({})).await;
        }
    }
    // Ids differ from run to run: what is compared is which of them are the same. So does the time since the start.
    let text = without_ids(&answers.join("\n"));
    text.lines().map(|line| line.split("\"uptimeSeconds\"").next().unwrap().to_owned()).collect()
}

async fn assert_the_same(worlds: [World; 4]) {
    let [none, one, ten, thousand] = worlds;
    let alone = answers(&none, 0).await;
    assert!(alone.len() > 60 && alone.iter().any(|line| line.contains("\"score\":")));
    for (world, many) in [(one, 1), (ten, 10), (thousand, 1_000)] {
        let among = answers(&world, many).await;
        for (alone, among) in alone.iter().zip(&among) {
            assert_eq!(alone, among, "with {many} documents of others");
        }
        assert_eq!(alone.len(), among.len());
    }
}

#[tokio::test]
async fn s05_noninterference_no_answer_depends_on_what_others_hold() {
    assert_the_same([World::new(), World::new(), World::new(), World::new()]).await;
}

#[tokio::test]
async fn s05_noninterference_no_answer_depends_on_what_others_hold_over_sqlite() {
    let world = World::sqlite;
    assert_the_same([world().await, world().await, world().await, world().await]).await;
}
