//! Errors of SQLite as errors of a backend.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use agentstack_storage::StorageError;

use crate::FileProblem;

/// Why a database was not opened. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file or its folder cannot be used.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// It is a readable SQLite file, but encryption is on.
    #[error(
        "{} is not encrypted, but encryption is on; nothing was changed. Move the file away, or set \
         security.encryption to false to use it as it is", path.display()
    )]
    NotEncrypted {
        /// Which file.
        path: PathBuf,
    },
    /// The key does not open it.
    #[error(
        "{} does not open with this key: it was made with another key, or it is not a database of AgentStack",
        path.display()
    )]
    WrongKey {
        /// Which file.
        path: PathBuf,
    },
    /// It is another program's.
    #[error("{} is a database of another program; nothing was changed", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// A newer version of the product made it.
    #[error("{} has schema {found}, this program knows up to {known}: use a newer version", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// It would have to be brought up to date first, and nothing is written.
    #[error(
        "{} has schema {found}, this program has {known}, and it is opened to be read only: start a server once, or \
         run a command that may write", path.display()
    )]
    Older {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The one there should be.
        known: i64,
    },
    /// The index could not be made anew from the entries; nothing was changed.
    #[error("making the index of {} anew", path.display())]
    Index {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StorageError,
    },
    /// The rows of an older schema could not be moved; nothing was changed.
    #[error("moving the entries of {} to the new schema", path.display())]
    Moving {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StorageError,
    },
    /// A change of the schema did not go through; it was undone as a whole.
    #[error("bringing {} to schema {to}", path.display())]
    Migration {
        /// Which file.
        path: PathBuf,
        /// The schema it should have got.
        to: i64,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// SQLite refused.
    #[error("opening {}", path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

// Primary result codes, https://www.sqlite.org/rescode.html.
pub(crate) const BUSY: i32 = 5;
pub(crate) const NOMEM: i32 = 7;
const READONLY: i32 = 8;
pub(crate) const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
pub(crate) const NOTADB: i32 = 26;

/// The primary result code of an error of SQLite.
pub(crate) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// How often a database of this process was not one with the key at hand: another process may have replaced it. A store
/// that sees the number change looks whether it was its own.
static REFUSALS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn refusals() -> u64 {
    REFUSALS.load(Ordering::Acquire)
}

/// What an error of SQLite means to a caller.
pub(crate) fn storage(error: sqlx::Error) -> StorageError {
    match primary_code(&error) {
        Some(NOTADB) => {
            REFUSALS.fetch_add(1, Ordering::AcqRel);
            StorageError::Unavailable(error.into())
        }
        Some(FULL) => StorageError::Full(error.into()),
        Some(READONLY | CANTOPEN) => StorageError::ReadOnly(error.into()),
        Some(CORRUPT) => StorageError::Damaged(error.into()),
        _ if matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
            StorageError::Damaged(error.into())
        }
        _ => StorageError::Unavailable(error.into()),
    }
}
