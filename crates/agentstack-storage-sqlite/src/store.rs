//! The store: its connections and what it remembers between calls.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use agentstack_access::{Holder, Standing};
use agentstack_audit::{ResourceHasher, SigningKey, VerifyingKey};
use agentstack_core::{SessionId, Timestamp};
use agentstack_storage::StorageError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection, Executor, Sqlite};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::error::storage;
use crate::known::Known;
use crate::version::Watch;
use crate::{Encryption, IndexBounds, OpenError, OpenOptions, connect, error, migrate};

/// How long the emptying of the write-ahead log waits for other processes' readers.
const TRUNCATION_PATIENCE: Duration = Duration::from_millis(250);

/// How long the end of a store that nobody has closed waits for its connections.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);

/// How long a read waits for the first connection: a transaction takes some milliseconds, and on another connection
/// the pages have to be decrypted anew.
const READER_PATIENCE: Duration = Duration::from_millis(20);

/// How often new keys are asked for while the database opens with none.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// The embedded backend.
pub struct SqliteStore {
    /// The connection for all writes, and for reads while it is free.
    primary: Mutex<Primary>,
    /// What need not be asked for again.
    pub(crate) known: Known,
    /// Connections for reads that find it busy; opened when needed, closed when idle.
    readers: RwLock<SqlitePool>,
    /// How it was opened. The keys are the ones that it opens with now.
    options: RwLock<OpenOptions>,
    /// How often it was known that a database had refused its key when the connections were opened.
    refused: AtomicU64,
    /// When new keys were last asked for in vain.
    renewed: SyncMutex<Option<Instant>>,
    busy_timeout: Duration,
    /// Whether the write-ahead log could not be emptied after the last deletion.
    traces: AtomicBool,
    pub(crate) index: IndexBounds,
    pub(crate) encryption: Encryption,
    pub(crate) standings: SyncMutex<Standings>,
}

