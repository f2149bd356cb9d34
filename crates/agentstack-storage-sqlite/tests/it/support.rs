//! Stores in folders of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agentstack_storage::StoreHealth;
use agentstack_storage::conformance::{Opened, World};
use agentstack_storage_sqlite::{IndexBounds, KeyMaterial, MasterKey, OpenError, OpenOptions, SqliteStore};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

/// The key of all tests.
pub(crate) fn master() -> MasterKey {
    MasterKey::parse(&"5a".repeat(32)).unwrap()
}

pub(crate) fn keys(encrypted: bool) -> KeyMaterial {
    let keys = master().derive();
    if encrypted { keys } else { keys.without_encryption() }
}

pub(crate) fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("data/store.db")
}

/// The name of a file beside another.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

pub(crate) async fn open(path: &Path, encrypted: bool) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(OpenOptions::new(path.to_owned(), keys(encrypted))).await
}

/// Bounds so small that a dozen entries make segments of several levels and blocks.
pub(crate) fn small_bounds() -> IndexBounds {
    IndexBounds { fresh_entries: 2, fresh_postings: 16, fan_in: 2, block_bytes: 40, segment_postings: 200 }
}

/// Makes a database, or proves that one opens, and lets go of it.
pub(crate) async fn create(path: &Path, encrypted: bool) {
    open(path, encrypted).await.unwrap().close().await;
}

/// A connection without any of the store's settings, to a database that is not encrypted.
pub(crate) async fn raw(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// A world over the database at `path`.
pub(crate) async fn world(path: &Path, encrypted: bool) -> World {
    world_with(path, encrypted, IndexBounds::default()).await
}

/// The same with an index of other bounds.
pub(crate) async fn world_with(path: &Path, encrypted: bool, index: IndexBounds) -> World {
    let options = OpenOptions { index, ..OpenOptions::new(path.to_owned(), keys(encrypted)) };
    let store = SqliteStore::open(options).await.unwrap();
    World::new(Opened { verifying: store.verifying_key(), store: Arc::new(store), keep: Box::new(()) })
}

async fn fresh(encrypted: bool, index: IndexBounds) -> Opened {
    let folder = TempDir::new().unwrap();
    let options = OpenOptions { index, ..OpenOptions::new(path(&folder), keys(encrypted)) };
    let store = SqliteStore::open(options).await.unwrap();
    Opened { verifying: store.verifying_key(), store: Arc::new(store), keep: Box::new(folder) }
}

pub(crate) async fn encrypted() -> Opened {
    fresh(true, IndexBounds::default()).await
}

pub(crate) async fn unencrypted() -> Opened {
    fresh(false, IndexBounds::default()).await
}

pub(crate) async fn small_segments() -> Opened {
    fresh(false, small_bounds()).await
}
