//! Runs of agents: what goes out, what comes back, and what is left when somebody does not wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use agentstack_engine::{Chat, Models};
use agentstack_providers::{
    ChatAnswer, ChatModel, ChatRequest, OnText, ProviderError, StopReason, Tokens,
};
use async_trait::async_trait;

/// A provider of the name `local` with this model, which is the default.
pub(crate) fn models(provider: Arc<dyn ChatModel>) -> Models {
    let chat = BTreeMap::from([("local".to_owned(), Chat { provider, model: "small".to_owned() })]);
    Models { chat, default: Some("local".to_owned()), embedding: None }
}

pub(crate) fn answer(text: &str) -> ChatAnswer {
    ChatAnswer {
        text: text.to_owned(),
        model: "small-1".to_owned(),
        stop: StopReason::Complete,
        tokens: Tokens { input: Some(11), output: Some(7) },
    }
}

/// A model that says the same whatever it is asked.
#[derive(Debug)]
pub(crate) struct Steady;

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
