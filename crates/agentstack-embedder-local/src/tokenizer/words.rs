//! The words of a text, as BERT's basic tokenizer sees them.

use std::ops::ControlFlow;

use unicode_general_category::{GeneralCategory as Category, get_general_category as category};
use unicode_normalization::UnicodeNormalization as _;

/// What is done to the characters before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the four switches of the model's file")]
pub(crate) struct Rules {
    /// Control characters go.
    pub(crate) clean: bool,
    /// Each Chinese character is a word.
    pub(crate) split_chinese: bool,
    /// Accents go.
    pub(crate) strip_accents: bool,
    /// Capital letters become small ones.
    pub(crate) lowercase: bool,
}

/// Hands over each word, or `None` in place of one of more than `most` characters.
pub(super) fn each(
    text: &str,
    rules: Rules,
    most: usize,
    found: &mut dyn FnMut(Option<&str>) -> ControlFlow<()>,
) {
    let cleaned = text.chars().filter(|c| !rules.clean || !is_dropped(*c));
    let spaced = cleaned.flat_map(|c| {
        let around = (rules.split_chinese && is_chinese(c)).then_some(' ');
        [around, Some(c), around].into_iter().flatten()
    });
    if rules.strip_accents {
        let bare = spaced.nfd().filter(|c| !is_accent(*c));
        split(bare, rules.lowercase, most, found);
    } else {
        split(spaced, rules.lowercase, most, found);
    }
}

fn split(
    characters: impl Iterator<Item = char>,
    lowercase: bool,
    most: usize,
    found: &mut dyn FnMut(Option<&str>) -> ControlFlow<()>,
) {
    let mut word = Word { text: String::new(), characters: 0, most };
    let mut take = |c: char, word: &mut Word| {
        if c.is_whitespace() {
            word.end(found)
        } else if is_punctuation(c) {
            word.end(found)?;
            word.push(c);
            word.end(found)
        } else {
            word.push(c);
            ControlFlow::Continue(())
        }
    };
    for c in characters {
        let done = if lowercase {
            c.to_lowercase().try_for_each(|c| take(c, &mut word))
        } else {
            take(c, &mut word)
        };
        if done.is_break() {
            return;
        }
    }
    let _ = word.end(found);
}

/// The word so far. Of one that is too long only the number of characters grows.
struct Word {
    text: String,
    characters: usize,
    most: usize,
}

impl Word {
    fn push(&mut self, c: char) {
        self.characters += 1;
        if self.characters <= self.most {
            self.text.push(c);
        }
    }

    fn end(&mut self, found: &mut dyn FnMut(Option<&str>) -> ControlFlow<()>) -> ControlFlow<()> {
        let done = match self.characters {
            0 => ControlFlow::Continue(()),
            characters => found((characters <= self.most).then_some(self.text.as_str())),
        };
        self.text.clear();
        self.characters = 0;
        done
    }
}

/// Nothing that is written: control, format and private characters, and the sign for broken ones.
fn is_dropped(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{fffd}' => true,
        c if c.is_ascii() => c.is_ascii_control(),
        c => matches!(category(c), Category::Control | Category::Format | Category::PrivateUse),
    }
}

fn is_accent(c: char) -> bool {
    !c.is_ascii() && category(c) == Category::NonspacingMark
}

fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    matches!(
        category(c),
        Category::ConnectorPunctuation
            | Category::DashPunctuation
            | Category::OpenPunctuation
            | Category::ClosePunctuation
            | Category::InitialPunctuation
            | Category::FinalPunctuation
            | Category::OtherPunctuation
    )
}

/// The blocks that BERT takes for Chinese, with its own bounds.
fn is_chinese(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x2_0000..=0x2_A6DF
            | 0x2_A700..=0x2_B73F
            | 0x2_B740..=0x2_B81F
            | 0x2_B920..=0x2_CEAF
            | 0xF900..=0xFAFF
            | 0x2_F800..=0x2_FA1F
    )
}
