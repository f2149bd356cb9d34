//! Anthropic's Messages API.
//!
//! Sources: <https://docs.claude.com/en/api/messages>, <https://docs.claude.com/en/api/messages-streaming>,
//! <https://docs.claude.com/en/api/errors>, <https://docs.claude.com/en/api/versioning>.

use async_trait::async_trait;
use reqwest::header::HeaderName;
use serde::{Deserialize, Serialize};

use crate::call::{Call, Credential};
use crate::error::Told;
use crate::model::checked_name;
use crate::stream::{BROKEN_OFF, Events, read};
use crate::{
    ChatAnswer, ChatModel, ChatRequest, KeySlot, Message, OnText, Outlet, ProviderError, Role, StopReason,
    Tokens,
};

const PATH: &str = "/v1/messages";
/// The version of the API, which fixes the form of requests and answers.
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// Anthropic, or what speaks like it. It has no embeddings.
#[derive(Debug, Clone)]
pub struct Anthropic {
    outlet: Outlet,
    credential: Credential,
}

impl Anthropic {
    /// Where Anthropic is. `/v1/messages` comes after it.
    pub const BASE_URL: &str = "https://api.anthropic.com";

    /// Asks there, with this key.
    #[must_use]
    pub fn new(outlet: Outlet, key: KeySlot) -> Self {
        let header = HeaderName::from_static("x-api-key");
        Self { outlet, credential: Credential { slot: key, header, prefix: "" } }
    }

    fn call(&self, request: &ChatRequest, stream: bool) -> Result<Call<'_>, ProviderError> {
        let call = Call::new(PATH, &Body::new(request, stream), Some(&self.credential))?;
        Ok(call.with_header(VERSION.0, VERSION.1))
    }
}

#[async_trait]
impl ChatModel for Anthropic {
    async fn chat(&self, request: &ChatRequest) -> Result<ChatAnswer, ProviderError> {
        let body = self.outlet.ask(&self.call(request, false)?).await?;
        let answer: Answer = read(&body)?;
        let text = answer.content.into_iter().filter_map(Block::text).collect();
        let stop = stop(answer.stop_reason.as_deref());
        Ok(ChatAnswer { text, model: checked_name(answer.model)?, stop, tokens: answer.usage.tokens() })
    }

    async fn chat_streaming(
        &self,
        request: &ChatRequest,
        on_text: &mut OnText<'_>,
    ) -> Result<ChatAnswer, ProviderError> {
        let mut events = Events(self.outlet.ask_streaming(&self.call(request, true)?).await?);
        let mut building = Building::default();
        while let Some(data) = events.next().await? {
            let event: Event = read(data.as_bytes())?;
            if building.take(event, on_text)? {
                return building.finish();
            }
        }
        Err(BROKEN_OFF)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    messages: Vec<Said<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    stream: bool,
}

/// A message as all three providers write it.
#[derive(Serialize)]
pub(crate) struct Said<'a> {
    pub(crate) role: &'static str,
    pub(crate) content: &'a str,
}

impl<'a> From<&'a Message> for Said<'a> {
    fn from(message: &'a Message) -> Self {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        Self { role, content: &message.text }
    }
}

impl<'a> Body<'a> {
    fn new(request: &'a ChatRequest, stream: bool) -> Self {
        Self {
            model: &request.model,
            max_tokens: request.max_tokens,
            system: request.system.as_deref(),
            messages: request.messages.iter().map(Said::from).collect(),
            temperature: request.temperature,
            stream,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    model: String,
    content: Vec<Block>,
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Usage,
}

/// A piece of an answer. Only texts are asked for; others are left out.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    #[serde(alias = "text_delta")]
    Text { text: String },
    #[serde(other)]
    Other,
}

impl Block {
    fn text(self) -> Option<String> {
        match self {
            Self::Text { text } => Some(text),
            Self::Other => None,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    #[serde(rename = "input_tokens")]
    fresh: Option<u64>,
    #[serde(rename = "cache_creation_input_tokens")]
    newly_cached: Option<u64>,
    #[serde(rename = "cache_read_input_tokens")]
    cached: Option<u64>,
    #[serde(rename = "output_tokens")]
    output: Option<u64>,
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let cached = [self.newly_cached, self.cached].into_iter().flatten().fold(0, u64::saturating_add);
        Tokens { input: self.fresh.map(|fresh| fresh.saturating_add(cached)), output: self.output }
    }
}

fn stop(reason: Option<&str>) -> StopReason {
    match reason {
        Some("end_turn" | "stop_sequence") => StopReason::Complete,
        Some("max_tokens" | "model_context_window_exceeded") => StopReason::Length,
        Some("refusal") => StopReason::Refused,
        _ => StopReason::Other,
    }
}

/// An event of a stream. There may be new ones at any time: those are left out.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        delta: Block,
    },
    MessageDelta {
        delta: End,
        #[serde(default)]
        usage: Usage,
    },
    MessageStop,
    Error {
        error: Told,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    model: String,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct End {
    stop_reason: Option<String>,
}

/// An answer as far as it has come.
#[derive(Default)]
struct Building {
    model: Option<String>,
    text: String,
    stop_reason: Option<String>,
    tokens: Tokens,
}

impl Building {
    /// Takes one more event. True when it was the last.
    fn take(&mut self, event: Event, on_text: &mut OnText<'_>) -> Result<bool, ProviderError> {
        match event {
            Event::MessageStart { message } => {
                self.model = Some(message.model);
                self.tokens = message.usage.tokens();
            }
            Event::ContentBlockStart { content_block: block } | Event::ContentBlockDelta { delta: block } => {
                if let Some(text) = block.text().filter(|text| !text.is_empty()) {
                    on_text(&text);
                    self.text.push_str(&text);
                }
            }
            // Its counts are of the whole message up to here.
            Event::MessageDelta { delta, usage } => {
                self.stop_reason = delta.stop_reason.or(self.stop_reason.take());
                let tokens = usage.tokens();
                self.tokens.input = tokens.input.or(self.tokens.input);
                self.tokens.output = tokens.output.or(self.tokens.output);
            }
            Event::MessageStop => return Ok(true),
            Event::Error { error } => return Err(ProviderError::midway(&error)),
            Event::Other => {}
        }
        Ok(false)
    }

    fn finish(self) -> Result<ChatAnswer, ProviderError> {
        let model = checked_name(self.model.unwrap_or_default())?;
        let stop = stop(self.stop_reason.as_deref());
        Ok(ChatAnswer { text: self.text, model, stop, tokens: self.tokens })
    }
}
