//! Ollama: what is sent, and what the answers of its documentation mean.

use agentstack_providers::{ChatAnswer, ChatModel, Embedder, ProviderError, StopReason, Tokens};

use crate::server::{Server, answer, ok, streamed};
use crate::world::{KEY, bare, ollama, once, quick, request, stream, texts};

/// From <https://github.com/ollama/ollama/blob/main/docs/api.md>.
const ANSWER: &str = r#"{"model":"llama3.2","created_at":"2023-12-12T14:13:43.416799Z",
    "message":{"role":"assistant","content":"Hello! How are you today?"},"done":true,"done_reason":"stop",
    "total_duration":5191566416,"load_duration":2154458,"prompt_eval_count":26,"prompt_eval_duration":383809000,
    "eval_count":298,"eval_duration":4799921000}"#;

const STREAM: &str = r#"{"model":"llama3.2","created_at":"2023-08-04T08:52:19.385406455-07:00","message":{"role":"assistant","content":"Grüße","images":null},"done":false}
{"model":"llama3.2","created_at":"2023-08-04T08:52:19.385406455-07:00","message":{"role":"assistant","content":", 日本"},"done":false}
{"model":"llama3.2","created_at":"2023-08-04T19:22:45.499127Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"length","total_duration":4883583458,"load_duration":1334875,"prompt_eval_count":26,"prompt_eval_duration":342546000,"eval_count":282,"eval_duration":4535599000}
"#;

const EMBEDDED: &str = r#"{"model":"all-minilm","embeddings":[[0.010071029,-0.0017594862,0.05007221],
    [-0.0098027075,0.06042469,0.025257962]],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}"#;

#[tokio::test]
async fn a_request_is_as_documented() {
    let server = Server::answering(ok(ANSWER)).await;
    let model = ollama(&server, once());
    model.chat(&request()).await.unwrap();
    model.chat(&bare()).await.unwrap();
    let [full, bare] = <[_; 2]>::try_from(server.asked()).ok().unwrap();
    insta::assert_snapshot!("ollama_chat", full.shown(KEY));
    insta::assert_snapshot!("ollama_bare", bare.shown(KEY));
}

#[tokio::test]
async fn a_streaming_request_is_as_documented() {
    let server = Server::start(vec![streamed(STREAM, 10_000)]).await;
    stream(&ollama(&server, once())).await.1.unwrap();
    insta::assert_snapshot!("ollama_stream", server.asked()[0].shown(KEY));
}

#[tokio::test]
async fn an_embedding_request_is_as_documented() {
    let server = Server::answering(ok(EMBEDDED)).await;
    ollama(&server, once()).embed(&texts(&["one", "zwei"])).await.unwrap();
    insta::assert_snapshot!("ollama_embed", server.asked()[0].shown(KEY));
}

#[tokio::test]
async fn an_answer_is_its_message_with_what_it_cost() {
    let server = Server::answering(ok(ANSWER)).await;
    let answer = ollama(&server, once()).chat(&request()).await.unwrap();
    let expected = ChatAnswer {
        text: "Hello! How are you today?".to_owned(),
        model: "llama3.2".to_owned(),
        stop: StopReason::Complete,
        tokens: Tokens { input: Some(26), output: Some(298) },
    };
    assert_eq!(answer, expected);
    let cached = ANSWER.replace(r#""prompt_eval_count":26,"#, "");
    let server = Server::answering(ok(&cached)).await;
    let tokens = ollama(&server, once()).chat(&request()).await.unwrap().tokens;
    assert_eq!(tokens, Tokens { input: None, output: Some(298) });
}

#[tokio::test]
async fn a_stream_is_the_same_wherever_it_is_cut() {
    let spaced = STREAM.replace('\n', "\r\n\n");
    for (size, text) in [(1, STREAM), (13, STREAM.trim_end()), (50, spaced.as_str())] {
        let server = Server::start(vec![streamed(text, size)]).await;
        let (pieces, answer) = stream(&ollama(&server, once())).await;
        assert_eq!(pieces, ["Grüße", ", 日本"], "{size}");
        let expected = ChatAnswer {
            text: "Grüße, 日本".to_owned(),
            model: "llama3.2".to_owned(),
            stop: StopReason::Length,
            tokens: Tokens { input: Some(26), output: Some(282) },
        };
        assert_eq!(answer.unwrap(), expected, "{size}");
    }
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts() {
    let server = Server::answering(ok(EMBEDDED)).await;
    let made = ollama(&server, once()).embed(&texts(&["one", "two"])).await.unwrap();
    assert_eq!(made.vectors[1], [-0.009_802_707_5, 0.060_424_69, 0.025_257_962]);
    assert_eq!((made.dimension(), made.tokens, made.model.as_str()), (3, Some(8), "all-minilm"));
    let problem = ollama(&server, once()).embed(&texts(&["one"])).await.unwrap_err();
    assert!(matches!(problem, ProviderError::Malformed(_)), "{problem:?}");
    assert!(ollama(&server, once()).embed(&texts(&[])).await.unwrap().vectors.is_empty());
}

#[tokio::test]
async fn an_error_is_a_text_that_is_not_repeated() {
    let server =
        Server::answering(answer("404 Not Found", &[], r#"{"error":"model 'a-model' not found"}"#)).await;
    let problem = ollama(&server, quick()).chat(&request()).await.unwrap_err();
    assert!(matches!(problem, ProviderError::BadRequest { status: 404, kind: None }), "{problem:?}");
    let (beginning, _) = STREAM.split_once('\n').unwrap();
    let broken = format!("{beginning}\n{{\"error\":\"an error was encountered while running the model\"}}\n");
    let server = Server::start(vec![streamed(&broken, 4096)]).await;
    let (pieces, answer) = stream(&ollama(&server, quick())).await;
    assert_eq!(pieces, ["Grüße"]);
    assert!(matches!(answer.unwrap_err().at_heart(), ProviderError::Unavailable { status: 500, .. }));
    assert_eq!(server.asked().len(), 1);
}
