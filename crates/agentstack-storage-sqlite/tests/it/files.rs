//! S37 and S42: what is in the files, who may read them, and which files are refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use agentstack_storage::NewEntry;
use agentstack_storage::conformance::world::{entry, metadata, tags};
use agentstack_storage_sqlite::{FileProblem, MasterKey, OpenError, OpenOptions, SqliteStore};
use sqlx::{Connection, Executor};
use tempfile::TempDir;

use crate::support::{self, open, raw};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Every file of a folder with its bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let file = |file: std::io::Result<fs::DirEntry>| {
        let path = file.unwrap().path();
        (path.display().to_string(), fs::read(&path).unwrap())
    };
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(file).collect();
    all.sort();
    all
}

/// That the database is refused, and how; and that not a byte of it changes.
async fn refused(path: &Path, encrypted: bool) -> OpenError {
    let before = contents(path.parent().unwrap());
    let refused = open(path, encrypted).await.unwrap_err();
    assert_eq!(contents(path.parent().unwrap()), before, "{refused}");
    refused
}

#[tokio::test]
async fn s37_an_encrypted_store_shows_nothing() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, true).await;
    let canary = "Canaryword";
    let ann = world.local(canary).start().await;
    for number in 0..30 {
        let new = NewEntry {
            metadata: metadata(&format!(r#"{{"{canary}": "{canary}"}}"#)),
            tags: tags(&[canary]),
            ..entry(&format!("{canary} {number}"), &format!("{canary} ").repeat(500))
        };
        ann.for_agent(canary).try_store(new).await.unwrap();
    }
    assert!(world.store.health().await.unwrap().encrypted);
    for round in ["open", "closed"] {
        for (name, bytes) in contents(path.parent().unwrap()) {
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            for needle in
                ["canarywor", "sqlite format 3", "create table", "entries", "memory_store", "local:"]
            {
                assert!(!text.contains(needle), "{needle} in {name}, {round}");
            }
        }
        world.store.close().await;
    }
}

#[tokio::test]
async fn s42_files_are_made_private() {
    for encrypted in [true, false] {
        let folder = TempDir::new().unwrap();
        let path = support::path(&folder);
        let world = support::world(&path, encrypted).await;
        world.local("ann").start().await.store("key", "text").await;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        let files = contents(path.parent().unwrap());
        assert_eq!(files.len(), 3, "the database, its log and the log's index");
        for (name, _) in files {
            assert_eq!(mode(Path::new(&name)), 0o600, "{name}");
        }
    }
}

#[tokio::test]
async fn s42_what_is_not_private_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    support::create(&path, true).await;
    for bad in [0o640, 0o604, 0o620, 0o666] {
        set_mode(&path, bad);
        let error = refused(&path, true).await;
        assert!(
            matches!(error, OpenError::File(FileProblem::TooOpen { mode, wanted: 0o600, .. }) if mode == bad),
            "{error}"
        );
    }
    set_mode(&path, 0o600);
    for bad in [0o770, 0o707, 0o1777] {
        set_mode(path.parent().unwrap(), bad);
        let error = refused(&path, true).await;
        assert!(
            matches!(error, OpenError::File(FileProblem::TooOpen { mode, wanted: 0o700, .. }) if mode == bad),
            "{error}"
        );
    }
    set_mode(path.parent().unwrap(), 0o700);
    support::create(&path, true).await;
}

#[tokio::test]
async fn s42_links_and_folders_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    support::create(&path, true).await;
    let link = path.with_file_name("link.db");
    symlink(&path, &link).unwrap();
    let error = refused(&link, true).await;
    assert!(matches!(error, OpenError::File(FileProblem::NotPlain { .. })), "{error}");
    let dangling = path.with_file_name("dangling.db");
    symlink(folder.path().join("elsewhere"), &dangling).unwrap();
    let error = open(&dangling, true).await.unwrap_err();
    assert!(matches!(error, OpenError::File(FileProblem::NotPlain { .. })), "{error}");
    assert!(!folder.path().join("elsewhere").exists());
    let error = open(path.parent().unwrap(), true).await.unwrap_err();
    assert!(matches!(error, OpenError::File(FileProblem::NotPlain { .. })), "{error}");
    let linked = folder.path().join("linked");
    symlink(path.parent().unwrap(), &linked).unwrap();
    let error = open(&linked.join("store.db"), true).await.unwrap_err();
    assert!(matches!(error, OpenError::File(FileProblem::NotFolder { .. })), "{error}");
}

