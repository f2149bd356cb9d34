//! Databases as the product before this one makes them, for tests. They are written in our own words from what its versions
//! have been seen to keep.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Executor, SqliteConnection};

use crate::{OpenError, OpenOptions};

/// As versions 1.0 to 1.1 make it: no tags, no versions, no agents.
pub const V1_0: &[&str] = &[include_str!("testing/v1_0.sql")];
/// As version 1.3.1 makes it: with tags and past versions.
pub const V1_3: &[&str] = &[include_str!("testing/v1_3.sql")];
/// As versions 1.5.4 to 1.6 make it: with identities, and the memory of sessions.
pub const V1_6: &[&str] = &[include_str!("testing/v1_6_schema.sql"), include_str!("testing/v1_6.sql")];
/// The tables of 1.6, empty.
pub const V1_6_EMPTY: &[&str] = &[include_str!("testing/v1_6_schema.sql")];
/// Tables of 1.6 without rules, and everything in them that no honest program writes.
pub const HOSTILE: &[&str] = &[include_str!("testing/hostile.sql")];
/// 1.6 with some thousand rows.
pub const MANY: &[&str] = &[include_str!("testing/v1_6_schema.sql"), include_str!("testing/many.sql")];

/// Makes the database at `path` with these scripts.
///
/// # Errors
/// When SQLite refuses.
pub async fn make(path: &Path, scripts: &[&'static str]) -> Result<(), sqlx::Error> {
    let mut connection = open(path).await?;
    for script in scripts {
        connection.execute(*script).await?;
    }
    connection.close().await
}

/// Does something behind the back of a store: `sql` on its database, which opens with these options.
///
/// # Errors
/// When it does not, or SQLite refuses.
pub async fn tamper(options: &OpenOptions, sql: &'static str) -> Result<u64, OpenError> {
    let mut connection = options.connect().await?;
    let done = connection.execute(sql).await.map_err(|source| options.problem(source))?;
    connection.close().await.map_err(|source| options.problem(source))?;
    Ok(done.rows_affected())
}

/// A connection to a database that is made if it is not there.
///
/// # Errors
/// When SQLite refuses.
pub async fn open(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(false);
    SqliteConnection::connect_with(&options).await
}
