//! Values that are assigned to something called a key, a token, a secret or a password, and look random.

use super::placeholder;
use crate::bytes::Set;
use crate::{Confidence, Kind};

/// The least spread of a key's characters, in bits a character: below it are words and dates.
const KEY_ENTROPY: f64 = 3.5;
/// The same for passwords, which people choose and which are short.
const PASSWORD_ENTROPY: f64 = 2.5;

/// Values, in lower case, that stand for a password or name where it comes from.
const NO_VALUES: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "none",
    "null",
    "true",
    "false",
    "undefined",
    "required",
    "optional",
    "string",
    "hidden",
    "empty",
    "default",
    "unknown",
    "encrypted",
    "env.",
    "process.",
    "os.",
    "config.",
    "self.",
    "this.",
    "get",
    "new",
    "http",
    "localhost",
    "sha256:",
    "vault:",
    "file:",
    "test",
    "/",
];

/// Whether the value after a word for a key is one.
pub(crate) fn key(value: &str) -> Option<(Kind, Confidence)> {
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let has_letter = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let fits = (10..=150).contains(&value.len()) && has_digit && has_letter;
    if !fits || is_none(value) || placeholder::entropy(value) < KEY_ENTROPY || is_readable(value) {
        return None;
    }
    // Names have their digits in one place, as in `X509Certificate`.
    let groups = value.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).count();
    let is_long = value.len() >= 20 && !value.contains('.') && groups > 1;
    Some((Kind::SecretGeneric, if is_long { Confidence::Medium } else { Confidence::Low }))
}

/// Whether the value after a word for a password is one.
pub(crate) fn password(value: &str, is_quoted: bool) -> Option<(Kind, Confidence)> {
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    let lower = has(u8::is_ascii_lowercase);
    let upper = value.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
    let mixed =
        has(u8::is_ascii_digit) || (lower && upper) || value.bytes().any(|byte| !Set::ALNUM.has(byte));
    let fits = (6..=150).contains(&value.len()) && mixed && (lower || upper || has(u8::is_ascii_digit));
    if !fits || is_none(value) || placeholder::entropy(value) < PASSWORD_ENTROPY {
        return None;
    }
    let is_words = !has(u8::is_ascii_digit) && Set::LETTER.or(Set::TOKEN).and(b'.').spells(value);
    let looks_like_code = !is_quoted && value.contains(['(', ')', '[', ']', '.', ':', '/', ',', '_', '-']);
    let confidence = match (is_quoted, looks_like_code || is_words) {
        (_, true) => Confidence::Low,
        (true, _) => Confidence::High,
        (false, false) => Confidence::Medium,
    };
    (is_quoted || !is_words).then_some((Kind::SecretPassword, confidence))
}

fn is_none(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    placeholder::is_placeholder(value)
        || lower.contains("password")
        || lower.contains("::")
        || NO_VALUES
            .iter()
            .any(|no| lower.starts_with(no) && (lower.len() <= no.len() + 2 || no.ends_with(['.', ':', '/'])))
}

/// Words that are joined by dashes, dots or slashes with few digits: a path, a date, a version, a name.
fn is_readable(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let joints = value.bytes().filter(|byte| matches!(byte, b'-' | b'.' | b'/' | b'_')).count();
    let longest = value.split(['-', '.', '/', '_']).map(str::len).max().unwrap_or(0);
    joints > 0 && longest < 10 && (digits <= 6 || joints >= 3)
}
