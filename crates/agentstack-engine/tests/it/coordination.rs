//! Agents, identities and tasks: who reaches them, and what becomes of them.

mod states;

use std::sync::Arc;

use agentstack_access::{Limits, Principal, Role};
use agentstack_engine::{Allowance, Coordination, DriftRule, Likeness, Settings, TaskBounds};
use serde_json::{Value, json};

use crate::support::{Client, UNKNOWN, World};

/// The id of a new agent.
async fn agent(client: &Client<'_>, name: &str) -> String {
    let spawned = client.ok("agent_spawn", json!({ "type": "coder", "name": name })).await;
    spawned["agent"]["id"].as_str().unwrap().to_owned()
}

/// The id of a new task.
async fn task(client: &Client<'_>, arguments: Value) -> String {
    let mut arguments = arguments;
    arguments["agentType"] = json!("coder");
    client.ok("task_create", arguments).await["task"]["id"].as_str().unwrap().to_owned()
}

/// The id of a new, active identity.
async fn identity(client: &Client<'_>, name: &str) -> String {
    let arguments = json!({ "agentType": "coder", "displayName": name, "autoActivate": true });
    client.ok("identity_create", arguments).await["identity"]["agentId"].as_str().unwrap().to_owned()
}

fn world(coordination: Coordination) -> World {
    World::with_settings(Settings { coordination, ..Settings::default() })
}

