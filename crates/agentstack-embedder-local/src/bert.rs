//! BERT: from the numbers of a text's pieces to one vector for each piece.

mod layer;

use ndarray::Array2;
use serde::Deserialize;

use crate::LocalModelProblem as Problem;
use crate::folder::Folder;
use crate::weights::{Table, Weights};
use layer::{Layer, Norm, rows};

/// The file of its measures.
pub(crate) const CONFIG: &str = "config.json";

/// `config.json`, as far as it concerns us.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    hidden_act: String,
    #[serde(default = "small")]
    layer_norm_eps: f32,
    position_embedding_type: Option<String>,
}

fn small() -> f32 {
    1e-12
}

impl Config {
    /// Most pieces of a text.
    pub(crate) fn longest(&self) -> usize {
        self.max_position_embeddings
    }

    /// Numbers of a vector.
    pub(crate) fn width(&self) -> usize {
        self.hidden_size
    }

    /// How many pieces there are.
    pub(crate) fn pieces(&self) -> usize {
        self.vocab_size
    }

    /// What can be told without looking at a weight.
    fn check(&self) -> Result<(), &'static str> {
        if self.hidden_act != "gelu" {
            return Err("its activation is not gelu");
        }
        if self.position_embedding_type.as_deref().unwrap_or("absolute") != "absolute" {
            return Err("its positions are not absolute");
        }
        let measures = [self.hidden_size, self.num_attention_heads, self.intermediate_size];
        if measures.contains(&0) || !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err("its hidden size is not a multiple of its heads");
        }
        if !(0.0..1.0).contains(&self.layer_norm_eps) {
            return Err("its layer_norm_eps is not between 0 and 1");
        }
        Ok(())
    }
}

/// The weights of a BERT.
pub(crate) struct Bert {
    words: Table,
    /// Where a piece stands, and that it is of the first text, the only one.
    positions: Array2<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
}

impl Bert {
    pub(crate) fn read(config: &Config, weights: &Weights<'_>, folder: &Folder) -> Result<Self, Problem> {
        config.check().map_err(|what| folder.unsupported(CONFIG, what))?;
        let named = |rest: &str| {
            // Some files have the encoder alone, others a whole model.
            let whole = weights.has("bert.embeddings.word_embeddings.weight");
            if whole { format!("bert.{rest}") } else { rest.to_owned() }
        };
        let width = config.hidden_size;
        let words = named("embeddings.word_embeddings.weight");
        let positions = named("embeddings.position_embeddings.weight");
        if config.max_position_embeddings > 8_192 {
            return Err(folder.unsupported(CONFIG, "its max_position_embeddings is over 8192"));
        }
        let types = named("embeddings.token_type_embeddings.weight");
        let types = weights.matrix(&types, [config.type_vocab_size, width])?;
        let positions = weights.matrix(&positions, [config.max_position_embeddings, width])?;
        let Some(first) = types.rows().into_iter().next() else {
            return Err(folder.unsupported(CONFIG, "its type_vocab_size is 0"));
        };
        let layers = (0..config.num_hidden_layers)
            .map(|index| Layer::read(weights, &named(&format!("encoder.layer.{index}.")), config))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            words: weights.table(&words, [config.vocab_size, width])?,
            positions: positions + first,
            norm: Norm::read(weights, &named("embeddings.LayerNorm"), config)?,
            layers,
            heads: config.num_attention_heads,
        })
    }

    /// A row for each piece of each text, one text after the other. No text has more pieces than there are positions.
    pub(crate) fn rows(&self, texts: &[Vec<u32>]) -> Array2<f32> {
        let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
        let mut hidden = Array2::zeros((lengths.iter().sum(), self.words.width()));
        let pieces = texts.iter().flat_map(|text| text.iter().zip(self.positions.rows()));
        for (row, (piece, position)) in rows(&mut hidden).zip(pieces) {
            let word = self.words.row(*piece).unwrap_or_default();
            for (number, (word, position)) in row.iter_mut().zip(word.iter().zip(position)) {
                *number = word + position;
            }
        }
        self.norm.apply(&mut hidden);
        for layer in &self.layers {
            hidden = layer.apply(&hidden, &lengths, self.heads);
        }
        hidden
    }
}
