//! Servers that mean no good, or are something else.

use agentstack_providers::{EgressProblem, ProviderError};

use crate::server::{Act, STREAM, Server, answer, ok};
use crate::world::{every, once, quick, request, stream};

#[tokio::test]
async fn s49_a_redirect_is_not_followed() {
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
        "300 x",
    ] {
        let elsewhere = Server::answering(ok("{}")).await;
        let to = format!("Location: {}/v1/messages", elsewhere.url());
        let server = Server::answering(answer(status, &[&to], "")).await;
        for model in every(&server, &quick()) {
            let problem = model.chat(&request()).await.unwrap_err();
            assert!(
                matches!(problem, ProviderError::NotPermitted(EgressProblem::Redirect)),
                "{status}: {problem:?}"
            );
            let problem = stream(model.as_ref()).await.1.unwrap_err();
            assert!(matches!(problem, ProviderError::NotPermitted(EgressProblem::Redirect)), "{status}");
        }
        assert_eq!((server.asked().len(), elsewhere.asked().len()), (6, 0), "{status}");
    }
}

#[tokio::test]
async fn what_is_not_the_documented_json_is_malformed() {
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        "<html></html>",
        r#"{"model":7,"content":[],"choices":[],"message":{},"done":true}"#,
        r#"{"model":"","content":[],"choices":[{"message":{},"finish_reason":"stop"}],"done":true}"#,
        r#"{"model":"m\u0000","content":[],"choices":[{"message":{},"finish_reason":"stop"}],"done":true}"#,
        "{\"model\":\"\u{1f}\"}",
        "\u{feff}{}",
    ] {
        let server = Server::answering(ok(body)).await;
        for model in every(&server, &quick()) {
            let problem = model.chat(&request()).await.unwrap_err();
            assert!(matches!(problem, ProviderError::Malformed(_)), "{body}: {problem:?}");
        }
        assert_eq!(server.asked().len(), 3, "{body}: it is not asked for again");
    }
}

#[tokio::test]
async fn deep_json_and_long_names_are_malformed() {
    let deep = format!("{{\"model\":\"m\",\"x\":{}", "[".repeat(100_000));
    let long = format!(
        r#"{{"model":"{}","content":[],"choices":[{{"message":{{}},"finish_reason":"stop"}}],"done":true}}"#,
        "m".repeat(257)
    );
    for body in [deep, long] {
        let server = Server::answering(ok(&body)).await;
        for model in every(&server, &once()) {
            let problem = model.chat(&request()).await.unwrap_err();
            assert!(matches!(problem, ProviderError::Malformed(_)), "{problem:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_none_is_malformed() {
    let bodies: [&[u8]; 7] = [
        b"",
        b"\n\n\n",
        b"data: {\n\n",
        b"data: [DONE]\n\n",
        b"{\"model\":\"m\",\"done\":false}\n",
        b"\xff\xfe\n",
        b"data: \xc3(\n\n",
    ];
    for body in bodies {
        let server = Server::start(vec![Act::Write([STREAM, body].concat())]).await;
        for model in every(&server, &quick()) {
            let (pieces, answer) = stream(model.as_ref()).await;
            let problem = answer.unwrap_err();
            assert!(matches!(problem, ProviderError::Malformed(_)), "{body:?}: {problem:?}");
            assert!(pieces.is_empty());
        }
    }
}

#[tokio::test]
async fn what_is_compressed_was_not_asked_for() {
    let zipped = answer("200 OK", &["Content-Encoding: gzip"], "\u{1f}\u{8}\0");
    let server = Server::answering(zipped).await;
    for model in every(&server, &once()) {
        let problem = model.chat(&request()).await.unwrap_err();
        assert!(matches!(problem, ProviderError::Malformed(_)), "{problem:?}");
    }
    assert!(server.asked().iter().all(|asked| asked.header("accept-encoding").is_none()));
}

#[tokio::test]
async fn what_is_not_http_is_no_connection() {
    for bytes in
        [b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".to_vec()]
    {
        let server = Server::answering(bytes).await;
        for model in every(&server, &once()) {
            let problem = model.chat(&request()).await.unwrap_err();
            assert!(matches!(problem, ProviderError::Connection(_)), "{problem:?}");
        }
    }
}
