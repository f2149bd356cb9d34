//! [`Term`]: one normalized word of the index, and the buffer in which it is put together.

use super::script::ZERO_WIDTH_JOINER;

/// Longer words are cut to this many characters, in the index and in queries alike.
pub const MAX_TERM_CHARS: usize = 64;

/// Stands between two digits that punctuation kept apart, so that `1.2` is not `12`.
pub(super) const DIGIT_JOINT: char = '\u{b7}';

/// A normalized index term: 1 to [`MAX_TERM_CHARS`] characters, each a letter, digit, mark or number of some
/// script (ASCII letters in lower case), part of an emoji, or the middle dot between two digits.
///
/// Never ASCII punctuation, whitespace, a quote, a control or an invisible character, so no term can be read
/// as query syntax (S31).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term(Box<str>);

impl Term {
    /// Only for text that a [`TermBuffer`] or the stemmer has made.
    pub(super) fn new(normalized: &str) -> Self {
        Self(normalized.into())
    }

    /// The term as it stands in the index.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Collects one term: lower case, at most [`MAX_TERM_CHARS`] characters, whatever is pushed.
#[derive(Debug, Default)]
pub(super) struct TermBuffer {
    text: String,
    chars: usize,
}

impl TermBuffer {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.chars = 0;
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn last(&self) -> Option<char> {
        self.text.chars().next_back()
    }

    pub(super) fn push(&mut self, c: char) {
        if self.chars < MAX_TERM_CHARS {
            self.chars += 1;
            self.text.push(c);
        }
    }

    /// Appends folded text in lower case. What may be left inside a word, the apostrophe
    /// of `don't` and a stray joiner, is left out.
    pub(super) fn push_lower(&mut self, folded: &str) {
        for c in folded.chars() {
            if self.chars == MAX_TERM_CHARS {
                break;
            }
            match c {
                '\'' | ZERO_WIDTH_JOINER => {}
                'ß' | 'ẞ' => {
                    self.push('s');
                    self.push('s');
                }
                'ς' => self.push('σ'),
                _ if c.is_ascii() => self.push(c.to_ascii_lowercase()),
                _ => c.to_lowercase().for_each(|lower| self.push(lower)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_folds_case_and_stops_at_64_characters() {
        let mut buffer = TermBuffer::default();
        buffer.push_lower("Straße ΟΔΟΣ");
        assert_eq!(buffer.as_str(), "strasse οδοσ");
        buffer.push_lower(&"É".repeat(100));
        assert_eq!(buffer.as_str().chars().count(), MAX_TERM_CHARS);
    }
}
