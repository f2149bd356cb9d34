//! A model as it was read: which kind it is, what it is called, and what it makes of some texts.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::LocalModelProblem as Problem;
use crate::bert::CONFIG;
use crate::fixed::Fixed;
use crate::folder::Folder;
use crate::sentence::Sentence;

/// Most texts that are computed together.
const MOST_TEXTS: usize = 64;

/// Most pieces that are computed together, unless one text alone has more. With more of them a product of matrices does
/// not get faster, and giving up takes longer.
const MOST_PIECES: usize = 512;

/// What a model says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The name of the folder and, after a dash, the first eight hexadecimal digits of a hash over all files that the
    /// vectors depend on. It is the name in [`Embeddings`](agentstack_providers::Embeddings).
    pub name: String,
    /// How many numbers a vector has.
    pub dimension: usize,
    /// How many tokens of a text are looked at, those included that the model puts around it. The rest is cut off.
    pub max_tokens: usize,
}

pub(crate) struct Model {
    kind: Kind,
    description: Description,
}

enum Kind {
    Sentence(Sentence),
    Fixed(Fixed),
}

/// What a model made of the first of some texts.
pub(crate) struct Batch {
    /// One for each of them.
    pub(crate) vectors: Vec<Vec<f32>>,
    /// How many tokens they had.
    pub(crate) tokens: usize,
}

/// What tells the kinds apart in `config.json`.
#[derive(Deserialize)]
struct Config {
    model_type: String,
}

impl Model {
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let mut folder = Folder::open(path)?;
        let config: Config = folder.settings(CONFIG)?;
        let kind = match config.model_type.as_str() {
            "bert" => Kind::Sentence(Sentence::read(&mut folder)?),
            "model2vec" => Kind::Fixed(Fixed::read(&mut folder)?),
            _ => return Err(folder.unsupported(CONFIG, "its model_type is neither bert nor model2vec")),
        };
        let (dimension, max_tokens) = match &kind {
            Kind::Sentence(model) => (model.width(), model.longest()),
            Kind::Fixed(model) => (model.width(), model.longest()),
        };
        let description = Description { name: folder.fingerprint(), dimension, max_tokens };
        Ok(Self { kind, description })
    }

    pub(crate) fn description(&self) -> &Description {
        &self.description
    }

    /// Vectors for the first texts, as many as are computed together; for one at least, if there is one.
    pub(crate) fn batch(&self, texts: &[String]) -> Batch {
        let mut pieces = Vec::new();
        let mut tokens = 0;
        for text in texts.iter().take(MOST_TEXTS) {
            let next = match &self.kind {
                Kind::Sentence(model) => model.pieces(text),
                Kind::Fixed(model) => model.pieces(text),
            };
            if !pieces.is_empty() && tokens + next.len() > MOST_PIECES {
                break;
            }
            tokens += next.len();
            pieces.push(next);
        }
        let vectors = match &self.kind {
            Kind::Sentence(model) => model.vectors(&pieces),
            Kind::Fixed(model) => model.vectors(&pieces),
        };
        Batch { vectors, tokens }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.description.fmt(f)
    }
}
