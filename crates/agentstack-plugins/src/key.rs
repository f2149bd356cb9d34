//! The public half of a signer's key, as minisign writes it.

use std::fmt;
use std::str::FromStr;

use agentstack_core::InvalidName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek as dalek;

use crate::minisign::{ALGORITHM, Signature};

/// What a key is known by: the 16 hex digits that minisign shows. It proves nothing: whoever makes a key chooses it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(crate) [u8; 8]);

impl KeyId {
    /// The id of these bytes, as it was kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let id = u64::from_str_radix(text, 16).ok().map(|number| Self(number.to_le_bytes()));
        // One id, one spelling: numbers also parse with a sign, in lower case or without zeros in front.
        id.filter(|id| id.to_string() == text).ok_or(InvalidName("must be 16 upper-case hex digits"))
    }
}

/// A key that proves signatures: the second line of a minisign public key file, 56 characters of Base64.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    key: minisign_verify::PublicKey,
    text: String,
}

impl PublicKey {
    pub(crate) fn from_parts(id: [u8; 8], key: &dalek::VerifyingKey) -> Result<Self, InvalidName> {
        STANDARD.encode([&ALGORITHM[..], &id, key.as_bytes()].concat()).parse()
    }

    /// What it is known by.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The two lines of a minisign public key file.
    #[must_use]
    pub fn to_file(&self) -> String {
        format!("untrusted comment: minisign public key {}\n{}\n", self.id, self.text)
    }

    /// Whether the signature is this key's over `message`, and over the comment it carries.
    pub(crate) fn proves(&self, message: &[u8], signature: &Signature<'_>) -> bool {
        self.key.verify(message, &signature.parsed, false).is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse(text).ok_or(InvalidName(
            "must be the second line of a minisign public key file: 56 characters that begin with RW",
        ))
    }
}

fn parse(text: &str) -> Option<PublicKey> {
    let bytes = STANDARD.decode(text).ok()?;
    let (algorithm, rest) = bytes.split_first_chunk::<2>()?;
    let (id, key) = rest.split_first_chunk::<8>()?;
    // A weak key would accept almost any signature.
    let strong = dalek::VerifyingKey::from_bytes(key.try_into().ok()?).ok().filter(|key| !key.is_weak());
    if *algorithm != ALGORITHM || strong.is_none() {
        return None;
    }
    let key = minisign_verify::PublicKey::from_base64(text).ok()?;
    Some(PublicKey { id: KeyId(*id), key, text: text.to_owned() })
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