#[tokio::test]
async fn s42_what_another_user_owns_is_refused() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away. Where it is not root, somebody else's folder is at hand.
        let error = open(Path::new("/store.db"), true).await.unwrap_err();
        assert!(matches!(error, OpenError::File(FileProblem::ForeignOwner { owner: 0, .. })), "{error}");
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    support::create(&path, true).await;
    for foreign in [path.as_path(), path.parent().unwrap()] {
        chown(foreign, Some(12_345), None).unwrap();
        let error = refused(&path, true).await;
        assert!(matches!(error, OpenError::File(FileProblem::ForeignOwner { owner: 12_345, .. })), "{error}");
        chown(foreign, Some(0), None).unwrap();
    }
    support::create(&path, true).await;
}

#[tokio::test]
async fn s37_a_wrong_key_is_a_clear_error_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, true).await;
    world.local("ann").start().await.named("team").store("key", "text").await;
    world.store.close().await;
    let before = contents(path.parent().unwrap());
    let other = MasterKey::parse(&"77".repeat(32)).unwrap().derive();
    let error = SqliteStore::open(OpenOptions::new(path.clone(), other)).await.unwrap_err();
    assert!(matches!(error, OpenError::WrongKey { .. }), "{error:?}");
    let error = refused(&path, false).await;
    assert!(matches!(error, OpenError::WrongKey { .. }), "no key is a wrong key: {error:?}");
    assert_eq!(contents(path.parent().unwrap()), before);
    let world = support::world(&path, true).await;
    assert_eq!(world.local("bob").named("team").get("key").await.unwrap().content, "text");
}

#[tokio::test]
async fn s37_a_readable_database_is_not_taken_for_an_encrypted_one() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    assert!(!world.store.health().await.unwrap().encrypted);
    world.store.close().await;
    let error = refused(&path, true).await;
    assert!(matches!(error, OpenError::NotEncrypted { .. }), "{error:?}");
}

#[tokio::test]
async fn another_programs_database_is_refused_and_not_touched() {
    let scripts = [
        "CREATE TABLE memory (id TEXT)",
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 77",
        "PRAGMA application_id = 77; PRAGMA user_version = 1; CREATE TABLE entries (id)",
        "CREATE TABLE entries (id); PRAGMA user_version = 0",
    ];
    for script in scripts {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("other.db");
        let mut other = raw(&path).await;
        other.execute(script).await.unwrap();
        other.close().await.unwrap();
        set_mode(&path, 0o600);
        let error = refused(&path, false).await;
        assert!(matches!(error, OpenError::Foreign { .. }), "{script}: {error:?}");
        let error = refused(&path, true).await;
        assert!(matches!(error, OpenError::NotEncrypted { .. }), "{script}: {error:?}");
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("noise.db");
    fs::write(&path, "not a database at all ".repeat(500)).unwrap();
    set_mode(&path, 0o600);
    for encrypted in [true, false] {
        let error = refused(&path, encrypted).await;
        assert!(matches!(error, OpenError::WrongKey { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    support::create(&path, false).await;
    let mut newer = raw(&path).await;
    newer.execute("PRAGMA user_version = 10").await.unwrap();
    newer.close().await.unwrap();
    let error = refused(&path, false).await;
    assert!(matches!(error, OpenError::Newer { found: 10, known: 9, .. }), "{error:?}");
}

#[tokio::test]
async fn a_schema_that_does_not_fit_its_number_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    support::create(&path, false).await;
    let mut half = raw(&path).await;
    half.execute("PRAGMA user_version = 0").await.unwrap();
    half.close().await.unwrap();
    let error = refused(&path, false).await;
    assert!(matches!(error, OpenError::Migration { to: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn no_error_shows_the_key() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    fs::write(&path, "noise ".repeat(1_000)).unwrap();
    set_mode(&path, 0o600);
    let error = open(&path, true).await.unwrap_err();
    let options = OpenOptions::new(path, support::keys(true));
    let store = open(&folder.path().join("other.db"), true).await.unwrap();
    let shown = format!("{error} {error:?} {options:?} {store:?}").to_lowercase();
    assert!(!shown.contains("5a5a5a5a") && !shown.contains("x'"), "{shown}");
}
