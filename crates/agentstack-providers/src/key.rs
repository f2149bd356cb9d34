//! The key of a provider, which can be replaced while requests are made (S26, S40).

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use agentstack_core::Secret;
use bytes::Bytes;
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use crate::ProviderError;

/// Longest key, in bytes.
const KEY_BYTES: usize = 4_096;

/// A place for a key. Clones are the same place: a key that is put into one is used by all from the next request on.
#[derive(Clone)]
pub struct KeySlot(Arc<RwLock<Option<Secret<String>>>>);

/// What was given as a key cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is 1 to {KEY_BYTES} printable ASCII characters, without spaces and line ends")]
pub struct InvalidKey;

impl KeySlot {
    /// A place with a key.
    ///
    /// # Errors
    /// When it cannot be sent in a header: the line end of a file is the usual reason.
    pub fn new(key: Secret<String>) -> Result<Self, InvalidKey> {
        Ok(Self(Arc::new(RwLock::new(Some(checked(key)?)))))
    }

    /// A place for a key that is yet to come. Requests before it fail with [`ProviderError::NoKey`].
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::default())
    }

    /// Puts a key in the place, and says whether it is another one than before. That one is wiped; requests that are
    /// under way still have it.
    ///
    /// # Errors
    /// As [`new`](Self::new); the key stays as it is then.
    pub fn replace(&self, key: Secret<String>) -> Result<bool, InvalidKey> {
        let key = Some(checked(key)?);
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_another = *place != key;
        *place = key;
        Ok(is_another)
    }

    /// The key as the value of a header, after this prefix. The memory of the value is wiped when the request is gone;
    /// what the HTTP client writes to the connection is beyond our reach.
    pub(crate) fn header(&self, prefix: &str) -> Result<HeaderValue, ProviderError> {
        let key = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let key = key.as_ref().ok_or(ProviderError::NoKey)?;
        let mut text = Zeroizing::new(Vec::with_capacity(prefix.len() + key.expose().len()));
        text.extend_from_slice(prefix.as_bytes());
        text.extend_from_slice(key.expose().as_bytes());
        // It is a value: `checked` saw to that.
        let value = HeaderValue::from_maybe_shared(Bytes::from_owner(text));
        let mut value = value.map_err(|_| ProviderError::Unauthorized)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for KeySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySlot(…)")
    }
}

fn checked(key: Secret<String>) -> Result<Secret<String>, InvalidKey> {
    let text = key.expose().as_bytes();
    let good = !text.is_empty() && text.len() <= KEY_BYTES && text.iter().all(u8::is_ascii_graphic);
    if good { Ok(key) } else { Err(InvalidKey) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn s40_a_key_does_not_print_itself() {
        let slot = KeySlot::new(secret("sk-canary")).unwrap();
        let header = slot.header("Bearer ").unwrap();
        assert_eq!(header.as_bytes(), b"Bearer sk-canary");
        let printed = format!("{slot:?} {slot:#?} {header:?}");
        assert!(!printed.contains("canary"), "{printed}");
    }

    #[test]
    fn a_key_is_replaced_for_every_clone_and_only_by_a_good_one() {
        let slot = KeySlot::new(secret("old")).unwrap();
        let clone = slot.clone();
        let long = "x".repeat(KEY_BYTES + 1);
        for bad in ["", "new\n", "n w", "n\u{0}w", "né", &long] {
            assert_eq!(slot.replace(secret(bad)), Err(InvalidKey), "{bad:?}");
            assert!(KeySlot::new(secret(bad)).is_err(), "{bad:?}");
        }
        assert_eq!(clone.header("").unwrap(), "old");
        assert_eq!(slot.replace(secret("new")), Ok(true));
        assert_eq!(clone.header("").unwrap(), "new");
        assert_eq!(slot.replace(secret("new")), Ok(false));
    }

    #[test]
    fn a_key_that_is_yet_to_come_is_none() {
        let slot = KeySlot::empty();
        assert!(matches!(slot.header("Bearer "), Err(ProviderError::NoKey)));
        assert_eq!(slot.replace(secret("new")), Ok(true));
        assert_eq!(slot.header("Bearer ").unwrap(), "Bearer new");
    }
}
