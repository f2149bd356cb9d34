//! Every route of every operation: without a token, with the wrong role, with the right one, in a foreign session.

use agentstack_access::Effect;
use agentstack_api::Spec;
use agentstack_rest::HttpSettings;
use serde_json::json;

use crate::client::Asked;
use crate::world::{Client, UNKNOWN, World, asked, routes, sample, settings, spec};

/// The role that is too little for an operation, if any is.
fn too_little(spec: &Spec) -> Option<&'static str> {
    if is_reserved(spec) {
        return Some("developer");
    }
    let writes = spec.operation.effect != Effect::Read;
    (writes && spec.operation.family() != Some("session")).then_some("viewer")
}

/// Whether it looks after the installation. Plugins have tools of their own names.
fn is_reserved(spec: &Spec) -> bool {
    !spec.is_tool && !["plugin_call", "plugin_list", "plugin_show"].contains(&spec.operation.name)
}

fn in_session(spec: &Spec) -> bool {
    (spec.input_schema)()["properties"].get("sessionId").is_some()
}

#[tokio::test]
async fn s01_nothing_is_answered_without_a_token() {
    let patient = HttpSettings { failed_authentications_per_minute: 10_000, ..settings() };
    let world = World::with(patient, None).await;
    for (spec, route) in routes() {
        let mut arguments = sample(spec);
        if in_session(spec) {
            arguments["sessionId"] = json!(UNKNOWN);
        }
        let request = asked(spec, route, arguments);
        for refused in [
            request.clone(),
            request.clone().token("ast_nonsense"),
            request.header("Authorization", "Basic eA=="),
        ] {
            let answered = world.ask(refused).await;
            let what = format!("{} {route}", spec.operation.name);
            assert_eq!(answered.code(), (401, "unauthenticated".to_owned()), "{what}");
            assert_eq!(answered.header("www-authenticate"), Some("Bearer realm=\"agentstack\""), "{what}");
            let [record] = &world.records_of(&answered).await[..] else { panic!("{what}: one record") };
            assert_eq!(
                (record.operation.as_str(), record.principal.as_str()),
                ("authenticate", "unauthenticated")
            );
        }
    }
    for path in ["/mcp", "/metrics", "/nothing", "/api/v1/nothing", "/", "/docs/", "/health"] {
        assert_eq!(world.ask(Asked::get(path)).await.code().0, 401, "{path}");
    }
    for path in ["/health/live", "/health/ready", "/openapi.json", "/docs"] {
        assert_eq!(world.ask(Asked::get(path)).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn s35_each_operation_answers_the_roles_that_may_and_names_what_the_others_lack() {
    let world = World::sqlite().await;
    for (spec, route) in routes() {
        let name = spec.operation.name;
        let right = if is_reserved(spec) { "operator" } else { "developer" };
        let client = world.client(name, right).await;
        client.store("known", "first").await;
        client.store("known", "second").await;
        let mut arguments = sample(spec);
        if name.starts_with("quarantine_") && arguments.get("id").is_some() {
            let arguments_of = json!({ "key": "known", "sessionId": client.session });
            let known = client.call(crate::world::spec("memory_get"), 0, arguments_of).await.ok();
            arguments["id"] = format!("{}.2", known["entry"]["id"].as_str().unwrap()).into();
        }
        if name == "token_revoke" {
            let made =
                client.ask(Asked::post("/api/v1/tokens", &json!({ "subject": "x", "role": "agent" }))).await;
            arguments["id"] = made.ok()["token"]["id"].clone();
        }
        if let Some(role) = too_little(spec) {
            let other = Client { token: world.token(name, role).await, ..client.clone() };
            let answered = other.call(spec, route, arguments.clone()).await;
            assert_eq!(answered.code(), (403, "forbidden".to_owned()), "{name}");
            // S27: the one missing permission and nothing else.
            assert_eq!(answered.json()["detail"], format!("The policy does not permit `{name}`."));
            let [record] = &world.records_of(&answered).await[..] else { panic!("{name}: one record") };
            assert_eq!((record.operation.as_str(), record.reason.as_str()), (name, "policy"));
        }
        let answered = client.call(spec, route, arguments).await;
        answered.ok();
        let mut records = world.records_of(&answered).await;
        // What goes out is recorded before it does.
        records.retain(|record| {
            (name != "agent_run" || record.operation == name)
                && record.reason != "began"
                && record.operation != "plugin_load"
        });
        let [record] = &records[..] else { panic!("{name}: one record") };
        assert_eq!((record.operation.as_str(), record.outcome.as_str()), (name, "ok"));
        assert_eq!(record.principal, format!("token:{name}"));
    }
}

#[tokio::test]
async fn s02_a_foreign_session_is_answered_as_an_unknown_one_by_every_route() {
    let world = World::sqlite().await;
    let (client, foreign) = (world.client("ann", "developer").await, world.client("bob", "developer").await);
    let ended = world.enter(client.token.clone()).await;
    for inside in [&client, &foreign, &ended] {
        inside.store("known", "first").await;
        inside.store("known", "second").await;
    }
    ended.call(spec("session_end"), 0, json!({})).await.ok();
    for (spec, route) in routes().filter(|(spec, _)| in_session(spec)) {
        let name = spec.operation.name;
        let mut told = vec![];
        for session in [UNKNOWN, &foreign.session, &ended.session] {
            let mut arguments = sample(spec);
            arguments["sessionId"] = json!(session);
            let answered = client.call(spec, route, arguments).await;
            assert_eq!(answered.code(), (404, "not_found".to_owned()), "{name}");
            let [record] = &world.records_of(&answered).await[..] else { panic!("{name}: one record") };
            assert_eq!((record.operation.as_str(), record.reason.as_str()), (name, "session_not_held"));
            told.push(answered.bytes());
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{name}: {told:?}");
    }
}

#[tokio::test]
async fn a_path_that_says_how_a_task_ends_is_not_contradicted() {
    let world = World::new().await;
    let client = world.client("ann", "developer").await;
    let complete = spec("task_complete");
    for (route, status) in [(0, "completed"), (1, "failed")] {
        let ended = client.call(complete, route, sample(complete)).await.ok();
        assert_eq!(ended["task"]["status"], status);
        let mut arguments = sample(complete);
        arguments["status"] = json!(if route == 0 { "failed" } else { "completed" });
        let refused = client.call(complete, route, arguments).await;
        assert_eq!(refused.code(), (400, "invalid_input".to_owned()));
    }
}

#[tokio::test]
async fn a_revoked_token_is_unknown_from_the_next_request_on() {
    let world = World::sqlite().await;
    let operator = world.client("root", "operator").await;
    let made =
        operator.ask(Asked::post("/api/v1/tokens", &json!({ "subject": "ci", "role": "agent" }))).await.ok();
    let token = made["secret"].as_str().unwrap();
    let status = || Asked::get("/api/v1/system/status").token(token);
    world.ask(status()).await.ok();
    let id = made["token"]["id"].as_str().unwrap();
    operator.ask(Asked::new("DELETE", &format!("/api/v1/tokens/{id}"))).await.ok();
    assert_eq!(world.ask(status()).await.code().0, 401);
}

#[tokio::test]
async fn a_read_without_a_session_sees_shared_namespaces_only() {
    let world = World::new().await;
    let client = world.client("ci", "developer").await;
    client.store("k", "private text").await;
    let shared = json!({ "key": "k", "content": "shared text", "namespace": "team" });
    client.call(spec("memory_store"), 0, shared).await.ok();
    let found = client.ask(Asked::get("/api/v1/memory/search?query=text")).await.ok();
    assert_eq!((&found["count"], &found["results"][0]["namespace"]), (&json!(1), &json!("team")));
    // And a write without one is refused, naming the field.
    for refused in [
        Asked::post("/api/v1/memory", &json!({ "key": "k", "content": "x", "namespace": "team" })),
        Asked::new("DELETE", "/api/v1/memory/k?namespace=team"),
    ] {
        let answered = client.ask(refused).await;
        assert_eq!(answered.code(), (400, "invalid_input".to_owned()));
        assert_eq!(answered.json()["errors"][0]["field"], "sessionId");
    }
}
