//! Whose signatures count.

use std::collections::{BTreeMap, BTreeSet};

use agentstack_core::InvalidName;

use crate::{KeyId, PublicKey};

/// The keys that the operator trusts, and those that were trusted once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedKeys {
    keys: BTreeMap<KeyId, PublicKey>,
    revoked: BTreeSet<KeyId>,
}

/// What a key is to the operator.
pub(crate) enum Standing<'a> {
    Trusted(&'a PublicKey),
    Revoked,
    Unknown,
}

impl TrustedKeys {
    /// Reads both lists, each of public keys in minisign's text form. A key that is in both is revoked, and so is every
    /// key that goes by a revoked one's id.
    ///
    /// # Errors
    /// The first text that is no key, or two trusted keys with the same id: a signature would not say whose it is.
    pub fn parse<S: AsRef<str>>(trusted: &[S], revoked: &[S]) -> Result<Self, InvalidKeys> {
        let mut keys = BTreeMap::new();
        for (index, text) in trusted.iter().enumerate() {
            let key = text.as_ref().parse::<PublicKey>();
            let key = key.map_err(|rule| InvalidKeys::Malformed { list: "trusted", index, rule })?;
            if keys.get(&key.id()).is_some_and(|known| *known != key) {
                return Err(InvalidKeys::SameId(key.id()));
            }
            keys.insert(key.id(), key);
        }
        let mut ids = BTreeSet::new();
        for (index, text) in revoked.iter().enumerate() {
            let key = text.as_ref().parse::<PublicKey>();
            ids.insert(key.map_err(|rule| InvalidKeys::Malformed { list: "revoked", index, rule })?.id());
        }
        Ok(Self { keys, revoked: ids })
    }

    /// Whether there is no key whose signature would count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.keys().all(|id| self.revoked.contains(id))
    }

    pub(crate) fn standing(&self, id: KeyId) -> Standing<'_> {
        match self.keys.get(&id) {
            _ if self.revoked.contains(&id) => Standing::Revoked,
            Some(key) => Standing::Trusted(key),
            None => Standing::Unknown,
        }
    }
}

/// A list of keys that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKeys {
    /// Something in it is no key.
    #[error("the {list} key number {} {rule}", index + 1)]
    Malformed {
        /// Which list.
        list: &'static str,
        /// Where in it, from 0.
        index: usize,
        /// What it must be.
        rule: InvalidName,
    },
    /// Two keys could not be told apart.
    #[error("two trusted keys have the id {0}")]
    SameId(KeyId),
}
