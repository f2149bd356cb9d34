//! The secret half of a signer's key, and signing with it.

use std::fmt;

use agentstack_core::Secret;
use agentstack_core::random::{self, RandomnessUnavailable};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Blake2b512, Digest};
use ed25519_dalek as dalek;
use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

use crate::minisign::{ALGORITHM, PREHASHED, TRUSTED, UNTRUSTED};
use crate::{KeyId, PublicKey, Statement};

/// How the file of a secret key names scrypt and `BLAKE2b`.
const KDF: [u8; 2] = *b"Sc";
const CHECKSUM: [u8; 2] = *b"B2";
/// What our keys are sealed with, in libsodium's terms: scrypt with N = 2^17, r = 8, p = 1, which takes 128 MiB.
const WORK: Work = Work { operations: 4 << 20, memory: 128 << 20 };
/// What minisign seals with, in the same terms: N = 2^20, 1 GiB. A file that asks for more is refused.
const MOST: Work = Work { operations: 32 << 20, memory: 1 << 30 };
/// Of a file: an id of 8 bytes, the key of 64, and a checksum of 32, all of them sealed.
const SEALED: usize = 104;

/// A key that signs plugins. It prints its public id only and wipes itself.
pub struct SecretKey {
    id: [u8; 8],
    key: dalek::SigningKey,
}

impl SecretKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn generate() -> Result<Self, RandomnessUnavailable> {
        let seed = Zeroizing::new(random::bytes::<32>()?);
        Ok(Self { id: random::bytes()?, key: dalek::SigningKey::from_bytes(&seed) })
    }

    /// The key that proves this one's signatures.
    ///
    /// # Errors
    /// Only for a key that was read from a file and is none.
    pub fn public_key(&self) -> Result<PublicKey, SecretKeyProblem> {
        PublicKey::from_parts(self.id, &self.key.verifying_key()).map_err(|_| SecretKeyProblem::Malformed)
    }

    /// Signs a statement: the text of a `.minisig` file.
    #[must_use]
    pub fn sign(&self, statement: &Statement) -> String {
        let statement = statement.to_string();
        let signature = self.key.sign(&Blake2b512::digest(statement.as_bytes())).to_bytes();
        let global = self.key.sign(&[&signature[..], statement.as_bytes()].concat()).to_bytes();
        let signature = STANDARD.encode([&PREHASHED[..], &self.id, &signature].concat());
        let global = STANDARD.encode(global);
        let id = KeyId(self.id);
        format!(
            "{UNTRUSTED}signature of a plugin by the key {id}\n{signature}\n{TRUSTED}{statement}\n{global}\n"
        )
    }

    /// The text of a minisign secret key file, sealed with a password. This takes a second and 128 MiB.
    ///
    /// # Errors
    /// When the password is empty or there is no randomness.
    pub fn seal(&self, password: &Secret<String>) -> Result<Secret<String>, SecretKeyProblem> {
        if password.expose().is_empty() {
            return Err(SecretKeyProblem::NoPassword);
        }
        let salt = random::bytes::<32>()?;
        let keypair = Zeroizing::new(self.key.to_keypair_bytes());
        let mut plain = Zeroizing::new(Vec::with_capacity(SEALED));
        plain.extend_from_slice(&self.id);
        plain.extend_from_slice(&keypair[..]);
        let sum = checksum(&plain);
        plain.extend_from_slice(&sum);
        exchange(&mut plain, password, &salt, WORK)?;
        let (operations, memory) = (WORK.operations.to_le_bytes(), WORK.memory.to_le_bytes());
        let parts = [&ALGORITHM[..], &KDF, &CHECKSUM, &salt, &operations, &memory, &plain];
        let key = STANDARD.encode(parts.concat());
        Ok(Secret::new(format!("{UNTRUSTED}minisign encrypted secret key of {}\n{key}\n", KeyId(self.id))))
    }

    /// Opens the text of a minisign secret key file.
    ///
    /// # Errors
    /// When it is none, is not sealed, or the password is another.
    pub fn open(text: &Secret<String>, password: &Secret<String>) -> Result<Self, SecretKeyProblem> {
        let bytes = text.expose().lines().nth(1).and_then(|line| STANDARD.decode(line).ok());
        let bytes = Zeroizing::new(bytes.ok_or(SecretKeyProblem::Malformed)?);
        let mut rest = &bytes[..];
        if take::<2>(&mut rest)? != ALGORITHM {
            return Err(SecretKeyProblem::Malformed);
        }
        match take::<2>(&mut rest)? {
            KDF => {}
            [0, 0] => return Err(SecretKeyProblem::NotSealed),
            _ => return Err(SecretKeyProblem::Malformed),
        }
        if take::<2>(&mut rest)? != CHECKSUM {
            return Err(SecretKeyProblem::Malformed);
        }
        let salt = take::<32>(&mut rest)?;
        let work = Work {
            operations: u64::from_le_bytes(take(&mut rest)?),
            memory: u64::from_le_bytes(take(&mut rest)?),
        };
        let mut sealed = Zeroizing::new(rest.to_vec());
        if sealed.len() != SEALED {
            return Err(SecretKeyProblem::Malformed);
        }
        exchange(&mut sealed, password, &salt, work)?;
        let mut plain = &sealed[..];
        let id = take::<8>(&mut plain)?;
        let keypair = Zeroizing::new(take::<64>(&mut plain)?);
        let covered = [&id[..], &keypair[..]].concat();
        if checksum(&Zeroizing::new(covered))[..] != *plain {
            return Err(SecretKeyProblem::Password);
        }
        let key = dalek::SigningKey::from_keypair_bytes(&keypair).map_err(|_| SecretKeyProblem::Malformed)?;
        Ok(Self { id, key })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}, …)", KeyId(self.id))
    }
}

