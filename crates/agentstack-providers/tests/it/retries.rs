//! Trying again: when, how often, and how long after.

use std::time::{Duration, Instant};

use agentstack_core::Timestamp;
use agentstack_core::time::ManualClock;
use agentstack_providers::{Anthropic, BaseUrl, ChatModel, Embedder, Limits, Outlet, ProviderError};

use crate::server::{Act, Server, answer, ok};
use crate::world::{anthropic, every, key, ollama, openai, outlet, quick, request, stream, texts};

const GOOD: &str = r#"{"model":"m","message":{"content":"Hi"},"done":true,"done_reason":"stop"}"#;

fn act(bytes: Vec<u8>) -> Act {
    Act::Write(bytes)
}

fn failed(status: &str) -> Act {
    act(answer(status, &[], "{}"))
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for first in
        ["429 Too Many Requests", "500 Internal Server Error", "502 Bad Gateway", "503 x", "529 Overloaded"]
    {
        let server = Server::start(vec![failed(first), failed(first), act(ok(GOOD))]).await;
        let said = ollama(&server, quick()).chat(&request()).await.unwrap();
        assert_eq!((said.text.as_str(), server.asked().len()), ("Hi", 3), "{first}");
        let bodies: Vec<_> = server.asked().into_iter().map(|asked| asked.body).collect();
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_or_breaks_off_is_tried_again() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n{\"model\"".to_vec();
    let server = Server::start(vec![Act::Write(Vec::new()), act(half.clone()), act(ok(GOOD))]).await;
    assert_eq!(ollama(&server, quick()).chat(&request()).await.unwrap().text, "Hi");
    assert_eq!(server.asked().len(), 3);
    let server = Server::answering(half).await;
    let problem = ollama(&server, quick()).chat(&request()).await.unwrap_err();
    assert!(matches!(problem, ProviderError::Connection(_)), "{problem:?}");
    assert_eq!(server.asked().len(), 4);
    assert!(problem.may_have_used());
}

#[tokio::test]
async fn who_may_have_begun_an_answer_may_have_used_something_whatever_the_last_try_came_to() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n{\"model\"".to_vec();
    for (first, used) in [(act(half), true), (act(Vec::new()), true), (failed("503 x"), false)] {
        let server = Server::start(vec![first, failed("429 x")]).await;
        let problem = ollama(&server, quick()).chat(&request()).await.unwrap_err();
        assert!(matches!(problem.at_heart(), ProviderError::RateLimited { .. }), "{problem:?}");
        assert_eq!(problem.may_have_used(), used, "{problem:?}");
        assert_eq!(problem.to_string(), problem.at_heart().to_string());
    }
    let server = Server::start(vec![failed("401 x")]).await;
    assert!(!ollama(&server, quick()).chat(&request()).await.unwrap_err().may_have_used());
    for silent in [Act::Hang(Vec::new()), Act::Hang(crate::server::STREAM.to_vec())] {
        let server = Server::start(vec![silent]).await;
        let limits = Limits { total: Duration::from_millis(60), ..quick() };
        assert!(stream(&ollama(&server, limits)).await.1.unwrap_err().may_have_used());
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_no_connection() {
    // A port that was just free.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = Outlet::new(BaseUrl::parse(&format!("http://127.0.0.1:{port}")).unwrap(), quick());
    let problem = Anthropic::new(closed, key()).chat(&request()).await.unwrap_err();
    assert!(matches!(problem, ProviderError::Connection(_)), "{problem:?}");
    assert!(!problem.may_have_used(), "nothing went out");
}

#[tokio::test]
async fn it_is_tried_so_often_and_no_more() {
    let server = Server::start(vec![failed("503 Service Unavailable")]).await;
    for (at, model) in every(&server, &Limits { tries: 3, ..quick() }).iter().enumerate() {
        let problem = model.chat(&request()).await.unwrap_err();
        assert!(matches!(problem, ProviderError::Unavailable { status: 503, .. }), "{problem:?}");
        assert_eq!(server.asked().len(), 3 * (at + 1));
    }
    let problem = openai(&server, Limits { tries: 2, ..quick() }).embed(&texts(&["a"])).await.unwrap_err();
    assert!(matches!(problem, ProviderError::Unavailable { status: 503, .. }), "{problem:?}");
    assert_eq!(server.asked().len(), 11);
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    let quota = r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"x"}}"#;
    for (status, body, kind) in [
        (
            "400 Bad Request",
            r#"{"type":"error","error":{"type":"invalid_request_error"}}"#,
            Some("invalid_request_error"),
        ),
        (
            "402 Payment Required",
            r#"{"type":"error","error":{"type":"billing_error"}}"#,
            Some("billing_error"),
        ),
        ("404 Not Found", r#"{"error":{"code":"model_not_found"}}"#, Some("model_not_found")),
        ("413 Too Large", r#"{"error":{"type":"request_too_large"}}"#, Some("request_too_large")),
        ("429 Too Many Requests", quota, Some("insufficient_quota")),
        ("422 x", "<html>", None),
        ("204 No Content", "", None),
    ] {
        let server = Server::answering(answer(status, &[], body)).await;
        let problem = anthropic(&server, quick()).chat(&request()).await.unwrap_err();
        let ProviderError::BadRequest { kind: told, .. } = problem else { panic!("{status}: {problem:?}") };
        assert_eq!((told, server.asked().len()), (kind, 1), "{status}");
    }
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let server = Server::answering(answer(status, &[], "{}")).await;
        let problem = openai(&server, quick()).chat(&request()).await.unwrap_err();
        assert!(matches!(problem, ProviderError::Unauthorized), "{problem:?}");
        assert_eq!(server.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let limited = act(answer("429 Too Many Requests", &["Retry-After: 1"], "{}"));
    let server = Server::start(vec![limited, act(ok(GOOD))]).await;
    let began = Instant::now();
    ollama(&server, quick()).chat(&request()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_retry_after_that_is_too_long_is_reported_at_once() {
    let dated = "Retry-After: Sun, 06 Nov 1994 08:51:37 GMT";
    for header in ["Retry-After: 120", dated] {
        for status in ["429 Too Many Requests", "529 Overloaded"] {
            let server = Server::answering(answer(status, &[header], "{}")).await;
            let clock = ManualClock::at(Timestamp::from_millis(784_111_777_000));
            let outlet = outlet(&server, quick()).with_clock(std::sync::Arc::new(clock));
            let problem = Anthropic::new(outlet, key()).chat(&request()).await.unwrap_err();
            let (ProviderError::RateLimited { retry_after } | ProviderError::Unavailable { retry_after, .. }) =
                problem
            else {
                panic!("{status}: {problem:?}")
            };
            assert_eq!(retry_after, Some(Duration::from_mins(2)), "{header}");
            assert_eq!(server.asked().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_stream_is_tried_again_only_before_its_first_byte() {
    let line = r#"{"model":"m","message":{"content":"Hi"},"done":false}"#;
    let head = String::from_utf8(crate::server::STREAM.to_vec()).unwrap();
    let good = format!("{head}{}", GOOD.replace("Hi", "again"));
    let broken = format!("HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n{line}\n");
    let server = Server::start(vec![failed("503 x"), act(good.clone().into_bytes())]).await;
    let (pieces, answer) = stream(&ollama(&server, quick())).await;
    assert_eq!((pieces.concat().as_str(), answer.unwrap().text.as_str()), ("again", "again"));
    let server = Server::start(vec![act(broken.into_bytes()), act(good.into_bytes())]).await;
    let (pieces, answer) = stream(&ollama(&server, quick())).await;
    assert_eq!(pieces, ["Hi"]);
    assert!(matches!(answer.unwrap_err(), ProviderError::Connection(_)));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_replaced_key_is_used_by_the_next_try() {
    let slot = key();
    let server = Server::start(vec![failed("401 Unauthorized"), act(ok("{}"))]).await;
    let model = Anthropic::new(outlet(&server, quick()), slot.clone());
    assert!(matches!(model.chat(&request()).await, Err(ProviderError::Unauthorized)));
    slot.replace(agentstack_core::Secret::new("sk-another".to_owned())).unwrap();
    assert!(matches!(model.chat(&request()).await, Err(ProviderError::Malformed(_))));
    let keys: Vec<_> =
        server.asked().iter().map(|asked| asked.header("x-api-key").map(str::to_owned)).collect();
    assert_eq!(keys, [Some(crate::world::KEY.to_owned()), Some("sk-another".to_owned())]);
}
