//! Texts under a secret of their namespace.
//!
//! When SQLite moves rows between pages it may leave copies of them in unused space, which `secure_delete` does not
//! reach. What callers chose is therefore kept under a secret of its namespace, which goes when the session ends: what is
//! left behind then is noise, whoever has the key of the file (S08). While the namespace lives, confidentiality is the
//! encryption's business.
//!
//! A text is kept as the nonce and the text under `ChaCha20` (RFC 8439). There is no tag: whether a page was changed is
//! what `SQLCipher` proves.

use agentstack_core::random;
use agentstack_storage::StorageError;
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use sha2::{Digest, Sha256};

/// Bytes of the nonce before each text.
pub(crate) const NONCE: usize = 12;

/// Turns texts into bytes and back.
#[derive(Clone, Copy)]
pub(crate) struct Veil([u8; 32]);

impl Veil {
    /// That of a namespace's texts.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(Sha256::new().chain_update(b"agentstack text v2").chain_update(secret).finalize().into())
    }

    /// The bytes that a text is kept as: other ones each time.
    pub(crate) fn cover(&self, text: &str) -> Result<Vec<u8>, StorageError> {
        self.cover_bytes(text.as_bytes())
    }

    /// The same of what is no text.
    pub(crate) fn cover_bytes(&self, plain: &[u8]) -> Result<Vec<u8>, StorageError> {
        let nonce: [u8; NONCE] =
            random::bytes().map_err(|error| StorageError::Unavailable(Box::new(error)))?;
        let mut bytes = Vec::with_capacity(NONCE + plain.len());
        bytes.extend(nonce);
        bytes.extend(plain);
        if let Some(covered) = bytes.get_mut(NONCE..) {
            self.apply(nonce, covered);
        }
        Ok(bytes)
    }

    /// The text that is kept as these bytes, if one is.
    pub(crate) fn uncover(&self, bytes: &[u8]) -> Option<String> {
        String::from_utf8(self.uncover_bytes(bytes)?).ok()
    }

    /// The same of its first bytes, of which the last may belong to half a character.
    pub(crate) fn uncover_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = bytes.split_first_chunk::<NONCE>()?;
        let mut text = text.to_vec();
        self.apply(*nonce, &mut text);
        Some(text)
    }

    /// The same where it lies.
    pub(crate) fn uncover_there<'a>(&self, bytes: &'a mut [u8]) -> Option<&'a [u8]> {
        let (nonce, plain) = bytes.split_first_chunk_mut::<NONCE>()?;
        self.apply(*nonce, plain);
        Some(plain)
    }

    fn apply(&self, nonce: [u8; NONCE], text: &mut [u8]) {
        ChaCha20::new(&self.0.into(), &nonce.into()).apply_keystream(text);
    }
}

/// How many bytes of a kept text hold its first `bytes`.
pub(crate) const fn kept_len(bytes: u32) -> u32 {
    const NONCE_BYTES: u32 = 12;
    const { assert!(NONCE_BYTES as usize == NONCE) };
    bytes + NONCE_BYTES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn s08_no_piece_of_a_text_is_in_what_is_kept_of_it() {
        let text = "the password is hunter2; ".repeat(400);
        let veil = Veil::new(&[1; 16]);
        let kept = veil.cover(&text).unwrap();
        assert!(
            !kept.windows(4).any(|window| text.as_bytes().windows(4).take(25).any(|piece| piece == window))
        );
        assert_ne!(veil.cover(&text).unwrap(), kept, "not twice the same");
        assert_ne!(Veil::new(&[2; 16]).uncover_bytes(&kept), Some(text.into_bytes()));
    }

    #[test]
    fn what_was_never_covered_is_no_text() {
        assert_eq!(Veil::new(&[1; 16]).uncover(&[]), None);
        assert_eq!(Veil::new(&[1; 16]).uncover(&[0; 11]), None);
        assert_eq!(Veil::new(&[1; 16]).uncover(&[0; 12]), Some(String::new()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_text_is_uncovered_as_it_was(text in any::<String>(), secret in any::<[u8; 16]>(), cut in 0_usize..99) {
            let veil = Veil::new(&secret);
            let kept = veil.cover(&text).unwrap();
            prop_assert_eq!(veil.uncover(&kept), Some(text.clone()));
            let cut = cut.min(text.len());
            prop_assert_eq!(veil.uncover_bytes(&kept[..NONCE + cut]).unwrap(), &text.as_bytes()[..cut]);
        }
    }
}
