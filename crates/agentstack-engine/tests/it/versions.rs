//! Versions: expected ones, past ones, restored ones.

use serde_json::{Value, json};

use crate::support::{Client, World};

async fn store(client: &Client<'_>, content: &str, if_version: u32) -> Result<Value, String> {
    let arguments = json!({ "key": "known", "content": content, "ifVersion": if_version });
    let answer = client.call("memory_store", arguments).await;
    let code = answer.code().to_owned();
    answer.value.map(|value| value["entry"]["version"].clone()).map_err(|_| code)
}

#[tokio::test]
async fn if_version_lets_the_expected_version_through_alone() {
    let world = World::new();
    let client = world.client("planner").await;
    assert_eq!(store(&client, "a", 1).await, Err("conflict".to_owned()), "there is none yet");
    assert_eq!(store(&client, "a", 0).await, Ok(json!(1)), "0 says that the key is free");
    assert_eq!(store(&client, "b", 0).await, Err("conflict".to_owned()));
    assert_eq!(store(&client, "b", 1).await, Ok(json!(2)));
    assert_eq!(store(&client, "c", 1).await, Err("conflict".to_owned()));
    assert_eq!(client.content("known").await.as_deref(), Some("b"), "a conflict changes nothing");
    assert_eq!(client.store("known", "d").await["version"], 3, "without it the last one wins");
    client.ok("memory_delete", json!({ "key": "known" })).await;
    assert_eq!(store(&client, "e", 3).await, Err("conflict".to_owned()));
    assert_eq!(store(&client, "e", 0).await, Ok(json!(1)), "what was deleted begins anew");
}

#[tokio::test]
async fn past_versions_are_read_and_restored() {
    let world = World::new();
    let client = world.client("planner").await;
    for content in ["first", "second", "third"] {
        client.ok("memory_store", json!({ "key": "known", "content": content, "tags": [content] })).await;
    }
    let history = client.ok("memory_history", json!({ "key": "known" })).await;
    let shown: Vec<_> = history["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| (v["version"].as_u64().unwrap(), v["content"].clone(), v["current"].as_bool().unwrap()))
        .collect();
    assert_eq!(shown, [(3, json!("third"), true), (2, json!("second"), false), (1, json!("first"), false)]);
    let past = client.ok("memory_get", json!({ "key": "known", "version": 2 })).await;
    assert_eq!((&past["entry"]["content"], &past["entry"]["version"]), (&json!("second"), &json!(2)));

    let restored = client.ok("memory_restore", json!({ "key": "known", "version": 1 })).await;
    assert_eq!(restored["entry"]["version"], 4);
    let now = client.ok("memory_get", json!({ "key": "known" })).await;
    assert_eq!((&now["entry"]["content"], &now["entry"]["tags"]), (&json!("first"), &json!(["first"])));
    assert_eq!(client.keys("memory_search", json!({ "query": "third", "match": "all" })).await, [""; 0]);
    for missing in [json!({ "key": "known", "version": 9 }), json!({ "key": "nothing", "version": 1 })] {
        assert_eq!(client.call("memory_restore", missing).await.code(), "not_found");
    }
}

#[tokio::test]
async fn what_is_absent_is_no_error_to_read_or_delete() {
    let world = World::new();
    let client = world.client("planner").await;
    assert_eq!(client.ok("memory_get", json!({ "key": "nothing" })).await, json!({ "found": false }));
    assert_eq!(client.ok("memory_delete", json!({ "key": "nothing" })).await, json!({ "success": false }));
    let history = client.ok("memory_history", json!({ "key": "nothing" })).await;
    assert_eq!(history, json!({ "count": 0, "versions": [], "truncated": false }));
}

#[tokio::test]
async fn a_history_shows_as_many_as_asked_for() {
    let world = World::new();
    let client = world.client("planner").await;
    for turn in 0..30 {
        client.store("known", &format!("version {turn}")).await;
    }
    assert_eq!(client.ok("memory_history", json!({ "key": "known" })).await["count"], 20, "by default");
    let newest = client.ok("memory_history", json!({ "key": "known", "limit": 2 })).await;
    assert_eq!((&newest["count"], &newest["versions"][0]["content"]), (&json!(2), &json!("version 29")));
}
