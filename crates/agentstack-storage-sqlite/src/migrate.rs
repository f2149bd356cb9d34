//! The schema and its history.
//!
//! A database knows whose it is by `application_id` and how far its schema is by `user_version`; both
//! change in the transaction of the migration, so there is no half-migrated database.

mod trust;

use agentstack_storage::text::ANALYSIS;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};

use crate::index::rebuild;
use crate::{OpenError, OpenOptions};

/// `AGST` in ASCII.
const APPLICATION_ID: i64 = 0x4147_5354;

/// The migrations, in order; the schema's number is how many have been done.
const MIGRATIONS: [&str; 9] = [
    include_str!("migrations/0001_foundation.sql"),
    include_str!("migrations/0002_tokens.sql"),
    include_str!("migrations/0003_index.sql"),
    include_str!("migrations/0004_coordination.sql"),
    include_str!("migrations/0005_trust.sql"),
    include_str!("migrations/0006_vectors.sql"),
    include_str!("migrations/0007_plugins.sql"),
    include_str!("migrations/0008_operations.sql"),
    include_str!("migrations/0009_imports.sql"),
];

/// How far a database is, if it is one of ours.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Empty,
    At(i64),
}

/// Brings the schema up to date, and the index if it is of another analysis of texts: entries and queries have to be
/// taken apart alike. Nothing is written to what is not ours.
pub(crate) async fn migrate(
    connection: &mut SqliteConnection,
    options: &OpenOptions,
) -> Result<(), OpenError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if state(connection, options, known).await? == State::At(known) && is_indexed(connection, options).await?
    {
        return Ok(());
    }
    if options.read_only {
        return match state(connection, options, known).await? {
            State::Empty => Err(OpenError::Foreign { path: options.path.clone() }),
            // Searching would need the index; what opens a database so does not.
            State::At(found) if found == known => Ok(()),
            State::At(found) => Err(OpenError::Older { path: options.path.clone(), found, known }),
        };
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
        if to == trust::MIGRATION {
            let failed = |source| OpenError::Moving { path: options.path.clone(), source };
            trust::move_rows(&mut tx).await.map_err(failed)?;
        }
    }
    if !is_indexed(&mut tx, options).await? {
        let failed = |source| OpenError::Index { path: options.path.clone(), source };
        rebuild(&mut tx, options.index).await.map_err(failed)?;
        tx.execute("DELETE FROM index_analysis").await.map_err(problem)?;
        let analysis = sqlx::query("INSERT INTO index_analysis (analysis) VALUES ($1)").bind(ANALYSIS);
        analysis.execute(&mut *tx).await.map_err(problem)?;
    }
    tx.execute("PRAGMA application_id = 1095193428; PRAGMA user_version = 9").await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    if (1..trust::MIGRATION).contains(&done)
        && let Err(error) = connection.execute("VACUUM").await
    {
        // What was there in plain text may be left in unused space.
        tracing::warn!(error = %error, "tidying the database up after a change of its schema");
    }
    Ok(())
}

/// Whether the index is of the analysis that this program has.
async fn is_indexed(connection: &mut SqliteConnection, options: &OpenOptions) -> Result<bool, OpenError> {
    let question = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM index_analysis WHERE analysis = $1)");
    question.bind(ANALYSIS).fetch_one(connection).await.map_err(|source| options.problem(source))
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
        assert_eq!(MIGRATIONS.len(), 9, "and `PRAGMA user_version = 9` above");
    }
}
