//! How the process ends, and what is there afterwards.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::server::{Ended, Home, Server};

const SOON: Duration = Duration::from_secs(2);

/// A session, a store and some reads whose records are still to be written: seven calls.
fn use_memory(server: &mut Server) {
    let (session, _) = server.session();
    server.ok("memory_store", json!({ "sessionId": session, "key": "known", "content": "text" }));
    for _ in 0..5 {
        server.ok("memory_get", json!({ "sessionId": session, "key": "known" }));
    }
}

fn assert_flushed(home: &Home, ended: &Ended) {
    assert!(ended.took < SOON, "it took {:?}", ended.took);
    assert!(ended.status.success(), "{:?}: {}", ended.status, ended.log);
    assert!(ended.rest.is_empty(), "{}", ended.rest);
    let report = home.audit();
    assert!(report.is_intact(), "{:?}", report.problems);
    assert_eq!(report.records, 7, "one for each call");
    assert_eq!(report.unsigned_tail, 0, "the end is signed");
}

#[test]
fn the_end_of_input_ends_the_process_with_everything_recorded() {
    let home = Home::new();
    let mut server = home.start(&[]);
    use_memory(&mut server);
    assert_flushed(&home, &server.close());
}

#[test]
fn a_request_to_end_ends_the_process_with_everything_recorded() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = Home::new();
        let mut server = home.start(&[]);
        use_memory(&mut server);
        server.signal(signal);
        assert_flushed(&home, &server.wait());
    }
}

#[test]
fn what_was_asked_before_the_end_of_input_is_answered() {
    let home = Home::new();
    let mut server = home.start(&[]);
    let (session, _) = server.session();
    for number in 0..100 {
        let arguments = json!({ "sessionId": session, "key": number.to_string(), "content": "text" });
        server.ask("tools/call", json!({ "name": "memory_store", "arguments": arguments }));
    }
    let ended = server.close();
    assert_eq!(
        ended.rest.lines().filter(|line| line.contains("\\\"success\\\":true")).count(),
        100,
        "{}",
        ended.log
    );
}

#[test]
fn an_end_before_the_beginning_is_no_error() {
    let home = Home::new();
    let ended = home.spawn(&[]).close();
    assert!(ended.status.success() && ended.rest.is_empty() && ended.took < SOON, "{}", ended.log);
}

#[test]
fn a_line_without_an_end_is_no_call() {
    let home = Home::new();
    let mut server = home.start(&[]);
    let (session, token) = server.session();
    let arguments = json!({ "sessionId": session, "key": "half", "content": "text" });
    let params = json!({ "name": "memory_store", "arguments": arguments });
    let line = json!({ "jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": params });
    server.send_raw(line.to_string().as_bytes());
    assert!(server.close().status.success());
    let mut next = home.start(&[]);
    next.ok("session_start", json!({ "resumeToken": token }));
    assert_eq!(next.ok("memory_list", json!({ "sessionId": session }))["total"], 0);
}

#[test]
fn nothing_that_was_acknowledged_is_lost_when_the_process_is_killed() {
    let home = Home::new();
    let (mut session, mut token) = (String::new(), String::new());
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let mut server = home.start(&["--log", "off"]);
        if round == 0 {
            (session, token) = server.session();
        } else {
            server.ok("session_start", json!({ "resumeToken": token }));
        }
        // Many are under way when it is killed; what was read by then must be there.
        for number in 0..60 {
            let key = format!("{round}-{number}");
            let arguments = json!({ "sessionId": session, "key": key, "content": format!("text of {key}") });
            server.ask("tools/call", json!({ "name": "memory_store", "arguments": arguments }));
        }
        for _ in 0..20 + round * 7 {
            let answer = server.receive();
            let entry = &answer["result"]["structuredContent"]["entry"];
            acknowledged.push(entry["key"].as_str().unwrap().to_owned());
        }
        server.signal(Signal::KILL);
        assert!(!server.wait().status.success());
    }
    let mut server = home.start(&[]);
    server.ok("session_start", json!({ "resumeToken": token }));
    assert_eq!(acknowledged.len(), 170);
    for key in acknowledged {
        let got = server.ok("memory_get", json!({ "sessionId": session, "key": key }));
        assert_eq!(got["entry"]["content"], format!("text of {key}"));
    }
    assert!(server.close().status.success());
    let report = home.audit();
    assert!(report.is_intact(), "{:?}", report.problems);
}