/// The first bytes of what is left to read.
fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], SecretKeyProblem> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or(SecretKeyProblem::Malformed)?;
    *bytes = rest;
    Ok(*first)
}

fn checksum(id_and_key: &[u8]) -> [u8; 32] {
    let mut hash = Blake2b::<U32>::new();
    hash.update(ALGORITHM);
    hash.update(id_and_key);
    hash.finalize().into()
}

/// Seals what is open, or opens what is sealed: both add the stream that grows from the password.
fn exchange(
    bytes: &mut [u8],
    password: &Secret<String>,
    salt: &[u8; 32],
    work: Work,
) -> Result<(), SecretKeyProblem> {
    let params = work.params().ok_or(SecretKeyProblem::Work)?;
    let mut stream = Zeroizing::new([0_u8; SEALED]);
    scrypt::scrypt(password.expose().as_bytes(), salt, &params, &mut stream[..])
        .map_err(|_| SecretKeyProblem::Malformed)?;
    bytes.iter_mut().zip(stream.iter()).for_each(|(byte, other)| *byte ^= other);
    Ok(())
}

/// How much it takes to try a password: libsodium's `opslimit` and `memlimit`.
#[derive(Clone, Copy)]
struct Work {
    operations: u64,
    memory: u64,
}

impl Work {
    /// The parameters of scrypt that libsodium makes of it (`pickparams` in `crypto_pwhash_scryptsalsa208sha256`).
    fn params(self) -> Option<scrypt::Params> {
        const R: u64 = 8;
        if self.operations > MOST.operations || self.memory > MOST.memory {
            return None;
        }
        let operations = self.operations.max(32_768);
        let few = operations < self.memory / 32;
        let most = if few { operations / (R * 4) } else { self.memory / (R * 128) };
        let log_n = (1_u8..63).find(|log| 1_u64 << log > most / 2)?;
        let p = if few { 1 } else { (operations / 4 / (1 << log_n)).min(0x3fff_ffff) / R };
        scrypt::Params::new(log_n, 8, u32::try_from(p).ok()?).ok()
    }
}

/// Why there is no secret key. Says nothing of what stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKeyProblem {
    /// It is no secret key.
    #[error("the text is not a minisign secret key")]
    Malformed,
    /// It is open to whoever reads the file.
    #[error("the secret key is not sealed with a password")]
    NotSealed,
    /// It takes more to open than minisign ever asks for.
    #[error("opening the secret key would take more memory or time than minisign's own keys")]
    Work,
    /// Another password, or a damaged file.
    #[error("the password is not that of the secret key")]
    Password,
    /// A new key is to be sealed with nothing.
    #[error("the password is empty")]
    NoPassword,
    /// There is no randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessUnavailable),
}