/// What was found of a session for a holder, and when.
type Standings = HashMap<(SessionId, Option<Holder>), (Standing, Timestamp)>;

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
        if let Err(error) = migrate::migrate(&mut connection, &options).await {
            // Without it, the files of the log would lie there for another moment.
            let _ = connection.close().await;
            return Err(error);
        }
        let known = Known::default();
        known.watch(Watch::of(&mut connection).await);
        let store = Self {
            primary: Mutex::new(Primary { connection: Some(connection), unfinished: false }),
            known,
            readers: RwLock::new(pool(&options)),
            refused: AtomicU64::new(error::refusals()),
            renewed: SyncMutex::default(),
            busy_timeout: options.busy_timeout,
            // A process that was killed may have left some.
            traces: AtomicBool::new(true),
            index: options.index,
            encryption: options.encryption(),
            standings: SyncMutex::default(),
            options: RwLock::new(options),
        };
        if store.options().read_only {
            return Ok(store);
        }
        // What is left of ended sessions is out of everybody's reach; if it cannot be removed now, later.
        if let Err(error) = store.reclaim().await {
            tracing::warn!(error = %error, "removing what is left of ended sessions");
        }
        Ok(store)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.options().path
    }

    /// The versions of SQLite and, if what is kept is encrypted, of SQLCipher with what it computes by.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn made_of(&self) -> Result<(String, Option<String>), StorageError> {
        let mut reader = self.reader().await?;
        let connection = reader.connection()?;
        let asked = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *connection);
        let sqlite = asked.await.map_err(storage)?;
        let mut cipher = vec![];
        for pragma in ["PRAGMA cipher_version", "PRAGMA cipher_provider_version"] {
            let asked = sqlx::query_scalar::<_, String>(pragma).fetch_optional(&mut *connection);
            cipher.extend(asked.await.map_err(storage)?);
        }
        let is_encrypted = self.encryption == Encryption::On;
        Ok((sqlite, is_encrypted.then(|| format!("SQLCipher {}", cipher.join(", ")))))
    }

    /// What hashes the names of resources for the audit log.
    #[must_use]
    pub fn resource_hasher(&self) -> ResourceHasher {
        self.options().keys.audit.resources
    }

    /// The key with which the audit log's checkpoints are verified.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.signing().verifying_key()
    }

    /// The key with which it signs the audit log.
    pub(crate) fn signing(&self) -> Arc<SigningKey> {
        self.options().keys.audit.signing
    }

    /// How it was opened.
    pub(crate) fn options(&self) -> OpenOptions {
        self.options.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn readers(&self) -> SqlitePool {
        self.readers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first connection, with no transaction open on it.
    pub(crate) async fn primary(&self) -> Result<MutexGuard<'_, Primary>, StorageError> {
        let mut primary = self.primary.lock().await;
        primary.settle().await?;
        self.renew(&mut primary).await?;
        Ok(primary)
    }

    /// A connection to read with: the first if it is free soon (its page cache is warm), else another.
    pub(crate) async fn reader(&self) -> Result<Reader<'_>, StorageError> {
        let primary = match self.primary.try_lock() {
            Ok(primary) => Some(primary),
            Err(_) => timeout(READER_PATIENCE, self.primary.lock()).await.ok(),
        };
        let held = match primary {
            Some(mut primary) if primary.connection.is_some() => {
                primary.settle().await?;
                self.renew(&mut primary).await?;
                Held::Primary(primary)
            }
            _ => Held::Pooled(self.readers().acquire().await.map_err(storage)?),
        };
        Ok(Reader { held, open: false })
    }

    /// Opens the database anew with the key that another process has given it, if it has refused the one at hand since the
    /// connections were opened.
    async fn renew(&self, primary: &mut Primary) -> Result<(), StorageError> {
        let refusals = error::refusals();
        if self.refused.load(Ordering::Acquire) == refusals || primary.connection.is_none() {
            return Ok(());
        }
        let asked = sqlx::query("SELECT count(*) FROM sqlite_schema").fetch_one(primary.connection()?).await;
        match asked {
            // It was another database that did.
            Ok(_) => self.refused.store(refusals, Ordering::Release),
            // A connection that has met a page that it cannot read answers that it has no memory from then on.
            Err(error) if matches!(error::primary_code(&error), Some(error::NOTADB | error::NOMEM)) => {
                if !self.may_renew() {
                    return Err(StorageError::Unavailable(error.into()));
                }
                let mut options = self.options();
                let renewed = connect::with_new_keys(&mut options).await;
                let connection = renewed.ok_or_else(|| StorageError::Unavailable(error.into()))?;
                self.exchange(primary, connection, options).await;
                self.refused.store(error::refusals(), Ordering::Release);
                *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = None;
                tracing::info!("the key of the database was replaced; the new one is in use");
            }
            Err(error) => return Err(storage(error)),
        }
        Ok(())
    }

    /// Whether new keys may be asked for again: that can take its time.
    fn may_renew(&self) -> bool {
        let mut last = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let may = last.is_none_or(|last| now.duration_since(last) >= RENEW_EVERY);
        if may {
            *last = Some(now);
        }
        may
    }

    async fn exchange(&self, primary: &mut Primary, mut connection: SqliteConnection, options: OpenOptions) {
        self.known.watch(None);
        self.known.watch(Watch::of(&mut connection).await);
        if let Some(old) = primary.connection.replace(connection) {
            let _ = old.close().await;
        }
        let new = pool(&options);
        let old = std::mem::replace(&mut *self.readers.write().unwrap_or_else(PoisonError::into_inner), new);
        *self.options.write().unwrap_or_else(PoisonError::into_inner) = options;
        // Those that are in use end with the calls that use them.
        tokio::spawn(async move { old.close().await });
    }

    /// Empties the write-ahead log, so that nothing deleted is left in it (S08). Another process's
    /// reader may hold it back; it is waited for a little. Says whether it is empty.
    pub(crate) async fn truncate_log(&self) -> Result<bool, StorageError> {
        let mut primary = self.primary().await?;
        let connection = primary.connection()?;
        connect::set_busy_timeout(connection, TRUNCATION_PATIENCE).await.map_err(storage)?;
        let row = sqlx::query_as::<_, (i64, i64, i64)>("PRAGMA wal_checkpoint(TRUNCATE)");
        let row = row.fetch_one(&mut *connection).await.map_err(storage);
        connect::set_busy_timeout(connection, self.busy_timeout).await.map_err(storage)?;
        let empty = row?.0 == 0;
        self.traces.store(!empty, Ordering::Release);
        Ok(empty)
    }

    /// Whether a deletion may have left traces in the write-ahead log.
    pub(crate) fn traces_may_be_left(&self) -> bool {
        self.traces.load(Ordering::Acquire)
    }

    /// Empties the log after a deletion, which has happened whatever comes of this: the next one, or
    /// housekeeping, makes up for it.
    pub(crate) async fn try_truncate_log(&self) {
        match self.truncate_log().await {
            Ok(true) => {}
            Ok(false) => tracing::debug!("the write-ahead log is in use and will be emptied later"),
            Err(error) => tracing::warn!(error = %error, "emptying the write-ahead log"),
        }
    }

    /// Closes all connections; the last process to do so folds the write-ahead log into the database.
    pub(crate) async fn shut(&self) {
        self.known.watch(None);
        self.readers().close().await;
        if let Ok(mut primary) = self.primary().await
            && let Some(connection) = primary.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(error = %error, "closing the database");
        }
    }
}

