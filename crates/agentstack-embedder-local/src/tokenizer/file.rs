//! The tokenizer's files: `tokenizer.json`, or `vocab.txt` with `tokenizer_config.json`.

use std::collections::HashMap;

use serde::Deserialize;

use super::words::Rules;
use super::{MOST_BYTES_OF_A_PIECE, MOST_CHARACTERS_OF_A_WORD, Tokenizer};
use crate::LocalModelProblem as Problem;
use crate::folder::Folder;

const TOKENIZER: &str = "tokenizer.json";
const VOCABULARY: &str = "vocab.txt";
const SETTINGS: &str = "tokenizer_config.json";

/// Largest vocabulary, in bytes.
const MOST: u64 = 64 << 20;

/// What comes before and after a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Signs {
    pub(crate) before: Vec<u32>,
    pub(crate) after: Vec<u32>,
}

/// The tokenizer of a model.
pub(crate) fn read(folder: &mut Folder) -> Result<Tokenizer, Problem> {
    if folder.has(TOKENIZER) || !folder.has(VOCABULARY) {
        let file = folder.json(TOKENIZER, MOST)?;
        return from_tokenizer(file, folder);
    }
    let settings = folder.settings_if_there(SETTINGS)?;
    let bytes = folder.bytes(VOCABULARY, MOST)?;
    from_vocabulary(bytes, &settings, folder)
}

