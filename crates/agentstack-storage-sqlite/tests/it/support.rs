//! Stores in folders of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agentstack_storage::StoreHealth;
use agentstack_storage::conformance::{Opened, World};
use agentstack_storage_sqlite::{KeyMaterial, MasterKey, OpenError, OpenOptions, SqliteStore};
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

pub(crate) async fn open(path: &Path, encrypted: bool) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(OpenOptions::new(path.to_owned(), keys(encrypted))).await
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
    let store = open(path, encrypted).await.unwrap();
    World::new(Opened { verifying: store.verifying_key(), store: Arc::new(store), keep: Box::new(()) })
}

async fn fresh(encrypted: bool) -> Opened {
    let folder = TempDir::new().unwrap();
    let store = open(&path(&folder), encrypted).await.unwrap();
    Opened { verifying: store.verifying_key(), store: Arc::new(store), keep: Box::new(folder) }
}

pub(crate) async fn encrypted() -> Opened {
    fresh(true).await
}

pub(crate) async fn unencrypted() -> Opened {
    fresh(false).await
}
