//! National numbers that begin with a letter.

use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::{Confidence, Kind};

/// The number whose letters begin at `start` and whose first digit is at `digit`. Says where it ends.
pub(crate) fn find(text: &str, start: usize, digit: usize, found: &mut Candidates) -> Option<usize> {
    let (kind, end) = match digit - start {
        6 => (Kind::PiiCodiceFiscale, codice_fiscale(text, start)?),
        2 => (Kind::PiiNino, nino(text, start)?),
        1 => (Kind::PiiDni, nie(text, start)?),
        _ => return None,
    };
    found.add(kind, start..end, Confidence::High);
    Some(end)
}

/// A number whose two letters stand apart from its digits, the first of which is at `digit`. Says where it ends.
pub(crate) fn apart(text: &str, digit: usize, found: &mut Candidates) -> Option<usize> {
    let space = digit.checked_sub(1).filter(|at| bytes::at(text, *at) == b' ')?;
    let start = Set::WORD.run_back(text, space, 3);
    let end = (space - start == 2).then(|| nino(text, start))??;
    found.add(Kind::PiiNino, start..end, Confidence::High);
    Some(end)
}

/// Six letters, year, month, day, place and a letter that is the sum of the others modulo 26 (Decree of 23 December
/// 1976). Digits may be replaced by letters where two people would have the same.
fn codice_fiscale(text: &str, start: usize) -> Option<usize> {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12,
        14, 16, 10, 22, 25, 24, 23,
    ];
    let end = start + 16;
    let written = text.get(start..end)?;
    let [.., check] = written.as_bytes() else { return None };
    let is_month = written.get(8..9)?.contains(['A', 'B', 'C', 'D', 'E', 'H', 'L', 'M', 'P', 'R', 'S', 'T']);
    if !Set::UPPER.spells(written) || !is_month || Set::WORD.has(bytes::at(text, end)) {
        return None;
    }
    let sum: u32 = written
        .chars()
        .take(15)
        .enumerate()
        .filter_map(|(place, c)| {
            let value = c.to_digit(36)?;
            if place % 2 == 0 {
                ODD.get(usize::try_from(value).ok()?).copied()
            } else {
                Some(c.to_digit(10).unwrap_or(value.wrapping_sub(10)))
            }
        })
        .sum();
    (u32::from(check.wrapping_sub(b'A')) == sum % 26).then_some(end)
}

/// Two letters, six digits, A to D; which letters are given out is said by HMRC's manual NIM39110.
fn nino(text: &str, start: usize) -> Option<usize> {
    const NEVER: &[&str] = &["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"];
    let prefix = text.get(start..start + 2)?;
    let given_out = prefix.bytes().all(|byte| byte.is_ascii_uppercase())
        && !prefix.contains(['D', 'F', 'I', 'Q', 'U', 'V'])
        && !prefix.ends_with('O')
        && !NEVER.contains(&prefix);
    let mut at = start + 2;
    for _ in 0..3 {
        at += usize::from(bytes::at(text, at) == b' ');
        let end = Set::DIGIT.run(text, at, 2);
        if end - at != 2 {
            return None;
        }
        at = end;
    }
    at += usize::from(bytes::at(text, at) == b' ');
    let is_suffix = matches!(bytes::at(text, at), b'A'..=b'D');
    (given_out && is_suffix && !Set::WORD.has(bytes::at(text, at + 1))).then_some(at + 1)
}

/// X, Y or Z for the first digit, seven digits, and the letter of a DNI.
fn nie(text: &str, start: usize) -> Option<usize> {
    let first = match bytes::at(text, start) {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return None,
    };
    let end = Set::DIGIT.run(text, start + 1, 8);
    let number: u64 = text.get(start + 1..end).filter(|digits| digits.len() == 7)?.parse().ok()?;
    letter_after(text, end, first * 10_000_000 + number)
}

/// The letter of a DNI or NIE behind its digits: the number modulo 23 (Royal Decree 1553/2005). Says where it ends.
pub(crate) fn letter_after(text: &str, end: usize, number: u64) -> Option<usize> {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let at = end + usize::from(bytes::at(text, end) == b'-');
    let expected = LETTERS.get(usize::try_from(number % 23).ok()?)?;
    (bytes::at(text, at) == *expected && !Set::WORD.has(bytes::at(text, at + 1))).then_some(at + 1)
}
