//! Models that are asked over the network: chat and embeddings from Anthropic, OpenAI and what speaks like it, and
//! Ollama.
//!
//! [`ChatModel`] and [`Embedder`] are what the rest of the program knows. A provider is made of an [`Outlet`], the one
//! way out to one address, and a [`KeySlot`], which holds the key and lets it be replaced.
//!
//! **Invariant:** an outlet talks to the address it was made with and to none else (S49): no redirect, no proxy, no
//! address that was not checked. A key is in the header of a request and nowhere else (S26, S40): no error, no `Debug`
//! and no log has it, and none of them quotes what came in.
//!
//! **Invariant:** what is asked for ends when its future is dropped. Nothing runs on but a lookup of a name that the
//! operating system has begun.

mod model;

mod anthropic;
mod ollama;
mod openai;

mod outlet;

mod backoff;
mod call;
mod error;
mod fetch;
mod few;
mod key;
mod reply;
mod stream;

#[cfg(feature = "testing")]
pub mod testing;

pub use anthropic::Anthropic;
pub use error::{Phase, ProviderError};
pub use fetch::{Fetch, Fetched};
pub use key::{InvalidKey, KeySlot};
pub use model::{
    ChatAnswer, ChatModel, ChatRequest, EmbedRequest, Embedder, Embeddings, Message, OnText, Role,
    StopReason, Tokens,
};
pub use ollama::Ollama;
pub use openai::OpenAi;
pub use outlet::{BaseUrl, EgressProblem, Limits, Lookup, Outlet};
