//! A server that speaks for one agent.

use serde_json::json;

use crate::server::{Home, refused};

#[test]
fn the_agent_of_the_command_line_binds_every_call() {
    let home = Home::new();
    let mut server = home.start(&["--agent", "coder"]);
    let (session, token) = server.session();
    let stored =
        server.ok("memory_store", json!({ "sessionId": session, "key": "known", "content": "text" }));
    assert_eq!(stored["entry"]["agentId"], "coder");
    let other = json!({ "sessionId": session, "key": "a", "content": "text", "agentId": "reviewer" });
    assert_eq!(server.error("memory_store", other)["code"], "forbidden");

    // In the same session another agent has another memory.
    let mut reviewer = home.start(&["--agent", "reviewer"]);
    reviewer.ok("session_start", json!({ "resumeToken": token }));
    assert_eq!(reviewer.ok("memory_get", json!({ "sessionId": session, "key": "known" }))["found"], false);
    let conflicting = json!({ "sessionId": session, "key": "known", "content": "mine" });
    assert_eq!(reviewer.error("memory_store", conflicting)["code"], "conflict");
}

#[test]
fn an_agent_without_a_name_is_a_usage_error() {
    let home = Home::new();
    let (code, stdout, stderr) = refused(&home, &["--agent", ""]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("1 to 128 characters"), "{stderr}");
}
