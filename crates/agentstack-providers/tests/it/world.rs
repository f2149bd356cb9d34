//! What the tests share: a key, requests, limits, and a provider at a server of theirs.

use std::time::Duration;

use agentstack_core::Secret;
use agentstack_providers::{
    Anthropic, BaseUrl, ChatAnswer, ChatModel, ChatRequest, EmbedRequest, KeySlot, Limits, Message, Ollama,
    OpenAi, Outlet, ProviderError,
};

use crate::server::Server;

pub(crate) const KEY: &str = "sk-canary-8c1f0b7e";

pub(crate) fn key() -> KeySlot {
    KeySlot::new(Secret::new(KEY.to_owned())).unwrap()
}

pub(crate) fn quick() -> Limits {
    Limits { first_pause: Duration::from_millis(2), ..Limits::default() }
}

/// Those that never try again.
pub(crate) fn once() -> Limits {
    Limits { tries: 1, ..Limits::default() }
}

pub(crate) fn outlet(server: &Server, limits: Limits) -> Outlet {
    Outlet::new(BaseUrl::parse(&server.url()).unwrap(), limits)
}

pub(crate) fn anthropic(server: &Server, limits: Limits) -> Anthropic {
    Anthropic::new(outlet(server, limits), key())
}

pub(crate) fn openai(server: &Server, limits: Limits) -> OpenAi {
    OpenAi::new(outlet(server, limits), Some(key()))
}

pub(crate) fn ollama(server: &Server, limits: Limits) -> Ollama {
    Ollama::new(outlet(server, limits))
}

/// All three, at the same server.
pub(crate) fn every(server: &Server, limits: &Limits) -> [Box<dyn ChatModel>; 3] {
    [
        Box::new(anthropic(server, limits.clone())),
        Box::new(openai(server, limits.clone())),
        Box::new(ollama(server, limits.clone())),
    ]
}

pub(crate) fn request() -> ChatRequest {
    ChatRequest {
        model: "a-model".to_owned(),
        system: Some("You are brief.".to_owned()),
        messages: vec![
            Message::user("Hello, world"),
            Message::assistant("Hello!"),
            Message::user("“Grüße”\n日本 \u{1f980}"),
        ],
        max_tokens: 1024,
        temperature: Some(0.5),
    }
}

/// One that leaves out what may be left out.
pub(crate) fn bare() -> ChatRequest {
    ChatRequest { system: None, messages: vec![Message::user("Hi")], temperature: None, ..request() }
}

pub(crate) fn texts(texts: &[&str]) -> EmbedRequest {
    EmbedRequest { model: "a-model".to_owned(), texts: texts.iter().map(|text| (*text).to_owned()).collect() }
}

/// Asks with streaming, and returns the pieces besides.
pub(crate) async fn stream(model: &dyn ChatModel) -> (Vec<String>, Result<ChatAnswer, ProviderError>) {
    let mut pieces = Vec::new();
    let answer = model.chat_streaming(&request(), &mut |piece| pieces.push(piece.to_owned())).await;
    (pieces, answer)
}
