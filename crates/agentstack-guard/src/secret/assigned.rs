//! Values that are secret because of the word before them: `datadog_api_key = …`, `"password": "…"`.
//!
//! Between the word and the value stand at most 20 characters of a name, then a sign of assignment. The words are found
//! anywhere, inside of names too.

use super::generic;
use super::placeholder;
use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::trigger::Hit;
use crate::{Confidence, Kind};

#[path = "keywords.rs"]
mod table;

pub(crate) use table::KEYWORDS;

/// What a value looks like behind a provider's name.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    /// What it begins with, in any case.
    pub(crate) prefix: &'static str,
    pub(crate) set: Set,
    /// How long it is, with the prefix, at least and at most.
    pub(crate) least: usize,
    pub(crate) most: usize,
}

/// What a word makes of the value behind it.
pub(crate) enum Role {
    /// A key of a provider, if it has one of these forms.
    Provider(&'static [Row]),
    /// Some key, if it looks random.
    Key,
    /// A password.
    Password,
}

pub(crate) struct Keyword {
    /// In lower case; found in any.
    pub(crate) word: &'static str,
    pub(crate) role: Role,
}

/// The longest rest of a name between the word and the sign of assignment.
const LONGEST_GAP: usize = 20;
/// The longest value.
const LONGEST_VALUE: usize = 150;

const NAME: Set = Set::TOKEN.and(b'.').and(b' ').and(b'\t');
const QUOTE: Set = Set::SPACE.and(b'\'').and(b'"');
const OPENING: Set = QUOTE.and(b'`').and(b'=');
const VALUE: Set =
    Set::BASE64.and(b'=').and(b'-').and(b'_').and(b'.').and(b':').and(b'%').and(b'~').and(b'|').and(b'@');
/// What a password may have besides.
const SYMBOLS: Set = VALUE
    .and(b'!')
    .and(b'#')
    .and(b'$')
    .and(b'^')
    .and(b'&')
    .and(b'*')
    .and(b'?')
    .and(b'(')
    .and(b')')
    .and(b'[')
    .and(b']')
    .and(b'<')
    .and(b'>')
    .and(b'{')
    .and(b'}')
    .and(b',');
/// What ends a value.
const CLOSING: Set =
    QUOTE.and(b'`').and(b';').and(b'\\').and(b',').and(b')').and(b'}').and(b']').and(b'<').and(b'&');

struct Value<'a> {
    text: &'a str,
    start: usize,
    is_quoted: bool,
    /// Whether it stands behind a comma only, as the next argument or the next word of a sentence does.
    is_weak: bool,
}

pub(crate) fn find(text: &str, keyword: &Keyword, hit: Hit, found: &mut Candidates) {
    let set = if matches!(keyword.role, Role::Password) { SYMBOLS } else { VALUE };
    let Some(value) = value(text, hit.end, set) else { return };
    let judged = match keyword.role {
        Role::Provider(rows) => rows.iter().find_map(|row| provider(row, value.text)),
        Role::Key if value.is_weak && !value.is_quoted => None,
        Role::Key => generic::key(value.text),
        Role::Password if value.is_weak => None,
        Role::Password => generic::password(value.text, value.is_quoted),
    };
    if let Some((kind, confidence)) = judged {
        found.add(kind, value.start..value.start + value.text.len(), confidence);
    }
}

fn provider(row: &Row, value: &str) -> Option<(Kind, Confidence)> {
    let (prefix, body) = value.split_at_checked(row.prefix.len())?;
    let fits = (row.least..=row.most).contains(&value.len()) && row.set.spells(body);
    let count = |test: fn(&u8) -> bool| body.bytes().filter(test).count();
    let is_mixed =
        count(u8::is_ascii_digit) > 0 || count(u8::is_ascii_uppercase).min(count(u8::is_ascii_lowercase)) > 2;
    // Hex and digits of 14 characters have 2.5 bits and more; names are words.
    let is_random = placeholder::entropy(body) >= 2.2 && (is_mixed || row.least > 40);
    let fits = fits && prefix.eq_ignore_ascii_case(row.prefix);
    (fits && is_random && !placeholder::is_placeholder(body)).then_some((row.kind, Confidence::Medium))
}

/// The value that is assigned to the name in which a word ends at `from`.
fn value(text: &str, from: usize, set: Set) -> Option<Value<'_>> {
    let mut at = NAME.run(text, from, LONGEST_GAP);
    at = QUOTE.run(text, at, 3);
    let sign = sign(text, at)?;
    at += sign.len();
    let start = OPENING.run(text, at, 5);
    let opening = bytes::slice(text, at..start);
    let is_quoted = opening.contains(['"', '\'', '`']);
    let end = set.run(text, start, LONGEST_VALUE);
    let value = bytes::slice(text, start..end);
    let next = bytes::at(text, end);
    let is_whole = next == 0 || CLOSING.has(next) || next >= 128;
    let trimmed =
        if is_quoted { value } else { value.trim_end_matches(['.', ',', ':', ')', ']', '}', '>', '?']) };
    (is_whole && !trimmed.is_empty()).then_some(Value {
        text: trimmed,
        start,
        is_quoted,
        is_weak: sign == ",",
    })
}

/// The sign of assignment at `at`: `=`, `:`, `:=`, `=>`, `>`, `||`, `?=`, `,` and the like.
fn sign(text: &str, at: usize) -> Option<&str> {
    const SIGNS: &[&str] = &[":::=", "::=", ":=", "=>", "||", "?=", "=", ":", ">", ","];
    let rest = text.get(at..)?;
    // Two colons that assign nothing join names of a program.
    let joins = rest.starts_with("::") && !rest.trim_start_matches(':').starts_with('=');
    SIGNS.iter().find(|sign| !joins && rest.starts_with(**sign)).copied()
}
