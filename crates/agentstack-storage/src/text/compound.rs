//! Compounds: `fooBar`, `foo_bar`, `e-mail`, `main.rs`, `v1.2.3`, `src/main.rs`, `a::b`, `foo@bar.com`.
//!
//! UAX #29 keeps some of these whole and breaks others. Here each part is a word, and the joined whole is a term
//! besides, at each of three levels ([`Joint`]): `src/mainFile.rs` gives `mainfile`, `mainfilers` and
//! `srcmainfilers`. Parts are joined without a mark, so that `fooBar`, `foo_bar`, `foo-bar` and `foobar` meet; two
//! digits are kept apart, so that `1.2` is not `12`.

use super::script::part;
use super::term::{DIGIT_JOINT, MAX_TERM_CHARS, TermBuffer};

/// How tightly a part holds on to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Joint {
    /// Within a name: a hump, `_`, `-`, `'`.
    Name,
    /// Within a dotted name: `.`, `::`, and `,` between groups of digits.
    Dotted,
    /// Within a path or an address: `/`, `\`, `:`, `@`, `#`, `&`, and what they form.
    Path,
}

/// One word of a compound: its bytes in the chunk, and what joins it to the part before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) joint: Joint,
    /// The digits go on from the part before: `1,000`.
    pub(super) grouped: bool,
}

/// What the punctuation between two words makes of them, if it does not divide them.
pub(super) fn joint(punctuation: &str, before: &str, after: &str) -> Option<Joint> {
    match punctuation {
        "_" | "__" | "-" | "'" => Some(Joint::Name),
        "." | "::" | "·" | "‧" | "״" | "\u{2044}" => Some(Joint::Dotted),
        "," if groups_digits(before, after) => Some(Joint::Dotted),
        "/" | "\\" | "\\\\" | ":" | "://" | ":\\" | ":\\\\" | ":/" | "@" | "#" | "&" => Some(Joint::Path),
        _ => None,
    }
}

/// `1,000` and `12,000,000`, but not `1,2` or `17,18`.
fn groups_digits(before: &str, after: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    before.len() <= 3 && after.len() == 3 && digits(before) && digits(after)
}

/// What follows an apostrophe and is not a word of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contraction {
    /// `n't`: one word with what stands before.
    Negation,
    /// `'s`, `'re`, `'ll` …: left out.
    Suffix,
}

pub(super) fn contraction(before: &str, after: &str) -> Option<Contraction> {
    if !before.ends_with(char::is_alphabetic) {
        return None;
    }
    let is = |suffix: &str| after.eq_ignore_ascii_case(suffix);
    if is("t") && before.ends_with(['n', 'N']) {
        Some(Contraction::Negation)
    } else if ["s", "re", "ve", "ll", "d", "m"].into_iter().any(is) {
        Some(Contraction::Suffix)
    } else {
        None
    }
}

/// The offsets inside `word` at which a new part begins: `http|Server`, `HTTP|Server`, `utf8|Decoder`; not in
/// `sha256`, `E0425` or `APIs`. A word too long for a term has no parts: it is a hash or an encoding.
pub(super) fn humps(word: &str, mut begins: impl FnMut(usize)) {
    let plain = word.is_ascii() && !word.bytes().any(|b| b.is_ascii_uppercase());
    if plain || word.chars().count() > MAX_TERM_CHARS {
        return;
    }
    let mut rest = word.char_indices();
    let mut before = None;
    while let Some((offset, c)) = rest.next() {
        if let Some(before) = before
            && c.is_uppercase()
            && starts_part(before, rest.as_str())
        {
            begins(offset);
        }
        before = Some(c);
    }
}

/// Whether an upper-case character between `before` and `rest` begins a part.
fn starts_part(before: char, rest: &str) -> bool {
    let mut rest = rest.chars();
    let (next, after) = (rest.next(), rest.next());
    let lower = |c: Option<char>| c.is_some_and(char::is_lowercase);
    if before.is_lowercase() {
        true
    } else if before.is_uppercase() {
        let plural = next == Some('s') && !lower(after);
        lower(next) && !plural
    } else {
        before.is_numeric() && lower(next)
    }
}

/// Calls `whole` with every compound that the parts form, level by level.
pub(super) fn for_each_whole(
    chunk: &str,
    parts: &[Part],
    buffer: &mut TermBuffer,
    mut whole: impl FnMut(&TermBuffer),
) {
    for level in [Joint::Name, Joint::Dotted, Joint::Path] {
        for group in parts.chunk_by(|_, next| next.joint <= level) {
            let loosest = group.iter().skip(1).map(|part| part.joint).max();
            if loosest == Some(level) {
                buffer.clear();
                for part in group {
                    append(chunk, *part, buffer);
                }
                whole(buffer);
            }
        }
    }
}

fn append(chunk: &str, next: Part, buffer: &mut TermBuffer) {
    let text = part(chunk, next.start, next.end);
    let digit = |c: Option<char>| c.is_some_and(char::is_numeric);
    if !next.grouped && digit(buffer.last()) && digit(text.chars().next()) {
        buffer.push(DIGIT_JOINT);
    }
    buffer.push_lower(text);
}

/// `C++` and `C#` are called what people call them: the suffix would be lost otherwise.
pub(super) fn language(name: &str, punctuation: &str) -> Option<&'static str> {
    let single = name.len() == 1 && name.bytes().all(|b| b.is_ascii_alphabetic());
    match punctuation {
        _ if !single => None,
        _ if punctuation.starts_with("++") => Some("plusplus"),
        _ if punctuation.starts_with('#') => Some("sharp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_breaks_at_its_humps() {
        let table = [
            ("fooBar", "foo Bar"),
            ("HTTPServer", "HTTP Server"),
            ("parseHTTPRequest", "parse HTTP Request"),
            ("utf8Decoder", "utf8 Decoder"),
            ("sha256", "sha256"),
            ("E0425", "E0425"),
            ("APIs", "APIs"),
            ("URLsFor", "URLs For"),
            ("HTTPService", "HTTP Service"),
            ("iOS", "i OS"),
            ("ПриветМир", "Привет Мир"),
            ("Hello", "Hello"),
        ];
        for (word, expected) in table {
            let mut cuts = Vec::new();
            humps(word, |offset| cuts.push(offset));
            let mut parts = word.to_owned();
            cuts.into_iter().rev().for_each(|offset| parts.insert(offset, ' '));
            assert_eq!(parts, expected);
        }
    }

    #[test]
    fn a_long_word_has_no_humps() {
        humps(&"aB".repeat(40), |offset| panic!("hump at {offset}"));
    }

    #[test]
    fn a_comma_joins_groups_of_digits_only() {
        assert_eq!(joint(",", "1", "000"), Some(Joint::Dotted));
        assert_eq!(joint(",", "one", "two"), None);
        assert_eq!(joint(",", "1", "2"), None);
        assert_eq!(joint(",", "2023", "100"), None);
    }
}
