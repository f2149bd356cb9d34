//! International bank account numbers (ISO 13616): the length is that of the country, and the check digits hold.

use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::{Confidence, Kind};

/// Country and length of an IBAN there, from the registry that SWIFT keeps.
const LENGTHS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22\
GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30NL18\
NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20";

/// The longest with a space between groups of two, in bytes.
const LONGEST_WRITTEN: usize = 50;

/// The number whose country begins at `start`. Says where it ends.
pub(crate) fn find(text: &str, start: usize, found: &mut Candidates) -> Option<usize> {
    let written = bytes::head(text, start, LONGEST_WRITTEN);
    let length = length(written.get(..2)?)?;
    if Set::DIGIT.run(text, start + 2, 2) != start + 4 {
        return None;
    }
    let mut taken = 0;
    let mut end = 0;
    let mut rest = 0;
    let mut prefix = 0;
    for (offset, byte) in written.bytes().enumerate() {
        if taken == length {
            break;
        }
        if Set::ALNUM.has(byte) {
            // Letters count from 10; the first four characters belong at the end.
            if taken < 4 {
                prefix = append(prefix, byte);
            } else {
                rest = append(rest, byte);
            }
            taken += 1;
            end = start + offset + 1;
        } else if !matches!(byte, b' ' | b'-') || end != start + offset {
            break;
        }
    }
    let shift = 1_000_000;
    let holds = taken == length && (rest * shift + prefix) % 97 == 1;
    let goes_on = Set::ALNUM.has(bytes::at(text, end));
    (holds && !goes_on).then(|| found.add(Kind::PiiIban, start..end, Confidence::High))?;
    Some(end)
}

/// Two letters and two digits make six digits, so the front part is never reduced; the rest is.
fn append(number: u64, byte: u8) -> u64 {
    let value = u64::from(char::from(byte).to_digit(36).unwrap_or(0));
    let scale = if value > 9 { 100 } else { 10 };
    (number * scale + value) % 97
}

fn length(country: &str) -> Option<usize> {
    let country = country.to_ascii_uppercase();
    let entry = LENGTHS.as_bytes().chunks_exact(4).find(|entry| entry.starts_with(country.as_bytes()))?;
    std::str::from_utf8(entry).ok()?.get(2..)?.parse().ok()
}
