//! The keys that sign checkpoints and prove the signatures.

use std::fmt;
use std::str::FromStr;

use agentstack_core::Secret;
use agentstack_core::hex::digits;
use ed25519_dalek as dalek;
use ed25519_dalek::Signer;

use crate::{Malformed, Signature, hex};

/// The key that signs checkpoints (Ed25519, RFC 8032). It prints its public id only and wipes itself.
pub struct SigningKey(dalek::SigningKey);

impl SigningKey {
    /// The key that grows from `seed`: 256 random bits that are for nothing else.
    #[must_use]
    pub fn new(seed: &Secret<[u8; 32]>) -> Self {
        Self(dalek::SigningKey::from_bytes(seed.expose()))
    }

    /// The key that proves this one's signatures.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, …)", self.verifying_key().id())
    }
}

/// The public half of a [`SigningKey`]. Prints as 64 hex digits.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(dalek::VerifyingKey);

impl VerifyingKey {
    /// The first 16 digits of the key: enough to recognize it, not enough to trust it.
    #[must_use]
    pub fn id(&self) -> String {
        self.0.as_bytes().iter().copied().take(8).flat_map(digits).collect()
    }

    /// Whether `signature` is this key's over `message`. Strict: one message and key have one
    /// signature that passes, and no weak key passes at all.
    pub(crate) fn proves(&self, message: &[u8], signature: &Signature) -> bool {
        self.0.verify_strict(message, &dalek::Signature::from_bytes(&signature.0)).is_ok()
    }
}

impl FromStr for VerifyingKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes: [u8; 32] = agentstack_core::hex::decode(text).ok_or(Malformed::VerifyingKey)?;
        let key = dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| Malformed::VerifyingKey)?;
        // One key, one spelling: `from_bytes` also takes coordinates beyond the field's prime (ZIP 215).
        let canonical = dalek::VerifyingKey::from(key.to_edwards());
        if canonical.as_bytes() == &bytes && !key.is_weak() {
            Ok(Self(key))
        } else {
            Err(Malformed::VerifyingKey)
        }
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, self.0.as_bytes())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
