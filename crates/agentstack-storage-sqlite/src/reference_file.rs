//! The database of the product that this one replaces, read to be imported.
//!
//! It is a file of somebody else: nothing in it is believed, and nothing of it is run. SQLite never writes to it, nor beside
//! it, takes no lock on it and evaluates none of its views, triggers and generated columns; no value is read whose length is
//! beyond what could be taken.
//!
//! **Invariant:** nothing here knows what a row may become.

mod columns;
mod rows;
mod shape;
mod snapshot;

use std::path::{Path, PathBuf};

use agentstack_storage::import::{ImportSource, SourceRow, SourceTable, SourceTotals, SourceUnreadable};
use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use self::shape::Shape;
use self::snapshot::Snapshot;
use crate::connect::harden;
use crate::error::{NOTADB, primary_code};

/// Why a file is not imported. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceFileProblem {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is a folder, a pipe or a device.
    #[error("{} is not a plain file", path.display())]
    NotPlain {
        /// Which file.
        path: PathBuf,
    },
    /// It is no SQLite database that can be read.
    #[error("{} is not a SQLite database, or it is encrypted; the databases that can be imported are plain", path.display())]
    NotADatabase {
        /// Which file.
        path: PathBuf,
    },
    /// It is one of ours.
    #[error("{} is a database of AgentStack already: there is nothing to import", path.display())]
    Ours {
        /// Which file.
        path: PathBuf,
    },
    /// It is not the other product's.
    #[error("{} is not a database of aistack: {why}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What is not as it should be.
        why: String,
    },
    /// It is of a newer version than those that are known.
    #[error(
        "{} was made by a newer version of aistack than 1.6: {why}. Nothing was imported, because some of it could not be \
         understood", path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// What is not known.
        why: String,
    },
    /// Somebody writes to it.
    #[error("{} changed while it was read: stop whatever uses it, and try again", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// Its journal is of a transaction over several databases.
    #[error(
        "{} has a journal of a transaction over several databases, which aistack never makes: open it once with the program \
         that has made it", path.display()
    )]
    Several {
        /// Which file.
        path: PathBuf,
    },
    /// SQLite cannot read it.
    #[error("{} is damaged, or is no database that can be imported", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// The database, open for reading.
#[derive(Debug)]
pub struct ReferenceFile {
    connection: SqliteConnection,
    snapshot: Snapshot,
    shape: Shape,
}

impl ReferenceFile {
    /// Opens the database at `path`. What its journals hold is part of it: if there are any, a copy in the private folder
    /// `scratch` is read instead, of which nothing is left when this returns.
    ///
    /// # Errors
    /// When it is no such database or cannot be read.
    pub async fn open(path: &Path, scratch: &Path) -> Result<Self, ReferenceFileProblem> {
        let (from, into) = (path.to_owned(), scratch.to_owned());
        let taken = tokio::task::spawn_blocking(move || Snapshot::take(&from, &into)).await;
        let snapshot = taken.map_err(|error| ReferenceFileProblem::Io {
            path: path.to_owned(),
            source: std::io::Error::other(error),
        })??;
        let mut connection = match connect(&snapshot).await {
            Ok(connection) => connection,
            Err(source) => return Err(problem(path, source)),
        };
        match Shape::of(&mut connection, path).await {
            Ok(shape) => {
                // SQLite has the copy open; nobody else needs to find it.
                snapshot.forget_copy();
                Ok(Self { connection, snapshot, shape })
            }
            Err(error) => {
                let _ = connection.close().await;
                Err(error)
            }
        }
    }

    /// Lets go of the file, and makes sure that it is what it was when it was opened.
    ///
    /// # Errors
    /// When somebody has written to it.
    pub async fn close(self) -> Result<(), ReferenceFileProblem> {
        let _ = self.connection.close().await;
        self.snapshot.is_unchanged()
    }
}

async fn connect(snapshot: &Snapshot) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(snapshot.path())
        // A copy is made whole from its journals. The file itself is taken as it stands.
        .read_only(!snapshot.is_copy())
        .immutable(!snapshot.is_copy())
        .foreign_keys(false)
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("mmap_size", "0")
        .pragma("query_only", "ON")
        // An index that SQLite makes for itself would take in values of whatever length.
        .pragma("automatic_index", "OFF")
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    match harden(&mut connection).await {
        Ok(()) => Ok(connection),
        Err(error) => {
            let _ = connection.close().await;
            Err(error)
        }
    }
}

/// What it means that SQLite does not read the file.
fn problem(path: &Path, source: sqlx::Error) -> ReferenceFileProblem {
    let path = path.to_owned();
    match primary_code(&source) {
        Some(NOTADB) => ReferenceFileProblem::NotADatabase { path },
        _ => ReferenceFileProblem::Damaged { path, source },
    }
}

fn unreadable(error: sqlx::Error) -> SourceUnreadable {
    SourceUnreadable(error.into())
}

#[async_trait]
impl ImportSource for ReferenceFile {
    fn fingerprint(&self) -> [u8; 32] {
        self.snapshot.fingerprint()
    }

    async fn totals(&mut self) -> Result<SourceTotals, SourceUnreadable> {
        self.shape.totals(&mut self.connection).await.map_err(unreadable)
    }

    async fn rows(&mut self, table: SourceTable, after: i64) -> Result<Vec<SourceRow>, SourceUnreadable> {
        rows::read(&mut self.connection, &self.shape, table, after).await.map_err(unreadable)
    }
}
