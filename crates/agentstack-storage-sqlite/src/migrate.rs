//! The schema and its history.
//!
//! A database knows whose it is by `application_id` and how far its schema is by `user_version`; both
//! change in the transaction of the migration, so there is no half-migrated database.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};

use crate::OpenError;

/// `AGST` in ASCII.
const APPLICATION_ID: i64 = 0x4147_5354;

/// The migrations, in order; the schema's number is how many have been done.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_foundation.sql")];

/// Brings the schema up to date.
pub(crate) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let database = |source| OpenError::Database { path: path.to_owned(), source };
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if state(connection).await.map_err(database)? == (APPLICATION_ID, known) {
        return Ok(());
    }
    // Another process may be migrating: look again under the write lock.
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(database)?;
    let (application, found) = state(&mut tx).await.map_err(database)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *tx).await.map_err(database)?;
    let untouched = application == 0 && found == 0 && tables == 0;
    if application != APPLICATION_ID && !untouched {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    for (to, script) in (1_i64..).zip(MIGRATIONS).skip_while(|(to, _)| *to <= found) {
        let failed = |source| OpenError::Migration { path: path.to_owned(), to, source };
        tx.execute(script).await.map_err(failed)?;
    }
    tx.execute("PRAGMA application_id = 1095193428; PRAGMA user_version = 1").await.map_err(database)?;
    tx.commit().await.map_err(database)
}

async fn state(connection: &mut SqliteConnection) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as("SELECT application_id, user_version FROM pragma_application_id, pragma_user_version")
        .fetch_one(connection)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_the_newest_schema_are_the_ones_that_are_written() {
        assert_eq!(APPLICATION_ID, 1_095_193_428);
        assert_eq!(MIGRATIONS.len(), 1, "and `PRAGMA user_version = 1` above");
    }
}
