//! OpenAI: what is sent, and what the answers of its documentation mean.

use std::sync::Arc;

use agentstack_providers::{
    BaseUrl, ChatAnswer, ChatModel, Embedder, OpenAi, Outlet, ProviderError, StopReason, Tokens,
};

use crate::server::{Server, ok, streamed};
use crate::world::{KEY, bare, ollama, once, openai, outlet, request, stream, texts};

/// From <https://platform.openai.com/docs/api-reference/chat/create>.
const ANSWER: &str = r#"{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1741569952,
    "model":"gpt-4.1-2025-04-14",
    "choices":[{"index":0,"message":{"role":"assistant","content":"Hello! How can I assist you today?","refusal":null,
        "annotations":[]},"logprobs":null,"finish_reason":"stop"}],
    "usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,
        "prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}},"service_tier":"default"}"#;

/// From <https://platform.openai.com/docs/api-reference/chat-streaming>, with the piece that `include_usage` adds.
const STREAM: &str = r#"data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" 🦀"},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}

data: [DONE]

"#;

/// From <https://platform.openai.com/docs/api-reference/embeddings/create>, with two vectors in the wrong order.
const EMBEDDED: &str = r#"{"object":"list","data":[
    {"object":"embedding","embedding":[0.5,-0.009327292,-0.0028842222],"index":1},
    {"object":"embedding","embedding":[0.0023064255,-0.25,1],"index":0}],
    "model":"text-embedding-ada-002","usage":{"prompt_tokens":8,"total_tokens":8}}"#;

#[tokio::test]
async fn a_request_is_as_documented() {
    let server = Server::answering(ok(ANSWER)).await;
    let model = openai(&server, once());
    model.chat(&request()).await.unwrap();
    let keyless = OpenAi::new(outlet(&server, once()), None);
    keyless.chat(&bare()).await.unwrap();
    let [full, bare] = <[_; 2]>::try_from(server.asked()).ok().unwrap();
    insta::assert_snapshot!("openai_chat", full.shown(KEY));
    insta::assert_snapshot!("openai_bare", bare.shown(KEY));
}

#[tokio::test]
async fn a_streaming_request_is_as_documented() {
    let server = Server::start(vec![streamed(STREAM, 10_000)]).await;
    stream(&openai(&server, once())).await.1.unwrap();
    insta::assert_snapshot!("openai_stream", server.asked()[0].shown(KEY));
}

#[tokio::test]
async fn an_embedding_request_is_as_documented() {
    let server = Server::answering(ok(EMBEDDED)).await;
    openai(&server, once()).embed(&texts(&["one", "zwei"])).await.unwrap();
    insta::assert_snapshot!("openai_embed", server.asked()[0].shown(KEY));
}

#[tokio::test]
async fn a_path_of_the_base_address_stays_before_that_of_the_api() {
    let server = Server::answering(ok(ANSWER)).await;
    for base in ["/v1", "/v1/", "/gateway/openai//"] {
        let base = BaseUrl::parse(&format!("{}{base}", server.url())).unwrap();
        OpenAi::new(Outlet::new(base, once()), None).chat(&bare()).await.unwrap();
    }
    let lines: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    let expected = ["/v1", "/v1", "/gateway/openai"];
    assert_eq!(lines, expected.map(|base| format!("POST {base}/chat/completions HTTP/1.1")));
}