/// `tokenizer.json`, as far as it concerns us.
#[derive(Deserialize)]
struct File {
    normalizer: Option<Normalizer>,
    pre_tokenizer: Option<PreTokenizer>,
    post_processor: Option<PostProcessor>,
    #[serde(default)]
    added_tokens: Vec<Added>,
    model: Model,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Normalizer {
    BertNormalizer {
        clean_text: bool,
        handle_chinese_chars: bool,
        strip_accents: Option<bool>,
        lowercase: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum PreTokenizer {
    BertPreTokenizer,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum PostProcessor {
    TemplateProcessing {
        single: Vec<Part>,
    },
    BertProcessing {
        sep: (String, u32),
        cls: (String, u32),
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
enum Part {
    SpecialToken { id: String },
    Sequence {},
}

#[derive(Deserialize)]
struct Added {
    #[serde(default)]
    special: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Model {
    WordPiece {
        unk_token: String,
        #[serde(default = "hashes")]
        continuing_subword_prefix: String,
        #[serde(default = "hundred")]
        max_input_chars_per_word: usize,
        vocab: HashMap<String, u32>,
    },
    #[serde(other)]
    Other,
}

/// `tokenizer_config.json`, as far as it concerns us.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    do_lower_case: bool,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { do_lower_case: true, strip_accents: None, tokenize_chinese_chars: true }
    }
}

fn from_tokenizer(file: File, folder: &Folder) -> Result<Tokenizer, Problem> {
    let unsupported = |what| Err(folder.unsupported(TOKENIZER, what));
    let Some(Normalizer::BertNormalizer { clean_text, handle_chinese_chars, strip_accents, lowercase }) =
        file.normalizer
    else {
        return unsupported("its normalizer is not BERT's");
    };
    let rules = Rules {
        clean: clean_text,
        split_chinese: handle_chinese_chars,
        strip_accents: strip_accents.unwrap_or(lowercase),
        lowercase,
    };
    if !matches!(file.pre_tokenizer, Some(PreTokenizer::BertPreTokenizer)) {
        return unsupported("it does not find words as BERT does");
    }
    if !file.added_tokens.iter().all(|token| token.special) {
        return unsupported("it has added tokens that are words");
    }
    let Model::WordPiece { unk_token, continuing_subword_prefix, max_input_chars_per_word, vocab } =
        file.model
    else {
        return unsupported("its model is not WordPiece");
    };
    let signs = match file.post_processor {
        None => Some(Signs::default()),
        Some(PostProcessor::BertProcessing { sep, cls }) => {
            Some(Signs { before: vec![cls.1], after: vec![sep.1] })
        }
        Some(PostProcessor::TemplateProcessing { single }) => template(single, &vocab),
        Some(PostProcessor::Other) => None,
    };
    let Some(signs) = signs else {
        return unsupported("its signs around a text are not understood");
    };
    let words = Words { rules, prefix: &continuing_subword_prefix, longest: max_input_chars_per_word };
    assembled(vocab, &unk_token, &words, signs).map_err(|what| folder.vocabulary(TOKENIZER, what))
}

/// The signs before and after the one text of a template.
fn template(parts: Vec<Part>, vocabulary: &HashMap<String, u32>) -> Option<Signs> {
    let (mut signs, mut texts) = (Signs::default(), 0);
    for part in parts {
        match part {
            Part::Sequence {} => texts += 1,
            Part::SpecialToken { id } if texts == 0 => signs.before.push(*vocabulary.get(&id)?),
            Part::SpecialToken { id } => signs.after.push(*vocabulary.get(&id)?),
        }
    }
    (texts == 1).then_some(signs)
}

/// One piece a line; its number is that of the line.
fn from_vocabulary(bytes: Vec<u8>, settings: &Settings, folder: &Folder) -> Result<Tokenizer, Problem> {
    let problem = |what| folder.vocabulary(VOCABULARY, what);
    let text = String::from_utf8(bytes).map_err(|_| problem("it is not UTF-8"))?;
    let vocabulary: HashMap<String, u32> = text.lines().map(str::to_owned).zip(0..).collect();
    let sign = |name: &str| vocabulary.get(name).copied().map(|id| vec![id]);
    let (Some(before), Some(after)) = (sign("[CLS]"), sign("[SEP]")) else {
        return Err(problem("it has no [CLS] or no [SEP]"));
    };
    let rules = Rules {
        clean: true,
        split_chinese: settings.tokenize_chinese_chars,
        strip_accents: settings.strip_accents.unwrap_or(settings.do_lower_case),
        lowercase: settings.do_lower_case,
    };
    let words = Words { rules, prefix: &hashes(), longest: hundred() };
    assembled(vocabulary, "[UNK]", &words, Signs { before, after }).map_err(problem)
}

/// How words are looked at.
pub(super) struct Words<'a> {
    pub(super) rules: Rules,
    /// What a piece begins with that a word goes on with.
    pub(super) prefix: &'a str,
    /// Most characters of a word.
    pub(super) longest: usize,
}

pub(super) fn assembled(
    vocabulary: HashMap<String, u32>,
    unknown: &str,
    words: &Words<'_>,
    signs: Signs,
) -> Result<Tokenizer, &'static str> {
    let unknown = *vocabulary.get(unknown).ok_or("it has nothing for an unknown word")?;
    if words.longest == 0 || words.longest > MOST_CHARACTERS_OF_A_WORD {
        return Err("words may have no characters, or more than 1000");
    }
    if vocabulary.keys().any(|piece| piece.len() > MOST_BYTES_OF_A_PIECE) {
        return Err("a piece has more than 256 bytes");
    }
    if words.prefix.is_empty() {
        return Err("pieces that go on are not marked");
    }
    let median = median(vocabulary.keys().map(|piece| piece.chars().count()).collect());
    let longest = vocabulary.keys().map(String::len).max().unwrap_or_default();
    let further =
        vocabulary.iter().filter_map(|(piece, id)| Some((piece.strip_prefix(words.prefix)?.into(), *id)));
    let further = further.collect();
    let first = vocabulary.into_iter().map(|(piece, id)| (piece.into_boxed_str(), id)).collect();
    let (rules, longest_word) = (words.rules, words.longest);
    Ok(Tokenizer { rules, first, further, longest, unknown, longest_word, signs, median })
}

/// The middle number, or of two the whole part of what is between them.
fn median(mut lengths: Vec<usize>) -> usize {
    lengths.sort_unstable();
    let middle = |index: usize| lengths.get(index).copied().unwrap_or_default();
    let half = lengths.len() / 2;
    if lengths.len() % 2 == 1 {
        middle(half)
    } else {
        usize::midpoint(middle(half.saturating_sub(1)), middle(half))
    }
}

fn hashes() -> String {
    "##".to_owned()
}

fn hundred() -> usize {
    100
}
