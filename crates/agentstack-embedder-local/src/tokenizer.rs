//! From text to the numbers of its pieces, as BERT does it: words, and of each word the longest pieces that the
//! vocabulary has (`WordPiece`).
//!
//! What is written in a text is text: `[SEP]` in it is a bracket, three letters and a bracket, and never the model's own
//! sign.

mod file;
mod words;

use std::collections::HashMap;
use std::ops::ControlFlow;

pub(crate) use file::{Signs, read};
use words::Rules;

/// A text's pieces are bounded by the model; a word's by this, whatever the file says.
const MOST_CHARACTERS_OF_A_WORD: usize = 1_000;

/// Longest piece, in bytes. At each place of a word every length up to that of the longest piece is looked for; those of
/// real vocabularies have some thirty.
const MOST_BYTES_OF_A_PIECE: usize = 256;

/// A vocabulary and how to use it.
pub(crate) struct Tokenizer {
    rules: Rules,
    /// Pieces that a word begins with.
    first: HashMap<Box<str>, u32>,
    /// Pieces that it goes on with.
    further: HashMap<Box<str>, u32>,
    /// Bytes of the longest piece.
    longest: usize,
    /// What stands for a word that cannot be put together.
    unknown: u32,
    /// A longer word, in characters, is not looked at.
    longest_word: usize,
    /// What comes before and after a text.
    signs: Signs,
    /// The middle one of the pieces' lengths, in characters.
    median: usize,
}

impl Tokenizer {
    /// Turns a text into pieces, without signs. What is beyond the first `most` pieces is not looked at.
    pub(crate) fn pieces(&self, text: &str, most: usize) -> Vec<u32> {
        let mut pieces = Vec::new();
        if most > 0 {
            words::each(text, self.rules, self.longest_word, &mut |word| {
                self.word(word, &mut pieces);
                if pieces.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
        }
        pieces.truncate(most);
        pieces
    }

    /// The same between the signs of the model, which count.
    pub(crate) fn pieces_between_signs(&self, text: &str, most: usize) -> Vec<u32> {
        let Signs { before, after } = &self.signs;
        let mut all = before.clone();
        all.extend(self.pieces(text, most.saturating_sub(before.len() + after.len())));
        all.extend(after);
        all
    }

    pub(crate) fn signs(&self) -> &Signs {
        &self.signs
    }

    pub(crate) fn unknown(&self) -> u32 {
        self.unknown
    }

    pub(crate) fn median(&self) -> usize {
        self.median
    }

    /// The highest number that a piece can have.
    pub(crate) fn highest(&self) -> u32 {
        let signs = self.signs.before.iter().chain(&self.signs.after);
        self.first.values().chain(self.further.values()).chain(signs).copied().max().unwrap_or_default()
    }

    /// Takes the longest piece there is, and the longest of what is left, and so on. `None` is a word that is too long.
    fn word(&self, word: Option<&str>, pieces: &mut Vec<u32>) {
        let before = pieces.len();
        let mut rest = word.unwrap_or_default();
        let mut known = &self.first;
        while !rest.is_empty() {
            let Some((id, length)) = self.longest_piece(rest, known) else {
                pieces.truncate(before);
                break;
            };
            pieces.push(id);
            rest = rest.get(length..).unwrap_or_default();
            known = &self.further;
        }
        if pieces.len() == before {
            pieces.push(self.unknown);
        }
    }

    /// The longest piece that this begins with, and its bytes.
    fn longest_piece(&self, rest: &str, known: &HashMap<Box<str>, u32>) -> Option<(u32, usize)> {
        let most = rest.len().min(self.longest);
        (1..=most).rev().find_map(|length| Some((*known.get(rest.get(..length)?)?, length)))
    }
}

#[cfg(test)]
mod tests;
