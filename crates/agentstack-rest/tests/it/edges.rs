//! Requests that are not as they should be.

use std::time::{Duration, Instant};

use agentstack_rest::{HttpSettings, Times};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

use crate::client::{Answered, Asked};
use crate::world::{World, settings};

/// How long the hasty server waits for anybody: longer than a call takes on a busy machine.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Limits that a test need not wait for.
fn hasty() -> HttpSettings {
    let times = Times { head: PATIENCE, body: PATIENCE, stalled: PATIENCE, ..Times::default() };
    HttpSettings { times, ..settings() }
}

#[tokio::test]
async fn s24_foreign_names_and_pages_are_turned_away_before_anything_is_looked_at() {
    let world =
        World::with(HttpSettings { allowed_origins: vec!["https://app.example".into()], ..settings() }, None)
            .await;
    let token = world.token("ci", "developer").await;
    let asked = |host: &str, origin: Option<&str>| {
        let asked = Asked::get("/api/v1/system/status").token(&token).header("Host", host);
        match origin {
            Some(origin) => asked.header("Origin", origin),
            None => asked,
        }
    };
    let port = world.address.port();
    for (host, origin, status) in [
        ("localhost".to_owned(), None, 200),
        (format!("127.0.0.1:{port}"), None, 200),
        (format!("[::1]:{port}"), None, 200),
        (format!("localhost:{port}"), Some(format!("http://localhost:{port}")), 200),
        ("localhost".to_owned(), Some("https://app.example".to_owned()), 200),
        ("evil.example".to_owned(), None, 403),
        ("evil.example".to_owned(), Some("https://app.example".to_owned()), 403),
        ("localhost".to_owned(), Some("https://evil.example".to_owned()), 403),
        ("localhost".to_owned(), Some("null".to_owned()), 403),
        (format!("localhost:{port}"), Some("http://localhost:1".to_owned()), 403),
    ] {
        let answered = world.ask(asked(&host, origin.as_deref())).await;
        assert_eq!(answered.status, status, "{host} {origin:?}");
        let allowed = origin.as_deref().filter(|origin| *origin == "https://app.example" && status == 200);
        assert_eq!(answered.header("access-control-allow-origin"), allowed);
    }
    // A browser that asks first is told, one of a foreign page is not; without a token, as it has none then.
    let first = |origin: &str| {
        Asked::new("OPTIONS", "/api/v1/memory")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
    };
    let told = world.ask(first("https://app.example")).await;
    assert_eq!((told.status, told.header("access-control-allow-origin")), (204, Some("https://app.example")));
    assert_eq!(world.ask(first("https://evil.example")).await.status, 403);
}

#[tokio::test]
async fn s26_a_token_in_the_address_is_no_token() {
    let world = World::new().await;
    let token = world.token("ci", "operator").await;
    for target in [
        format!("/api/v1/system/status?access_token={token}"),
        format!("/api/v1/system/status?token={token}"),
        format!("/api/v1/system/status?authorization=Bearer%20{token}"),
    ] {
        assert_eq!(world.ask(Asked::get(&target)).await.code().0, 401, "{target}");
    }
}

#[tokio::test]
async fn s30_a_body_is_one_strict_json_object() {
    let world = World::new().await;
    let client = world.client("ci", "developer").await;
    for bad in [
        &br#"{"subject":"a","subject":"b"}"#[..],
        b"{\"key\":\"\xff\"}",
        br#"{"key":"\ud800"}"#,
        br#"{"limit":NaN}"#,
        b"[]",
        b"\"x\"",
        b"{",
        b"nonsense",
        "[".repeat(100_000).as_bytes(),
    ] {
        let asked = Asked::new("POST", "/api/v1/memory").header("Content-Type", "application/json").body(bad);
        let answered = client.ask(asked).await;
        assert_eq!(answered.code(), (400, "invalid_input".to_owned()), "{}", String::from_utf8_lossy(bad));
    }
    let form = Asked::new("POST", "/api/v1/sessions").header("Content-Type", "text/plain").body(b"{}");
    assert_eq!(client.ask(form).await.status, 415);
    let charset =
        Asked::new("POST", "/api/v1/sessions").header("Content-Type", "application/json; charset=utf-8");
    client.ask(charset.body(b"{}")).await.ok();
    client.ask(Asked::new("POST", "/api/v1/sessions")).await.ok();
}

