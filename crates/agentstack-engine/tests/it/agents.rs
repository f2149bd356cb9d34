//! What a caller that is bound to an agent can do.

use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn a_bound_agent_stores_as_itself_and_names_no_other() {
    let world = World::new();
    let coder = world.client("planner").await.bound_to("coder");
    assert_eq!(coder.store("unnamed", "text").await["agentId"], "coder");
    let named = json!({ "key": "named", "content": "text", "agentId": "coder" });
    assert_eq!(coder.ok("memory_store", named).await["entry"]["agentId"], "coder");
    for (name, arguments) in [
        ("memory_store", json!({ "key": "other", "content": "text", "agentId": "reviewer" })),
        ("memory_search", json!({ "query": "text", "agentId": "reviewer" })),
        ("memory_list", json!({ "agentId": "reviewer" })),
    ] {
        let answer = coder.call(name, arguments).await;
        assert_eq!(answer.code(), "forbidden", "{name}");
        assert_eq!(answer.value.unwrap_err()["error"]["message"], "The policy does not permit `agent`.");
    }
}

#[tokio::test]
async fn a_bound_agent_sees_its_own_and_common_entries_alone() {
    let world = World::new();
    let planner = world.client("planner").await;
    let [coder, reviewer] = [planner.bound_to("coder"), planner.bound_to("reviewer")];
    planner.store("common", "a text for all").await;
    coder.store("code", "a text of the coder").await;
    reviewer.store("review", "a text of the reviewer").await;
    for (client, mine, theirs) in [(&coder, "code", "review"), (&reviewer, "review", "code")] {
        let mut listed = client.keys("memory_list", json!({})).await;
        listed.sort();
        let mut expected = ["common", mine];
        expected.sort_unstable();
        assert_eq!(listed, expected);
        let mut found = client.keys("memory_search", json!({ "query": "text" })).await;
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(client.ok("memory_list", json!({})).await["total"], 2);
        // Another's entry is answered as one that is not there.
        for (name, more) in
            [("memory_get", json!({})), ("memory_history", json!({})), ("memory_delete", json!({}))]
        {
            let mut told = Vec::new();
            for key in [theirs, "nothing"] {
                let mut arguments = more.clone();
                arguments["key"] = json!(key);
                told.push(client.call(name, arguments).await.bytes());
            }
            assert_eq!(told[0], told[1], "{name}");
        }
        let restore = client.call("memory_restore", json!({ "key": theirs, "version": 1 })).await;
        assert_eq!(restore.code(), "not_found");
    }
    // The principal that is not bound sees them all, and can keep to one.
    assert_eq!(planner.ok("memory_list", json!({})).await["total"], 3);
    assert_eq!(planner.keys("memory_list", json!({ "agentId": "coder" })).await, ["code"]);
    let search = json!({ "query": "text", "agentId": "coder", "includeShared": false });
    assert_eq!(planner.keys("memory_search", search).await, ["code"]);
}

#[tokio::test]
async fn a_key_of_another_agent_is_a_conflict() {
    let world = World::new();
    let planner = world.client("planner").await;
    let [coder, reviewer] = [planner.bound_to("coder"), planner.bound_to("reviewer")];
    coder.store("plan", "of the coder").await;
    let taken = reviewer.call("memory_store", json!({ "key": "plan", "content": "of the reviewer" })).await;
    assert_eq!(taken.code(), "conflict");
    assert_eq!(coder.content("plan").await.as_deref(), Some("of the coder"));
    assert_eq!(coder.ok("memory_history", json!({ "key": "plan" })).await["count"], 1);
}

#[tokio::test]
async fn in_a_shared_namespace_an_agents_name_is_information() {
    let world = World::new();
    let planner = world.client("planner").await;
    let [coder, reviewer] = [planner.bound_to("coder"), planner.bound_to("reviewer")];
    coder.ok("memory_store", json!({ "key": "rule", "content": "text", "namespace": "notes" })).await;
    let seen = reviewer.ok("memory_get", json!({ "key": "rule", "namespace": "notes" })).await;
    assert_eq!(seen["entry"]["agentId"], "coder");
}