#[tokio::test]
async fn an_answer_is_its_first_choice_with_what_it_cost() {
    let server = Server::answering(ok(ANSWER)).await;
    let answer = openai(&server, once()).chat(&request()).await.unwrap();
    let expected = ChatAnswer {
        text: "Hello! How can I assist you today?".to_owned(),
        model: "gpt-4.1-2025-04-14".to_owned(),
        stop: StopReason::Complete,
        tokens: Tokens { input: Some(19), output: Some(10) },
    };
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn what_a_server_does_not_count_is_not_guessed_and_a_refusal_is_one() {
    let (without, _) = ANSWER.split_once(r#""usage""#).unwrap();
    let server = Server::answering(ok(&format!("{}}}", without.trim_end().trim_end_matches(',')))).await;
    assert_eq!(openai(&server, once()).chat(&bare()).await.unwrap().tokens, Tokens::default());
    let refusal = ANSWER.replace(
        r#""content":"Hello! How can I assist you today?","refusal":null"#,
        r#""content":null,"refusal":"No.""#,
    );
    let server = Server::answering(ok(&refusal)).await;
    let answer = openai(&server, once()).chat(&bare()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.stop), ("No.", StopReason::Refused));
    for (reason, stop) in [
        (r#""length""#, StopReason::Length),
        (r#""content_filter""#, StopReason::Refused),
        (r#""tool_calls""#, StopReason::Other),
    ] {
        let server = Server::answering(ok(&ANSWER.replace(r#""stop""#, reason))).await;
        assert_eq!(openai(&server, once()).chat(&bare()).await.unwrap().stop, stop, "{reason}");
    }
}

#[tokio::test]
async fn a_stream_is_the_same_wherever_it_is_cut() {
    let unended = STREAM.trim_end().to_owned();
    let without_done = STREAM.split_once("data: [DONE]").unwrap().0.to_owned();
    let compact = STREAM.replace("data: ", "data:");
    let each = [(1, STREAM.to_owned()), (11, unended), (100, without_done), (9, compact)];
    for (size, text) in each {
        let server = Server::start(vec![streamed(&text, size)]).await;
        let (pieces, answer) = stream(&openai(&server, once())).await;
        assert_eq!(pieces, ["Hello", " 🦀"], "{size}");
        let expected = ChatAnswer {
            text: "Hello 🦀".to_owned(),
            model: "gpt-4o-mini".to_owned(),
            stop: StopReason::Complete,
            tokens: Tokens { input: Some(9), output: Some(12) },
        };
        assert_eq!(answer.unwrap(), expected, "{size}");
    }
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts() {
    let server = Server::answering(ok(EMBEDDED)).await;
    let embedder: Arc<dyn Embedder> = Arc::new(openai(&server, once()));
    let made = embedder.embed(&texts(&["one", "two"])).await.unwrap();
    assert_eq!(made.vectors, [[0.002_306_425_5, -0.25, 1.0], [0.5, -0.009_327_292, -0.002_884_222_2]]);
    assert_eq!((made.dimension(), made.tokens, made.model.as_str()), (3, Some(8), "text-embedding-ada-002"));
    let none = embedder.embed(&texts(&[])).await.unwrap();
    assert_eq!((none.dimension(), none.vectors.len(), server.asked().len()), (0, 0, 1));
}

#[tokio::test]
async fn vectors_that_nobody_could_use_take_no_memory() {
    let ones = |count: usize| vec!["1"; count].join(",");
    for (numbers, is_taken) in [(8_192, true), (8_193, false)] {
        let one = format!(r#"{{"model":"m","data":[{{"index":0,"embedding":[{}]}}]}}"#, ones(numbers));
        let server = Server::answering(ok(&one)).await;
        assert_eq!(openai(&server, once()).embed(&texts(&["one"])).await.is_ok(), is_taken, "{numbers}");
        let one = format!(r#"{{"model":"m","embeddings":[[{}]]}}"#, ones(numbers));
        let server = Server::answering(ok(&one)).await;
        assert_eq!(ollama(&server, once()).embed(&texts(&["one"])).await.is_ok(), is_taken, "{numbers}");
    }
}

#[tokio::test]
async fn vectors_that_are_not_one_for_each_text_and_of_one_dimension_are_refused() {
    for (what, changed) in [
        ("one too few", EMBEDDED.replace(r#""index":1},"#, r#""index":1}],"x":["#)),
        ("the same twice", EMBEDDED.replace(r#""index":1"#, r#""index":0"#)),
        ("beyond", EMBEDDED.replace(r#""index":1"#, r#""index":2"#)),
        ("negative", EMBEDDED.replace(r#""index":1"#, r#""index":-1"#)),
        ("of two dimensions", EMBEDDED.replace("-0.25,1]", "-0.25]")),
        ("too large", EMBEDDED.replace("-0.25,1]", "-0.25,1e39]")),
        ("no number", EMBEDDED.replace("-0.25,1]", "-0.25,null]")),
        ("nameless", EMBEDDED.replace("text-embedding-ada-002", "")),
        ("badly named", EMBEDDED.replace("text-embedding-ada-002", r"a\nb")),
        (
            "empty",
            EMBEDDED
                .replace("[0.5,-0.009327292,-0.0028842222]", "[]")
                .replace("[0.0023064255,-0.25,1]", "[]"),
        ),
    ] {
        assert_ne!(changed, EMBEDDED, "{what}");
        let server = Server::answering(ok(&changed)).await;
        let problem = openai(&server, once()).embed(&texts(&["one", "two"])).await.unwrap_err();
        assert!(matches!(problem, ProviderError::Malformed(_)), "{what}: {problem:?}");
    }
}
