//! Anthropic: what is sent, and what the answers of its documentation mean.

use agentstack_providers::{ChatAnswer, ChatModel, ProviderError, StopReason, Tokens};

use crate::server::{Server, ok, streamed};
use crate::world::{KEY, anthropic, bare, once, request, stream};

/// From <https://docs.claude.com/en/api/messages>, with a second block and with cached tokens.
const ANSWER: &str = r#"{"id":"msg_013Zva2CMHLNnXjNJJKqJ2EF","type":"message","role":"assistant",
    "model":"claude-sonnet-4-5-20250929",
    "content":[{"type":"text","text":"Hi! "},{"type":"thinking","thinking":"…","signature":"x"},
        {"type":"text","text":"My name is Claude.","citations":null}],
    "stop_reason":"end_turn","stop_sequence":null,
    "usage":{"input_tokens":2095,"cache_creation_input_tokens":5,"cache_read_input_tokens":100,"output_tokens":503}}"#;

/// From <https://docs.claude.com/en/api/messages-streaming>, with more than ASCII in it and an event that is not known.
const STREAM: &str = r#"event: message_start
data: {"type": "message_start", "message": {"id": "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY", "type": "message", "role": "assistant", "content": [], "model": "claude-sonnet-4-5-20250929", "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 25, "output_tokens": 1}}}

event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Grüße"}}

: a comment
event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " 日本\n🦀!"}}

event: something_new
data: {"type": "something_new", "what": ["ever"]}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "max_tokens", "stop_sequence":null}, "usage": {"output_tokens": 15}}

event: message_stop
data: {"type": "message_stop"}

"#;

#[tokio::test]
async fn a_request_is_as_documented() {
    let server = Server::answering(ok(ANSWER)).await;
    let model = anthropic(&server, once());
    model.chat(&request()).await.unwrap();
    model.chat(&bare()).await.unwrap();
    let [full, bare] = <[_; 2]>::try_from(server.asked()).ok().unwrap();
    insta::assert_snapshot!("anthropic_chat", full.shown(KEY));
    insta::assert_snapshot!("anthropic_bare", bare.shown(KEY));
}

#[tokio::test]
async fn a_streaming_request_is_as_documented() {
    let server = Server::start(vec![streamed(STREAM, 10_000)]).await;
    stream(&anthropic(&server, once())).await.1.unwrap();
    insta::assert_snapshot!("anthropic_stream", server.asked()[0].shown(KEY));
}

#[tokio::test]
async fn an_answer_is_its_text_blocks_with_what_they_cost() {
    let server = Server::answering(ok(ANSWER)).await;
    let answer = anthropic(&server, once()).chat(&request()).await.unwrap();
    let expected = ChatAnswer {
        text: "Hi! My name is Claude.".to_owned(),
        model: "claude-sonnet-4-5-20250929".to_owned(),
        stop: StopReason::Complete,
        tokens: Tokens { input: Some(2200), output: Some(503) },
    };
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_reason_to_stop_is_one_of_a_few() {
    for (reason, stop) in [
        (r#""stop_sequence""#, StopReason::Complete),
        (r#""max_tokens""#, StopReason::Length),
        (r#""model_context_window_exceeded""#, StopReason::Length),
        (r#""refusal""#, StopReason::Refused),
        (r#""tool_use""#, StopReason::Other),
        (r#""something_new""#, StopReason::Other),
        ("null", StopReason::Other),
    ] {
        let server = Server::answering(ok(&ANSWER.replace(r#""end_turn""#, reason))).await;
        assert_eq!(anthropic(&server, once()).chat(&bare()).await.unwrap().stop, stop, "{reason}");
    }
}

#[tokio::test]
async fn a_stream_is_the_same_wherever_it_is_cut() {
    for (size, text) in [(1, STREAM.to_owned()), (7, STREAM.to_owned()), (64, STREAM.replace('\n', "\r\n"))] {
        let server = Server::start(vec![streamed(&text, size)]).await;
        let (pieces, answer) = stream(&anthropic(&server, once())).await;
        assert_eq!(pieces, ["Grüße", " 日本\n🦀!"], "{size}");
        let expected = ChatAnswer {
            text: "Grüße 日本\n🦀!".to_owned(),
            model: "claude-sonnet-4-5-20250929".to_owned(),
            stop: StopReason::Length,
            tokens: Tokens { input: Some(25), output: Some(15) },
        };
        assert_eq!(answer.unwrap(), expected, "{size}");
    }
}

#[tokio::test]
async fn an_error_within_a_stream_ends_it_without_another_try() {
    let (beginning, _) = STREAM.split_once("event: something_new").unwrap();
    for (kind, is_it) in [
        (
            "overloaded_error",
            (|problem| matches!(problem, ProviderError::Unavailable { status: 529, .. })) as fn(&_) -> _,
        ),
        ("rate_limit_error", |problem| matches!(problem, ProviderError::RateLimited { retry_after: None })),
        ("authentication_error", |problem| matches!(problem, ProviderError::Unauthorized)),
        ("api_error", |problem| matches!(problem, ProviderError::Unavailable { status: 500, .. })),
        ("sk-canary", |problem| matches!(problem, ProviderError::Unavailable { status: 500, .. })),
        ("invalid_request_error", |problem| {
            matches!(problem, ProviderError::BadRequest { status: 400, kind: Some(_) })
        }),
    ] {
        let error = format!(
            "event: error\ndata: {{\"type\": \"error\", \"error\": {{\"type\": \"{kind}\", \"message\": \"x\"}}}}\n\n"
        );
        let server = Server::start(vec![streamed(&format!("{beginning}{error}"), 4096)]).await;
        let (pieces, answer) = stream(&anthropic(&server, crate::world::quick())).await;
        assert_eq!(pieces.concat(), "Grüße 日本\n🦀!");
        let problem = answer.unwrap_err();
        assert!(is_it(problem.at_heart()) && problem.may_have_used(), "{kind}: {problem:?}");
        assert_eq!(server.asked().len(), 1, "{kind}");
    }
}