#[tokio::test]
async fn any_key_is_reached_by_its_escaped_name() {
    let world = World::new().await;
    let client = world.client("ci", "developer").await;
    for (key, escaped) in [
        ("a/b", "a%2Fb"),
        ("search", "%73earch"),
        ("über ☂", "%C3%BCber%20%E2%98%82"),
        ("a+b&c=d?e#f", "a+b%26c%3Dd%3Fe%23f"),
        ("100%", "100%25"),
        ("line\nfeed", "line%0Afeed"),
    ] {
        client.store(key, key).await;
        let got =
            client.ask(Asked::get(&format!("/api/v1/memory/{escaped}?sessionId={}", client.session))).await;
        assert_eq!(got.ok()["entry"]["content"], key);
    }
    let bad = client.ask(Asked::get(&format!("/api/v1/memory/%ff?sessionId={}", client.session))).await;
    assert_eq!(bad.code(), (400, "invalid_input".to_owned()));
}

#[tokio::test]
async fn a_path_that_is_none_and_a_method_that_is_wrong_have_their_own_status() {
    let world = World::new().await;
    let client = world.client("ci", "developer").await;
    assert_eq!(client.ask(Asked::get("/api/v1/nothing")).await.code(), (404, "not_found".to_owned()));
    let wrong = client.ask(Asked::new("PATCH", "/api/v1/memory")).await;
    assert_eq!(wrong.code().0, 405);
    assert!(wrong.header("allow").is_some_and(|allow| allow.contains("POST") && allow.contains("GET")));
}

#[tokio::test]
async fn s33_a_body_of_100_megabytes_is_refused_before_it_is_taken_in() {
    let world = World::new().await;
    let client = world.client("ci", "developer").await;
    let head = |more: &str| {
        format!(
            "POST /api/v1/memory HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\n{more}\r\n\r\n",
            client.token
        )
    };
    // Who says how much it will be is answered at once.
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let said = head("Content-Length: 100000000\r\nExpect: 100-continue");
    stream.write_all(said.as_bytes()).await.unwrap();
    assert_eq!(Answered::read(&mut stream).await.unwrap().code(), (413, "too_large".to_owned()));
    // Who does not is cut off where the limit is.
    let (_reader, mut writer) = TcpStream::connect(world.address).await.unwrap().into_split();
    writer.write_all(head("Transfer-Encoding: chunked").as_bytes()).await.unwrap();
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    let mut taken = 0;
    while taken < 100 && writer.write_all(&chunk).await.is_ok() {
        taken += 1;
    }
    assert!(taken < 40, "{taken} MB were taken");
    client.store("known", "text").await;
}

#[tokio::test]
async fn s33_who_sends_slowly_is_cut_and_the_others_are_served() {
    let world = World::with(hasty(), None).await;
    let client = world.client("ci", "developer").await;
    // Slow-loris: a header line now and then, and no end of them.
    let mut slow = vec![];
    for _ in 0..50 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();
        slow.push(stream);
    }
    // A body that never ends.
    let mut body = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST /api/v1/memory HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{",
        client.token
    );
    body.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    client.store("known", "text").await;
    assert!(began.elapsed() < PATIENCE, "nobody waits for them: {:?}", began.elapsed());
    assert_eq!(Answered::read(&mut body).await.unwrap().code().0, 408);
    for mut stream in slow {
        let _ = stream.write_all(b"X-Slow: 1\r\n").await;
        let mut rest = vec![];
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "it was cut");
    }
}

#[tokio::test]
async fn s33_who_never_reads_is_cut_and_the_others_are_served() {
    let world = World::with(hasty(), None).await;
    let client = world.client("ci", "developer").await;
    let text = "word ".repeat(12_000);
    for number in 0..10 {
        client.store(&format!("k{number}"), &text).await;
    }
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let target = format!("/api/v1/memory/k1?sessionId={}", client.session);
    let request = Asked::get(&target).token(&client.token).bytes();
    // Many answers are asked for and none is taken, until the server has no room for more.
    let mut asked = 0;
    while asked < 2_000 {
        match tokio::time::timeout(Duration::from_secs(3), stream.write_all(&request)).await {
            Ok(Ok(())) => asked += 1,
            // It stopped taking, or cut us off.
            _ => break,
        }
    }
    let began = Instant::now();
    client.store("known", "text").await;
    assert!(began.elapsed() < PATIENCE);
    // The other end gives up, with our requests unread: that is an error on the connection.
    let cut = tokio::time::timeout(Duration::from_secs(20), stream.ready(Interest::ERROR)).await;
    assert!(cut.is_ok(), "nobody cut us off");
    let mut rest = vec![];
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "it was cut after {asked} requests");
    assert!(rest.len() < asked * text.len() / 2, "most of it was not kept for us");
}

#[tokio::test]
async fn what_is_no_http_is_cut() {
    let world = World::with(hasty(), None).await;
    for bytes in [
        &b"nonsense\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[b"GET /".as_slice(), &vec![b'a'; 200_000], b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat(),
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let mut rest = vec![];
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "{:?}", String::from_utf8_lossy(&bytes[..20.min(bytes.len())]));
    }
    assert_eq!(world.ask(Asked::get("/health/live")).await.status, 200);
}
