//! How the log names a resource without saying its name (S43).

use agentstack_core::{Namespace, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{frame, hex};

const LABEL: &[u8] = b"agentstack-audit:v1:resource";

/// Turns names into [`ResourceHash`]es under one key. The same name gives the same hash, so records of
/// one resource can be found by whoever holds the key, and by nobody else.
#[derive(Debug, Clone)]
pub struct ResourceHasher {
    /// The key as HMAC uses it: zero-padded to one block of SHA-256 (RFC 2104, section 2).
    block: Secret<[u8; 64]>,
}

impl ResourceHasher {
    /// A hasher under `key`, which is for nothing else.
    #[must_use]
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        let mut block = [0; 64];
        block.iter_mut().zip(key.expose()).for_each(|(to, from)| *to = *from);
        Self { block: Secret::new(block) }
    }

    /// The hash of the resource of this `kind` that is called `key`, in its namespace if it has one.
    #[must_use]
    pub fn hash(&self, kind: &'static str, namespace: Option<&Namespace>, key: &str) -> ResourceHash {
        // No namespace prints as the empty text, so `None` stands for itself.
        let namespace = namespace.map(Namespace::to_string).unwrap_or_default();
        let mut mac = Hmac::<Sha256>::new(self.block.expose().into());
        let parts = [LABEL, kind.as_bytes(), namespace.as_bytes(), key.as_bytes()];
        frame::feed(&parts, |bytes| Mac::update(&mut mac, bytes));
        let mut hash = [0; 16];
        hash.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        ResourceHash(hash)
    }
}

/// A resource as the log names it: the first 128 bits of an HMAC-SHA-256. Prints as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceHash([u8; 16]);

hex::hex_text!(ResourceHash);
