//! The store: its connections and what it remembers between calls.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex as SyncMutex;
use std::time::Duration;

use agentstack_access::{Holder, Standing};
use agentstack_audit::{ResourceHasher, SigningKey, VerifyingKey};
use agentstack_core::{SessionId, Timestamp};
use agentstack_storage::StorageError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection, Executor, Sqlite};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::storage;
use crate::{Encryption, OpenError, OpenOptions, connect, migrate};

/// The embedded backend.
pub struct SqliteStore {
    /// The connection for all writes, and for reads while it is free.
    primary: Mutex<Primary>,
    /// Connections for reads that find it busy; opened when needed, closed when idle.
    readers: SqlitePool,
    pub(crate) encryption: Encryption,
    pub(crate) signing: SigningKey,
    resources: ResourceHasher,
    pub(crate) standings: SyncMutex<HashMap<(SessionId, Option<Holder>), (Standing, Timestamp)>>,
}

pub(crate) struct Primary {
    connection: Option<SqliteConnection>,
    /// Whether a transaction may be open that its call did not live to close.
    pub(crate) unfinished: bool,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options of the connections hold the key.
        f.debug_struct("SqliteStore").field("encryption", &self.encryption).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the database, makes it if it is not there, brings its schema up to date and finishes what
    /// a crash interrupted.
    ///
    /// # Errors
    /// When the file, its folder, the key or the schema is not right. Nothing is changed then.
    pub async fn open(options: OpenOptions) -> Result<Self, OpenError> {
        options.prepare()?;
        let mut connection = options.connect().await?;
        migrate::migrate(&mut connection, &options).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .idle_timeout(Duration::from_secs(60))
            .acquire_timeout(options.busy_timeout)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(connect::harden(connection)))
            .connect_lazy_with(options.sqlite());
        let store = Self {
            primary: Mutex::new(Primary { connection: Some(connection), unfinished: false }),
            readers,
            encryption: options.encryption(),
            signing: options.keys.audit.signing,
            resources: options.keys.audit.resources,
            standings: SyncMutex::default(),
        };
        store.reclaim().await.map_err(|error| OpenError::Reclaim { path: options.path, source: error })?;
        Ok(store)
    }

    /// What hashes the names of resources for the audit log.
    #[must_use]
    pub fn resource_hasher(&self) -> ResourceHasher {
        self.resources.clone()
    }

    /// The key with which the audit log's checkpoints are verified.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// The first connection, with no transaction open on it.
    pub(crate) async fn primary(&self) -> Result<MutexGuard<'_, Primary>, StorageError> {
        let mut primary = self.primary.lock().await;
        if primary.unfinished {
            // It may have come to its end all the same; then there is nothing to roll back.
            let _ = primary.connection()?.execute("ROLLBACK").await;
            primary.unfinished = false;
        }
        Ok(primary)
    }

    /// A connection to read with: the first if it is free (its page cache is warm), else another.
    pub(crate) async fn reader(&self) -> Result<Reader<'_>, StorageError> {
        match self.primary.try_lock() {
            Ok(primary) if !primary.unfinished && primary.connection.is_some() => Ok(Reader::Primary(primary)),
            _ => Ok(Reader::Pooled(self.readers.acquire().await.map_err(storage)?)),
        }
    }

    /// Empties the write-ahead log, so that nothing deleted is left in it (S08). Another process's
    /// reader may hold it back for the moment; then the next deletion or the next close does it.
    pub(crate) async fn truncate_log(&self) {
        let truncated = async {
            let mut primary = self.primary().await?;
            let row = sqlx::query_as::<_, (i64, i64, i64)>("PRAGMA wal_checkpoint(TRUNCATE)");
            row.fetch_one(primary.connection()?).await.map_err(storage)
        };
        match truncated.await {
            Ok((0, ..)) => {}
            Ok(_) => tracing::debug!("the write-ahead log is in use and will be emptied later"),
            Err(error) => tracing::warn!(error = %error, "emptying the write-ahead log"),
        }
    }

    /// Closes all connections; the last process to do so folds the write-ahead log into the database.
    pub(crate) async fn shut(&self) {
        self.readers.close().await;
        if let Ok(mut primary) = self.primary().await
            && let Some(connection) = primary.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(error = %error, "closing the database");
        }
    }
}

impl Primary {
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, StorageError> {
        self.connection.as_mut().ok_or_else(|| StorageError::Unavailable("the store is closed".into()))
    }
}

/// A connection for reading.
pub(crate) enum Reader<'a> {
    Primary(MutexGuard<'a, Primary>),
    Pooled(PoolConnection<Sqlite>),
}

impl Reader<'_> {
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, StorageError> {
        match self {
            Self::Primary(primary) => primary.connection(),
            Self::Pooled(connection) => Ok(connection),
        }
    }
}
