//! Several processes of one user on one database.

use serde_json::json;

use crate::server::{Home, Server};

#[test]
fn s02_another_process_enters_a_session_with_its_token_alone() {
    let home = Home::new();
    let mut first = home.start(&[]);
    let (session, token) = first.session();
    first.ok("memory_store", json!({ "sessionId": session, "key": "known", "content": "text" }));

    let mut second = home.start(&[]);
    let get = json!({ "sessionId": session, "key": "known" });
    let mut foreign = second.error("memory_get", get.clone());
    let mut unknown =
        second.error("memory_get", json!({ "sessionId": session.replace('0', "f"), "key": "known" }));
    for error in [&mut foreign, &mut unknown] {
        error.remove("requestId");
    }
    assert_eq!((&foreign, foreign["code"].as_str()), (&unknown, Some("not_found")));
    assert_eq!(second.ok("memory_search", json!({ "query": "text" }))["count"], 0);
    assert_eq!(second.ok("session_active", json!({}))["count"], 0);
    let forged = second.error("session_start", json!({ "resumeToken": format!("asr_{}", "0".repeat(64)) }));
    assert_eq!(forged["code"], "not_found");

    let resumed = second.ok("session_start", json!({ "resumeToken": token }));
    assert_eq!(resumed["session"]["id"], session);
    assert_eq!(second.ok("memory_get", get.clone())["entry"]["content"], "text");
    // Both are in it now, and what ends it ends it for both.
    second.ok("memory_store", json!({ "sessionId": session, "key": "known", "content": "newer" }));
    assert_eq!(first.ok("memory_get", get.clone())["entry"]["content"], "newer");
    second.ok("session_end", json!({ "sessionId": session }));
    assert_eq!(first.error("memory_get", get)["code"], "not_found");
    assert_eq!(first.error("session_start", json!({ "resumeToken": token }))["code"], "not_found");
}

#[test]
fn s02_a_restart_does_not_keep_the_session() {
    let home = Home::new();
    let mut server = home.start(&[]);
    let (session, _) = server.session();
    assert!(server.close().status.success());
    let mut again = home.start(&[]);
    assert_eq!(again.error("session_status", json!({ "sessionId": session }))["code"], "not_found");
}

/// Writes into its own session, into a namespace of all, and under one key of all.
fn write_much(mut server: Server, number: usize) -> Server {
    let (session, _) = server.session();
    for turn in 0..EACH {
        let key = format!("{number}-{turn}");
        for (key, content, namespace) in
            [(&*key, "text", None), (&key, "text", Some("notes")), ("all", &key, Some("common"))]
        {
            let mut entry = json!({ "sessionId": session, "key": key, "content": content });
            if let Some(namespace) = namespace {
                entry["namespace"] = json!(namespace);
            }
            server.ok("memory_store", entry);
        }
    }
    assert_eq!(server.ok("memory_list", json!({ "sessionId": session }))["total"], EACH);
    server
}

/// How often each process writes into each place.
const EACH: usize = 50;

#[test]
fn eight_processes_write_at_once_and_nothing_is_lost() {
    let home = Home::new();
    let servers: Vec<Server> = (0..8).map(|_| home.start(&["--log", "error"])).collect();
    let servers = std::thread::scope(|threads| {
        let writing = servers.into_iter().enumerate();
        let writing: Vec<_> =
            writing.map(|(number, server)| threads.spawn(move || write_much(server, number))).collect();
        writing.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    for server in servers {
        let ended = server.close();
        assert!(ended.status.success() && ended.log.is_empty(), "{}", ended.log);
    }
    let mut server = home.start(&[]);
    assert_eq!(server.ok("memory_list", json!({ "namespace": "notes" }))["total"], 8 * EACH);
    let all = server.ok("memory_get", json!({ "namespace": "common", "key": "all" }));
    assert_eq!(all["entry"]["version"], 8 * EACH, "each write is a version");
    assert!(server.close().status.success());
    let report = home.audit();
    assert!(report.is_intact(), "{:?}", report.problems);
    // For each process a start, the stores and a list; then the list and the get.
    assert_eq!(report.records, (8 * (1 + 3 * EACH + 1) + 2) as u64);
}
