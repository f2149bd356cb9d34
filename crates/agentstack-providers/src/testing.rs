//! A model and embedder that says what a test wrote down for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::{ChatAnswer, ChatModel, ChatRequest, EmbedRequest, Embedder, Embeddings, OnText, ProviderError};

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
