//! How else a secret can be written.
//!
//! Escapes and percent-encoding are undone in the text instead: there, each character can be written in several ways.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::KNOWN;
use crate::Kind;
use crate::redact::mark;

/// One way to write a secret.
pub(super) struct Spelling {
    pub(super) text: Zeroizing<String>,
    /// Whether the character before and behind can hold some bits of it.
    pub(super) before: bool,
    pub(super) behind: bool,
}

/// The ways to write a secret, without any that a mark of ours would be taken for.
pub(super) fn of(secret: &str) -> Vec<Spelling> {
    let mut spellings = vec![whole(secret.to_owned()), hex(secret, char::to_ascii_lowercase)];
    spellings.push(hex(secret, char::to_ascii_uppercase));
    if secret.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        spellings.push(whole(secret.to_ascii_lowercase()));
        spellings.push(whole(secret.to_ascii_uppercase()));
    }
    if secret.contains(' ') {
        // As forms write it.
        spellings.push(whole(secret.replace(' ', "+")));
    }
    for alphabet in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        spellings.extend((0..3).map(|offset| base64(secret, alphabet, offset)));
    }
    let is_of_a_mark =
        |text: &str| KNOWN.contains(text) || Kind::ALL.iter().any(|kind| mark(*kind).contains(text));
    spellings.retain(|spelling| !is_of_a_mark(&spelling.text));
    spellings
}

fn whole(text: String) -> Spelling {
    Spelling { text: Zeroizing::new(text), before: false, behind: false }
}

fn hex(secret: &str, case: fn(&char) -> char) -> Spelling {
    let mut text = String::with_capacity(2 * secret.len());
    text.extend(secret.bytes().flat_map(agentstack_core::hex::digits).map(|digit| case(&digit)));
    whole(text)
}

/// The characters that the secret alone decides, in a value in which `offset` bytes and any multiple of three stand before
/// it.
fn base64(secret: &str, alphabet: &GeneralPurpose, offset: usize) -> Spelling {
    let mut bytes = Zeroizing::new(Vec::with_capacity(offset + secret.len()));
    bytes.resize(offset, 0);
    bytes.extend_from_slice(secret.as_bytes());
    let mut text = Zeroizing::new(String::with_capacity(4 * bytes.len().div_ceil(3)));
    alphabet.encode_string(&*bytes, &mut text);
    let (start, end) = ((8 * offset).div_ceil(6), 8 * bytes.len() / 6);
    let inner = Zeroizing::new(text.get(start..end).unwrap_or_default().to_owned());
    Spelling { text: inner, before: offset > 0, behind: true }
}
