//! Passwords in URLs: `scheme://user:password@host`.

use super::placeholder;
use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::trigger::Hit;
use crate::{Confidence, Kind};

/// What may stand before the `@`: letters, digits and the marks of RFC 3986, section 3.2.1, with `%`.
const USERINFO: Set = Set::DOTTED
    .and(b'~')
    .and(b'!')
    .and(b'$')
    .and(b'&')
    .and(b'\'')
    .and(b'*')
    .and(b'+')
    .and(b',')
    .and(b';')
    .and(b':')
    .and(b'%')
    .and(b'^')
    .and(b'#')
    .and(b'?');

/// The longest user and password together, in bytes.
const LONGEST: usize = 256;

/// Passwords that only stand for one.
const NO_PASSWORDS: &[&str] =
    &["password", "passwd", "pass", "pwd", "secret", "user", "token", "postgres", "root", "***"];

/// Adds the password behind the `://` at `hit`, if there is one. Says up to where the text has been read.
pub(crate) fn find(text: &str, hit: Hit, found: &mut Candidates) -> usize {
    let end = USERINFO.run(text, hit.end, LONGEST);
    let Some((user, password)) = bytes::slice(text, hit.end..end).split_once(':') else { return end };
    let lower = password.to_ascii_lowercase();
    let is_one = bytes::at(text, end) == b'@'
        && password.len() >= 3
        && !NO_PASSWORDS.contains(&lower.as_str())
        && !placeholder::is_placeholder(password)
        && !lower.starts_with('%');
    if is_one {
        let start = hit.end + user.len() + 1;
        let confidence = if password.len() >= 8 { Confidence::High } else { Confidence::Medium };
        found.add(Kind::SecretUrlPassword, start..end, confidence);
    }
    end
}
