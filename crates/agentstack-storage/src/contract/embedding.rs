//! What an embedder is asked for, and what becomes of its vectors.

use agentstack_access::Scope;
use agentstack_core::Timestamp;
use async_trait::async_trait;

use crate::{Again, EmbeddingFigures, EmbeddingModel, Pending, StorageError, Vector, Waiting, WaitingId};

/// Vectors of entries. Whose entries they are is no matter here: all of it is for operators, as the product itself is one.
/// For others nothing waits, and nothing is changed.
///
/// A vector is content (S41): it is kept as the text is, no method gives it back, and it goes when its version is no longer
/// the current one of its entry. One entry has one vector, of one model.
#[async_trait]
pub trait EmbeddingStore: Send + Sync {
    /// Takes the work of embedding over until a time, unless another worker has it until then. Returns whether this one has
    /// it: so that of many processes one asks the embedder.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn lease_embedding(
        &self,
        scope: &Scope,
        worker: [u8; 16],
        until: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Some entries that wait for a vector, those stored first coming first.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn waiting(&self, scope: &Scope, limit: u32) -> Result<Vec<Waiting>, StorageError>;

    /// Keeps the vectors of versions that wait, or for `None` that the embedder would make none: nor is a vector one that has
    /// another dimension than its model. What waits no more, because it has a vector, is to have none, or is not the current
    /// version of an entry, is passed over. Returns how many were kept.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn keep_vectors(
        &self,
        scope: &Scope,
        model: &EmbeddingModel,
        vectors: Vec<(WaitingId, Option<Vector>)>,
        pending: Pending,
    ) -> Result<u64, StorageError>;

    /// Makes the entries wait that have no vector of this model and are to have one; a vector of another model goes. It looks
    /// at so many entries after a number, so that others get their turn between two such calls; the first begins after 0.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn embed_again(
        &self,
        scope: &Scope,
        model: &EmbeddingModel,
        (after, most): (i64, u32),
        pending: Pending,
    ) -> Result<Again, StorageError>;

    /// How many vectors there are.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn embedding_figures(&self, scope: &Scope) -> Result<EmbeddingFigures, StorageError>;
}
