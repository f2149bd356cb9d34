//! Who asks for what is trusted gets nothing else (S13).

use std::sync::Arc;

use agentstack_access::{Caller, Claim, NamespaceClaim, Principal};
use agentstack_api::command::{RestoreMemory, StoreMemory};
use agentstack_api::{Command, ErrorCode};
use agentstack_core::{Metadata, Namespace};
use agentstack_engine::Settings;
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

/// What was stored under another policy, or before there was one, does not come back by its number.
#[tokio::test]
async fn s50_a_version_that_would_not_be_stored_today_is_not_restored() {
    let settings = Settings { guard: Arc::new(agentstack_guard::Policy::off()), ..Settings::default() };
    let before = World::with_settings(settings);
    let client = before.client("ann").await;
    client.store("key", "the token is ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8").await;
    client.store("key", "plain").await;
    let world = World::over(Arc::clone(&before.store), Box::new(()));
    let client = Client { world: &world, ..client };
    let refused = client.call("memory_restore", json!({ "key": "key", "version": 1 })).await;
    assert_eq!(refused.code(), "invalid_input");
    assert!(refused.bytes().contains("secret-github-token") && !refused.bytes().contains("ghp_"));
    client.ok("memory_restore", json!({ "key": "key", "version": 2 })).await;
}

#[tokio::test]
async fn s12_nothing_is_written_outside_of_a_session_by_programs_either() {
    let world = World::new();
    let client = world.client("ann").await;
    let shared = || "team".parse().unwrap();
    client.ok("memory_store", json!({ "key": "key", "content": "text", "namespace": "team" })).await;
    let claim = Claim { namespace: NamespaceClaim::Named(Namespace::Shared(shared())), ..Claim::none() };
    let key = || "key".parse().unwrap();
    let store = StoreMemory {
        claim: claim.clone(),
        key: key(),
        content: "text".to_owned().try_into().unwrap(),
        metadata: Metadata::default(),
        tags: vec![],
        if_version: None,
        generate_embedding: false,
    };
    let restore = RestoreMemory { claim, key: key(), version: 1 };
    for command in [Command::StoreMemory(store), Command::RestoreMemory(restore)] {
        let caller = Caller::new(Arc::clone(&client.principal));
        let refused = world.engine.call(&caller, command).await.err().unwrap();
        assert_eq!(refused.code(), ErrorCode::InvalidInput);
    }
}
