//! Another key for a database that is in use.
//!
//! SQLCipher writes every page anew in one transaction, which goes into the write-ahead log first: whenever the machine or
//! the process stops, the database has one key or the other. Other processes wait with what they write; when it is done,
//! what they have does not open it any more, and they ask where their key comes from (see [`Renew`](crate::Renew)). The
//! same file stays in its place, so that nobody goes on writing to one that has been left behind.

use agentstack_core::hex;
#[expect(
    clippy::disallowed_types,
    reason = "one pragma takes no parameter; what is put into it are hexadecimal digits"
)]
use sqlx::AssertSqlSafe;
use sqlx::{Connection, Executor, SqliteConnection};

use super::{MaintenanceError, beside, telling};
use crate::error::storage;
use crate::key::DatabaseKey;
use crate::{KeyMaterial, OpenError, OpenOptions};

/// Gives a database another key, and empties the log, so that nothing in the files opens with the old one: as soon as nobody
/// holds that back by reading.
///
/// `progress` is told how many bytes have been written; the whole has about as many as the database.
///
/// What the audit log is signed with follows the master key as well: whoever opens it next says so to
/// [`AuditLog::succeed`](agentstack_storage::AuditLog::succeed).
///
/// # Errors
/// When it is not encrypted, does not open with the key of the options, or cannot be written anew. It has its old key
/// then.
pub async fn rekey(
    options: &OpenOptions,
    to: &KeyMaterial,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), MaintenanceError> {
    if options.keys.database.is_none() || to.database.is_none() {
        return Err(MaintenanceError::NotEncrypted);
    }
    rewrite(options, to, progress).await
}

/// The same whatever has been proven of the file before.
pub(super) async fn rewrite(
    options: &OpenOptions,
    to: &KeyMaterial,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), MaintenanceError> {
    if !use_of_key(options).await? {
        return Err(OpenError::WrongKey { path: options.path.clone() }.into());
    }
    let mut connection = options.connect().await?;
    let rewriting = write_anew(&mut connection, to.database.as_ref());
    let written = telling(rewriting, &beside(&options.path, "-wal"), progress).await;
    let _ = connection.close().await;
    // SQLCipher says that all went well whatever happened.
    let new = OpenOptions { keys: to.clone(), ..options.clone() };
    if !use_of_key(&new).await? {
        written.map_err(storage)?;
        return Err(MaintenanceError::KeyUnchanged);
    }
    Ok(())
}

async fn write_anew(connection: &mut SqliteConnection, key: Option<&DatabaseKey>) -> Result<(), sqlx::Error> {
    let Some(DatabaseKey::Raw(bits)) = key else { return Ok(()) };
    let pragma = AssertSqlSafe(format!("PRAGMA rekey = \"x'{}'\"", hex::encode(bits.expose())));
    connection.execute(pragma).await?;
    empty_log(connection).await;
    Ok(())
}

/// Pages of the old key lie in the database until the log is folded into it: whoever reads at the moment holds that back.
async fn empty_log(connection: &mut SqliteConnection) {
    for _ in 0..50 {
        let asked = sqlx::query_as::<_, (i64, i64, i64)>("PRAGMA wal_checkpoint(TRUNCATE)");
        match asked.fetch_one(&mut *connection).await {
            Ok((0, ..)) => return,
            Ok(_) => tokio::time::sleep(super::TELL_EVERY).await,
            Err(error) => {
                tracing::warn!(%error, "emptying the log");
                return;
            }
        }
    }
    tracing::warn!(
        "somebody reads for long: pages of the old key stay in the file until the log is folded into it"
    );
}

/// Whether the keys of the options open the database, which is there.
///
/// # Errors
/// When that cannot be told.
pub async fn use_of_key(options: &OpenOptions) -> Result<bool, MaintenanceError> {
    let opened = options.connect().await;
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(OpenError::WrongKey { .. }) => return Ok(false),
        Err(other) => return Err(other.into()),
    };
    let read = connection.execute("SELECT count(*) FROM sqlite_schema").await;
    let _ = connection.close().await;
    match read {
        Ok(_) => Ok(true),
        Err(source) => match options.problem(source) {
            OpenError::WrongKey { .. } => Ok(false),
            OpenError::Database { source, .. } => Err(storage(source).into()),
            other => Err(other.into()),
        },
    }
}
