//! Bearer tokens: 256 random bits, shown once, stored as a hash (S03).

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::random::{self, RandomnessUnavailable};
use crate::{InvalidName, Secret};

const PREFIX: &str = "asr_";
const DIGITS: usize = 64;

/// The token with which another process of the same user enters a session: `asr_` and 64 hex digits.
#[derive(Clone, Debug)]
pub struct ResumeToken(Secret<String>);

impl ResumeToken {
    /// Draws a new token.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, RandomnessUnavailable> {
        let bytes: [u8; 32] = random::bytes()?;
        let mut text = String::with_capacity(PREFIX.len() + DIGITS);
        text.push_str(PREFIX);
        for byte in bytes {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        Ok(Self(Secret::new(text)))
    }

    /// The token's text, to be shown to its owner once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose()
    }

    /// What is stored of the token. A fast hash is right here: the token is 256 random bits, so there
    /// is nothing to guess (unlike a password).
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.expose().as_bytes()).into())
    }
}

impl FromStr for ResumeToken {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let digits = text.strip_prefix(PREFIX).unwrap_or_default();
        if digits.len() == DIGITS && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(Secret::new(text.to_owned())))
        } else {
            Err(InvalidName("must be the resumeToken that session_start showed"))
        }
    }
}

/// The SHA-256 of a token. Compares in constant time.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `stored` is this hash.
    #[must_use]
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn s03_a_resume_token_is_256_random_bits_and_only_its_hash_is_kept() {
        let tokens: HashSet<String> =
            (0..1_000).map(|_| ResumeToken::generate().unwrap().reveal().to_owned()).collect();
        assert_eq!(tokens.len(), 1_000);
        // Each hex digit of each position occurs: no bit is constant.
        for position in PREFIX.len()..PREFIX.len() + DIGITS {
            let seen: HashSet<u8> = tokens.iter().map(|t| t.as_bytes()[position]).collect();
            assert_eq!(seen.len(), 16, "digit {position} takes every value");
        }
        let token = ResumeToken::generate().unwrap();
        let again: ResumeToken = token.reveal().parse().unwrap();
        assert!(again.hash().matches(token.hash().as_bytes()));
        assert!(!again.hash().matches(ResumeToken::generate().unwrap().hash().as_bytes()));
        assert_eq!(format!("{token:?} {:?}", token.hash()), "ResumeToken(Secret(…)) TokenHash(…)");
    }

    #[test]
    fn a_token_of_another_form_is_refused_without_echo() {
        for bad in
            ["", "asr_", "asr_xyz", &format!("asr_{}", "A".repeat(64)), &format!("asr_{} ", "a".repeat(64))]
        {
            let error = bad.parse::<ResumeToken>().unwrap_err().to_string();
            assert_eq!(error, "must be the resumeToken that session_start showed");
        }
    }
}
