//! The hash of everything in a package.

use std::fmt;
use std::str::FromStr;

use agentstack_core::{InvalidName, hex};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

const LABEL: &[u8] = b"agentstack-plugin:v1:content";

/// The hash of all files of a package but the signature, by name and content. Prints as 64 hex digits.
///
/// It is the SHA-256 of a list of byte strings, each after its length as 8 bytes, most significant first: the label
/// `agentstack-plugin:v1:content`, then for each file, in the order of the bytes of the names, its name and its content.
/// So no two packages give the same bytes, and the order in which a file system lists files is not in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of these files, which have to be in the order of their names.
    pub(crate) fn of<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut hash = Sha256::new();
        let mut feed = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        feed(LABEL);
        for (name, content) in files {
            feed(name.as_bytes());
            feed(content);
        }
        Self(hash.finalize().into())
    }

    /// The hash of these bytes, as it was kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for ContentHash {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        hex::decode(text).map(Self).ok_or(InvalidName("must be 64 lower-case hex digits"))
    }
}

impl TryFrom<String> for ContentHash {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
