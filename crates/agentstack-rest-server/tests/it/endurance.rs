//! Many connections at a time, of which most ask nothing.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::server::Home;

#[test]
fn s33_ten_thousand_idle_connections_keep_nobody_from_being_served() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    // As many as the system allows, and ten thousand where it does.
    let wanted = maximum.map_or(10_000, |most| most.saturating_sub(1_000).min(10_000));
    assert!(wanted >= 1_000, "the system allows {maximum:?} open files, which shows nothing");
    let home = Home::new();
    let server = home.start(&[]);
    let token = server.token();
    let before = server.resident_kb();
    let mut idle = vec![];
    for number in 0..wanted {
        idle.push(TcpStream::connect(server.address).unwrap_or_else(|error| panic!("{number}: {error}")));
        // Connections are taken in turn: once this one is answered, so many more fit into the system's queue again.
        if number % 50 == 0 {
            assert_eq!(server.ask("", "GET", "/health/live", "").0, 200);
        }
    }
    let started = server.ask(&token, "POST", "/api/v1/sessions", "").1;
    let session = started["session"]["id"].as_str().unwrap();
    let began = Instant::now();
    for number in 0..100 {
        let entry = json!({ "sessionId": session, "key": format!("k{number}"), "content": "text" });
        assert_eq!(server.ask(&token, "POST", "/api/v1/memory", &entry.to_string()).0, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let each = server.resident_kb().saturating_sub(before) * 1_024 / idle.len() as u64;
    assert!(each < 32 * 1_024, "{each} bytes for each");
    drop(idle);
}
