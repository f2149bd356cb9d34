//! A client whose calls are those of a token.

use std::sync::Arc;

use agentstack::{AgentStack, Caller, MasterKey, Options};
use serde_json::{Value, json};

use crate::server::Home;

/// A token of this role for the database of the home.
fn token(home: &Home, role: &str) -> (String, String) {
    let granted = json!({ "subject": "editor", "role": role, "operations": ["session_start", "memory_get"] });
    let made = operator(home, "token_create", &granted);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["secret"]), text(&made["token"]["id"]))
}

/// A call of the operator, in this process.
fn operator(home: &Home, name: &str, arguments: &Value) -> Value {
    let key = MasterKey::parse(&std::fs::read_to_string(home.key()).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stack = AgentStack::open(Options::new(home.database(), &key)).await.unwrap();
        let spec = agentstack::find_operation(name).unwrap();
        let caller = Caller::new(Arc::new(AgentStack::operator()));
        let done = stack.engine().dispatch(&caller, spec, arguments.as_object().unwrap().clone()).await;
        stack.close().await;
        done.unwrap().to_value()
    })
}

#[test]
fn a_token_in_the_environment_is_who_calls_until_it_is_revoked() {
    let home = Home::new();
    assert!(home.start(&[]).close().status.success(), "and there is a database");
    let (secret, id) = token(&home, "developer");
    let mut server = home.spawn_with(&[], &[("AGENTSTACK_TOKEN", &secret)]);
    server.initialize("2025-11-25");
    let listed = server.request("tools/list", json!({}));
    let names: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["memory_get", "session_start"], "what the token is good for, and no more");
    server.session();
    operator(&home, "token_revoke", &json!({ "id": id }));
    // Another process revoked it, and it holds from the next call on.
    let refused = server.request("tools/call", json!({ "name": "session_start", "arguments": {} }));
    assert_eq!(refused["error"]["data"]["error"]["code"], "unauthenticated", "{refused}");
    assert!(!server.close().log.contains(secret.strip_prefix("ast_").unwrap()));
}

#[test]
fn a_token_that_is_none_stops_the_start() {
    let home = Home::new();
    for (arguments, wrong) in
        [(&[][..], "ast_nonsense"), (&["--agent", "coder"][..], "ast_nonsense"), (&[][..], "")]
    {
        let output = home.command(arguments).env("AGENTSTACK_TOKEN", wrong).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("AGENTSTACK_TOKEN") && !said.contains("nonsense"), "{said}");
    }
}
