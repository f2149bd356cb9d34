//! What is done to a database as a whole: proving it, copying it, giving it another key.
//!
//! None of this is a transaction of a caller. Whoever offers it asks for a permission and records it.

mod backup;
mod check;
mod rekey;

use std::path::{Path, PathBuf};
use std::time::Duration;

use agentstack_audit::Head;
use agentstack_storage::StorageError;
use sqlx::sqlite::SqliteConnection;

use crate::error::storage;
use crate::row::{Columns, count};
use crate::{FileProblem, OpenError};

pub use self::backup::{Restored, restore};
pub use self::check::{Checked, Checking, Fault, check};
pub use self::rekey::{rekey, use_of_key};

/// How often somebody who watches is told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Why a database was not copied, or not given another key. What was there is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// There is something in the place of the new file.
    #[error("{} is there already, and nothing is overwritten; name another file, or move it away", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The database, or the copy of it, does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The copy is not what was copied.
    #[error("the copy is not whole: {what}; it was removed")]
    NotWhole {
        /// In what it differs.
        what: String,
    },
    /// The database was not given the other key.
    #[error("the database has its old key still: it could not be written to as a whole. Is the disk full?")]
    KeyUnchanged,
    /// The database cannot have a key.
    #[error("encryption is off: there is no key to replace. {TO_ENCRYPT}")]
    NotEncrypted,
    /// A backup is not encrypted, and what it is restored to would be.
    #[error(
        "the backup is not encrypted, and encryption is on: restore it with security.encryption off. {TO_ENCRYPT}"
    )]
    PlainBackup,
    /// A backup does not open.
    #[error(
        "the backup does not open {}: it was made with another key, or it is no backup of AgentStack",
        if *has_own { "with this passphrase" } else { "with the key of this installation (a passphrase opens one that has its own)" }
    )]
    WrongPassphrase {
        /// Whether a passphrase was given.
        has_own: bool,
    },
    /// A backup is encrypted, and what it is restored to would not be.
    #[error("the backup is encrypted, and encryption is off: set security.encryption to true to restore it")]
    EncryptedBackup,
    /// SQLite refused.
    #[error(transparent)]
    Store(#[from] StorageError),
}

/// How a database that is not encrypted becomes one that is.
const TO_ENCRYPT: &str = "To encrypt a database: back it up with a passphrase, set security.encryption to true, move the \
     database away, and restore the backup";

/// How much a database holds, to compare a copy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    /// Sessions that have not ended.
    pub sessions: u64,
    /// Current entries.
    pub entries: u64,
    /// Past versions, and those that are held back.
    pub versions: u64,
    /// Agents and tasks.
    pub agents_and_tasks: u64,
    /// Identities, tokens and plugins.
    pub registered: u64,
    /// The last record of the audit log.
    pub head: Head,
}

const HOLDINGS: &str = "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM entries), \
     (SELECT count(*) FROM entry_versions) + (SELECT count(*) FROM held_versions), \
     (SELECT count(*) FROM agents) + (SELECT count(*) FROM tasks), \
     (SELECT count(*) FROM identities) + (SELECT count(*) FROM tokens) + (SELECT count(*) FROM plugins), \
     a.sequence, a.hash FROM (SELECT 1) LEFT JOIN (SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1) a";

async fn holdings(connection: &mut SqliteConnection) -> Result<Holdings, StorageError> {
    let row = sqlx::query(HOLDINGS).fetch_one(connection).await.map_err(storage)?;
    let mut columns = Columns::from(&row, 0);
    let mut number = || count(columns.take()?);
    let (sessions, entries, versions) = (number()?, number()?, number()?);
    let (agents_and_tasks, registered) = (number()?, number()?);
    let head = match (columns.take::<Option<i64>>()?, columns.take::<Option<Vec<u8>>>()?) {
        (Some(sequence), Some(hash)) => crate::audit::head(sequence, hash)?,
        _ => Head::EMPTY,
    };
    Ok(Holdings { sessions, entries, versions, agents_and_tasks, registered, head })
}

/// How many bytes a file has; 0 while it is not there.
fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Waits for `work`, and tells now and then how many bytes `growing` has.
async fn telling<T>(
    work: impl Future<Output = T>,
    growing: &Path,
    progress: &mut (dyn FnMut(u64) + Send),
) -> T {
    tokio::pin!(work);
    loop {
        match tokio::time::timeout(TELL_EVERY, &mut work).await {
            Ok(done) => return done,
            Err(_) => progress(size(growing)),
        }
    }
}

/// The name of a file that SQLite, or we, keep beside a database.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
