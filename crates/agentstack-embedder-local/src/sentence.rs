//! A model of sentence-transformers: BERT, then one vector out of many, then perhaps its length made one.

use std::path::{Component, Path};

use ndarray::{Axis, s};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::LocalModelProblem as Problem;
use crate::bert::{self, Bert, CONFIG};
use crate::folder::Folder;
use crate::tokenizer::{self, Tokenizer};
use crate::weights::{self, Weights};

const MODULES: &str = "modules.json";
const LIMITS: &str = "sentence_bert_config.json";
const TOKENIZER_SETTINGS: &str = "tokenizer_config.json";

/// Most modules that are looked at.
const MOST_MODULES: usize = 16;

pub(crate) struct Sentence {
    tokenizer: Tokenizer,
    bert: Bert,
    how: How,
    /// Most pieces of a text, the signs around it included.
    longest: usize,
    width: usize,
}

/// What becomes of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct How {
    pooling: Pooling,
    normalize: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pooling {
    /// The mean over all pieces.
    Mean,
    /// The row of the first sign.
    First,
}

/// One line of `modules.json`.
#[derive(Deserialize)]
struct Module {
    path: String,
    r#type: String,
}

/// `sentence_bert_config.json`, as far as it concerns us.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Limits {
    max_seq_length: Option<usize>,
    /// With it the text is made small before the tokenizer has it, which our tokenizer does by its own file.
    do_lower_case: bool,
}

/// `tokenizer_config.json`, as far as it concerns the length. It can be a number beyond all others, for none.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenizerSettings {
    model_max_length: Option<Value>,
}

impl Sentence {
    pub(crate) fn read(folder: &mut Folder) -> Result<Self, Problem> {
        let config: bert::Config = folder.settings(CONFIG)?;
        let how = how(folder)?;
        let tokenizer = tokenizer::read(folder)?;
        if usize::try_from(tokenizer.highest()).is_ok_and(|highest| highest >= config.pieces()) {
            return Err(folder.unsupported(CONFIG, "the vocabulary has more pieces than the model"));
        }
        let longest = longest(folder, config.longest())?;
        let signs = tokenizer.signs();
        let around = signs.before.len() + signs.after.len();
        if around == 0 {
            return Err(folder.unsupported("tokenizer.json", "it puts no signs around a text"));
        }
        if longest <= around {
            return Err(folder.unsupported(LIMITS, "there is no room for a text between the signs"));
        }
        let bytes = weights::read(folder)?;
        let bert = Bert::read(&config, &Weights::of(&bytes, folder)?, folder)?;
        Ok(Self { tokenizer, bert, how, longest, width: config.width() })
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    pub(crate) fn pieces(&self, text: &str) -> Vec<u32> {
        self.tokenizer.pieces_between_signs(text, self.longest)
    }

    /// A vector for each text.
    pub(crate) fn vectors(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let rows = self.bert.rows(texts);
        let mut start = 0;
        let vector = |text: &Vec<u32>| {
            let own = rows.slice(s![start..start + text.len(), ..]);
            start += text.len();
            // The signs around a text are never none, so there is a row.
            let mut vector = match self.how.pooling {
                Pooling::Mean => own.mean_axis(Axis(0)).map(|mean| mean.to_vec()).unwrap_or_default(),
                Pooling::First => own.rows().into_iter().next().map(|row| row.to_vec()).unwrap_or_default(),
            };
            if self.how.normalize {
                normalize(&mut vector, 1e-12);
            }
            vector
        };
        texts.iter().map(vector).collect()
    }
}

/// Makes the length one, unless there is none.
pub(crate) fn normalize(vector: &mut [f32], least: f32) {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    for number in vector {
        *number /= length.max(least);
    }
}

/// BERT, pooling, and nothing else but a last step that makes the length one.
fn how(folder: &mut Folder) -> Result<How, Problem> {
    let modules: Vec<Module> = folder.settings(MODULES)?;
    if modules.len() > MOST_MODULES {
        return Err(folder.unsupported(MODULES, "it has more than 16 modules"));
    }
    let kinds: Vec<&str> = modules.iter().map(|module| last(&module.r#type)).collect();
    let normalize = match kinds.as_slice() {
        ["Transformer", "Pooling"] => false,
        ["Transformer", "Pooling", "Normalize"] => true,
        _ => return Err(folder.unsupported(MODULES, "it is not Transformer, Pooling and perhaps Normalize")),
    };
    let Some([transformer, pooling]) = modules.first_chunk() else {
        return Err(folder.unsupported(MODULES, "it has no modules"));
    };
    if !transformer.path.is_empty() {
        return Err(folder.unsupported(MODULES, "the transformer is not in the folder itself"));
    }
    if !is_plain(&pooling.path) {
        return Err(folder.unsupported(MODULES, "the path of the pooling is not the name of a folder"));
    }
    let file = format!("{}/config.json", pooling.path);
    let config = folder.settings(&file)?;
    let pooling = pooling_of(&config)
        .ok_or_else(|| folder.unsupported(&file, "only one of mean and CLS pooling is known"))?;
    Ok(How { pooling, normalize })
}

/// The older form has a switch for each way, the newer one the name of the way.
fn pooling_of(config: &Map<String, Value>) -> Option<Pooling> {
    let on = config.iter().filter(|(_, value)| **value == true);
    let on: Vec<&str> = on.filter_map(|(name, _)| name.strip_prefix("pooling_mode_")).collect();
    let named = config.get("pooling_mode").map(|name| name.as_str().unwrap_or_default());
    match (named, on.as_slice()) {
        (None, ["mean_tokens"]) | (Some("mean"), []) => Some(Pooling::Mean),
        (None, ["cls_token"]) | (Some("cls"), []) => Some(Pooling::First),
        _ => None,
    }
}

/// Most pieces of a text: what the folder says, and no more than there are positions.
fn longest(folder: &mut Folder, positions: usize) -> Result<usize, Problem> {
    let limits: Limits = folder.settings_if_there(LIMITS)?;
    if limits.do_lower_case {
        return Err(folder.unsupported(LIMITS, "do_lower_case is the tokenizer's"));
    }
    if let Some(longest) = limits.max_seq_length {
        return Ok(longest.min(positions));
    }
    let settings: TokenizerSettings = folder.settings_if_there(TOKENIZER_SETTINGS)?;
    let said = settings.model_max_length.as_ref().and_then(Value::as_u64);
    Ok(said.and_then(|said| usize::try_from(said).ok()).map_or(positions, |said| said.min(positions)))
}

/// The class of a module, without the package it is in.
fn last(r#type: &str) -> &str {
    r#type.rsplit('.').next().unwrap_or_default()
}

fn is_plain(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}
