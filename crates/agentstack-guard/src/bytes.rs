//! Reading a text as bytes, without ever reaching outside it, and sets of ASCII characters.

use std::ops::Range;

/// The byte at `at`; past the end it is a NUL, which no rule looks for.
pub(crate) fn at(text: &str, at: usize) -> u8 {
    text.as_bytes().get(at).copied().unwrap_or(0)
}

/// The byte before `at`.
pub(crate) fn before(text: &str, at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |index| self::at(text, index))
}

/// The text of a span, or nothing if that is not one.
pub(crate) fn slice(text: &str, span: Range<usize>) -> &str {
    text.get(span).unwrap_or_default()
}

/// At most `most` bytes up to `end`, from the next boundary of characters on.
pub(crate) fn tail(text: &str, end: usize, most: usize) -> &str {
    let mut start = end.saturating_sub(most);
    while start < end && !text.is_char_boundary(start) {
        start += 1;
    }
    slice(text, start..end)
}

/// At most `most` bytes from `start`, up to the last boundary of characters.
pub(crate) fn head(text: &str, start: usize, most: usize) -> &str {
    let mut end = start.saturating_add(most).min(text.len());
    while end > start && !text.is_char_boundary(end) {
        end -= 1;
    }
    slice(text, start..end)
}

/// Whether `part` occurs in `text`, in whatever case of ASCII. For short texts.
pub(crate) fn contains_folded(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len().max(1)).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// How many bytes are looked at at once: what one instruction can compare.
const PIECE: usize = 16;

/// The bytes, with their places, of those pieces that have one that is wanted. Most pieces of a text have none, which is
/// seen of a whole piece at once as long as `is_wanted` has no branches and looks nothing up.
pub(crate) fn near(text: &str, is_wanted: impl Fn(u8) -> bool) -> impl Iterator<Item = (usize, u8)> {
    let pieces = text.as_bytes().chunks(PIECE).enumerate();
    let with_any = pieces.filter(move |(_, piece)| piece.iter().fold(false, |any, b| any | is_wanted(*b)));
    with_any.flat_map(|(index, piece)| (index * PIECE..).zip(piece.iter().copied()))
}

/// A set of ASCII characters, one bit each.
#[derive(Clone, Copy)]
pub(crate) struct Set(u128);

impl Set {
    pub(crate) const DIGIT: Self = Self::range(b'0', b'9');
    pub(crate) const LOWER_HEX: Self = Self::DIGIT.or(Self::range(b'a', b'f'));
    pub(crate) const HEX: Self = Self::LOWER_HEX.or(Self::range(b'A', b'F'));
    pub(crate) const LETTER: Self = Self::range(b'a', b'z').or(Self::range(b'A', b'Z'));
    pub(crate) const UPPER: Self = Self::DIGIT.or(Self::range(b'A', b'Z'));
    pub(crate) const ALNUM: Self = Self::DIGIT.or(Self::LETTER);
    pub(crate) const WORD: Self = Self::ALNUM.and(b'_');
    pub(crate) const TOKEN: Self = Self::WORD.and(b'-');
    pub(crate) const TOKEN_EQ: Self = Self::TOKEN.and(b'=');
    pub(crate) const DOTTED: Self = Self::TOKEN_EQ.and(b'.');
    pub(crate) const BASE64: Self = Self::ALNUM.and(b'+').and(b'/');
    pub(crate) const UUID: Self = Self::HEX.and(b'-');
    pub(crate) const SPACE: Self = Self::range(9, 13).and(b' ');

    pub(crate) const fn range(from: u8, to: u8) -> Self {
        let mut bits = 0;
        let mut byte = from;
        while byte <= to {
            bits |= 1 << byte;
            byte += 1;
        }
        Self(bits)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn and(self, byte: u8) -> Self {
        Self(self.0 | (1 << byte))
    }

    pub(crate) const fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    /// Whether every byte of `text` is one of these.
    pub(crate) fn spells(self, text: &str) -> bool {
        text.bytes().all(|byte| self.has(byte))
    }

    /// Where a run of these that begins at `from` ends, looking at `most` bytes at most.
    pub(crate) fn run(self, text: &str, from: usize, most: usize) -> usize {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        from + rest.iter().take(most).take_while(|byte| self.has(**byte)).count()
    }

    /// Where a run of these that ends at `end` begins, looking at `most` bytes at most.
    pub(crate) fn run_back(self, text: &str, end: usize, most: usize) -> usize {
        let rest = text.as_bytes().get(..end).unwrap_or_default();
        end - rest.iter().rev().take(most).take_while(|byte| self.has(**byte)).count()
    }
}
