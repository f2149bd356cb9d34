//! Signals of a server over stdio, posted to the address of the configuration.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::server::Home;

#[test]
fn who_probes_for_sessions_is_told_of_once_and_the_address_is_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/path-canary?key=query-canary", listener.local_addr().unwrap());
    let home = Home::new();
    let config = home.path("named.json");
    let webhook = json!({ "url": "${HOOK}", "secret": "${HOOK_SECRET}" });
    let file = json!({ "watch": { "thresholds": { "foreignSessionProbing": 3 }, "webhook": webhook } });
    std::fs::write(&config, file.to_string()).unwrap();
    let variables = [("HOOK", url.as_str()), ("HOOK_SECRET", "secret-canary")];
    let mut server = home.spawn_with(&["--config", config.to_str().unwrap()], &variables);
    server.initialize("2025-11-25");
    server.session();
    for _ in 0..10 {
        let foreign = json!({ "sessionId": "01983b2e-5c00-7000-8000-000000000001" });
        assert_eq!(server.error("session_status", foreign)["code"], "not_found");
    }
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    assert!(head.starts_with("POST /path-canary?key=query-canary HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("x-agentstack-signature: sha256="), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&told["rule"], &told["observed"]), (&json!("foreign_session_probing"), &json!(3)));
    assert_eq!(told["session"], "01983b2e-5c00-7000-8000-000000000001");
    reader.into_inner().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let shown = server.ok("system_config", json!({}));
    let log = server.close().log;
    assert_eq!(log.matches("foreign_session_probing").count(), 1, "{log}");
    assert!(!log.contains("canary") && !shown.to_string().contains("canary"), "{log}{shown}");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "one signal is one request");
    home.audit();
}
