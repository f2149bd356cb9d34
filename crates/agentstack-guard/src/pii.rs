//! Personal data: addresses of all sorts, and the numbers that states and banks give to people.
//!
//! What has check digits must satisfy them; what has none needs its usual writing or a word that says what it is.

mod address;
mod checks;
mod email;
mod iban;
mod letters;
mod numbers;
mod phone;

use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::redact;

/// What redaction leaves is not longer than this, in bytes.
const LONGEST_MARK: usize = 48;

/// Two passes: one for `@` and `:`, one from number to number.
pub(crate) fn find(text: &str, found: &mut Candidates) {
    let mut v6_until = 0;
    for (at, byte) in bytes::near(text, |byte| byte == b'@' || byte == b':') {
        match byte {
            b'@' => email::find(text, at, found),
            b':' if at >= v6_until => v6_until = address::v6(text, at, found),
            _ => {}
        }
    }
    let mut read_until = 0;
    for (at, byte) in bytes::near(text, |byte| byte.is_ascii_digit()) {
        if byte.is_ascii_digit() && at >= read_until {
            read_until = number(text, at, found);
        }
    }
}

/// What begins with the digit at `at`, or in the word around it. Says where to go on.
fn number(text: &str, at: usize, found: &mut Candidates) -> usize {
    let start = Set::LETTER.run_back(text, at, 7);
    if bytes::before(text, start) == b'_' || at - start > 6 {
        return Set::WORD.run(text, at, usize::MAX);
    }
    if let Some(end) = letters::apart(text, at, found) {
        return end;
    }
    if start < at {
        let end = iban::find(text, start, found).or_else(|| letters::find(text, start, at, found));
        return end.unwrap_or_else(|| Set::WORD.run(text, at, usize::MAX));
    }
    address::v4(text, at, found).unwrap_or_else(|| numbers::find(text, at, found))
}

/// Whether one of the words stands within `most` bytes before `at`, as a word of its own.
pub(crate) fn is_near(text: &str, at: usize, most: usize, words: &[&str]) -> bool {
    let context = bytes::tail(text, at, most);
    // Between numbers there are no words to look for.
    if !context.contains(char::is_alphabetic) {
        return false;
    }
    let context = after_mark(text, at, context).to_lowercase();
    words.iter().any(|word| {
        context.match_indices(word).any(|(from, _)| {
            let free = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
            let before = context.get(..from).and_then(|part| part.chars().next_back());
            let after = context.get(from + word.len()..).and_then(|part| part.chars().next());
            free(before) && free(after)
        })
    })
}

/// The context without what [`redact`](crate::redact()) has left in it: the name of a kind is no word of the text.
fn after_mark<'a>(text: &str, at: usize, context: &'a str) -> &'a str {
    let wider = bytes::tail(text, at, context.len() + LONGEST_MARK);
    let mut marks = wider.rmatch_indices(redact::MARK);
    let mark = marks.find_map(|(from, _)| wider.get(from..).and_then(|mark| mark.split_once(']')));
    mark.map_or(context, |(_, since)| bytes::tail(context, context.len(), since.len()))
}
