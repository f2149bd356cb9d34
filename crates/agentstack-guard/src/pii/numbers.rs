//! Numbers that are written in digits: what each of them is, by its check digits, its writing and the words before it.

use std::ops::Range;

use super::{checks, letters, phone};
use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::{Confidence, Kind, pii};

/// The most groups of digits that are looked at as one number.
const MOST_GROUPS: usize = 8;
/// The most digits of one number.
const MOST_DIGITS: usize = 19;
/// How far before a number the word that names it may stand, in bytes.
const CONTEXT: usize = 40;

/// Digits that stand together, and what separates them from the group before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    pub(crate) digits: &'a str,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) separator: &'a str,
}

/// A number as it is written: some groups that follow each other.
pub(crate) struct Number<'a> {
    pub(crate) text: &'a str,
    pub(crate) groups: &'a [Group<'a>],
    pub(crate) digits: Vec<u8>,
    pub(crate) span: Range<usize>,
}

impl Number<'_> {
    pub(crate) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.groups.iter().map(|group| group.digits.len())
    }

    fn is_grouped(&self, lengths: &[usize]) -> bool {
        self.lengths().eq(lengths.iter().copied())
    }

    /// What stands between the groups, if that is the same everywhere; nothing for one group.
    pub(crate) fn separator(&self) -> Option<&str> {
        let mut separators = self.groups.iter().skip(1).map(|group| group.separator);
        let Some(first) = separators.next() else { return Some("") };
        separators.all(|other| other == first).then_some(first)
    }

    fn is_named(&self, words: &[&str]) -> bool {
        pii::is_near(self.text, self.span.start, CONTEXT, words)
    }
}

/// The numbers that begin with the digit at `at`, up to the first thing that is no separator. Says where that is.
pub(crate) fn find(text: &str, at: usize, found: &mut Candidates) -> usize {
    let groups = groups(text, at);
    let Some(end) = groups.last().map(|group| group.end) else { return at + 1 };
    let mut from = 0;
    while let Some(rest) = groups.get(from..).filter(|rest| !rest.is_empty()) {
        let hit = (1..=rest.len())
            .rev()
            .find_map(|count| rest.get(..count).and_then(|part| judge(text, part)).map(|hit| (count, hit)));
        let Some((count, (kind, span, confidence))) = hit else {
            from += 1;
            continue;
        };
        found.add(kind, span, confidence);
        from += count;
    }
    // Where a group is cut off in the middle, the rest of its digits belongs to nothing.
    Set::WORD.run(text, end, usize::MAX)
}

fn groups(text: &str, from: usize) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut start = from;
    let mut separator = "";
    while groups.len() < MOST_GROUPS {
        let end = Set::DIGIT.run(text, start, 40);
        groups.push(Group { digits: bytes::slice(text, start..end), start, end, separator });
        let Some(next) = separator_at(text, end) else { break };
        separator = next;
        start = end + next.len();
    }
    groups
}

/// What separates two groups of digits at `at`, if a digit follows it.
fn separator_at(text: &str, at: usize) -> Option<&str> {
    const SEPARATORS: &[&str] = &[
        ") ", ")-", " (", " - ", "-(", "/ ", " ", "-", ".", ")", "/", "(", "\u{a0}", "\u{2011}", "\u{202f}",
    ];
    let rest = text.get(at..)?;
    let separator = SEPARATORS.iter().find(|separator| rest.starts_with(**separator))?;
    bytes::at(rest, separator.len()).is_ascii_digit().then_some(*separator)
}

type Judged = (Kind, Range<usize>, Confidence);

