//! What goes over standard output: JSON-RPC, and nothing else.

use serde_json::{Value, json};

use crate::server::{Home, Server};

fn id_of(server: &mut Server, line: &str) -> Value {
    server.send(line.as_bytes());
    server.receive()
}

#[test]
fn standard_output_carries_json_rpc_through_a_nasty_session() {
    let home = Home::new();
    let mut server = home.start(&["--log", "debug"]);
    let (session, token) = server.session();
    // Each is answered with an error, and the connection goes on.
    for (line, code) in [
        ("nonsense", -32700),
        ("{", -32700),
        ("[]", -32600),
        ("null", -32600),
        ("\"text\"", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":7,\"id\":8,\"method\":\"ping\"}", -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"params\":{\"a\":\"\\ud800\"}}", -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"params\":{\"a\":1e999}}", -32700),
        ("{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"ping\"}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":7}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":5}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"no/such/method\"}", -32601),
        ("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":5}}", -32602),
    ] {
        let answer = id_of(&mut server, line);
        assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
    }
    let unknown = server.request("tools/call", json!({ "name": "memory_burn", "arguments": {} }));
    assert_eq!(unknown["error"]["code"], -32602);
    assert!(unknown["error"]["message"].as_str().unwrap().contains("memory_burn"), "{unknown}");
    let hostile =
        server.request("tools/call", json!({ "name": "a\n\u{1b}[31m\u{202e}".repeat(100), "arguments": {} }));
    assert!(hostile["error"]["message"].as_str().unwrap().len() < 100, "{hostile}");

    for (tool, arguments, field) in [
        ("memory_store", json!({ "sessionId": session, "key": "", "content": "text" }), json!("key")),
        ("memory_store", json!({ "sessionId": session, "key": "a" }), json!("content")),
        ("memory_store", json!({ "sessionId": "x", "key": "a", "content": "b" }), json!("sessionId")),
        ("memory_search", json!({ "query": "a", "limit": 1_000 }), json!("limit")),
        ("session_end", json!({ "sessionId": session, "force": true }), json!("force")),
    ] {
        let error = server.error(tool, arguments);
        assert_eq!(
            (&error["code"], error.get("field")),
            (&json!("invalid_input"), Some(&field)),
            "{error:?}"
        );
        assert!(error["requestId"].is_string());
    }
    assert!(server.request("ping", json!({}))["result"].is_object());
    assert_eq!(server.ok("session_status", json!({ "sessionId": session }))["session"]["entries"], 0);
    let ended = server.close();
    assert!(ended.status.success() && ended.rest.is_empty(), "{}", ended.log);
    assert!(!ended.log.contains(&token) && !ended.log.contains("nonsense"), "{}", ended.log);
    // A start, a malformed call, two tools that are none, five bad inputs and a status: the rest was no call.
    assert_eq!(home.audit().records, 10);
}

#[test]
fn a_line_that_is_too_long_is_refused_and_the_next_one_is_read() {
    let home = Home::new();
    let mut server = home.start(&[]);
    for size in [16 * 1024 * 1024, 40 * 1024 * 1024] {
        server.send(&vec![b'x'; size]);
        let answer = server.receive();
        assert_eq!(answer["error"]["code"], -32600, "{answer}");
        assert_eq!(answer.get("id").unwrap_or(&Value::Null), &Value::Null);
        assert!(server.request("ping", json!({}))["result"].is_object());
    }
}

#[test]
fn the_longest_content_goes_in_and_comes_back_in_pieces() {
    let home = Home::new();
    let mut server = home.start(&[]);
    let (session, _) = server.session();
    let content = "👍\"\n\u{1}".repeat(250_000);
    server.ok("memory_store", json!({ "sessionId": session, "key": "long", "content": content }));
    let (mut read, mut offset) = (String::new(), json!(0));
    while !offset.is_null() {
        // Server::receive holds each line to 256 KiB.
        let got = server.ok("memory_get", json!({ "sessionId": session, "key": "long", "offset": offset }));
        read.push_str(got["entry"]["content"].as_str().unwrap());
        offset = got["entry"]["nextOffset"].clone();
    }
    assert!(read == content);
}

