//! A model and embedder that says what a test wrote down for it, and one that waits until it is told to go on.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::{
    ChatAnswer, ChatModel, ChatRequest, EmbedRequest, Embedder, Embeddings, OnText, ProviderError,
    StopReason, Tokens,
};

/// Answers by the script, in its order, and remembers what it was asked. Beyond its end every answer is
/// [`ProviderError::Malformed`].
#[derive(Debug, Default)]
pub struct Scripted {
    chats: Mutex<VecDeque<Result<ChatAnswer, ProviderError>>>,
    embeddings: Mutex<VecDeque<Result<Embeddings, ProviderError>>>,
    asked: Mutex<Asked>,
}

/// What a [`Scripted`] was asked, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// Of the model.
    pub chats: Vec<ChatRequest>,
    /// Of the embedder.
    pub embeddings: Vec<EmbedRequest>,
}

impl Scripted {
    /// One with nothing to say.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that says this to the next chat that has no answer yet.
    #[must_use]
    pub fn then_chat(self, answer: Result<ChatAnswer, ProviderError>) -> Self {
        locked(&self.chats).push_back(answer);
        self
    }

    /// One that says this to the next texts that have no vectors yet.
    #[must_use]
    pub fn then_embed(self, answer: Result<Embeddings, ProviderError>) -> Self {
        locked(&self.embeddings).push_back(answer);
        self
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Asked {
        locked(&self.asked).clone()
    }
}

#[async_trait]
impl ChatModel for Scripted {
    async fn chat(&self, request: &ChatRequest) -> Result<ChatAnswer, ProviderError> {
        locked(&self.asked).chats.push(request.clone());
        next(&self.chats)
    }

    /// A piece is a word with the space after it.
    async fn chat_streaming(
        &self,
        request: &ChatRequest,
        on_text: &mut OnText<'_>,
    ) -> Result<ChatAnswer, ProviderError> {
        let answer = self.chat(request).await?;
        answer.text.split_inclusive(' ').for_each(on_text);
        Ok(answer)
    }
}

#[async_trait]
impl Embedder for Scripted {
    async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings, ProviderError> {
        locked(&self.asked).embeddings.push(request.clone());
        next(&self.embeddings)
    }
}

fn next<T>(script: &Mutex<VecDeque<Result<T, ProviderError>>>) -> Result<T, ProviderError> {
    locked(script).pop_front().unwrap_or(Err(ProviderError::Malformed("the script is over")))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer with this text, of 11 tokens to a request and 7 of its own.
#[must_use]
pub fn answer(text: &str) -> ChatAnswer {
    ChatAnswer {
        text: text.to_owned(),
        model: "small-1".to_owned(),
        stop: StopReason::Complete,
        tokens: Tokens { input: Some(11), output: Some(7) },
    }
}

/// A model that says the same whatever it is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steady;

#[async_trait]
impl ChatModel for Steady {
    async fn chat(&self, _: &ChatRequest) -> Result<ChatAnswer, ProviderError> {
        Ok(answer("An answer."))
    }

    async fn chat_streaming(
        &self,
        request: &ChatRequest,
        on_text: &mut OnText<'_>,
    ) -> Result<ChatAnswer, ProviderError> {
        let answer = self.chat(request).await?;
        on_text(&answer.text);
        Ok(answer)
    }
}

/// A model that says [`Gate::FIRST`], and [`Gate::REST`] once it is told to go on.
#[derive(Debug, Default)]
pub struct Gate {
    begun: Notify,
    go: Notify,
}

impl Gate {
    /// What it says at once.
    pub const FIRST: &str = "12345678";
    /// What it says then.
    pub const REST: &str = " and the rest";

    /// Waits until somebody has asked and the beginning was said.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Lets one answer go on.
    pub fn go(&self) {
        self.go.notify_one();
    }
}

#[async_trait]
impl ChatModel for Gate {
    async fn chat(&self, request: &ChatRequest) -> Result<ChatAnswer, ProviderError> {
        self.chat_streaming(request, &mut |_| {}).await
    }

    async fn chat_streaming(
        &self,
        _: &ChatRequest,
        on_text: &mut OnText<'_>,
    ) -> Result<ChatAnswer, ProviderError> {
        on_text(Self::FIRST);
        self.begun.notify_one();
        self.go.notified().await;
        on_text(Self::REST);
        Ok(answer(&[Self::FIRST, Self::REST].concat()))
    }
}
