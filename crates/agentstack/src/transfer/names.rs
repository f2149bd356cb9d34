//! Names of files for names of entries.
//!
//! A name that every file system keeps apart from all others stays as it is. Whatever else somebody has thought of becomes
//! what is harmless of it and a hash, so that no two keys come to the same file and none leads anywhere. The exact name is
//! in the file.

use agentstack_core::hex;
use sha2::{Digest, Sha256};

/// The longest name that stays as it is, and what is kept of one that does not, in bytes.
const PLAIN_BYTES: usize = 100;
const KEPT_BYTES: usize = 40;
/// What parts a name from its hash: it is in no name that stays as it is.
const BEFORE_HASH: char = '~';
/// What parts a name from the number of a past version.
const BEFORE_VERSION: char = '@';
/// What the name of a file ends in.
pub(super) const END: &str = ".md";

/// Names that some systems keep for devices, whatever follows a dot.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The name of a folder for a namespace, and of a file for a key, without its end.
pub(super) fn stem(name: &str) -> String {
    if is_plain(name) {
        return name.to_owned();
    }
    let mut kept = String::new();
    for letter in name.chars() {
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_alphanumeric() || letter == '_' {
            kept.push(letter);
        } else if !kept.is_empty() && !kept.ends_with('-') {
            kept.push('-');
        }
        if kept.len() >= KEPT_BYTES {
            break;
        }
    }
    let kept = kept.trim_end_matches('-');
    let kept = if kept.is_empty() { "entry" } else { kept };
    // Half of it is enough that nobody finds two names that come to one.
    let hash: [u8; 32] = Sha256::digest(name).into();
    let half = hash.first_chunk::<16>().map(|half| hex::encode(half)).unwrap_or_default();
    format!("{kept}{BEFORE_HASH}{half}")
}

fn is_plain(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let base = name.split('.').next().unwrap_or_default();
    let is_port =
        ["com", "lpt"].iter().any(|port| base.strip_prefix(port).is_some_and(|rest| rest.len() == 1));
    (1..=PLAIN_BYTES).contains(&name.len())
        && name.bytes().all(|byte| is_letter(byte) || matches!(byte, b'-' | b'_' | b'.'))
        && name.bytes().next().is_some_and(is_letter)
        && !name.ends_with('.')
        && !DEVICES.contains(&base)
        && !is_port
}

/// The name of the file of a version.
pub(super) fn file(key: &str, past: Option<u32>) -> String {
    let stem = stem(key);
    match past {
        None => format!("{stem}{END}"),
        Some(number) => format!("{stem}{BEFORE_VERSION}{number}{END}"),
    }
}

/// By what files are sorted so that those of an entry are together, and the current version comes first.
pub(super) fn order(file: &str) -> (&str, u32) {
    let name = file.strip_suffix(END).unwrap_or(file);
    let parted = name.rsplit_once(BEFORE_VERSION);
    let numbered = parted.and_then(|(stem, number)| Some((stem, number.parse().ok()?)));
    numbered.unwrap_or((name, 0))
}