/// S22: the list is small, the same on every start, and its hash is logged.
#[test]
fn s22_the_tool_list_is_small_constant_and_logged() {
    let home = Home::new();
    let mut lists = Vec::new();
    for _ in 0..2 {
        let mut server = home.start(&[]);
        let list = server.request("tools/list", json!({}))["result"].clone();
        let bytes = list.to_string().len();
        assert!(bytes < 28_300, "{bytes} bytes");
        lists.push(list);
        let ended = server.close();
        let hash = agentstack::document::hash_of(&crate::server::usual_tools());
        assert!(ended.log.contains(&hash), "{}", ended.log);
    }
    assert_eq!(lists[0], lists[1]);
}

/// Whether a value has the type and the required fields that a schema says, as far down as it says.
fn assert_conforms(schema: &Value, value: &Value, place: &str) {
    if let Some(kind) = schema["type"].as_str() {
        let fits = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            other => panic!("{place}: a schema of type {other}"),
        };
        assert!(fits, "{place}: {value} is no {kind}");
    }
    for field in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(field.as_str().unwrap()).is_some(), "{place}: {field} is missing in {value}");
    }
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, field) in fields {
            let property =
                properties.get(name).unwrap_or_else(|| panic!("{place}: {name} is not in the schema"));
            assert_conforms(property, field, &format!("{place}.{name}"));
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for value in values {
            assert_conforms(items, value, place);
        }
    }
}

#[test]
fn answers_conform_to_the_output_schemas() {
    let home = Home::new();
    let config = json!({ "agents": { "maxConcurrent": 100 }, "driftDetection": { "enabled": true, "similarity": "lexical" } });
    std::fs::write(home.path("work/aistack.config.json"), config.to_string()).unwrap();
    let mut server = home.start(&[]);
    let list = server.request("tools/list", json!({}))["result"]["tools"].clone();
    let (session, _) = server.session();
    let entry = json!({
        "sessionId": session, "key": "known", "content": "text ".repeat(50_000), "tags": ["t"], "agentId": "coder",
        "metadata": { "any": ["thing"] },
    });
    server.ok("memory_store", entry);
    let mut tools: Vec<Value> = list.as_array().unwrap().clone();
    // What ends the session and what deletes the entry come last.
    tools.sort_by_key(|tool| ["memory_delete", "session_end"].iter().position(|last| tool["name"] == *last));
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        let mut arguments = json!({});
        for field in tool["inputSchema"]["required"].as_array().into_iter().flatten() {
            let value = match field.as_str().unwrap() {
                "sessionId" => json!(session),
                "key" => json!("known"),
                "content" | "query" | "taskInput" | "prompt" => json!("text"),
                "version" => json!(1),
                "type" | "agentType" | "taskType" => json!("coder"),
                "status" => json!("running"),
                "taskId" => json!(server.made("task_create", &session, "/task/id")),
                "id" => json!(server.made("agent_spawn", &session, "/agent/id")),
                "agentId" if name == "task_assign" => {
                    json!(server.made("agent_spawn", &session, "/agent/id"))
                }
                "agentId" => json!(server.made("identity_create", &session, "/identity/agentId")),
                other => panic!("{name} requires {other}: add a value here"),
            };
            arguments[field.as_str().unwrap()] = value;
        }
        match name {
            "memory_get" | "memory_list" | "memory_search" => arguments["sessionId"] = json!(session),
            "agent_stop" | "agent_status" => {
                arguments["id"] = json!(server.made("agent_spawn", &session, "/agent/id"));
            }
            "identity_get" => {
                arguments["agentId"] = json!(server.made("identity_create", &session, "/identity/agentId"));
            }
            _ => {}
        }
        if name == "agent_run" {
            // It is listed whatever is configured (S22), and says what is missing.
            let error = server.error(name, arguments);
            assert_eq!(error["code"], "conflict");
            assert!(
                error["message"].as_str().unwrap().starts_with("No provider is configured."),
                "{error:?}"
            );
            continue;
        }
        let result = server.call(name, arguments);
        assert_ne!(result["isError"], true, "{name}: {result}");
        assert_conforms(&tool["outputSchema"], &result["structuredContent"], name);
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"], "{name}: the text is the same JSON");
    }
}
