//! The scripted model keeps to its script.

use agentstack_providers::testing::Scripted;
use agentstack_providers::{ChatAnswer, ChatModel, Embedder, Embeddings, ProviderError, StopReason, Tokens};

use crate::world::{request, stream, texts};

#[tokio::test]
async fn it_says_what_is_written_down_and_remembers_what_it_was_asked() {
    let said = ChatAnswer {
        text: "one two three".to_owned(),
        model: "scripted".to_owned(),
        stop: StopReason::Complete,
        tokens: Tokens { input: Some(1), output: Some(3) },
    };
    let made = Embeddings { model: "scripted".to_owned(), vectors: vec![vec![1.0, 0.0]], tokens: None };
    let model = Scripted::new()
        .then_chat(Ok(said.clone()))
        .then_chat(Err(ProviderError::Unauthorized))
        .then_embed(Ok(made.clone()));
    let (pieces, answer) = stream(&model).await;
    assert_eq!((pieces.join("|").as_str(), answer.unwrap()), ("one |two |three", said));
    assert!(matches!(model.chat(&request()).await, Err(ProviderError::Unauthorized)));
    assert!(matches!(model.chat(&request()).await, Err(ProviderError::Malformed(_))));
    assert_eq!(model.embed(&texts(&["a"])).await.unwrap(), made);
    assert!(matches!(model.embed(&texts(&["b"])).await, Err(ProviderError::Malformed(_))));
    let asked = model.asked();
    assert_eq!(asked.chats, [request(), request(), request()]);
    assert_eq!(asked.embeddings, [texts(&["a"]), texts(&["b"])]);
}
