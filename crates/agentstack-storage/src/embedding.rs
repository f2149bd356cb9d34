//! Which entries have vectors, and which wait for one.

use agentstack_core::VersionId;

use crate::EmbeddingModel;

/// Whether an entry is to have a vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wish {
    /// Nothing is asked for: there is no embedder. A version stored over another keeps what that had asked for.
    #[default]
    None,
    /// It waits for one from now on.
    Wanted,
    /// It never gets one.
    Declined,
}

/// A version that waits for a vector, and where its backend has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingId {
    /// The version.
    pub version: VersionId,
    /// The entry's number in the backend.
    pub number: i64,
}

/// An entry that waits for a vector. It prints itself without its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its current version.
    pub id: WaitingId,
    /// The beginning of its content: no more than [`EMBEDDED_CHARS`].
    pub text: String,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How much of a content a vector is made of, in characters: what follows does not change what the whole is about, and
/// embedding models take no more than some thousand tokens.
pub const EMBEDDED_CHARS: u32 = 8_000;

/// What some entries came to that were to be embedded again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Again {
    /// How many of them wait.
    pub waiting: u64,
    /// After which number it goes on, if there is more.
    pub next: Option<i64>,
}

/// How many vectors there are, of everybody's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbeddingFigures {
    /// Vectors by their model, in the order in which the models came to be known.
    pub models: Vec<ModelFigures>,
    /// Entries that wait for a vector.
    pub waiting: u64,
    /// Entries of which the embedder would make no vector.
    pub failed: u64,
    /// Entries that are to have none.
    pub declined: u64,
    /// All entries.
    pub entries: u64,
}

/// The vectors of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFigures {
    /// The model.
    pub model: EmbeddingModel,
    /// How many entries have a vector of it.
    pub vectors: u64,
}

impl EmbeddingFigures {
    /// Entries whose vector is of another model than this one.
    #[must_use]
    pub fn of_others(&self, model: &EmbeddingModel) -> u64 {
        self.models.iter().filter(|figures| figures.model != *model).map(|figures| figures.vectors).sum()
    }
}
