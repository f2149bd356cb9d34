//! The runbooks of docs/operations.md, word for word, from trouble to a healthy installation.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::Workplace;
use crate::plugin::{self, Mcp};

const PAGE: &str = include_str!("../../../../docs/operations.md");

/// The commands of a runbook.
fn commands(name: &str) -> &'static str {
    let start = format!("```sh\n# runbook: {name}\n");
    let (_, rest) = PAGE.split_once(&start).unwrap();
    rest.split_once("```").unwrap().0
}

/// Runs a runbook as a shell would, which stops at the first command that fails. Returns what it printed.
fn run(workplace: &Workplace, name: &str, variables: &[(&str, &str)]) -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_agentstack")).parent().unwrap();
    let output = Command::new("sh")
        .args(["-eu", "-c", commands(name)])
        .current_dir(workplace.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("XDG_CONFIG_HOME", workplace.path().join("home"))
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{name}: {out}\n{err}");
    assert!(out.contains(" 0 failures, "), "{name} ends with a healthy installation: {out}");
    out
}

fn configure(workplace: &Workplace, config: &Value) {
    let folder = workplace.path().join("home/agentstack");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    fs::set_permissions(folder.join("config.json"), fs::Permissions::from_mode(0o600)).unwrap();
}

fn before() -> &'static str {
    "2026-01-01T00:00:00Z"
}

#[test]
fn every_runbook_of_the_page_is_run_here() {
    let names: Vec<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("# runbook: ")).collect();
    assert_eq!(names, ["provider key", "database exposed", "plugin", "agent poisoned", "token leaked"]);
}

/// A provider that answers as OpenAI does, and tells which key it was shown.
fn provider() -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut length, mut key) = (0, String::new());
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                    break;
                }
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if lower.starts_with("authorization:") {
                    line.clone_into(&mut key);
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _ = tell.send(key.trim().to_owned());
            let choice = json!({ "delta": { "content": "done" }, "finish_reason": "stop" });
            let piece = json!({ "model": "m", "choices": [choice] });
            let events = format!("data: {piece}\n\ndata: [DONE]\n\n");
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n",
                events.len()
            );
            let mut stream = stream;
            let _ = stream.write_all(format!("{head}{events}").as_bytes());
        }
    });
    (port, told)
}

#[test]
fn a_leaked_key_of_a_provider() {
    let (port, told) = provider();
    let workplace = Workplace::new();
    let key = workplace.path().join("home/provider.key");
    fs::create_dir_all(key.parent().unwrap()).unwrap();
    fs::write(&key, "sk-first-0123456789abcdef").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    configure(
        &workplace,
        &json!({ "providers": { "default": "openai", "openai": {
            "baseUrl": format!("http://127.0.0.1:{port}/v1"), "apiKeyFile": key, "model": "m" } } }),
    );
    let mut mcp = Mcp::start(&workplace);
    let session = mcp.session();
    let spawned = mcp.call("agent_spawn", &json!({ "sessionId": session, "type": "coder" }));
    let agent = spawned["result"]["structuredContent"]["agent"]["id"].as_str().unwrap().to_owned();
    let ask = |mcp: &mut Mcp| {
        let ran = mcp.call("agent_run", &json!({ "sessionId": session, "id": agent, "prompt": "go on" }));
        assert_ne!(ran["result"]["isError"], true, "{ran}");
        told.recv().unwrap()
    };
    assert!(ask(&mut mcp).contains("sk-first-"), "the old key");
    let server = mcp.id().to_string();
    let variables = [
        ("NEW_KEY", "sk-second-0123456789abcdef"),
        ("API_KEY_FILE", key.to_str().unwrap()),
        ("SERVER", &server),
        ("PROVIDER", "openai"),
        ("SINCE", before()),
    ];
    let said = run(&workplace, "provider key", &variables);
    assert!(said.contains("  agent_run  ok  "), "{said}");
    let usage = fs::read_to_string(workplace.path().join("usage.csv")).unwrap();
    assert_eq!(usage.lines().count(), 2, "{usage}");
    assert!(usage.contains("asked_openai=1"), "{usage}");
    assert!(ask(&mut mcp).contains("sk-second-"), "the new key");
    mcp.close();
}

