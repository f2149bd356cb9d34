//! The schema and its history.
//!
//! A database knows whose it is by `application_id` and how far its schema is by `user_version`; both
//! change in the transaction of the migration, so there is no half-migrated database.

use agentstack_storage::text::ANALYSIS;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};

use crate::{OpenError, OpenOptions};

/// `AGST` in ASCII.
const APPLICATION_ID: i64 = 0x4147_5354;

/// The migrations, in order; the schema's number is how many have been done.
const MIGRATIONS: [&str; 2] =
    [include_str!("migrations/0001_foundation.sql"), include_str!("migrations/0002_tokens.sql")];

/// How far a database is, if it is one of ours.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Empty,
    At(i64),
}

/// Brings the schema up to date. Nothing is written to what is not ours.
pub(crate) async fn migrate(
    connection: &mut SqliteConnection,
    options: &OpenOptions,
) -> Result<(), OpenError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if state(connection, options, known).await? == State::At(known) {
        return check_analysis(connection, options).await;
    }
    let problem = |source| options.problem(source);
    // It stays in the file. While another process is making the same database, it cannot be set; then
    // that process does, and the next statement waits for it.
    let row = sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await;
    let _: String = match row {
        Err(error) if crate::error::primary_code(&error) == Some(crate::error::BUSY) => String::new(),
        other => other.map_err(problem)?,
    };
    // Another process may have migrated it in the meantime: look again under the write lock.
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(problem)?;
    let done = match state(&mut tx, options, known).await? {
        State::Empty => 0,
        State::At(done) => done,
    };
    for (to, script) in (1_i64..).zip(MIGRATIONS).skip_while(|(to, _)| *to <= done) {
        let failed = |source| OpenError::Migration { path: options.path.clone(), to, source };
        tx.execute(script).await.map_err(failed)?;
    }
    let analysis =
        "INSERT INTO index_analysis (analysis) SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM index_analysis)";
    sqlx::query(analysis).bind(ANALYSIS).execute(&mut *tx).await.map_err(problem)?;
    tx.execute("PRAGMA application_id = 1095193428; PRAGMA user_version = 2").await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    check_analysis(connection, options).await
}

/// An index of another analysis would not answer this one's queries.
async fn check_analysis(connection: &mut SqliteConnection, options: &OpenOptions) -> Result<(), OpenError> {
    let analysis = sqlx::query_scalar("SELECT analysis FROM index_analysis").fetch_one(connection).await;
    match analysis.map_err(|source| options.problem(source))? {
        ANALYSIS => Ok(()),
        found => Err(OpenError::Analysis { path: options.path.clone(), found, known: ANALYSIS }),
    }
}

/// How far the database is.
async fn state(
    connection: &mut SqliteConnection,
    options: &OpenOptions,
    known: i64,
) -> Result<State, OpenError> {
    let sql = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) \
         FROM pragma_application_id, pragma_user_version";
    let row = sqlx::query_as::<_, (i64, i64, i64)>(sql).fetch_one(connection).await;
    let path = || options.path.clone();
    match row.map_err(|source| options.problem(source))? {
        (0, 0, 0) => Ok(State::Empty),
        (APPLICATION_ID, found, _) if found > known => Err(OpenError::Newer { path: path(), found, known }),
        (APPLICATION_ID, done, _) => Ok(State::At(done)),
        _ => Err(OpenError::Foreign { path: path() }),
    }
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