/// What a call is refused with.
async fn refused(client: &Client<'_>, name: &str, arguments: Value) -> (String, String) {
    let answer = client.call(name, arguments).await;
    let error = answer.value.expect_err(name)["error"].clone();
    (error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

async fn assert_scoped(world: &World) {
    let (ann, bob) = (world.client("ann").await, world.client("bob").await);
    let (own, foreign) = (task(&ann, json!({})).await, task(&bob, json!({})).await);
    let (own_agent, foreign_agent) = (agent(&ann, "a").await, agent(&bob, "b").await);
    let foreign_identity = identity(&bob, "bob's").await;
    let reaching = |agent: &str, task: &str, identity: &str| {
        vec![
            ("agent_status", json!({ "id": agent })),
            ("agent_stop", json!({ "id": agent })),
            ("agent_update_status", json!({ "id": agent, "status": "running" })),
            ("agent_spawn", json!({ "type": "coder", "identityId": identity })),
            ("identity_get", json!({ "agentId": identity })),
            ("identity_update", json!({ "agentId": identity, "description": "mine" })),
            ("identity_activate", json!({ "agentId": identity })),
            ("identity_deactivate", json!({ "agentId": identity })),
            ("identity_retire", json!({ "agentId": identity })),
            ("identity_audit", json!({ "agentId": identity })),
            ("task_get", json!({ "taskId": task })),
            ("task_get_relationships", json!({ "taskId": task })),
            ("task_complete", json!({ "taskId": task })),
            ("task_assign", json!({ "taskId": task, "agentId": own_agent })),
            ("task_assign", json!({ "taskId": own, "agentId": agent })),
            ("task_create", json!({ "agentType": "coder", "parentTaskId": task })),
            ("task_create", json!({ "agentType": "coder", "dependsOn": [task] })),
            ("task_check_drift", json!({ "taskInput": "text", "taskType": "coder", "parentTaskId": task })),
        ]
    };
    let foreign = reaching(&foreign_agent, &foreign, &foreign_identity);
    for ((name, foreign), (_, unknown)) in foreign.into_iter().zip(reaching(UNKNOWN, UNKNOWN, UNKNOWN)) {
        let (foreign, unknown) = (ann.call(name, foreign).await, ann.call(name, unknown).await);
        assert_eq!(foreign.code(), "not_found", "{name}");
        assert_eq!(foreign.bytes(), unknown.bytes(), "{name}");
    }
    // By name, too; and whoever owns them finds all of them as they were.
    assert_eq!(refused(&ann, "agent_status", json!({ "name": "b" })).await.0, "not_found");
    assert_eq!(refused(&ann, "identity_get", json!({ "displayName": "bob's" })).await.0, "not_found");
    assert_eq!(ann.ok("identity_list", json!({})).await["total"], 0);
    assert_eq!(bob.ok("agent_status", json!({ "name": "b" })).await["agent"]["status"], "idle");
    assert_eq!(
        bob.ok("identity_get", json!({ "displayName": "bob's" })).await["identity"]["status"],
        "active"
    );
    let audit = bob.ok("identity_audit", json!({ "agentId": foreign_identity })).await;
    let principals = audit["records"].as_array().unwrap().iter().map(|record| &record["principal"]);
    assert!(principals.into_iter().all(|name| name == "embedded:bob"), "{audit}");
}

#[tokio::test]
async fn s02_an_agent_task_or_identity_of_somebody_else_is_one_that_is_not_there() {
    assert_scoped(&World::new()).await;
}

#[tokio::test]
async fn s02_an_agent_task_or_identity_of_somebody_else_is_one_that_is_not_there_over_sqlite() {
    assert_scoped(&World::sqlite().await).await;
}

#[tokio::test]
async fn an_illegal_change_is_a_conflict_that_names_both_states() {
    let world = World::new();
    let ann = world.client("ann").await;
    let id = agent(&ann, "a").await;
    ann.ok("agent_stop", json!({ "id": id })).await;
    ann.ok("agent_stop", json!({ "id": id })).await;
    let told = refused(&ann, "agent_update_status", json!({ "id": id, "status": "running" })).await;
    assert_eq!(told, ("conflict".into(), "The agent is `stopped` and cannot become `running`.".into()));
    let id = identity(&ann, "i").await;
    ann.ok("identity_retire", json!({ "agentId": id, "reason": "done" })).await;
    let told = refused(&ann, "identity_activate", json!({ "agentId": id })).await;
    assert_eq!(told, ("conflict".into(), "The identity is `retired` and cannot become `active`.".into()));
    let shown = ann.ok("identity_get", json!({ "agentId": id })).await;
    assert_eq!((&shown["identity"]["reason"], &shown["identity"]["version"]), (&json!("done"), &json!(2)));
    let id = task(&ann, json!({})).await;
    ann.ok("task_complete", json!({ "taskId": id, "status": "failed" })).await;
    let told = refused(&ann, "task_complete", json!({ "taskId": id })).await;
    assert_eq!(told, ("conflict".into(), "The task is `failed` and cannot become `completed`.".into()));
}

#[tokio::test]
async fn of_two_who_are_given_one_task_at_once_one_has_it() {
    for world in [World::new(), World::sqlite().await] {
        let ann = world.client("ann").await;
        let (one, other) = (agent(&ann, "one").await, agent(&ann, "other").await);
        for _ in 0..10 {
            let id = task(&ann, json!({})).await;
            let assign = |agent: &str| ann.call("task_assign", json!({ "taskId": id, "agentId": agent }));
            let (first, second) = tokio::join!(assign(&one), assign(&other));
            let mut codes = [first.code(), second.code()];
            codes.sort_unstable();
            assert_eq!(codes, ["conflict", "ok"]);
        }
    }
}

#[tokio::test]
async fn s07_the_end_of_a_session_stops_its_agents_ends_its_tasks_and_the_log_says_so_of_each() {
    for world in [World::new(), World::sqlite().await] {
        let ann = world.client("ann").await;
        let (live, stopped) = (agent(&ann, "live").await, agent(&ann, "stopped").await);
        ann.ok("agent_stop", json!({ "id": stopped })).await;
        let (open, done) = (task(&ann, json!({})).await, task(&ann, json!({})).await);
        ann.ok("task_complete", json!({ "taskId": done })).await;
        ann.store("k", "text").await;
        let status = ann.ok("session_status", json!({})).await;
        assert_eq!((&status["session"]["agents"], &status["session"]["tasks"]), (&json!(1), &json!(1)));
        let ended = ann.call("session_end", json!({})).await;
        let request = ended.request;
        assert_eq!(ended.ok()["removed"], json!({ "entries": 1, "agents": 2, "tasks": 2 }));
        let records = world.records_of(request).await;
        let told: Vec<(&str, &str)> =
            records.iter().map(|record| (record.operation.as_str(), record.reason.as_str())).collect();
        let each = [("agent_stop", "session_ended"), ("task_complete", "session_ended")];
        assert_eq!(told, [each[0], each[1], ("session_end", "permitted")]);
        let session = agentstack_core::Namespace::Session(ann.session.parse().unwrap());
        let hash = |kind, id: &str| Some(world.resources.hash(kind, Some(&session), id));
        assert_eq!(records[0].resource, hash("agent", &live));
        assert_eq!(records[1].resource, hash("task", &open));
    }
}

#[tokio::test]
async fn s14_an_output_is_stored_only_if_asked_and_by_whoever_may_store() {
    let world = World::new();
    let ann = world.client("ann").await;
    let id = task(&ann, json!({})).await;
    ann.ok("task_complete", json!({ "taskId": id, "output": "kept nowhere" })).await;
    assert_eq!(ann.ok("memory_list", json!({})).await["total"], 0);
    let id = task(&ann, json!({})).await;
    let limits =
        Limits { operations: Some(Arc::new(["task_complete".to_owned()].into())), ..Limits::default() };
    let principal = Principal::embedded("ann", Role::Developer).limited_to(limits);
    let limited = Client { principal: Arc::new(principal), ..ann.clone() };
    let asked = json!({ "taskId": id, "output": "the answer", "storeAs": "result" });
    let told = refused(&limited, "task_complete", asked.clone()).await;
    assert_eq!(told, ("forbidden".into(), "The policy does not permit `memory_store`.".into()));
    ann.ok("task_complete", asked).await;
    let entry = ann.ok("memory_get", json!({ "key": "result" })).await["entry"].clone();
    assert_eq!(entry["content"], "the answer");
    assert_eq!(
        (&entry["label"]["trust"], &entry["label"]["origin"]["tool"]),
        (&json!("unverified"), &json!("task_complete"))
    );
}

#[tokio::test]
async fn s11_what_an_agent_with_an_identity_stores_says_so_and_its_log_knows() {
    for world in [World::new(), World::sqlite().await] {
        let ann = world.client("ann").await;
        let id = identity(&ann, "scribe").await;
        let spawned = ann.ok("agent_spawn", json!({ "type": "coder", "identityId": id })).await;
        let agent = spawned["agent"]["id"].clone();
        assert_eq!(spawned["agent"]["identityId"], id.as_str());
        let stored = ann.ok("memory_store", json!({ "key": "k", "content": "text", "agentId": agent })).await;
        assert_eq!(stored["entry"]["agentId"], agent);
        assert_eq!(stored["entry"]["label"]["origin"]["agentId"], id.as_str());
        ann.bound_to(agent.as_str().unwrap()).ok("memory_search", json!({ "query": "text" })).await;
        // Who reads what it has stored is not the agent.
        ann.ok("memory_list", json!({ "agentId": agent })).await;
        ann.ok("identity_deactivate", json!({ "agentId": id })).await;
        ann.ok("identity_get", json!({ "displayName": "scribe" })).await;
        world.lines().await;
        let audit = ann.ok("identity_audit", json!({ "agentId": id })).await;
        let records = audit["records"].as_array().unwrap();
        let mut told: Vec<&str> =
            records.iter().map(|record| record["operation"].as_str().unwrap()).collect();
        // A read is written down a little later.
        told.sort_unstable();
        let expected = [
            "agent_spawn",
            "identity_create",
            "identity_deactivate",
            "identity_get",
            "memory_search",
            "memory_store",
        ];
        assert_eq!(told, expected);
        let told = refused(&ann, "agent_spawn", json!({ "type": "coder", "identityId": id })).await;
        assert_eq!(told.1, "The identity is `dormant` and cannot become `active`.");
    }
}

#[tokio::test]
async fn s33_an_agent_is_warned_paused_and_stopped_by_the_store_it_depends_on() {
    let allowance = Allowance {
        operations: Some(10),
        tokens: None,
        subtasks: None,
        without_result_ms: None,
        warn_at: 0.7,
        stops: true,
    };
    let world = world(Coordination { allowance: Some(allowance), ..Coordination::default() });
    let ann = world.client("ann").await;
    let id = agent(&ann, "runaway").await;
    let store = || json!({ "key": "k", "content": "text", "agentId": id });
    let phase = async || {
        world.lines().await;
        let shown = ann.ok("agent_status", json!({ "id": id })).await;
        (shown["agent"]["usage"]["phase"].clone(), shown["agent"]["usage"]["operations"].clone())
    };
    for _ in 0..6 {
        ann.ok("memory_store", store()).await;
    }
    assert_eq!(phase().await, (json!("normal"), json!(6)));
    ann.ok("memory_store", store()).await;
    assert_eq!(phase().await, (json!("warning"), json!(7)));
    for _ in 0..3 {
        ann.ok("memory_get", json!({ "key": "k" })).await;
        ann.ok("memory_store", store()).await;
    }
    assert_eq!(phase().await, (json!("paused"), json!(10)));
    let told = refused(&ann, "memory_store", store()).await;
    assert_eq!(told, ("conflict".into(), "The agent is `paused` and cannot become `running`.".into()));
    // Whoever owns the session gives it a new allowance; the agent itself cannot.
    let renew = json!({ "id": id, "status": "running" });
    ann.bound_to(&id).ok("agent_update_status", renew.clone()).await;
    assert_eq!(refused(&ann, "memory_store", store()).await.0, "conflict");
    ann.ok("agent_update_status", renew).await;
    for _ in 0..10 {
        ann.ok("memory_store", store()).await;
    }
    // It goes on and on: its refused calls count, too.
    for _ in 0..5 {
        assert_eq!(refused(&ann, "memory_store", store()).await.0, "conflict");
    }
    let told = refused(&ann, "memory_store", store()).await;
    assert_eq!(told.1, "The agent is `stopped` and cannot become `running`.");
    assert_eq!(ann.ok("agent_status", json!({ "id": id })).await["agent"]["status"], "stopped");
    let records = world.records().await;
    let stop = records.iter().find(|record| record.operation == "agent_stop").unwrap();
    assert_eq!(stop.reason, "allowance");
    // The session goes on without it.
    ann.store("k", "by nobody").await;
}

#[tokio::test]
async fn what_a_stopped_agent_has_stored_is_read_and_counts_as_nothing_of_its() {
    let world = World::new();
    let ann = world.client("ann").await;
    let id = agent(&ann, "done").await;
    ann.ok("memory_store", json!({ "key": "k", "content": "text", "agentId": id })).await;
    ann.ok("agent_stop", json!({ "id": id })).await;
    assert_eq!(ann.keys("memory_list", json!({ "agentId": id, "includeShared": false })).await, ["k"]);
    assert_eq!(ann.keys("memory_search", json!({ "query": "text", "agentId": id })).await, ["k"]);
    let told = refused(&ann, "memory_store", json!({ "key": "k", "content": "more", "agentId": id })).await;
    assert_eq!(told.1, "The agent is `stopped` and cannot become `running`.");
    let told = refused(&ann.bound_to(&id), "memory_get", json!({ "key": "k" })).await;
    assert_eq!(told.0, "conflict");
    world.lines().await;
    // Its one store and the two that were refused.
    assert_eq!(ann.ok("agent_status", json!({ "id": id })).await["agent"]["usage"]["operations"], 3);
}

#[tokio::test]
async fn s05_who_names_an_agent_of_a_foreign_session_uses_nothing_of_its_allowance() {
    for world in [World::new(), World::sqlite().await] {
        let (ann, bob) = (world.client("ann").await, world.client("bob").await);
        let id = agent(&ann, "ann's").await;
        let store = json!({ "sessionId": ann.session, "key": "k", "content": "text", "agentId": id });
        for _ in 0..5 {
            assert_eq!(bob.anywhere("memory_store", store.clone()).await.code(), "not_found");
            // Nor does it in a session of the caller's own, where there is no such agent.
            bob.ok("memory_store", json!({ "key": "k", "content": "text", "agentId": id })).await;
        }
        world.lines().await;
        assert_eq!(ann.ok("agent_status", json!({ "id": id })).await["agent"]["usage"]["operations"], 0);
        ann.ok("memory_store", store).await;
        assert_eq!(ann.ok("agent_status", json!({ "id": id })).await["agent"]["usage"]["operations"], 1);
    }
}

#[tokio::test]
async fn who_is_bound_to_an_agent_does_not_speak_for_another() {
    let world = World::new();
    let ann = world.client("ann").await;
    let (own, other) = (agent(&ann, "own").await, agent(&ann, "other").await);
    let (mine, theirs) = (task(&ann, json!({})).await, task(&ann, json!({})).await);
    ann.ok("task_assign", json!({ "taskId": mine, "agentId": own })).await;
    ann.ok("task_assign", json!({ "taskId": theirs, "agentId": other })).await;
    let bound = ann.bound_to(&own);
    for (name, arguments) in [
        ("agent_update_status", json!({ "id": other, "status": "failed" })),
        ("task_complete", json!({ "taskId": theirs })),
    ] {
        assert_eq!(refused(&bound, name, arguments).await.0, "forbidden", "{name}");
    }
    bound.ok("agent_update_status", json!({ "id": own, "status": "running" })).await;
    bound.ok("task_complete", json!({ "taskId": mine })).await;
    assert_eq!(ann.ok("task_get", json!({ "taskId": theirs })).await["task"]["status"], "assigned");
}

#[tokio::test]
async fn a_task_that_is_an_ancestor_again_is_made_with_a_warning_or_not_at_all() {
    let likeness = Likeness::Words;
    let rule = |prevents| DriftRule { likeness, threshold: 0.9, warning: Some(0.5), ancestors: 3, prevents };
    for prevents in [false, true] {
        let world = world(Coordination { drift: Some(rule(prevents)), ..Coordination::default() });
        let ann = world.client("ann").await;
        let top = task(&ann, json!({ "input": "Write the tests for the rollback" })).await;
        let part = |input: &str| json!({ "agentType": "coder", "input": input, "parentTaskId": top });
        let made = ann.ok("task_create", part("deploy everything elsewhere")).await;
        assert_eq!(made["drift"]["action"], "allowed");
        let made = ann.ok("task_create", part("Write the docs for the rollback")).await;
        assert_eq!(
            (&made["drift"]["action"], &made["drift"]["ancestorTaskId"]),
            (&json!("warned"), &json!(top))
        );
        let again = ann.call("task_create", part("write tests for the rollback")).await;
        let check =
            json!({ "taskInput": "write tests for the rollback", "taskType": "coder", "parentTaskId": top });
        let checked = ann.ok("task_check_drift", check).await;
        assert_eq!((&checked["compared"], &checked["isDrift"]), (&json!(true), &json!(true)));
        let (code, request) = (again.code().to_owned(), again.request);
        assert_eq!(code, if prevents { "conflict" } else { "ok" });
        assert_eq!(world.records_of(request).await.len(), 1);
        let metrics = ann.ok("task_drift_metrics", json!({})).await;
        let (warned, prevented) = if prevents { (1, 1) } else { (2, 0) };
        assert_eq!(
            (&metrics["checks"], &metrics["warned"], &metrics["prevented"]),
            (&json!(3), &json!(warned), &json!(prevented))
        );
        let later = ann.ok("task_drift_metrics", json!({ "since": "2100-01-01T00:00:00Z" })).await;
        assert_eq!(later, json!({ "checks": 0, "warned": 0, "prevented": 0 }));
    }
}

#[tokio::test]
async fn without_a_comparison_there_is_an_honest_answer_and_tasks_are_made() {
    let world = world(Coordination::default());
    let ann = world.client("ann").await;
    let told = refused(&ann, "task_check_drift", json!({ "taskInput": "text", "taskType": "coder" })).await;
    assert_eq!(told.0, "unavailable");
    assert!(
        ann.ok("task_create", json!({ "agentType": "coder", "input": "text" })).await.get("drift").is_none()
    );
}

#[tokio::test]
async fn bounds_of_agents_and_tasks_are_kept() {
    let tasks = TaskBounds { depth: 1, parts: 2, tasks: 5 };
    let world = world(Coordination { agents_concurrent: 2, tasks, ..Coordination::default() });
    let ann = world.client("ann").await;
    let one = agent(&ann, "one").await;
    agent(&ann, "two").await;
    let spawn = |name: &str| json!({ "type": "coder", "name": name });
    let told = refused(&ann, "agent_spawn", spawn("three")).await;
    assert_eq!(told, ("conflict".into(), "There are as many agents as there may be.".into()));
    ann.ok("agent_stop", json!({ "id": one })).await;
    assert_eq!(refused(&ann, "agent_spawn", spawn("two")).await.1, "Something else has the name.");
    agent(&ann, "one").await;
    let top = task(&ann, json!({})).await;
    let part = json!({ "agentType": "coder", "parentTaskId": top });
    let first = ann.ok("task_create", part.clone()).await["task"]["id"].clone();
    let below = json!({ "agentType": "coder", "parentTaskId": first });
    assert_eq!(
        refused(&ann, "task_create", below).await.1,
        "There are as many levels of tasks as there may be."
    );
    ann.ok("task_create", part.clone()).await;
    assert_eq!(
        refused(&ann, "task_create", part).await.1,
        "There are as many parts of a task as there may be."
    );
    task(&ann, json!({})).await;
    task(&ann, json!({})).await;
    let told = refused(&ann, "task_create", json!({ "agentType": "coder" })).await;
    assert_eq!(told.1, "There are as many tasks as there may be.");
}

#[tokio::test]
async fn a_kind_is_one_of_those_there_are_and_tells_how_to_be_it() {
    let world = World::new();
    let ann = world.client("ann").await;
    let types = ann.ok("agent_types", json!({})).await;
    assert_eq!(types["count"], 11);
    for (name, arguments) in [
        ("agent_spawn", json!({ "type": "baker" })),
        ("identity_create", json!({ "agentType": "baker" })),
        ("task_create", json!({ "agentType": "baker" })),
    ] {
        let (code, message) = refused(&ann, name, arguments).await;
        assert!(code == "invalid_input" && message.contains("agent_types"), "{message}");
    }
    let spawned = ann.ok("agent_spawn", json!({ "type": "security-auditor" })).await;
    let id = spawned["agent"]["id"].as_str().unwrap();
    let name = spawned["agent"]["name"].as_str().unwrap();
    assert!(name.starts_with("security-auditor-"), "{name}");
    let shown = ann.ok("agent_status", json!({ "name": name })).await["agent"].clone();
    assert_eq!(shown["id"], id);
    assert!(shown["systemPrompt"].as_str().unwrap().starts_with("You are a security auditor"));
    // Both names of one thing have to be those of one thing.
    assert_eq!(refused(&ann, "agent_stop", json!({ "id": id, "name": "other" })).await.0, "not_found");
    ann.ok("agent_stop", json!({ "id": id, "name": name })).await;
}
