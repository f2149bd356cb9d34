//! E-mail addresses.

use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::{Confidence, Kind};

/// The longest local part and the longest domain, in bytes (RFC 5321, section 4.5.3.1).
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 255;

/// Names that nobody has (RFC 2606 and RFC 6761).
const RESERVED: &[&str] = &["example.com", "example.net", "example.org", "localhost"];
const RESERVED_ENDS: &[&str] = &["example", "test", "invalid", "localhost", "local", "internal"];

/// The marks of an atom that occur in addresses (RFC 5322, section 3.2.3).
const LOCAL_MARKS: Set = Set::WORD.and(b'.').and(b'-').and(b'+').and(b'%').and(b'\'').and(b'&');

pub(crate) fn find(text: &str, at: usize, found: &mut Candidates) {
    let start = local_start(text, at);
    let local = bytes::slice(text, start..at).trim_start_matches(['.', '-', '\'', '&']);
    let end = domain_end(text, at + 1);
    let domain = bytes::slice(text, at + 1..end);
    // `git@host:path` is how git writes a remote, and `://user:password@host` is a URL's.
    let from = at - local.len();
    let is_behind = bytes::before(text, from) == b':';
    let user = if is_behind { LOCAL_MARKS.run_back(text, from - 1, LONGEST_LOCAL) } else { from };
    let is_remote = local == "git" || bytes::tail(text, user, 3) == "://";
    if local.is_empty() || local.ends_with('.') || local.contains("..") || is_remote || !is_domain(domain) {
        return;
    }
    found.add(Kind::PiiEmail, from..end, Confidence::High);
}

fn local_start(text: &str, at: usize) -> usize {
    let context = bytes::tail(text, at, LONGEST_LOCAL);
    let taken = context.chars().rev().take_while(|c| is_local(*c)).map(char::len_utf8).sum::<usize>();
    at - taken
}

fn is_local(c: char) -> bool {
    u8::try_from(c).map_or_else(|_| c.is_alphanumeric(), |byte| LOCAL_MARKS.has(byte) || c.is_alphabetic())
}

fn domain_end(text: &str, from: usize) -> usize {
    let context = bytes::head(text, from, LONGEST_DOMAIN);
    let is_part = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let taken: usize = context.chars().take_while(is_part).map(char::len_utf8).sum();
    from + bytes::slice(context, 0..taken).trim_end_matches(['.', '-']).len()
}

fn is_domain(domain: &str) -> bool {
    let Some((name, end)) = domain.rsplit_once('.') else { return false };
    let lower = domain.to_lowercase();
    let is_reserved = RESERVED.iter().any(|name| lower == *name || lower.ends_with(&format!(".{name}")))
        || RESERVED_ENDS.iter().any(|reserved| end.eq_ignore_ascii_case(reserved));
    let is_end =
        end.chars().count() >= 2 && (end.chars().all(char::is_alphabetic) || end.starts_with("xn--"));
    is_end && !is_reserved && name.split('.').all(|label| !label.is_empty() && !label.starts_with('-'))
}
