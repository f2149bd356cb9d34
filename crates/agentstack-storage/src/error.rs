//! What can go wrong in a backend, as far as a caller can do something about it.

use std::error::Error;

/// Why a backend did not do what it was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The scope's session has ended, has expired or is not held (any more).
    #[error("the session of the scope is not alive")]
    SessionGone,
    /// The entry has another version than the writer expected.
    #[error("the entry has version {current}")]
    VersionConflict {
        /// The version it has; 0 if there is no such entry.
        current: u32,
    },
    /// The key belongs to another agent of the session.
    #[error("the key belongs to another agent")]
    KeyTaken,
    /// The thing is in a state from which it cannot come into the one that was asked for.
    #[error("the {what} is {is} and cannot become {to}")]
    State {
        /// What it is: `agent`, `identity` or `task`.
        what: &'static str,
        /// The state it is in.
        is: &'static str,
        /// The state that was asked for.
        to: &'static str,
    },
    /// Something else has the name.
    #[error("the name is taken")]
    NameTaken,
    /// Something that the call names is not there, for this scope.
    #[error("what the call names is not there")]
    Missing,
    /// Something that was read has gone since.
    #[error("what was read has changed")]
    Changed,
    /// There are as many as there may be.
    #[error("there are as many {what} as there may be")]
    TooMany {
        /// Of what.
        what: &'static str,
    },
    /// There is no room left on the device.
    #[error("the storage device is full")]
    Full(#[source] Box<dyn Error + Send + Sync>),
    /// The files cannot be written.
    #[error("the storage is read-only")]
    ReadOnly(#[source] Box<dyn Error + Send + Sync>),
    /// The backend cannot be used now; trying again may help.
    #[error("the storage is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// What is stored is not what the backend wrote.
    #[error("the storage is damaged")]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
}

impl StorageError {
    /// Damage that has no error of its own beneath it.
    #[must_use]
    pub fn damaged(what: &'static str) -> Self {
        Self::Damaged(what.into())
    }
}
