//! Telephone numbers: international writing, the common national ones, and what a word says is one.

use std::ops::Range;

use super::numbers::Number;
use crate::bytes::{self, Set};
use crate::{Confidence, Kind, pii};

/// Words before a number that say it is one.
const BEFORE: &[&str] = &[
    "phone",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "cellphone",
    "fax",
    "call",
    "call me",
    "dial",
    "whatsapp",
    "sms",
    "text me",
    "desk",
    "office",
    "hotline",
    "ring",
    "reach me",
    "reached at",
    "answering at",
    "messages to",
    "telefon",
    "handy",
    "mobil",
    "rufnummer",
    "téléphone",
    "portable",
    "teléfono",
    "telefono",
    "móvil",
    "celular",
    "telefone",
    "cellulare",
    "telefoon",
    "телефон",
    "тел",
    "电话",
    "手机",
    "電話",
];
/// Words after it.
const AFTER: &[&str] = &["office", "fax", "mobile", "cell", "home", "work", "phone", "desk"];
/// How far before it such a word may stand, in bytes.
const CONTEXT: usize = 32;

pub(crate) fn judge(number: &Number<'_>) -> Option<(Kind, Range<usize>, Confidence)> {
    if is_date(number) || is_decimal(number) {
        return None;
    }
    let before = bytes::before(number.text, number.span.start);
    let closes = number.groups.iter().any(|group| group.separator.contains(')'));
    let opening = usize::from(before == b'+' || (before == b'(' && closes));
    let start = number.span.start - opening;
    let start = start - usize::from(before == b'(' && closes && bytes::before(number.text, start) == b'+');
    let has_plus = bytes::at(number.text, start) == b'+';
    let named = is_named(number);
    let confidence = match written(number, has_plus, before == b'(') {
        Some(sure) => sure.max(if named { Confidence::High } else { Confidence::Low }),
        None if named && number.digits.len() <= 15 => Confidence::Medium,
        None => return None,
    };
    Some((Kind::PiiPhone, start..extension_end(number.text, number.span.end), confidence))
}

/// How sure the writing alone makes it.
fn written(number: &Number<'_>, has_plus: bool, in_brackets: bool) -> Option<Confidence> {
    let count = number.digits.len();
    let lengths: Vec<usize> = number.lengths().collect();
    let leads = number.digits.first() == Some(&0);
    let begins_00 = number.groups.first().is_some_and(|group| group.digits.starts_with("00"));
    let separator = number.separator();
    let evenly = lengths.iter().skip(1).all(|length| (2..=4).contains(length));
    // ITU-T E.164: at most 15 digits; the country code does not begin with 0. A trunk 0 in brackets is no part of it.
    if has_plus && (8..=16).contains(&count) && !leads {
        return Some(Confidence::High);
    }
    if begins_00 && (10..=17).contains(&count) && lengths.len() > 1 && number.digits.get(2) != Some(&0) {
        return Some(Confidence::Medium);
    }
    if is_north_american(number, &lengths) {
        return Some(Confidence::Medium);
    }
    let has_trunk =
        leads && !begins_00 && (9..=11).contains(&count) && lengths.first().is_some_and(|first| *first >= 2);
    let joined = match separator {
        Some(".") => lengths.len() >= 4 && evenly,
        Some(" " | "-" | "/" | ") " | ")" | "/ ") => lengths.len() > 1,
        None => lengths.len() > 1 && (in_brackets || evenly),
        _ => false,
    };
    (has_trunk && joined).then_some(Confidence::Medium)
}

/// Three, three and four digits; area and exchange begin with 2 to 9 (the numbering plan of North America).
fn is_north_american(number: &Number<'_>, lengths: &[usize]) -> bool {
    let (([3, 3, 4], digits) | ([1, 3, 3, 4], [1, digits @ ..])) = (lengths, number.digits.as_slice()) else {
        return false;
    };
    let possible = |at: usize| digits.get(at).is_some_and(|digit| *digit >= 2);
    let is_joined = number.groups.iter().skip(1).all(|group| !matches!(group.separator, "/" | "/ " | " ("))
        && (number.separator() != Some(" ")
            || lengths.len() == 4
            || pii::is_near(number.text, number.span.start, CONTEXT, BEFORE));
    possible(0) && possible(3) && is_joined
}

fn is_named(number: &Number<'_>) -> bool {
    let after = bytes::head(number.text, extension_end(number.text, number.span.end), 12).to_lowercase();
    let after = after.trim_start_matches(['-', ' ', '(', ',']);
    let word: String = after.chars().take_while(|c| c.is_alphabetic()).collect();
    AFTER.contains(&word.as_str()) || is_directly_named(number)
}

/// Whether the word stands before it without another number between them.
fn is_directly_named(number: &Number<'_>) -> bool {
    let context = bytes::tail(number.text, number.span.start, CONTEXT);
    let since = context.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
    pii::is_near(number.text, number.span.start, context.len() - since, BEFORE)
}

/// `2024-01-31`, `31.01.2024`, `01/31/2024`, and years.
fn is_date(number: &Number<'_>) -> bool {
    let lengths: Vec<usize> = number.lengths().collect();
    let is_year = |index: usize| {
        number
            .groups
            .get(index)
            .is_some_and(|group| group.digits.starts_with("19") || group.digits.starts_with("20"))
    };
    let holds_one = lengths.windows(3).enumerate().any(|(index, window)| match window {
        [4, 1 | 2, 1 | 2] => is_year(index),
        [1 | 2, 1 | 2, 4] => is_year(index + 2) && number.separator() != Some(" "),
        _ => false,
    });
    holds_one || (lengths == [4, 4] && is_year(0) && is_year(1))
}

/// Two groups with a dot between them: a decimal, an amount, a build.
fn is_decimal(number: &Number<'_>) -> bool {
    number.groups.len() == 2 && number.separator() == Some(".")
}

/// Whether what follows the digits is an extension: `x123`, ` ext. 123`.
pub(crate) fn has_extension(text: &str, at: usize) -> bool {
    extension_end(text, at) > at
}

fn extension_end(text: &str, at: usize) -> usize {
    const WORDS: &[&str] = &["x", " x", " ext. ", " ext ", " ext.", "ext"];
    let rest = bytes::slice(text, at..text.len());
    let Some(word) = WORDS.iter().find(|word| rest.starts_with(**word)) else { return at };
    let from = at + word.len();
    let end = Set::DIGIT.run(text, from, 6);
    let is_one = (1..=5).contains(&(end - from)) && !Set::WORD.has(bytes::at(text, end));
    if is_one { end } else { at }
}
