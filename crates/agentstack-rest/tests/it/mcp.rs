//! MCP over streamable HTTP.

use serde_json::{Value, json};

use crate::client::Asked;
use crate::world::{UNKNOWN, World};

fn asked(body: &Value) -> Asked {
    Asked::post("/mcp", body).header("Accept", "application/json, text/event-stream")
}

/// A call of a tool.
pub(crate) fn call(name: &str, arguments: &Value) -> Asked {
    let params = json!({ "name": name, "arguments": arguments });
    asked(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }))
}

#[tokio::test]
async fn each_revision_is_spoken_with_the_token_of_the_request() {
    let world = World::sqlite().await;
    let token = world.token("ann", "developer").await;
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } });
        let answered = world.ask(asked(&hello).token(&token)).await.ok();
        assert_eq!(answered["result"]["protocolVersion"], revision);
    }
    let started = world.ask(call("session_start", &json!({})).token(&token)).await.ok();
    let session = started["result"]["structuredContent"]["session"]["id"].clone();
    let entry = json!({ "sessionId": session, "key": "k", "content": "text" });
    let stored = world.ask(call("memory_store", &entry).token(&token)).await;
    assert_eq!(stored.ok()["result"]["isError"], false);
    let [record] = &world.records_of(&stored).await[..] else { panic!("one record") };
    assert_eq!((record.operation.as_str(), record.principal.as_str()), ("memory_store", "token:ann"));
    // The revision without a handshake says on each request who and what.
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {} });
    let params =
        json!({ "name": "memory_get", "arguments": { "sessionId": session, "key": "k" }, "_meta": meta });
    let get = asked(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params }))
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", "memory_get");
    let got = world.ask(get.token(&token)).await.ok();
    assert_eq!(got["result"]["structuredContent"]["entry"]["content"], "text");
    // And the other way of the same call has the same answer.
    let target = format!("/api/v1/memory/k?sessionId={}", session.as_str().unwrap());
    let rest = world.ask(Asked::get(&target).token(&token)).await.ok();
    assert_eq!(rest, got["result"]["structuredContent"]);
}

#[tokio::test]
async fn s25_get_delete_and_a_smuggled_session_do_nothing() {
    let world = World::new().await;
    let (ann, bob) = (world.token("ann", "developer").await, world.client("bob", "developer").await);
    for method in ["GET", "DELETE", "PUT", "PATCH"] {
        let answered =
            world.ask(Asked::new(method, "/mcp").token(&ann).header("Mcp-Session-Id", &bob.session)).await;
        assert_eq!((answered.status, answered.header("allow")), (405, Some("POST")), "{method}");
    }
    bob.store("k", "text").await;
    for session in [bob.session.as_str(), UNKNOWN, "x"] {
        let listed = call("session_active", &json!({})).token(&ann).header("Mcp-Session-Id", session);
        let answered = world.ask(listed).await;
        assert_eq!(answered.header("mcp-session-id"), None);
        assert_eq!(answered.ok()["result"]["structuredContent"]["count"], 0, "{session}");
    }
    let foreign = call("memory_get", &json!({ "sessionId": bob.session, "key": "k" })).token(&ann);
    let error = world.ask(foreign).await.ok();
    assert_eq!(error["result"]["structuredContent"]["error"]["code"], "not_found");
}

#[tokio::test]
async fn s01_without_a_token_there_is_no_mcp() {
    let world = World::new().await;
    for refused in [call("system_status", &json!({})), call("system_status", &json!({})).token("ast_x")] {
        assert_eq!(world.ask(refused).await.code(), (401, "unauthenticated".to_owned()));
    }
}

#[tokio::test]
async fn s30_a_message_is_strict_json() {
    let world = World::new().await;
    let token = world.token("ann", "developer").await;
    for bad in [
        &br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#[..],
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\ud800"}}"#,
        b"nonsense",
        b"",
    ] {
        let asked = Asked::new("POST", "/mcp")
            .header("Accept", "application/json, text/event-stream")
            .header("Content-Type", "application/json");
        let answered = world.ask(asked.token(&token).body(bad)).await;
        assert_eq!((answered.status, &answered.json()["error"]["code"]), (400, &json!(-32700)));
    }
}

#[tokio::test]
async fn an_operators_operation_is_no_tool() {
    let world = World::new().await;
    let token = world.token("root", "operator").await;
    let list = asked(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).token(&token);
    let tools = world.ask(list).await.ok().to_string();
    assert!(tools.contains("memory_store") && !tools.contains("token_create"));
    let made = call("token_create", &json!({ "subject": "x", "role": "operator" })).token(&token);
    let answered = world.ask(made).await.json();
    assert_eq!(answered["error"]["code"], -32602, "{answered}");
}

#[tokio::test]
async fn tools_of_plugins_are_offered_and_called_over_both() {
    let world = World::new().await;
    let client = world.client("ann", "developer").await;
    let list = asked(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
    let listed = client.ask(list.clone()).await.ok();
    let tools = listed["result"]["tools"].as_array().unwrap();
    let tool = tools.iter().find(|tool| tool["name"] == "greeter_run").unwrap();
    assert_eq!(tool["inputSchema"]["required"], json!(["sessionId", "do"]));
    assert_eq!(tool["annotations"]["openWorldHint"], true);
    let arguments = json!({ "sessionId": client.session, "do": "echo", "arguments": 7 });
    let called = client.ask(call("greeter_run", &arguments)).await.ok();
    let called = called["result"]["structuredContent"].clone();
    assert_eq!(called["result"], json!({ "tool": "run", "arguments": 7 }));
    assert_eq!(called["label"]["origin"]["principal"], "plugin:greeter@1.0.0");
    let body = json!({ "sessionId": client.session, "arguments": { "do": "echo", "arguments": 7 } });
    let rest = client.ask(Asked::post("/api/v1/plugins/greeter/tools/run", &body)).await.ok();
    assert_eq!(rest["result"], called["result"]);
    // What is unknown is unknown, and what is not permitted is not offered.
    for name in ["greeter_walk", "nobody_run", "plugin_call", "plugin_disable"] {
        let answered = client.ask(call(name, &arguments)).await;
        assert_eq!(answered.json()["error"]["message"], format!("Unknown tool: {name}"));
    }
    let viewer = world.client("eve", "viewer").await;
    let listed = viewer.ask(list).await.ok();
    assert!(listed["result"]["tools"].as_array().unwrap().iter().all(|tool| tool["name"] != "greeter_run"));
}
