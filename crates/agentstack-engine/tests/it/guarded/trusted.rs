//! Who asks for what is trusted gets nothing else (S13).

use std::sync::Arc;

use agentstack_access::Principal;
use serde_json::{Value, json};

use crate::support::{Client, World};

async fn approve(world: &World, stored: &Value) {
    let id = format!("{}.{}", stored["id"].as_str().unwrap(), stored["version"]);
    world.call(&Arc::new(Principal::operator("root")), "quarantine_approve", json!({ "id": id })).await.ok();
}

async fn search(client: &Client<'_>, more: Value) -> Vec<String> {
    let mut arguments = more;
    arguments["query"] = json!("alpha words");
    let mut keys = client.keys("memory_search", arguments).await;
    keys.sort_unstable();
    keys
}

async fn assert_trusted_only(world: &World) {
    let client = world.client("ann").await;
    let share = async |key: &str, content: &str| {
        let entry = json!({ "key": key, "content": content, "namespace": "team" });
        client.ok("memory_store", entry).await["entry"].clone()
    };
    approve(world, &share("verified", "alpha words").await).await;
    approve(world, &share("overwritten", "alpha words").await).await;
    share("overwritten", "alpha words, later").await;
    share("open", "alpha words").await;
    client.store("own", "alpha words").await;
    approve(world, &client.store("own verified", "alpha words").await).await;

    assert_eq!(search(&client, json!({})).await, ["open", "overwritten", "own", "own verified", "verified"]);
    let least = |least: &str| json!({ "minTrust": least });
    assert_eq!(search(&client, least("unverified")).await.len(), 5);
    assert_eq!(search(&client, least("trusted")).await, ["own verified", "verified"]);
    // A page is as full as it can be: what is left out takes no place on it.
    let page = json!({ "minTrust": "trusted", "limit": 2, "namespace": "team" });
    assert_eq!(search(&client, page).await, ["verified"]);
    for (key, namespace, found) in [
        ("verified", Some("team"), true),
        ("overwritten", Some("team"), false),
        ("open", Some("team"), false),
        ("own", None, false),
        ("own verified", None, true),
        ("absent", None, false),
    ] {
        let mut get = json!({ "key": key, "minTrust": "trusted", "asText": true });
        if let Some(namespace) = namespace {
            get["namespace"] = json!(namespace);
        }
        let got = client.ok("memory_get", get.clone()).await;
        assert_eq!(got["found"], found, "{key}");
        if !found {
            assert_eq!(got, json!({ "found": false }), "{key}: as if it were not there");
        }
        get["minTrust"] = json!("unverified");
        assert_eq!(client.ok("memory_get", get).await["found"], key != "absent");
    }
    // By its number the verified version is there.
    let old = json!({ "key": "overwritten", "namespace": "team", "version": 1, "minTrust": "trusted" });
    assert_eq!(client.ok("memory_get", old).await["entry"]["content"], "alpha words");
    let error = client.call("memory_search", json!({ "query": "alpha", "minTrust": "quarantined" })).await;
    assert_eq!(error.code(), "invalid_input");
}

#[tokio::test]
async fn s13_who_asks_for_what_is_trusted_gets_nothing_else() {
    for world in [World::new(), World::sqlite().await] {
        assert_trusted_only(&world).await;
    }
}