#[test]
fn an_exposed_database() {
    let workplace = Workplace::new();
    workplace.expect(&["quickstart"], 0);
    let old = fs::read_to_string(workplace.key()).unwrap();
    workplace.expect(&["token", "create", "--subject", "ci", "--role", "agent"], 0);
    workplace.expect(&["db", "backup", "stolen"], 0);
    let said = run(&workplace, "database exposed", &[("SUBJECT", "ci")]);
    assert!(said.contains("1 tokens are revoked."), "{said}");
    assert_ne!(fs::read_to_string(workplace.key()).unwrap(), old);
    assert_eq!(workplace.expect(&["token", "list"], 0).lines().count(), 1);
    assert!(fs::read_to_string(workplace.path().join("new.token")).unwrap().starts_with("ast_"));
    // The new backup opens with the new key, the stolen one does not.
    fs::rename(workplace.path().join("data"), workplace.path().join("away")).unwrap();
    workplace.expect(&["db", "restore", "stolen"], 3);
    workplace.expect(&["db", "restore", "new-backup"], 0);
}

#[test]
fn a_vulnerable_plugin() {
    let workplace = plugin::with_plugin();
    let mut mcp = Mcp::start(&workplace);
    let session = mcp.session();
    mcp.call("memory_store", &json!({ "sessionId": session, "key": "fox", "content": "a quick fox" }));
    let call = json!({ "sessionId": session, "key": "fox", "top": 1 });
    assert_ne!(mcp.call("word-statistics_of_entry", &call)["result"]["isError"], true);
    // The server writes records of calls that change nothing a moment later.
    while workplace.expect(&["audit", "query", "--operation", "plugin_call"], 0).is_empty() {}
    let said = run(&workplace, "plugin", &[("PLUGIN", "word-statistics")]);
    assert!(said.contains("  plugin_call  ok  ") && said.contains("  plugin_install  ok  "), "{said}");
    assert_eq!(mcp.call("word-statistics_of_entry", &call)["error"]["code"], -32602, "it is gone");
    mcp.close();
}

#[test]
fn a_poisoned_agent() {
    let workplace = Workplace::new();
    let mut mcp = Mcp::start(&workplace);
    let session = mcp.session();
    let store = |mcp: &mut Mcp, key: &str, agent: &str| {
        let entry = json!({ "sessionId": session, "namespace": "team", "key": key, "content": "words", "agentId": agent });
        assert_ne!(mcp.call("memory_store", &entry)["result"]["isError"], true);
    };
    store(&mut mcp, "poison", "coder");
    store(&mut mcp, "clean", "writer");
    let mut other = Mcp::start(&workplace);
    let reader = other.session();
    other.call("memory_get", &json!({ "sessionId": reader, "namespace": "team", "key": "poison" }));
    let derived = json!({ "sessionId": reader, "namespace": "team", "key": "derived", "content": "words" });
    other.call("memory_store", &derived);
    let said = run(&workplace, "agent poisoned", &[("AGENT", "coder"), ("SINCE", before())]);
    assert!(said.contains("1 versions are revoked, 1 derived from them are quarantined."), "{said}");
    assert!(said.contains(&format!("Shown to session {reader} of ")), "{said}");
    let listed = mcp.call("memory_list", &json!({ "sessionId": session, "namespace": "team" }));
    let entries = &listed["result"]["structuredContent"]["entries"];
    assert_eq!((entries.as_array().unwrap().len(), &entries[0]["key"]), (1, &json!("clean")), "{entries}");
    mcp.close();
    other.close();
}

#[test]
fn a_leaked_token() {
    let workplace = Workplace::new();
    workplace.expect(&["quickstart"], 0);
    let made = workplace.run(&["token", "create", "--subject", "ci", "--role", "developer"]);
    let token = String::from_utf8(made.stdout).unwrap();
    let mut mcp = Mcp::with_token(&workplace, token.trim());
    let session = mcp.session();
    let entry = json!({ "sessionId": session, "namespace": "team", "key": "theirs", "content": "words" });
    assert_ne!(mcp.call("memory_store", &entry)["result"]["isError"], true);
    let said = run(&workplace, "token leaked", &[("SUBJECT", "ci"), ("SINCE", before())]);
    assert!(said.contains("1 tokens are revoked.") && said.contains("1 versions are revoked"), "{said}");
    assert!(said.contains("  memory_store  ok  \"token:ci\""), "{said}");
    let refused =
        mcp.call("memory_get", &json!({ "sessionId": session, "namespace": "team", "key": "theirs" }));
    assert!(refused.to_string().contains("unauthenticated") || refused.get("error").is_some(), "{refused}");
}
