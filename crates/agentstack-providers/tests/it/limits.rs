//! What is slow, large or without an end, and what is given up.

use std::time::{Duration, Instant};

use agentstack_providers::{ChatModel, Limits, Phase, ProviderError};

use crate::server::{Act, STREAM, Server, answer, ok};
use crate::world::{every, ollama, once, openai, quick, request, stream};

const SHORT: Duration = Duration::from_millis(60);

async fn timed_out(act: Act, limits: Limits) -> Phase {
    let server = Server::start(vec![act]).await;
    let mut last = None;
    for model in every(&server, &limits) {
        let problem = match last {
            // Both ways to ask.
            None => model.chat(&request()).await.unwrap_err(),
            Some(_) => stream(model.as_ref()).await.1.unwrap_err(),
        };
        let ProviderError::TimedOut(phase) = problem else { panic!("{problem:?}") };
        assert!(last.is_none_or(|last| last == phase));
        last = Some(phase);
    }
    last.unwrap()
}

#[tokio::test]
async fn a_provider_that_says_nothing_is_not_waited_for_nor_asked_again() {
    let limits = Limits { first_byte: SHORT, ..quick() };
    assert_eq!(timed_out(Act::Hang(Vec::new()), limits.clone()).await, Phase::FirstByte);
    let server = Server::start(vec![Act::Hang(Vec::new())]).await;
    assert!(ollama(&server, limits).chat(&request()).await.is_err());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_not_waited_for() {
    let limits = Limits { silence: SHORT, ..quick() };
    assert_eq!(timed_out(Act::Hang(STREAM.to_vec()), limits.clone()).await, Phase::Silence);
    let begun = [STREAM, b"data: {\"model\":\"m\"}\n\nda"].concat();
    let server = Server::start(vec![Act::Hang(begun)]).await;
    let problem = stream(&openai(&server, limits)).await.1.unwrap_err();
    assert!(matches!(problem, ProviderError::TimedOut(Phase::Silence)), "{problem:?}");
}

#[tokio::test]
async fn everything_together_has_a_limit() {
    let limits = Limits { total: SHORT, ..quick() };
    assert_eq!(timed_out(Act::Hang(Vec::new()), limits.clone()).await, Phase::Total);
    // Neither comments nor spaces keep it going.
    let comments = Act::Forever(STREAM.to_vec(), b": here\n".to_vec());
    let patient = Limits { answer_bytes: usize::MAX, ..limits };
    let server = Server::start(vec![comments]).await;
    let problem = stream(&openai(&server, patient.clone())).await.1.unwrap_err();
    assert!(matches!(problem, ProviderError::TimedOut(Phase::Total)), "{problem:?}");
    // Nor do further tries: the problem itself is told then.
    let server = Server::answering(answer("503 x", &[], "{}")).await;
    let began = Instant::now();
    let many = Limits { tries: u32::MAX, total: Duration::from_millis(200), ..quick() };
    let problem = ollama(&server, many).chat(&request()).await.unwrap_err();
    assert!(matches!(problem, ProviderError::Unavailable { .. }), "{problem:?}");
    assert!(began.elapsed() < Duration::from_secs(5) && server.asked().len() > 2);
}

#[tokio::test]
async fn an_error_without_an_end_is_an_error_all_the_same() {
    let endless = Act::Forever(b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec(), vec![b' '; 4096]);
    let slow = Act::Hang(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\n{".to_vec());
    for act in [endless, slow] {
        let server = Server::start(vec![act]).await;
        let began = Instant::now();
        let problem =
            openai(&server, Limits { error_body: SHORT, ..quick() }).chat(&request()).await.unwrap_err();
        assert!(matches!(problem, ProviderError::Unauthorized), "{problem:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "what says why is not worth a minute");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_cut_off() {
    let limits = Limits { answer_bytes: 10_000, ..once() };
    let announced = Act::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n".to_vec());
    let whole = Act::Write(ok(&" ".repeat(10_001)));
    let endless = Act::Forever(STREAM.to_vec(), vec![b' '; 1000]);
    let lines = Act::Forever(STREAM.to_vec(), b"\n\n\n\n".to_vec());
    let chunked = Act::Forever(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        [b"400\r\n".to_vec(), vec![b'\n'; 1024], b"\r\n".to_vec()].concat(),
    );
    for (at, act) in [announced, whole, endless, lines, chunked].into_iter().enumerate() {
        let mut server = Server::start(vec![act]).await;
        for model in every(&server, &limits) {
            let problem = model.chat(&request()).await.unwrap_err();
            assert!(matches!(problem, ProviderError::TooLarge { most: 10_000 }), "{at}: {problem:?}");
            server.one_is_gone().await;
            let problem = stream(model.as_ref()).await.1.unwrap_err();
            assert!(matches!(problem, ProviderError::TooLarge { most: 10_000 }), "{at}: {problem:?}");
            server.one_is_gone().await;
        }
    }
}

#[tokio::test]
async fn a_line_or_an_event_that_is_too_long_is_not_collected() {
    let limits = Limits { line_bytes: 1_000, ..once() };
    let long = [STREAM, b"data: ", &[b'x'; 1_100]].concat();
    let many = Act::Forever(STREAM.to_vec(), b"data: xxxxxxxxxxxxxxxx\n".to_vec());
    for act in [Act::Hang(long.clone()), Act::Write([long.as_slice(), b"\n\n"].concat()), many] {
        let server = Server::start(vec![act]).await;
        let problem = stream(&openai(&server, limits.clone())).await.1.unwrap_err();
        assert!(matches!(problem, ProviderError::TooLarge { most: 1_000 }), "{problem:?}");
    }
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let begun =
        [STREAM, b"data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"].concat();
    for beginning in [Vec::new(), begun] {
        let mut server = Server::start(vec![Act::Hang(beginning)]).await;
        let model = openai(&server, quick());
        let waited = tokio::time::timeout(SHORT, stream(&model)).await;
        assert!(waited.is_err(), "it is still under way");
        // Without the drop this waits forever.
        tokio::time::timeout(Duration::from_secs(5), server.one_is_gone()).await.unwrap();
        assert_eq!(server.asked().len(), 1);
    }
}
