//! The master key and what is derived from it.

use std::sync::Arc;

use agentstack_audit::{ResourceHasher, SigningKey, VerifyingKey};
use agentstack_core::random::{self, RandomnessUnavailable};
use agentstack_core::{InvalidName, Secret, hex};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The 256 random bits on which everything that is kept depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterKey(Secret<[u8; 32]>);

impl MasterKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, RandomnessUnavailable> {
        Ok(Self(Secret::new(random::bytes()?)))
    }

    /// Reads a key from its text form: 64 hex digits, white space around them ignored.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        const RULE: InvalidName = InvalidName("a key is 64 hexadecimal digits");
        let text = text.trim();
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(RULE);
        }
        let mut bytes = Zeroizing::new([0_u8; 32]);
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| RULE)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| RULE)?;
        }
        Ok(Self(Secret::new(*bytes)))
    }

    /// The text form of the key, for the key file alone.
    #[must_use]
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(hex::encode(self.0.expose()))
    }

    /// What the key is for, each with a key of its own (HKDF-SHA256, RFC 5869).
    #[must_use]
    pub fn derive(&self) -> KeyMaterial {
        let expand = |label: &str| {
            let mut out = [0_u8; 32];
            // 32 bytes are one block of the hash, far below the 255 blocks at which `expand` refuses.
            let expanded = Hkdf::<Sha256>::new(None, self.0.expose()).expand(label.as_bytes(), &mut out);
            debug_assert!(expanded.is_ok(), "one block is never too long");
            Secret::new(out)
        };
        KeyMaterial {
            database: Some(DatabaseKey::Raw(expand("agentstack database v1"))),
            audit: AuditKeys {
                signing: Arc::new(SigningKey::new(&expand("agentstack audit signature v1"))),
                resources: ResourceHasher::new(&expand("agentstack audit resource v1")),
            },
        }
    }
}

/// What encrypts a database.
#[derive(Debug, Clone)]
pub(crate) enum DatabaseKey {
    /// The bits as they are.
    Raw(Secret<[u8; 32]>),
    /// What SQLCipher derives them from, with the salt in the file: PBKDF2-HMAC-SHA512, 256,000 rounds.
    Passphrase(Secret<String>),
}

impl DatabaseKey {
    /// The key as SQLCipher takes it where a text is bound. The raw form costs no key stretching.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Raw(bits) => format!("x'{}'", hex::encode(bits.expose())),
            Self::Passphrase(words) => words.expose().clone(),
        })
    }

    /// The same where it stands in a statement.
    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\"", self.text().replace('"', "\"\""))
    }
}

/// The keys that a store works with.
#[derive(Debug, Clone)]
pub struct KeyMaterial {
    /// Encrypts the database; `None` leaves it readable.
    pub(crate) database: Option<DatabaseKey>,
    /// Keeps the audit log honest.
    pub(crate) audit: AuditKeys,
}

impl KeyMaterial {
    /// The same keys without encryption of the database. The audit log is signed all the same.
    #[must_use]
    pub fn without_encryption(mut self) -> Self {
        self.database = None;
        self
    }

    /// The same keys for a file that a passphrase encrypts, as backups can be.
    #[must_use]
    pub fn with_passphrase(mut self, passphrase: Secret<String>) -> Self {
        self.database = Some(DatabaseKey::Passphrase(passphrase));
        self
    }

    /// The key that proves the checkpoints that these keys have signed.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.audit.signing.verifying_key()
    }

    /// Whether the database is encrypted.
    #[must_use]
    pub fn encrypts(&self) -> bool {
        self.database.is_some()
    }

    /// The key of the database as the database is told it, to keep it out of what is printed (S40).
    #[must_use]
    pub fn database_key(&self) -> Option<Secret<String>> {
        self.database.as_ref().map(|key| match key {
            DatabaseKey::Raw(bits) => Secret::new(hex::encode(bits.expose())),
            DatabaseKey::Passphrase(words) => words.clone(),
        })
    }

    /// What hashes the names of resources for the audit log.
    #[must_use]
    pub fn resource_hasher(&self) -> ResourceHasher {
        self.audit.resources.clone()
    }
}

/// The keys of the audit log.
#[derive(Debug, Clone)]
pub(crate) struct AuditKeys {
    pub(crate) signing: Arc<SigningKey>,
    pub(crate) resources: ResourceHasher,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s40_a_key_reads_back_from_its_text_and_prints_nothing() {
        let key = MasterKey::generate().unwrap();
        let text = key.to_text();
        assert_eq!(MasterKey::parse(&format!("{}\n", text.expose())), Ok(key.clone()));
        let printed = format!("{key:?} {:?}", key.derive());
        assert!(!printed.contains(text.expose()), "{printed}");
        for bad in ["", "00", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"é".repeat(32)] {
            assert!(MasterKey::parse(bad).is_err(), "{bad}");
        }
    }
}
