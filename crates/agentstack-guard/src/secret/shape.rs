//! Keys that are known by their shape: a constant part, and runs of characters of known lengths around it.

use std::ops::Range;

use super::placeholder;
use crate::bytes::{self, Set};
use crate::trigger::Hit;
use crate::{Confidence, Kind};

/// The least spread of what surrounds the constant part, in bits a character. Random text of 12 of 18 letters, which
/// has the least of all shapes, has about 3.0.
const LEAST_ENTROPY: f64 = 2.2;

/// A piece of a key.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// Characters of a set, so many at least and at most.
    Run(Set, usize, usize),
    /// Exactly this.
    Text(&'static str),
    /// This any number of times up to the limit.
    Pad(u8, usize),
}

/// What a key looks like.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// The constant part that the pass over the text looks for.
    pub(crate) literal: &'static str,
    /// Whether the constant part counts in one case only.
    pub(crate) exact: bool,
    /// What stands before the constant part, from right to left.
    pub(crate) before: &'static [(Set, usize, usize)],
    /// What follows it.
    pub(crate) after: &'static [Part],
    /// How sure it is without a checksum.
    pub(crate) confidence: Confidence,
    pub(crate) check: Check,
}

/// What can be computed about a key.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    Nothing,
    /// Makes it surer, but is not needed: the checksum of GitHub and npm.
    Crc32,
    /// Must hold.
    Agentstack,
    /// Has at least two digits, as random letters and digits do and names do not.
    TwoDigits,
}

impl Shape {
    /// The whole key around the constant part at `hit`, if it is one.
    pub(crate) fn find(&self, text: &str, hit: Hit) -> Option<(Range<usize>, Confidence)> {
        if self.exact && bytes::slice(text, hit.start..hit.end) != self.literal {
            return None;
        }
        let first = self.start(text, hit.start)?;
        let end = self.end(text, hit.end)?;
        let confidence = self.judge(bytes::slice(text, first..end), hit.start - first)?;
        Some((first..end, confidence))
    }

    fn end(&self, text: &str, from: usize) -> Option<usize> {
        let mut at = from;
        let mut of_the_run = Set::WORD;
        for part in self.after {
            match *part {
                Part::Run(set, least, most) => {
                    let end = set.run(text, at, most);
                    if end - at < least {
                        return None;
                    }
                    at = end;
                    of_the_run = Set::ALNUM.or(set);
                }
                Part::Text(constant) => {
                    let here = text.get(at..at + constant.len())?;
                    let same = here == constant || (!self.exact && here.eq_ignore_ascii_case(constant));
                    at = same.then_some(at + constant.len())?;
                    of_the_run = Set::WORD;
                }
                Part::Pad(byte, most) => at = Set::range(byte, byte).run(text, at, most),
            }
        }
        (!continues(text, at, of_the_run)).then_some(at)
    }

    fn start(&self, text: &str, end: usize) -> Option<usize> {
        let mut at = end;
        for (set, least, most) in self.before {
            let begin = set.run_back(text, at, *most);
            if at - begin < *least {
                return None;
            }
            at = begin;
        }
        // In the middle of a word nothing begins.
        let begins = !Set::ALNUM.has(bytes::before(text, at)) || !Set::ALNUM.has(bytes::at(text, at));
        begins.then_some(at)
    }

    fn judge(&self, key: &str, literal_at: usize) -> Option<Confidence> {
        let (before, rest) = key.split_at_checked(literal_at)?;
        let body = rest.get(self.literal.len()..)?;
        let longer = if body.len() >= before.len() { body } else { before };
        if !longer.is_empty()
            && (placeholder::is_placeholder(longer) || placeholder::entropy(longer) < LEAST_ENTROPY)
        {
            return None;
        }
        match self.check {
            Check::Crc32 if super::checksum::crc32_base62(key) => Some(Confidence::High),
            Check::Crc32 | Check::Nothing => Some(self.confidence),
            Check::Agentstack => super::checksum::agentstack(key).then_some(Confidence::High),
            Check::TwoDigits => {
                (body.bytes().filter(u8::is_ascii_digit).count() >= 2).then_some(self.confidence)
            }
        }
    }
}

/// Whether a run of the set goes on at `at`: a dot or dash that ends a sentence does not count, nor does an escaped line end.
fn continues(text: &str, at: usize, set: Set) -> bool {
    let next = bytes::at(text, at);
    set.has(next) && next != b'\\' && (Set::WORD.has(next) || Set::ALNUM.has(bytes::at(text, at + 1)))
}
