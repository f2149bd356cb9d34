//! A policy of the operator's own, over the pipes.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::server::{Home, Server, refused};

const ALL: &str = "permit (principal, action, resource);\n";
const NO_DELETE: &str = "forbid (principal, action == Action::\"memory_delete\", resource);\n";

/// A home whose configuration names a policy folder with this file.
fn ruled(rules: &str) -> Home {
    let home = Home::new();
    std::fs::write(home.path("config/agentstack/config.json"), r#"{"security": {"policy": "../policy"}}"#)
        .unwrap();
    std::fs::create_dir(home.path("policy")).unwrap();
    std::fs::set_permissions(home.path("policy"), Permissions::from_mode(0o755)).unwrap();
    rewrite(&home, rules);
    home
}

fn rewrite(home: &Home, rules: &str) {
    let file = home.path("policy/rules.cedar");
    std::fs::write(&file, rules).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
}

fn tools(server: &mut Server) -> Vec<String> {
    let list = server.request("tools/list", json!({}))["result"]["tools"].clone();
    list.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the log says so often that another policy is in force, or that none is.
fn reload(home: &Home, server: &Server, rules: &str, word: &str, times: usize) {
    rewrite(home, rules);
    server.signal(Signal::HUP);
    let began = Instant::now();
    while server.log().matches(word).count() < times {
        assert!(began.elapsed() < Duration::from_mins(1), "{}", server.log());
        std::thread::yield_now();
    }
}

#[test]
fn s22_a_tool_that_the_policy_forbids_is_not_offered_and_a_call_of_it_is_forbidden() {
    let home = ruled(&[ALL, NO_DELETE].concat());
    let mut server = home.start(&[]);
    let offered = tools(&mut server);
    assert!(!offered.contains(&"memory_delete".to_owned()) && offered.contains(&"memory_store".to_owned()));
    assert_eq!(offered, tools(&mut server));
    let (session, _) = server.session();
    let error = server.error("memory_delete", json!({ "sessionId": session, "key": "a" }));
    assert_eq!(error["code"], "forbidden");
    let ended = server.close();
    let whole = agentstack::document::hash_of(&crate::server::usual_tools());
    assert!(
        ended.log.contains("tools=") && !ended.log.contains(&whole),
        "the hash is of what is offered: {}",
        ended.log
    );
}

#[test]
fn s36_another_policy_is_in_force_after_a_hangup_and_a_broken_one_denies_everything() {
    const GOOD: &str = "another policy is in force";
    let home = ruled(ALL);
    let mut server = home.start(&[]);
    let (session, _) = server.session();
    let entry = json!({ "sessionId": session, "key": "a", "content": "text" });
    server.ok("memory_store", entry.clone());

    reload(&home, &server, &[ALL, NO_DELETE].concat(), GOOD, 1);
    assert!(!tools(&mut server).contains(&"memory_delete".to_owned()));
    assert_eq!(
        server.error("memory_delete", json!({ "sessionId": session, "key": "a" }))["code"],
        "forbidden"
    );
    server.ok("memory_store", entry.clone());

    reload(&home, &server, "permit (", "everything is denied", 1);
    assert!(server.log().contains("rules.cedar:1: "), "{}", server.log());
    assert_eq!(tools(&mut server), Vec::<String>::new());
    assert_eq!(server.error("memory_store", entry.clone())["code"], "forbidden");
    assert_eq!(server.error("system_health", json!({}))["code"], "forbidden");

    reload(&home, &server, ALL, GOOD, 2);
    server.ok("memory_delete", json!({ "sessionId": session, "key": "a" }));
    assert!(server.close().status.success());
    // A start, two stores, two deletions, two refusals, three reloads, and one more refusal of a deletion.
    assert!(home.audit().records >= 10);
}

#[test]
fn s36_a_broken_policy_stops_the_start_and_nothing_is_made() {
    for (rules, what) in [
        ("permit (", "rules.cedar:1: "),
        ("", "no rule"),
        ("permit (principal, action == Action::\"x\", resource);", "x"),
    ] {
        let home = ruled(rules);
        let (code, out, err) = refused(&home, &[]);
        assert_eq!((code, out.as_str()), (Some(3), ""), "{err}");
        assert!(err.contains(what), "{err}");
        assert!(!home.database().exists());
    }
    let home = ruled(ALL);
    std::fs::set_permissions(home.path("policy/rules.cedar"), Permissions::from_mode(0o666)).unwrap();
    assert!(refused(&home, &[]).2.contains("chmod 644"));
}
