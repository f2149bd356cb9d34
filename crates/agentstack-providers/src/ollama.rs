//! Ollama's own API.
//!
//! Source: <https://github.com/ollama/ollama/blob/main/docs/api.md>.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::anthropic::Said;
use crate::call::{Call, Credential};
use crate::error::Told;
use crate::few::{Many, Numbers};
use crate::model::checked_name;
use crate::stream::{BROKEN_OFF, read};
use crate::{
    ChatAnswer, ChatModel, ChatRequest, EmbedRequest, Embedder, Embeddings, KeySlot, OnText, Outlet,
    ProviderError, StopReason, Tokens,
};

/// A server of Ollama. One of one's own wants no key; one behind a gateway may.
#[derive(Debug, Clone)]
pub struct Ollama {
    outlet: Outlet,
    credential: Option<Credential>,
}

impl Ollama {
    /// Where Ollama is on the same machine. `/api/chat` and `/api/embed` come after it.
    pub const BASE_URL: &str = "http://localhost:11434";

    /// Asks there.
    #[must_use]
    pub fn new(outlet: Outlet) -> Self {
        Self { outlet, credential: None }
    }

    /// The same with a key.
    #[must_use]
    pub fn with_key(self, key: KeySlot) -> Self {
        Self { credential: Some(Credential::bearer(key)), ..self }
    }

    fn call(&self, request: &ChatRequest, stream: bool) -> Result<Call<'_>, ProviderError> {
        let system = request.system.as_deref().map(|content| Said { role: "system", content });
        let body = Body {
            model: &request.model,
            messages: system.into_iter().chain(request.messages.iter().map(Said::from)).collect(),
            stream,
            options: Options { num_predict: request.max_tokens, temperature: request.temperature },
        };
        Call::new("/api/chat", &body, self.credential.as_ref())
    }
}

#[async_trait]
impl ChatModel for Ollama {
    async fn chat(&self, request: &ChatRequest) -> Result<ChatAnswer, ProviderError> {
        let body = self.outlet.ask(&self.call(request, false)?).await?;
        let mut building = Building::default();
        if building.take(read(&body)?, &mut |_| {})? { building.finish() } else { Err(BROKEN_OFF) }
    }

    async fn chat_streaming(
        &self,
        request: &ChatRequest,
        on_text: &mut OnText<'_>,
    ) -> Result<ChatAnswer, ProviderError> {
        let mut lines = self.outlet.ask_streaming(&self.call(request, true)?).await?;
        let mut building = Building::default();
        while let Some(line) = lines.next().await? {
            if !line.is_empty() && building.take(read(line.as_bytes())?, on_text)? {
                return building.finish();
            }
        }
        Err(BROKEN_OFF)
    }
}

#[async_trait]
impl Embedder for Ollama {
    async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings, ProviderError> {
        if request.texts.is_empty() {
            return Ok(Embeddings::none(request));
        }
        let body = EmbedBody { model: &request.model, input: &request.texts };
        let call = Call::new("/api/embed", &body, self.credential.as_ref())?;
        let answer: Embedded = read(&self.outlet.ask(&call).await?)?;
        let vectors = answer.embeddings.0.into_iter().map(|vector| vector.0).collect();
        Embeddings::checked(answer.model, vectors, answer.prompt_eval_count, request.texts.len())
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Said<'a>>,
    stream: bool,
    options: Options,
}

#[derive(Serialize)]
struct Options {
    num_predict: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
}

/// A whole answer, or a line of a streamed one.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    message: Option<Spoken>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    done_reason: Option<String>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
    #[serde(default)]
    eval_count: Option<u64>,
    #[serde(default)]
    error: Option<Told>,
}

#[derive(Deserialize)]
struct Spoken {
    #[serde(default)]
    content: String,
}

/// An answer as far as it has come.
#[derive(Default)]
struct Building {
    model: Option<String>,
    text: String,
    done_reason: Option<String>,
    tokens: Tokens,
}

impl Building {
    /// Takes one more piece. True when it was the last.
    fn take(&mut self, answer: Answer, on_text: &mut OnText<'_>) -> Result<bool, ProviderError> {
        if let Some(error) = answer.error {
            return Err(ProviderError::midway(&error));
        }
        if let Some(Spoken { content }) = answer.message.filter(|spoken| !spoken.content.is_empty()) {
            on_text(&content);
            self.text.push_str(&content);
        }
        self.model = self.model.take().or(answer.model);
        self.done_reason = answer.done_reason;
        self.tokens = Tokens { input: answer.prompt_eval_count, output: answer.eval_count };
        Ok(answer.done)
    }

    fn finish(self) -> Result<ChatAnswer, ProviderError> {
        let stop = match self.done_reason.as_deref() {
            Some("stop") => StopReason::Complete,
            Some("length") => StopReason::Length,
            _ => StopReason::Other,
        };
        let model = checked_name(self.model.unwrap_or_default())?;
        Ok(ChatAnswer { text: self.text, model, stop, tokens: self.tokens })
    }
}

#[derive(Serialize)]
struct EmbedBody<'a> {
    model: &'a str,
    input: &'a [String],
}

#[derive(Deserialize)]
struct Embedded {
    model: String,
    embeddings: Many<Numbers>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
}
