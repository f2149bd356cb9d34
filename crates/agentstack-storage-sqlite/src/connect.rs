//! Connections: how each is opened, and what is set on every one of them (S32).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use crate::error::{NOTADB, primary_code};
use crate::files::{existing_database, private_database};
use crate::key::KeyMaterial;
use crate::{IndexBounds, OpenError, create_private_folder, private_file};

/// Whether what is kept is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// SQLCipher: AES-256-CBC with a random IV and an HMAC-SHA-256 for each page.
    On,
    /// Plain SQLite.
    Off,
}

/// The keys that there may be now, asked for when the ones at hand have stopped to open the database. The first that does
/// is taken.
pub type Renew = Arc<dyn Fn() -> Vec<KeyMaterial> + Send + Sync>;

/// Where a database is and how it is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// The file. It is made if it is not there.
    pub path: PathBuf,
    /// The keys.
    pub keys: KeyMaterial,
    /// How long a call waits for another process's transaction before it gives up.
    pub busy_timeout: Duration,
    /// The largest page cache of a connection, in KiB. To decrypt a page takes about 10 µs; the upper pages of the trees,
    /// which every call reads, stay in a small cache too (`docs/performance.md`).
    pub cache_kib: u32,
    /// The most connections for reads that find the first one busy.
    pub readers: u32,
    /// How large the pieces of the inverted index are.
    pub index: IndexBounds,
    /// Where new keys come from when another process has replaced them; nowhere, and every call fails from then on.
    pub renew: Option<Renew>,
    /// Whether nothing is ever written: no file is made, no schema brought up to date, no log emptied.
    pub read_only: bool,
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions").field("path", &self.path).finish_non_exhaustive()
    }
}

impl OpenOptions {
    /// The usual options for the file at `path`.
    #[must_use]
    pub fn new(path: PathBuf, keys: KeyMaterial) -> Self {
        Self {
            path,
            keys,
            busy_timeout: Duration::from_secs(30),
            cache_kib: 3 * 1024,
            readers: 2,
            index: IndexBounds::default(),
            renew: None,
            read_only: false,
        }
    }

    /// Whether the database is encrypted.
    #[must_use]
    pub fn encryption(&self) -> Encryption {
        if self.keys.database.is_some() { Encryption::On } else { Encryption::Off }
    }

    /// Makes sure that the file is there and private, and so is its folder.
    pub(crate) fn prepare(&self) -> Result<(), OpenError> {
        if self.read_only {
            return Ok(existing_database(&self.path)?);
        }
        create_private_folder(self.folder())?;
        Ok(private_database(&self.path)?)
    }

    /// The options of SQLite. They hold the key: they are never printed.
    pub(crate) fn sqlite(&self) -> SqliteConnectOptions {
        let mut options = SqliteConnectOptions::new().filename(&self.path);
        if let Some(key) = &self.keys.database {
            options = options
                .pragma("key", key.quoted())
                // SQLCipher would complain of a wrong key on stderr too. That has to be said before sqlx
                // sets anything else, and there is no place for it in between but here.
                .pragma("cipher_hmac_algorithm", "HMAC_SHA256; PRAGMA cipher_log_level = NONE");
        }
        options
            .read_only(self.read_only && !self.may_write())
            .immutable(self.read_only && self.is_still())
            .pragma("query_only", if self.read_only { "ON" } else { "OFF" })
            .busy_timeout(self.busy_timeout)
            // With FULL, a commit is on the disk before it is acknowledged.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("cache_size", format!("-{}", self.cache_kib))
            .pragma("secure_delete", "ON")
            .pragma("temp_store", "MEMORY")
            .pragma("trusted_schema", "OFF")
            .pragma("cell_size_check", "ON")
            .disable_statement_logging()
    }

    /// Whether there is a write-ahead log with something in it.
    pub(crate) fn has_log(&self) -> bool {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
    }

