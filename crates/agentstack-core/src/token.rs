//! Bearer tokens: 256 random bits, shown once, stored as a hash (S03).

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::random::{self, RandomnessUnavailable};
use crate::{InvalidName, Secret};

const DIGITS: usize = 64;
/// How many hex digits of an API token are its checksum.
const CHECK: usize = 8;

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $check:expr, $rule:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Secret<String>);

        impl $name {
            /// What every one of them begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Draws a new token.
            ///
            /// # Errors
            /// When the operating system gives no randomness.
            pub fn generate() -> Result<Self, RandomnessUnavailable> {
                let mut text = format!("{}{}", $prefix, hex(&random::bytes::<32>()?));
                text.push_str(&checksum(&text, $check));
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

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let digits = text.strip_prefix($prefix).unwrap_or_default();
                let is_whole = digits.len() == DIGITS + $check
                    && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                    && text.split_at_checked($prefix.len() + DIGITS)
                        .is_some_and(|(body, check)| checksum(body, $check) == check);
                if is_whole { Ok(Self(Secret::new(text.to_owned()))) } else { Err(InvalidName($rule)) }
            }
        }
    )*};
}

tokens! {
    /// The token with which another process of the same user enters a session: `asr_` and 64 hex digits.
    ResumeToken, "asr_", 0, "must be the resumeToken that session_start showed";
    /// The token with which a program authenticates: `ast_`, 64 hex digits and 8 more that are a checksum, so
    /// that scanners for leaked secrets can tell one from noise and a mistyped one needs no look into the database.
    ApiToken, "ast_", CHECK, "must be a token that `agentstack token create` showed";
}

/// The first `digits` hex digits of the text's SHA-256.
fn checksum(text: &str, digits: usize) -> String {
    let mut hex = hex(&Sha256::digest(text.as_bytes()));
    hex.truncate(digits);
    hex
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
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

    /// The hash that these bytes are, as a store has kept them.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
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

    /// Draws a thousand; each hex digit of each random position occurs, so no bit is constant.
    fn check_randomness(draw: impl Fn() -> String, prefix: &str) {
        let tokens: HashSet<String> = (0..1_000).map(|_| draw()).collect();
        assert_eq!(tokens.len(), 1_000);
        for position in prefix.len()..prefix.len() + DIGITS {
            let seen: HashSet<u8> = tokens.iter().map(|t| t.as_bytes()[position]).collect();
            assert_eq!(seen.len(), 16, "digit {position} takes every value");
        }
    }

    #[test]
    fn s03_a_token_is_256_random_bits_and_only_its_hash_is_kept() {
        check_randomness(|| ResumeToken::generate().unwrap().reveal().to_owned(), ResumeToken::PREFIX);
        check_randomness(|| ApiToken::generate().unwrap().reveal().to_owned(), ApiToken::PREFIX);
        let token = ResumeToken::generate().unwrap();
        let again: ResumeToken = token.reveal().parse().unwrap();
        assert!(again.hash().matches(token.hash().as_bytes()));
        assert!(!again.hash().matches(ResumeToken::generate().unwrap().hash().as_bytes()));
        assert_eq!(format!("{token:?} {:?}", token.hash()), "ResumeToken(Secret(…)) TokenHash(…)");
        assert_eq!(format!("{:?}", ApiToken::generate().unwrap()), "ApiToken(Secret(…))");
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

    #[test]
    fn an_api_token_with_one_character_changed_is_refused() {
        let token = ApiToken::generate().unwrap();
        assert!(token.reveal().parse::<ApiToken>().is_ok());
        for at in 0..token.reveal().len() {
            let mut text = token.reveal().as_bytes().to_vec();
            text[at] = if text[at] == b'0' { b'1' } else { b'0' };
            assert!(String::from_utf8(text).unwrap().parse::<ApiToken>().is_err(), "at {at}");
        }
        assert!(ResumeToken::generate().unwrap().reveal().parse::<ApiToken>().is_err());
    }
}