fn judge(text: &str, groups: &[Group<'_>]) -> Option<Judged> {
    let (first, last) = (groups.first()?, groups.last()?);
    let digits: Vec<u8> =
        groups.iter().flat_map(|group| group.digits.bytes()).map(|digit| digit - b'0').collect();
    let all_same = digits.iter().all(|digit| digits.first() == Some(digit));
    if !(7..=MOST_DIGITS).contains(&digits.len()) || all_same {
        return None;
    }
    let number = Number { text, groups, digits, span: first.start..last.end };
    if let Some(end) = dni(&number) {
        return Some((Kind::PiiDni, number.span.start..end, Confidence::High));
    }
    if is_part(text, first.start)
        || Set::WORD.has(bytes::at(text, last.end)) && !phone::has_extension(text, last.end)
    {
        return None;
    }
    let kind = national(&number).or_else(|| card(&number));
    kind.map(|(kind, confidence)| (kind, number.span.clone(), confidence)).or_else(|| phone::judge(&number))
}

/// Whether what stands before joins it to a longer thing: a UUID, a path, a version.
fn is_part(text: &str, start: usize) -> bool {
    let joint = bytes::before(text, start);
    matches!(joint, b'-' | b'.' | b'/' | b'_') && Set::ALNUM.has(bytes::before(text, start - 1))
}

fn dni(number: &Number<'_>) -> Option<usize> {
    let is_one = number.digits.len() == 8 && (number.groups.len() == 1 || number.separator() == Some("."));
    is_one.then(|| {
        letters::letter_after(number.text, number.span.end, checks::modulo(&number.digits, u64::MAX))
    })?
}

fn national(number: &Number<'_>) -> Option<(Kind, Confidence)> {
    match number.digits.len() {
        8 | 9 => nine(number),
        11 => eleven(number),
        12 => twelve(number),
        15 => fifteen(number),
        _ => None,
    }
}

/// Social security (SSA, since 2011: every area but 000, 666 and 900 and more), social insurance, tax file number.
fn nine(number: &Number<'_>) -> Option<(Kind, Confidence)> {
    let digits = number.digits.as_slice();
    let value = checks::modulo(digits, u64::MAX);
    let (area, group, serial) = (value / 1_000_000, value / 10_000 % 100, value % 10_000);
    let possible = digits.len() == 9 && !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0;
    let advertised = matches!(value, 78_051_120 | 219_099_999 | 123_456_789);
    let named = || number.is_named(&["ssn", "social security", "social security number"]);
    let written = number.is_grouped(&[3, 2, 4]) && matches!(number.separator(), Some("-" | " " | "\u{2011}"));
    if possible && !advertised && (written || number.groups.len() == 1) {
        if named() {
            return Some((Kind::PiiSsn, Confidence::High));
        }
        if written && number.separator() == Some("-") {
            return Some((Kind::PiiSsn, Confidence::Medium));
        }
    }
    let fits = digits.len() == 9 && (number.groups.len() == 1 || number.is_grouped(&[3, 3, 3]));
    if fits && checks::luhn(digits) && number.is_named(&["sin", "social insurance", "nas"]) {
        return Some((Kind::PiiSin, Confidence::High));
    }
    let sum = checks::weighted(digits, [1, 4, 3, 7, 5, 8, 6, 9, 10]);
    let is_tfn =
        fits && sum.is_multiple_of(11) && number.is_named(&["tfn", "tax file number", "tax file no"]);
    is_tfn.then_some((Kind::PiiTfn, Confidence::High))
}

/// CPF (two digits modulo 11) and the German tax id (ISO/IEC 7064, MOD 11,10; one digit of the first ten is repeated).
fn eleven(number: &Number<'_>) -> Option<(Kind, Confidence)> {
    let digits = number.digits.as_slice();
    let check = |count: usize| {
        let sum = checks::weighted(digits.get(..count).unwrap_or_default(), (2..=11).rev().skip(10 - count));
        digits.get(count).is_some_and(|digit| sum * 10 % 11 % 10 == u32::from(*digit))
    };
    let written = number.text.get(number.span.clone()).is_some_and(|text| {
        number.is_grouped(&[3, 3, 3, 2]) && text.matches('.').count() == 2 && text.contains('-')
    });
    if check(9) && check(10) && (written || number.is_named(&["cpf"])) {
        return Some((Kind::PiiCpf, Confidence::High));
    }
    let named = || {
        number.is_named(&[
            "steuer-id",
            "steuer-identifikationsnummer",
            "steueridentifikationsnummer",
            "idnr",
            "tin",
            "tax id",
            "steuer-idnr",
        ])
    };
    let product = digits.iter().take(10).fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    let holds =
        digits.last().is_some_and(|digit| (11 - product) % 10 == u32::from(*digit)) && repeats_one(digits);
    let is_one = holds && digits.first() != Some(&0) && (number.is_grouped(&[2, 3, 3, 3]) || named());
    is_one.then_some((Kind::PiiSteuerId, Confidence::High))
}

/// Whether among the first ten digits exactly one stands twice or three times.
fn repeats_one(digits: &[u8]) -> bool {
    let count = |digit: u8| digits.iter().take(10).filter(|other| **other == digit).count();
    (0..10).filter(|digit| matches!(count(*digit), 2 | 3)).count() == 1
        && (0..10).all(|digit| count(digit) <= 3)
}

fn twelve(number: &Number<'_>) -> Option<(Kind, Confidence)> {
    let written = number.is_grouped(&[4, 4, 4]) && number.separator() == Some(" ");
    let begins = number.digits.first().is_some_and(|digit| *digit >= 2);
    let named = || number.is_named(&["aadhaar", "aadhar", "uid", "uidai"]);
    let holds = begins && checks::verhoeff(&number.digits) && (written || named());
    let confidence = if named() { Confidence::High } else { Confidence::Medium };
    holds.then_some((Kind::PiiAadhaar, confidence))
}

/// NIR: sex, year, month, place, order and a key modulo 97 (INSEE). Corsica's places with letters are not claimed.
fn fifteen(number: &Number<'_>) -> Option<(Kind, Confidence)> {
    let (body, key) = number.digits.split_at_checked(13)?;
    let month = checks::modulo(body.get(3..5)?, 100);
    let holds = matches!(body.first(), Some(1 | 2))
        && matches!(month, 1..=12 | 20..=42 | 50..)
        && checks::modulo(body, 97) + checks::modulo(key, 100) == 97;
    holds.then_some((Kind::PiiNir, Confidence::High))
}

/// Payment cards: the ranges of numbers that the networks publish, their lengths, and Luhn's digit.
fn card(number: &Number<'_>) -> Option<(Kind, Confidence)> {
    let digits = number.digits.as_slice();
    let written = match number.separator() {
        Some("") => true,
        Some(" " | "-" | "\u{a0}" | "\u{202f}") => {
            let groups: Vec<usize> = number.lengths().collect();
            matches!(groups.as_slice(), [4, 4 | 6, 4 | 5] | [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3])
        }
        _ => false,
    };
    if !written || !is_issued(digits) || !checks::luhn(digits) {
        return None;
    }
    let named = || {
        number.is_named(&[
            "card",
            "credit card",
            "visa",
            "mastercard",
            "amex",
            "card number",
            "debit",
            "cc",
            "pan",
            "maestro",
        ])
    };
    let sure = number.groups.len() > 1 || named();
    Some((Kind::PiiCard, if sure { Confidence::High } else { Confidence::Medium }))
}

fn is_issued(digits: &[u8]) -> bool {
    let front = |count: usize| checks::modulo(digits.get(..count).unwrap_or_default(), u64::MAX);
    let (two, three, four) = (front(2), front(3), front(4));
    match digits.len() {
        13 | 19 if digits.first() == Some(&4) => true,
        16 => {
            digits.first() == Some(&4)
                || matches!(two, 51..=55 | 62 | 65)
                || matches!(four, 2221..=2720 | 3528..=3589 | 6011)
                || matches!(three, 644..=649)
                || is_maestro(two, four)
        }
        15 => matches!(two, 34 | 37) || matches!(four, 1800 | 2131),
        14 => matches!(three, 300..=305 | 309) || matches!(two, 36 | 38 | 39),
        12 | 13 | 17..=19 => is_maestro(two, four) || (two == 62 && digits.len() > 16),
        _ => false,
    }
}

fn is_maestro(two: u64, four: u64) -> bool {
    matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6390 | 6759 | 6761..=6763 | 604)
        || matches!(two, 56..=58)
}
