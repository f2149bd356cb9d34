//! S33: how much a caller may ask for, and what it is told when that was too much.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use agentstack_engine::CallLimits;
use agentstack_rest::HttpSettings;
use serde_json::json;

use crate::client::Asked;
use crate::world::{World, settings};

#[tokio::test]
async fn s33_one_call_too_many_is_told_when_to_come_again() {
    let number = |number| NonZeroU32::new(number).unwrap();
    let limits = CallLimits { per_second: number(1), burst: number(5), concurrent: 10 };
    let world = World::with(settings(), Some(limits)).await;
    let (ann, bob) = (world.token("ann", "developer").await, world.token("bob", "developer").await);
    let status = |token: &str| Asked::get("/api/v1/system/status").token(token);
    // Five, and on a slow machine one more for each second that goes by.
    let mut served = 0;
    let refused = loop {
        let answered = world.ask(status(&ann)).await;
        if answered.status != 200 {
            break answered;
        }
        served += 1;
    };
    assert!((5..50).contains(&served), "{served}");
    assert_eq!(refused.code(), (429, "rate_limited".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    let [record] = &world.records_of(&refused).await[..] else { panic!("one record") };
    assert_eq!((record.reason.as_str(), record.operation.as_str()), ("limit", "system_status"));
    // A flood of them does not become a flood of records.
    let second = world.ask(status(&ann)).await;
    assert!(second.status == 429 && world.records_of(&second).await.is_empty());
    // Another operation, another principal: no matter of theirs.
    world.ask(Asked::get("/api/v1/sessions").token(&ann)).await.ok();
    world.ask(status(&bob)).await.ok();
    // In a second there is room for the next one.
    let began = Instant::now();
    while world.ask(status(&ann)).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(10), "it was never let in again");
    }
}

#[tokio::test]
async fn s33_mcp_calls_count_as_the_same_calls() {
    let number = |number| NonZeroU32::new(number).unwrap();
    let limits = CallLimits { per_second: number(1), burst: number(2), concurrent: 10 };
    let world = World::with(settings(), Some(limits)).await;
    let token = world.token("ann", "developer").await;
    let call = || crate::mcp::call("system_status", &json!({})).token(&token);
    let mut served = 0;
    let refused = loop {
        let answered = world.ask(call()).await.ok();
        if answered["result"]["isError"] == true {
            break answered;
        }
        served += 1;
    };
    assert!((2..50).contains(&served), "{served}");
    assert_eq!(refused["result"]["structuredContent"]["error"]["code"], "rate_limited");
    assert_eq!(world.ask(Asked::get("/api/v1/system/status").token(&token)).await.status, 429);
}

#[tokio::test]
async fn s33_bad_credentials_are_limited_and_good_ones_are_not() {
    let world = World::with(HttpSettings { failed_authentications_per_minute: 3, ..settings() }, None).await;
    let token = world.token("ann", "developer").await;
    let bad = || Asked::get("/api/v1/system/status").token("ast_guess");
    for _ in 0..3 {
        let refused = world.ask(bad()).await;
        assert_eq!((refused.status, world.records_of(&refused).await.len()), (401, 1));
    }
    let refused = world.ask(bad()).await;
    assert_eq!((refused.status, world.records_of(&refused).await.len()), (429, 0));
    assert!(refused.header("retry-after").is_some());
    // Whoever shares the address is not locked out.
    world.ask(Asked::get("/api/v1/system/status").token(&token)).await.ok();
}

#[tokio::test]
async fn s33_behind_a_proxy_its_clients_are_told_apart() {
    let behind = HttpSettings { failed_authentications_per_minute: 1, behind_proxy: true, ..settings() };
    let world = World::with(behind, None).await;
    let bad = |from: &str| Asked::get("/metrics").token("x").header("X-Forwarded-For", from);
    assert_eq!(world.ask(bad("203.0.113.1")).await.status, 401);
    assert_eq!(world.ask(bad("203.0.113.1")).await.status, 429);
    assert_eq!(world.ask(bad("203.0.113.2")).await.status, 401);
    assert_eq!(
        world.ask(bad("198.51.100.1, 203.0.113.2")).await.status,
        429,
        "what the client claims does not count"
    );
    // Of an IPv6 address the half that is the subscriber's.
    assert_eq!(world.ask(bad("2001:db8::1")).await.status, 401);
    assert_eq!(world.ask(bad("2001:db8::2")).await.status, 429);
}
