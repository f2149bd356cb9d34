//! Addresses of the internet that lead to somebody: public ones.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::{Confidence, Kind, pii};

/// The longest way to write each, in bytes.
const LONGEST_V4: usize = 15;
const LONGEST_V6: usize = 45;

const V6: Set = Set::HEX.and(b':');

/// The address that begins with the digit at `at`. Says where it ends, or that four numbers with dots stand here.
pub(crate) fn v4(text: &str, at: usize, found: &mut Candidates) -> Option<usize> {
    let end = Set::DIGIT.and(b'.').run(text, at, LONGEST_V4 + 1);
    let written = bytes::slice(text, at..end).trim_end_matches('.');
    let address: Ipv4Addr = written.parse().ok()?;
    let end = at + written.len();
    // A version is written the same way; what goes on is a longer number or a name.
    let is_version = pii::is_near(text, at, 12, &["version", "v", "release", "rev"]);
    let is_part = matches!(bytes::before(text, at), b'.' | b'-' | b'/')
        && bytes::before(text, at - 1) != b'/'
        || Set::ALNUM.has(bytes::at(text, end))
        || bytes::at(text, end) == b'-' && Set::ALNUM.has(bytes::at(text, end + 1));
    if is_public_v4(address) && !is_version && !is_part {
        // Four numbers of one digit are more often a version or an example.
        let is_short = written.len() == 7;
        found.add(Kind::PiiIp, at..end, if is_short { Confidence::Low } else { Confidence::Medium });
    }
    Some(end)
}

/// The address around the colon at `at`. Says up to where the text has been read.
pub(crate) fn v6(text: &str, at: usize, found: &mut Candidates) -> usize {
    let start = Set::HEX.run_back(text, at, 4);
    let start = if bytes::before(text, start) == b':' { start - 1 } else { start };
    let end = V6.run(text, at, LONGEST_V6);
    let is_free = !Set::WORD.has(bytes::before(text, start)) && !Set::WORD.has(bytes::at(text, end));
    let written = bytes::slice(text, start..end);
    let written = if written.ends_with("::") { written } else { written.trim_end_matches(':') };
    let groups = written.split(':').filter(|group| !group.is_empty()).count();
    if !is_free || groups < 3 || !written.bytes().any(|byte| byte.is_ascii_digit()) {
        return end;
    }
    if let Ok(address) = written.parse::<Ipv6Addr>()
        && is_public_v6(address)
    {
        found.add(Kind::PiiIp, start..start + written.len(), Confidence::High);
    }
    end
}

/// Not one of the special blocks of RFC 6890 that lead to nobody.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_unspecified()
        || matches!(address.octets(), [192, 0, 0, _] | [198, 18 | 19, ..])
        || (first == 100 && (64..128).contains(&second))
        || !(1..224).contains(&first);
    !is_special
}

/// Of the part that is given out (RFC 4291: `2000::/3`), and everything else that is not reserved for a purpose.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_special = address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || first & 0xfe00 == 0xfc00
        || first & 0xffc0 == 0xfe80
        || (first == 0x2001 && second == 0xdb8)
        || first == 0;
    !is_special
}
