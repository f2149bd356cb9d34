//! A static model, as model2vec keeps it: a vector for each piece, and the mean of them for a text.

use serde::Deserialize;

use crate::LocalModelProblem as Problem;
use crate::bert::CONFIG;
use crate::folder::Folder;
use crate::sentence::normalize;
use crate::tokenizer::{self, Tokenizer};
use crate::weights::{self, Table, WEIGHTS, Weights, float};

const EMBEDDINGS: &str = "embeddings";

/// Most pieces of a text, unless the model says otherwise; it is model2vec's number.
const LONGEST: usize = 512;

/// No model may say more than this.
const MOST: usize = 1 << 20;

/// `config.json`, as far as it concerns us.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    normalize: bool,
    max_length: Option<usize>,
}

pub(crate) struct Fixed {
    tokenizer: Tokenizer,
    table: Table,
    normalize: bool,
    longest: usize,
}

impl Fixed {
    pub(crate) fn read(folder: &mut Folder) -> Result<Self, Problem> {
        let config: Config = folder.settings(CONFIG)?;
        let longest = config.max_length.unwrap_or(LONGEST);
        if longest == 0 || longest > MOST {
            return Err(folder.unsupported(CONFIG, "its max_length is 0 or more than a million"));
        }
        let tokenizer = tokenizer::read(folder)?;
        let bytes = weights::read(folder)?;
        let weights = Weights::of(&bytes, folder)?;
        if weights.has(EMBEDDINGS) && weights.names() != [EMBEDDINGS] {
            return Err(
                folder.unsupported(WEIGHTS, "a static model with more than its embeddings is not known")
            );
        }
        let extent = weights.extent(EMBEDDINGS)?;
        if usize::try_from(tokenizer.highest()).is_ok_and(|highest| highest >= extent[0]) {
            return Err(folder.unsupported(WEIGHTS, "the vocabulary has more pieces than the model"));
        }
        let table = weights.table(EMBEDDINGS, extent)?;
        Ok(Self { tokenizer, table, normalize: config.normalize, longest })
    }

    pub(crate) fn width(&self) -> usize {
        self.table.width()
    }

    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Of a long text model2vec looks at so many characters alone as that many pieces of middling length have.
    pub(crate) fn pieces(&self, text: &str) -> Vec<u32> {
        let most = self.longest.saturating_mul(self.tokenizer.median());
        let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
        let mut pieces = self.tokenizer.pieces(text.get(..end).unwrap_or(text), self.longest);
        // A word that the model does not know says nothing.
        pieces.retain(|piece| *piece != self.tokenizer.unknown());
        pieces
    }

    /// A vector for each text. That of a text without a known word is zero.
    pub(crate) fn vectors(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        texts.iter().map(|text| self.vector(text)).collect()
    }

    fn vector(&self, pieces: &[u32]) -> Vec<f32> {
        let mut vector = vec![0.0; self.width()];
        for row in pieces.iter().filter_map(|piece| self.table.row(*piece)) {
            for (sum, number) in vector.iter_mut().zip(row) {
                *sum += number;
            }
        }
        let count = float(pieces.len().max(1));
        for sum in &mut vector {
            *sum /= count;
        }
        if self.normalize {
            normalize(&mut vector, 1e-32);
        }
        vector
    }
}
