//! What is asked of a model, and what it answers, whoever provides it.

use std::fmt;

use async_trait::async_trait;

use crate::ProviderError;

/// Takes the pieces of a text as they come. It must not block.
pub type OnText<'a> = dyn FnMut(&str) + Send + 'a;

/// A model that continues a conversation.
#[async_trait]
pub trait ChatModel: Send + Sync + fmt::Debug {
    /// Asks, and waits for the whole answer. Dropping the future gives up.
    ///
    /// # Errors
    /// As [`ProviderError`] says.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatAnswer, ProviderError>;

    /// Asks, and hands over the pieces of the text as they come. Together they are the text of the answer, which is
    /// returned as [`chat`](Self::chat) does.
    ///
    /// # Errors
    /// As [`ProviderError`] says. What was handed over before an error is the beginning of an answer that has no end.
    async fn chat_streaming(
        &self,
        request: &ChatRequest,
        on_text: &mut OnText<'_>,
    ) -> Result<ChatAnswer, ProviderError>;
}

/// A model that turns texts into vectors.
#[async_trait]
pub trait Embedder: Send + Sync + fmt::Debug {
    /// The vectors of these texts, in their order.
    ///
    /// # Errors
    /// As [`ProviderError`] says.
    async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings, ProviderError>;
}

/// What a chat model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model, as the provider names it.
    pub model: String,
    /// What the model is told to be.
    pub system: Option<String>,
    /// The conversation, oldest first. The last one is usually the user's.
    pub messages: Vec<Message>,
    /// The most tokens of the answer.
    pub max_tokens: u32,
    /// How much chance there is in the answer. Without it, what the provider takes.
    pub temperature: Option<f32>,
}

/// One message of a conversation. It prints itself without its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Whose it is.
    pub role: Role,
    /// What it says.
    pub text: String,
}

impl Message {
    /// One of the user's.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, text: text.into() }
    }

    /// One of the model's.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, text: text.into() }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({} bytes)", self.role, self.text.len())
    }
}

/// Whose message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

/// What a chat model answered. It prints itself without its text.
#[derive(Clone, PartialEq, Eq)]
pub struct ChatAnswer {
    /// The text. Empty when the model said nothing.
    pub text: String,
    /// The model that answered, by its own account.
    pub model: String,
    /// Why the text ends where it ends.
    pub stop: StopReason,
    /// What it cost.
    pub tokens: Tokens,
}

impl fmt::Debug for ChatAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatAnswer")
            .field("bytes", &self.text.len())
            .field("model", &self.model)
            .field("stop", &self.stop)
            .field("tokens", &self.tokens)
            .finish()
    }
}

/// Why an answer ends where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// It is complete.
    Complete,
    /// There were no tokens left for more.
    Length,
    /// The model, or the provider, would not say more.
    Refused,
    /// Another one.
    Other,
}

/// How many tokens were used. A number that the provider did not give is not guessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of what was asked, those included that the provider had cached.
    pub input: Option<u64>,
    /// Of the answer.
    pub output: Option<u64>,
}

/// What an embedder is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct EmbedRequest {
    /// The model, as the provider names it.
    pub model: String,
    /// The texts. Of none, nobody is asked anything.
    pub texts: Vec<String>,
}

impl fmt::Debug for EmbedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbedRequest").field("model", &self.model).field("texts", &self.texts.len()).finish()
    }
}

/// The vectors of some texts. They are content as the texts are (S41), so they do not print themselves.
#[derive(Clone, PartialEq)]
pub struct Embeddings {
    /// The model that made them, by its own account.
    pub model: String,
    /// One for each text, in their order; all of one dimension, and every number is finite.
    pub vectors: Vec<Vec<f32>>,
    /// How many tokens the texts had.
    pub tokens: Option<u64>,
}

impl Embeddings {
    /// How many numbers a vector has. Zero when there is no vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.vectors.first().map_or(0, Vec::len)
    }

    /// Puts together what a provider answered to so many texts.
    pub(crate) fn checked(
        model: String,
        vectors: Vec<Vec<f32>>,
        tokens: Option<u64>,
        texts: usize,
    ) -> Result<Self, ProviderError> {
        let made = Self { model: checked_name(model)?, vectors, tokens };
        let dimension = made.dimension();
        let good =
            |vector: &Vec<f32>| vector.len() == dimension && vector.iter().all(|number| number.is_finite());
        if made.vectors.len() != texts {
            return Err(ProviderError::Malformed("there is not one vector for each text"));
        }
        if dimension == 0 || !made.vectors.iter().all(good) {
            return Err(ProviderError::Malformed(
                "the vectors are not of one dimension, or not of finite numbers",
            ));
        }
        Ok(made)
    }

    /// Those of no text.
    pub(crate) fn none(request: &EmbedRequest) -> Self {
        Self { model: request.model.clone(), vectors: Vec::new(), tokens: None }
    }
}

impl fmt::Debug for Embeddings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embeddings")
            .field("model", &self.model)
            .field("vectors", &self.vectors.len())
            .field("dimension", &self.dimension())
            .finish_non_exhaustive()
    }
}

/// Longest name of a model, in bytes.
const MODEL_NAME_BYTES: usize = 256;

/// The name of a model as it was answered. It is kept and shown, so it has to be a name.
pub(crate) fn checked_name(name: String) -> Result<String, ProviderError> {
    let good = !name.is_empty()
        && name.len() <= MODEL_NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(name) } else { Err(ProviderError::Malformed("the model has no proper name")) }
}
