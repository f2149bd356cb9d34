//! The lines of each revision of the protocol.

use serde_json::{Value, json};

use crate::server::{Home, Server};

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// What every revision can do: list the tools, use memory, be refused.
fn use_memory(server: &mut Server) {
    let tools = server.request("tools/list", json!({}));
    assert!(
        tools["result"]["tools"].as_array().unwrap().len() >= crate::server::usual_tools().len(),
        "{tools}"
    );
    let (session, _) = server.session();
    server.ok("memory_store", json!({ "sessionId": session, "key": "known", "content": "text" }));
    let found = server.ok("memory_search", json!({ "sessionId": session, "query": "text" }));
    assert_eq!(found["results"][0]["key"], "known");
    let refused =
        server.error("memory_get", json!({ "sessionId": session.replace('0', "1"), "key": "known" }));
    assert!(["not_found", "invalid_input"].contains(&refused["code"].as_str().unwrap()), "{refused:?}");
    server.ok("session_end", json!({ "sessionId": session }));
}

#[test]
fn each_revision_with_a_handshake_is_spoken() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let home = Home::new();
        let mut server = home.spawn(&[]);
        let result = server.initialize(revision);
        assert_eq!(result["protocolVersion"], revision);
        assert_eq!(result["serverInfo"]["name"], "agentstack");
        assert!(result["capabilities"]["tools"].is_object());
        assert!(result["instructions"].as_str().unwrap().contains("session_start"));
        use_memory(&mut server);
        let ended = server.close();
        assert!(ended.status.success() && ended.rest.is_empty(), "{}", ended.log);
    }
}

#[test]
fn the_revision_without_a_handshake_is_spoken() {
    let home = Home::new();
    let mut server = home.spawn(&[]);
    server.meta = Some(meta());
    let discovered = server.request("server/discover", json!({}))["result"].clone();
    let versions = discovered["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")), "{discovered}");
    use_memory(&mut server);
    // A session of ours is an argument, so a call needs nothing that came before it on the connection.
    let ended = server.close();
    assert!(ended.status.success(), "{}", ended.log);
}

#[test]
fn a_first_request_of_the_revision_without_a_handshake_may_be_a_call() {
    let home = Home::new();
    let mut server = home.spawn(&[]);
    server.meta = Some(meta());
    assert_eq!(server.ok("session_active", json!({}))["count"], 0);
}

#[test]
fn a_revision_that_nobody_knows_is_answered_with_one_that_is_known() {
    let home = Home::new();
    let mut server = home.spawn(&[]);
    assert_eq!(server.initialize("1999-01-01")["protocolVersion"], "2025-11-25");
    use_memory(&mut server);
}

#[test]
fn what_is_only_notified_before_the_beginning_is_nobodys_business() {
    let home = Home::new();
    let mut server = home.spawn(&[]);
    for method in ["notifications/initialized", "notifications/cancelled", "notifications/no_such"] {
        server.send(
            json!({ "jsonrpc": "2.0", "method": method, "params": { "requestId": 1 } })
                .to_string()
                .as_bytes(),
        );
    }
    assert_eq!(server.initialize("2025-11-25")["protocolVersion"], "2025-11-25");
    use_memory(&mut server);
}
