//! The models that the operator has configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use agentstack_providers::{ChatModel, Embedder};

/// The models that may be asked. Without any, no use case goes out to anybody.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// Those that continue a conversation, by the name of their provider.
    pub chat: BTreeMap<String, Chat>,
    /// The provider of runs that name none.
    pub default: Option<String>,
    /// What turns contents into vectors, if search by meaning is on.
    pub embedding: Option<Embedding>,
}

/// A provider of chat, and its model.
#[derive(Debug, Clone)]
pub struct Chat {
    /// Who is asked.
    pub provider: Arc<dyn ChatModel>,
    /// The model of runs that name none.
    pub model: String,
}

/// A provider of embeddings, and its model.
#[derive(Debug, Clone)]
pub struct Embedding {
    /// Who is asked.
    pub provider: Arc<dyn Embedder>,
    /// The name of the provider. Models of the same name of two providers are two models.
    pub name: String,
    /// The model.
    pub model: String,
}