fn pool(options: &OpenOptions) -> SqlitePool {
    let settling = options.clone();
    SqlitePoolOptions::new()
        .max_connections(options.readers.max(1))
        .idle_timeout(Duration::from_mins(1))
        .acquire_timeout(options.busy_timeout)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let options = settling.clone();
            Box::pin(async move { options.settle(connection).await })
        })
        .connect_lazy_with(options.sqlite())
}

/// `SQLCipher` puts its house away when the process ends, and a connection that its own thread is closing at that moment takes
/// the process down (SIGSEGV in `sqlite3FreeCodecArg`). So whoever lets go of a store without closing it waits for that.
impl Drop for SqliteStore {
    fn drop(&mut self) {
        let Some(connection) = self.primary.get_mut().connection.take() else { return };
        let readers = self.readers();
        let close = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let closing = async {
                timeout(CLOSING_PATIENCE, async { tokio::join!(connection.close(), readers.close()) }).await
            };
            // Whatever comes of it: nobody is left who could be told.
            let _ = runtime.map(|runtime| runtime.block_on(closing));
        };
        let _ = std::thread::spawn(close).join();
    }
}

impl Primary {
    /// Ends a transaction that its call did not live to close.
    async fn settle(&mut self) -> Result<(), StorageError> {
        if self.unfinished {
            // It may have come to its end all the same; then there is nothing to roll back.
            let _ = self.connection()?.execute("ROLLBACK").await;
            self.unfinished = false;
        }
        Ok(())
    }

    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, StorageError> {
        self.connection.as_mut().ok_or_else(|| StorageError::Unavailable("the store is closed".into()))
    }
}

/// A connection for reading.
pub(crate) struct Reader<'a> {
    held: Held<'a>,
    /// Whether a transaction may be open on it.
    open: bool,
}

enum Held<'a> {
    Primary(MutexGuard<'a, Primary>),
    Pooled(PoolConnection<Sqlite>),
}

impl Reader<'_> {
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, StorageError> {
        match &mut self.held {
            Held::Primary(primary) => primary.connection(),
            Held::Pooled(connection) => Ok(connection),
        }
    }

    /// Says whether a transaction is open: between its first statement and its last. If the call does not live to
    /// close it, whoever uses the connection next does, or nobody uses it again.
    pub(crate) fn mark(&mut self, open: bool) {
        self.open = open;
        if let Held::Primary(primary) = &mut self.held {
            primary.unfinished = open;
        }
    }

    /// Ends the transaction, if one is open.
    pub(crate) async fn end(&mut self) {
        if self.open
            && let Ok(connection) = self.connection()
        {
            // It may have come to its end all the same.
            let _ = connection.execute("ROLLBACK").await;
            self.mark(false);
        }
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if let (true, Held::Pooled(connection)) = (self.open, &mut self.held) {
            connection.close_on_drop();
        }
    }
}