    /// Whether the file and its folder could be written to. A connection that could tidies up what it needs beside the file;
    /// one that cannot leaves it there.
    fn may_write(&self) -> bool {
        let may = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
        may(&self.path) && may(self.folder())
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Whether nobody can be writing: there is no write-ahead log, which is there as long as somebody has the database
    /// open, and none can be made. SQLite would want to make one even to read.
    fn is_still(&self) -> bool {
        let beside = |end: &str| {
            let mut name = self.path.clone().into_os_string();
            name.push(end);
            PathBuf::from(name).exists()
        };
        !beside("-wal") && !beside("-shm") && !self.may_write()
    }

    /// Opens a connection. Writes nothing.
    pub(crate) async fn connect(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection = self.sqlite().connect().await.map_err(|source| self.problem(source))?;
        match self.settle(&mut connection).await {
            Ok(()) => Ok(connection),
            Err(source) => {
                let _ = connection.close().await;
                Err(self.problem(source))
            }
        }
    }

    /// Sets what has no PRAGMA.
    pub(crate) async fn settle(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        harden(connection).await?;
        if self.read_only && self.has_log() { leave_log(connection).await } else { Ok(()) }
    }

    /// What it means that SQLite refused to open or to read the file.
    pub(crate) fn problem(&self, source: sqlx::Error) -> OpenError {
        let path = self.path.clone();
        match primary_code(&source) {
            // With a key, every file that was not made with it looks like noise.
            Some(NOTADB) if self.encryption() == Encryption::On && is_readable(&path) => {
                OpenError::NotEncrypted { path }
            }
            Some(NOTADB) => OpenError::WrongKey { path },
            _ => OpenError::Database { path, source },
        }
    }
}

fn is_readable(path: &Path) -> bool {
    use std::io::Read;
    let mut head = [0_u8; 16];
    let read = private_file(path, false).and_then(|mut file| {
        file.read_exact(&mut head).map_err(|source| crate::FileProblem::Io { path: path.to_owned(), source })
    });
    read.is_ok() && &head == b"SQLite format 3\0"
}

/// The limits of a connection (<https://www.sqlite.org/c3ref/c_limit_attached.html>): far above what
/// this crate's own statements need, far below what an attacker would.
pub(crate) const LIMITS: [(i32, i32); 6] = [
    (libsqlite3_sys::SQLITE_LIMIT_LENGTH, 32 * 1024 * 1024),
    (libsqlite3_sys::SQLITE_LIMIT_SQL_LENGTH, 64 * 1024),
    (libsqlite3_sys::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (libsqlite3_sys::SQLITE_LIMIT_ATTACHED, 0),
    (libsqlite3_sys::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (libsqlite3_sys::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// Sets what has no PRAGMA: defensive mode, no extension loading, limits.
pub(crate) async fn harden(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut locked = connection.lock_handle().await?;
    let handle = locked.as_raw_handle().as_ptr();
    let off = std::ptr::null_mut::<std::ffi::c_int>();
    // The lock is held until the end of the function, so the handle is alive and nobody else uses it.
    #[expect(unsafe_code, reason = "SQLite offers these settings through its C interface only")]
    // SAFETY: the handle is valid and exclusively ours; each option takes exactly (int, int*), and a
    // null second argument means that the new value is not reported back.
    let set = unsafe {
        for (limit, value) in LIMITS {
            libsqlite3_sys::sqlite3_limit(handle, limit, value);
        }
        libsqlite3_sys::sqlite3_db_config(handle, libsqlite3_sys::SQLITE_DBCONFIG_DEFENSIVE, 1, off)
            | libsqlite3_sys::sqlite3_db_config(
                handle,
                libsqlite3_sys::SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
                0,
                off,
            )
    };
    if set == libsqlite3_sys::SQLITE_OK {
        Ok(())
    } else {
        Err(sqlx::Error::Protocol("SQLite refused its defensive settings".into()))
    }
}

/// Lets a connection that only reads leave the write-ahead log as it is, even if it is the last that closes.
async fn leave_log(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut locked = connection.lock_handle().await?;
    let handle = locked.as_raw_handle().as_ptr();
    let off = std::ptr::null_mut::<std::ffi::c_int>();
    #[expect(unsafe_code, reason = "SQLite offers this setting through its C interface only")]
    // SAFETY: the lock is held to the end of the function, so the handle is alive and exclusively ours; the option takes
    // exactly (int, int*), and a null second argument means that the new value is not reported back.
    let set = unsafe {
        libsqlite3_sys::sqlite3_db_config(handle, libsqlite3_sys::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, off)
    };
    if set == libsqlite3_sys::SQLITE_OK {
        Ok(())
    } else {
        Err(sqlx::Error::Protocol("SQLite refused to leave a log as it is".into()))
    }
}

/// A connection with the first of the new keys that opens the database, and the options changed to that.
pub(crate) async fn with_new_keys(options: &mut OpenOptions) -> Option<SqliteConnection> {
    let renew = options.renew.clone()?;
    // It may read files, or run a program.
    for keys in tokio::task::spawn_blocking(move || renew()).await.ok()? {
        options.keys = keys;
        if let Ok(mut connection) = options.connect().await {
            // Only reading tells whether it is the right one.
            let asked = sqlx::query("SELECT count(*) FROM sqlite_schema").fetch_one(&mut connection).await;
            if asked.is_ok() {
                return Some(connection);
            }
            let _ = connection.close().await;
        }
    }
    None
}

/// How long a statement waits for other connections. `PRAGMA busy_timeout` would be a text with a number in it,
/// and SQL here is constant.
pub(crate) async fn set_busy_timeout(
    connection: &mut SqliteConnection,
    timeout: Duration,
) -> Result<(), sqlx::Error> {
    let millis = std::ffi::c_int::try_from(timeout.as_millis()).unwrap_or(std::ffi::c_int::MAX);
    let mut locked = connection.lock_handle().await?;
    let handle = locked.as_raw_handle().as_ptr();
    #[expect(
        unsafe_code,
        reason = "SQLite offers this setting with a variable value through its C interface only"
    )]
    // SAFETY: the lock is held to the end of the function, so the handle is alive and exclusively ours.
    let set = unsafe { libsqlite3_sys::sqlite3_busy_timeout(handle, millis) };
    if set == libsqlite3_sys::SQLITE_OK {
        Ok(())
    } else {
        Err(sqlx::Error::Protocol("SQLite refused a timeout".into()))
    }
}
