//! OpenAI's chat completions and embeddings, which many others serve as well: vLLM, LM Studio, llama.cpp, gateways.
//!
//! Sources: <https://platform.openai.com/docs/api-reference/chat/create>,
//! <https://platform.openai.com/docs/api-reference/chat-streaming>,
//! <https://platform.openai.com/docs/api-reference/embeddings>,
//! <https://platform.openai.com/docs/guides/error-codes>.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::anthropic::Said;
use crate::call::{Call, Credential};
use crate::error::Told;
use crate::few::{Many, Numbers};
use crate::model::checked_name;
use crate::stream::{BROKEN_OFF, Events, read};
use crate::{
    ChatAnswer, ChatModel, ChatRequest, EmbedRequest, Embedder, Embeddings, KeySlot, OnText, Outlet,
    ProviderError, StopReason, Tokens,
};

/// OpenAI, or what speaks like it.
#[derive(Debug, Clone)]
pub struct OpenAi {
    outlet: Outlet,
    credential: Option<Credential>,
}

impl OpenAi {
    /// Where OpenAI is. `/chat/completions` and `/embeddings` come after it.
    pub const BASE_URL: &str = "https://api.openai.com/v1";

    /// Asks there, with this key. Servers of one's own often want none.
    #[must_use]
    pub fn new(outlet: Outlet, key: Option<KeySlot>) -> Self {
        Self { outlet, credential: key.map(Credential::bearer) }
    }

    fn call(&self, request: &ChatRequest, stream: bool) -> Result<Call<'_>, ProviderError> {
        // The newer models of OpenAI refuse the older name; many other servers know only that one.
        let is_openai = self.outlet.base.is_host("api.openai.com");
        let most = Some(request.max_tokens);
        let system = request.system.as_deref().map(|content| Said { role: "system", content });
        let body = Body {
            model: &request.model,
            messages: system.into_iter().chain(request.messages.iter().map(Said::from)).collect(),
            max_completion_tokens: most.filter(|_| is_openai),
            max_tokens: most.filter(|_| !is_openai),
            temperature: request.temperature,
            stream,
            stream_options: stream.then_some(StreamOptions { include_usage: true }),
        };
        Call::new("/chat/completions", &body, self.credential.as_ref())
    }
}

#[async_trait]
impl ChatModel for OpenAi {
    async fn chat(&self, request: &ChatRequest) -> Result<ChatAnswer, ProviderError> {
        let body = self.outlet.ask(&self.call(request, false)?).await?;
        let answer: Answer = read(&body)?;
        let mut building = Building::default();
        building.take(answer, &mut |_| {})?;
        building.finish()
    }

    async fn chat_streaming(
        &self,
        request: &ChatRequest,
        on_text: &mut OnText<'_>,
    ) -> Result<ChatAnswer, ProviderError> {
        let mut events = Events(self.outlet.ask_streaming(&self.call(request, true)?).await?);
        let mut building = Building::default();
        while let Some(data) = events.next().await? {
            if data == "[DONE]" {
                break;
            }
            building.take(read(data.as_bytes())?, on_text)?;
        }
        building.finish()
    }
}

#[async_trait]
impl Embedder for OpenAi {
    async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings, ProviderError> {
        if request.texts.is_empty() {
            return Ok(Embeddings::none(request));
        }
        let body = EmbedBody { model: &request.model, input: &request.texts, encoding_format: "float" };
        let call = Call::new("/embeddings", &body, self.credential.as_ref())?;
        let mut answer: Embedded = read(&self.outlet.ask(&call).await?)?;
        answer.data.0.sort_by_key(|vector| vector.index);
        if answer.data.0.iter().enumerate().any(|(at, vector)| vector.index != at) {
            return Err(ProviderError::Malformed("there is not one vector for each text"));
        }
        let vectors = answer.data.0.into_iter().map(|vector| vector.embedding.0).collect();
        let tokens = answer.usage.and_then(|usage| usage.prompt_tokens);
        Embeddings::checked(answer.model, vectors, tokens, request.texts.len())
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Said<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// A whole answer, or a piece of a streamed one.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<Told>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "delta", default)]
    message: Spoken,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Spoken {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

/// An answer as far as it has come.
#[derive(Default)]
struct Building {
    model: Option<String>,
    text: String,
    is_refused: bool,
    finish_reason: Option<String>,
    tokens: Tokens,
}

impl Building {
    fn take(&mut self, answer: Answer, on_text: &mut OnText<'_>) -> Result<(), ProviderError> {
        if let Some(error) = answer.error {
            return Err(ProviderError::midway(&error));
        }
        // Some servers name none in the first piece.
        self.model = self.model.take().or(answer.model.filter(|name| !name.is_empty()));
        if let Some(usage) = answer.usage {
            self.tokens = Tokens { input: usage.prompt_tokens, output: usage.completion_tokens };
        }
        // One choice is asked for.
        if let Some(choice) = answer.choices.into_iter().next() {
            self.is_refused |= choice.message.refusal.is_some();
            for text in [choice.message.content, choice.message.refusal].into_iter().flatten() {
                if !text.is_empty() {
                    on_text(&text);
                    self.text.push_str(&text);
                }
            }
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        }
        Ok(())
    }

    fn finish(self) -> Result<ChatAnswer, ProviderError> {
        let stop = match self.finish_reason.as_deref().ok_or(BROKEN_OFF)? {
            _ if self.is_refused => StopReason::Refused,
            "stop" => StopReason::Complete,
            "length" => StopReason::Length,
            "content_filter" => StopReason::Refused,
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
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Embedded {
    model: String,
    data: Many<Vector>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Vector {
    index: usize,
    embedding: Numbers,
}
