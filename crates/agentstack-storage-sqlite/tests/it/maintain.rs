//! Proving a database, copying it, and giving it another key.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agentstack_core::Secret;
use agentstack_storage::conformance::Opened;
use agentstack_storage::conformance::world::{SYSTEM_STATUS, World, entry, pending};
use agentstack_storage::text::Match;
use agentstack_storage::{AuditLog, StorageError, StoreHealth};
use agentstack_storage_sqlite::{
    Checked, MaintenanceError, MasterKey, OpenError, OpenOptions, SqliteStore, check, rekey, restore,
    use_of_key,
};
use sqlx::Executor;
use tempfile::TempDir;

use crate::support::{self, keys, raw};

fn options(path: &Path, encrypted: bool) -> OpenOptions {
    OpenOptions::new(path.to_owned(), keys(encrypted))
}

fn other_key() -> MasterKey {
    MasterKey::parse(&"3c".repeat(32)).unwrap()
}

fn words(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn world_over(store: &Arc<SqliteStore>) -> World {
    let verifying = store.verifying_key();
    World::new(Opened { store: Arc::clone(store) as _, verifying, keep: Box::new(()) })
}

/// A store with something of everything: entries in segments, versions, a held one, agents.
async fn filled(path: &Path, encrypted: bool) -> Arc<SqliteStore> {
    let options = OpenOptions { index: support::small_bounds(), ..options(path, encrypted) };
    let store = Arc::new(SqliteStore::open(options).await.unwrap());
    let world = world_over(&store);
    let team = world.local("ann").start().await.named("team");
    for number in 0..40 {
        team.store(&format!("key {number}"), &format!("some words of the entry {number}")).await;
    }
    for number in 0..5 {
        team.store("key 3", &format!("again, for the {number} time")).await;
    }
    team.delete("key 7").await;
    world.local("bob").start().await.store("own", "text").await;
    store
}

async fn checked(path: &Path, encrypted: bool) -> Checked {
    check(&options(path, encrypted), &mut |_| {}).await.unwrap()
}

#[tokio::test]
async fn a_sound_database_has_no_faults() {
    for encrypted in [true, false] {
        let folder = TempDir::new().unwrap();
        let path = support::path(&folder);
        let store = filled(&path, encrypted).await;
        for _ in ["in use", "closed"] {
            let checked = checked(&path, encrypted).await;
            assert_eq!(checked.faults, [], "{checked:?}");
            let holdings = checked.holdings.unwrap();
            assert_eq!((holdings.sessions, holdings.entries, holdings.versions), (2, 40, 5));
            store.close().await;
        }
    }
}

/// What is done to a database, and what is said of it.
const PLANTED: &[(&str, &str)] = &[
    ("DELETE FROM index_fresh WHERE id = (SELECT min(id) FROM index_fresh)", "index:"),
    ("DELETE FROM index_blocks WHERE id = (SELECT max(id) FROM index_blocks)", "cannot be read"),
    (
        "UPDATE index_blocks SET terms = x'ff00ff' WHERE id = (SELECT min(id) FROM index_blocks)",
        "cannot be read",
    ),
    (
        "UPDATE index_blocks SET terms = (SELECT terms FROM index_blocks ORDER BY id DESC LIMIT 1) \
         WHERE id = (SELECT min(id) FROM index_blocks)",
        "the postings of entry",
    ),
    (
        "INSERT INTO index_blocks SELECT max(id) + 1, terms FROM index_blocks GROUP BY id >> 32",
        "has blocks that are in no segment",
    ),
    (
        "UPDATE index_segments SET entries = entries + 1 WHERE id = (SELECT min(id) FROM index_segments)",
        "counts 40 entries",
    ),
    ("UPDATE entries SET length = length + 1 WHERE id = 5", "what is noted of entry 5"),
    ("UPDATE entries SET chars = chars + 1 WHERE id = 5", "what is noted of entry 5"),
    ("UPDATE entries SET facts = x'00' WHERE id = 5", "entry 5 cannot be read"),
    ("UPDATE entries SET content = substr(content, 1, 20) WHERE id = 5", "what is noted of entry 5"),
    ("PRAGMA foreign_keys = OFF; DELETE FROM entries WHERE id = 5", "in the index only"),
    (
        "PRAGMA foreign_keys = OFF; DELETE FROM entries WHERE id = (SELECT entry FROM entry_versions LIMIT 1)",
        "rows of entry_versions name a row of entries that is not there",
    ),
    ("DROP TRIGGER entry_versions_fixed; UPDATE entry_versions SET facts = x'00'", "past or held back"),
    ("INSERT INTO vectors VALUES (1, 4711, 0, x'')", "1 are of no entry"),
    (
        "INSERT INTO embedding_models (name, dimension) VALUES ('m', 3); \
         INSERT INTO vectors SELECT namespace, id, 1, x'00' FROM entries WHERE id = 5",
        "1 do not have the 3 numbers",
    ),
    ("DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE sequence = 3", "its last one is record"),
];

#[tokio::test]
async fn each_fault_is_found() {
    let folder = TempDir::new().unwrap();
    let sound = support::path(&folder);
    let store = filled(&sound, false).await;
    store.close().await;
    for (number, (edit, said)) in PLANTED.iter().enumerate() {
        let path = sound.with_file_name(format!("{number}.db"));
        std::fs::copy(&sound, &path).unwrap();
        let mut connection = raw(&path).await;
        connection.execute(*edit).await.unwrap();
        drop(connection);
        let checked = checked(&path, false).await;
        let faults: Vec<String> = checked.faults.iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|fault| fault.contains(said)), "{edit}\n{faults:#?}");
        assert_eq!(checked.total, faults.len() as u64);
    }
}

#[tokio::test]
async fn a_flipped_bit_of_an_encrypted_page_is_found_wherever_it_is() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    filled(&path, true).await.close().await;
    let sound = std::fs::read(&path).unwrap();
    let pages = sound.len() / 4_096;
    for page in (1..pages).step_by(pages / 12) {
        let mut bytes = sound.clone();
        bytes[page * 4_096 + page % 4_096] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let checked = checked(&path, true).await;
        assert!(checked.faults.iter().any(|fault| fault.area == "pages"), "page {page}: {checked:?}");
    }
}

#[tokio::test]
async fn a_torn_page_of_a_plain_database_is_found() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    filled(&path, false).await.close().await;
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'entries_recent'";
    let page: i64 = sqlx::query_scalar(sql).fetch_one(&mut raw(&path).await).await.unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let start = usize::try_from(page - 1).unwrap() * 4_096;
    bytes[start + 2_000..start + 4_000].fill(0x55);
    std::fs::write(&path, &bytes).unwrap();
    let checked = checked(&path, false).await;
    assert!(checked.faults.iter().all(|fault| fault.area == "pages") && checked.total > 0, "{checked:?}");
}

#[tokio::test]
async fn reading_needs_no_right_to_write() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    filled(&path, true).await.close().await;
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let before = std::fs::read(&path).unwrap();
    mode(&path, 0o400);
    mode(path.parent().unwrap(), 0o500);
    assert_eq!(checked(&path, true).await.total, 0);
    let options = OpenOptions { read_only: true, ..options(&path, true) };
    let store = Arc::new(SqliteStore::open(options).await.unwrap());
    let world = world_over(&store);
    assert!(world.verified().await.is_intact());
    // Nobody can write through it, whatever the files would allow.
    let scope = world.operator().scope(&SYSTEM_STATUS).await;
    let refused = store.checkpoint(&scope).await;
    assert!(matches!(refused, Err(StorageError::ReadOnly(_))), "{refused:?}");
    store.close().await;
    mode(path.parent().unwrap(), 0o700);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let log = std::fs::metadata(support::beside(&path, "-wal"));
    assert!(log.map_or(0, |log| log.len()) == 0);
}

#[tokio::test]
async fn a_database_of_an_older_schema_is_not_read_only() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    support::create(&path, false).await;
    raw(&path).await.execute("PRAGMA user_version = 7").await.unwrap();
    let refused = check(&options(&path, false), &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::Open(OpenError::Older { found: 7, .. })), "{refused}");
}

/// What a caller sees of the shared namespace.
async fn seen(store: &Arc<SqliteStore>) -> (Vec<String>, Vec<String>) {
    let world = world_over(store);
    let team = world.local("ann").named("team");
    (team.keys().await, team.found("words", Match::Any).await)
}

#[tokio::test]
async fn a_backup_is_of_one_moment_of_a_database_in_use() {
    for encrypted in [true, false] {
        let folder = TempDir::new().unwrap();
        let path = support::path(&folder);
        let store = filled(&path, encrypted).await;
        let done = Arc::new(AtomicBool::new(false));
        let writer = {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            tokio::spawn(async move {
                let world = world_over(&store);
                let team = world.local("eve").start().await.named("team");
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    team.store(&format!("later {number}"), "words").await;
                    number += 1;
                    tokio::task::yield_now().await;
                }
            })
        };
        for number in 0..3 {
            let to = folder.path().join(format!("backup {number}"));
            let made = store.backup(&to, None, &mut |_| {}).await.unwrap();
            // What it says of itself is true, and it is a database like any other.
            let again = check(&options(&to, encrypted), &mut |_| {}).await.unwrap();
            assert_eq!((again.holdings, again.total), (made.holdings, 0));
            let restored = options(&folder.path().join(format!("restored/{number}.db")), encrypted);
            let back = restore(&to, None, &restored, &mut |_| {}).await.unwrap().publish().unwrap();
            assert_eq!(back.holdings, made.holdings);
            let copy = Arc::new(SqliteStore::open(restored).await.unwrap());
            assert!(world_over(&copy).verified().await.is_intact());
            let (keys, found) = seen(&copy).await;
            assert_eq!(keys.len() as u64 + 1, made.holdings.unwrap().entries);
            assert!(found.len() > 35);
        }
        done.store(true, Ordering::Relaxed);
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_backup_with_a_passphrase_opens_with_that_alone() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let store = filled(&path, true).await;
    let to = folder.path().join("backup");
    let secret = "correct \"horse\" 'battery'; --";
    let made = store.backup(&to, Some(words(secret)), &mut |_| {}).await.unwrap();
    let again = store.backup(&to, Some(words(secret)), &mut |_| {}).await.unwrap_err();
    assert!(matches!(again, MaintenanceError::Exists { .. }), "{again}");
    let bytes = std::fs::read(&to).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"words" || window == b"SQLit"));
    // Another installation, with another master key.
    let target =
        |name: &str| OpenOptions::new(folder.path().join("elsewhere").join(name), other_key().derive());
    for (given, has) in [(None, false), (Some(words("another")), true)] {
        let refused = restore(&to, given, &target("refused.db"), &mut |_| {}).await.unwrap_err();
        assert!(
            matches!(refused, MaintenanceError::WrongPassphrase { has_own } if has_own == has),
            "{refused}"
        );
    }
    let restored = restore(&to, Some(words(secret)), &target("store.db"), &mut |_| {}).await.unwrap();
    assert!(!target("store.db").path.exists() && restored.path().exists());
    assert_eq!(restored.publish().unwrap().holdings, made.holdings);
    let copy = Arc::new(SqliteStore::open(target("store.db")).await.unwrap());
    assert_eq!(seen(&copy).await, seen(&store).await);
    // Of what failed, nothing is left; and what is there is not overwritten.
    let names =
        || std::fs::read_dir(folder.path().join("elsewhere")).unwrap().map(|it| it.unwrap().file_name());
    assert!(names().all(|name| name.to_string_lossy().starts_with("store.db")));
    let refused = restore(&to, Some(words(secret)), &target("store.db"), &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::Exists { .. }), "{refused}");
    // The log was signed with a key that the new one does not know yet.
    let world = world_over(&copy);
    let scope = world.operator().scope(&SYSTEM_STATUS).await;
    assert!(copy.succeed(&scope, &store.verifying_key(), pending(&scope)).await.unwrap());
    assert!(world.verified().await.is_intact());
}

#[tokio::test]
async fn plain_and_encrypted_are_not_mixed_up() {
    let folder = TempDir::new().unwrap();
    let plain = filled(&folder.path().join("plain/store.db"), false).await;
    let encrypted = filled(&folder.path().join("encrypted/store.db"), true).await;
    let backup = |name: &str| folder.path().join(name);
    plain.backup(&backup("plain.backup"), None, &mut |_| {}).await.unwrap();
    encrypted.backup(&backup("encrypted.backup"), None, &mut |_| {}).await.unwrap();
    let onto = |encrypted| options(&folder.path().join("new/store.db"), encrypted);
    let refused = restore(&backup("plain.backup"), None, &onto(true), &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::PlainBackup), "{refused}");
    let refused = restore(&backup("encrypted.backup"), None, &onto(false), &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::EncryptedBackup), "{refused}");
    // The way from one to the other.
    plain.backup(&backup("on its way"), Some(words("secret")), &mut |_| {}).await.unwrap();
    restore(&backup("on its way"), Some(words("secret")), &onto(true), &mut |_| {})
        .await
        .unwrap()
        .publish()
        .unwrap();
    let copy = Arc::new(SqliteStore::open(onto(true)).await.unwrap());
    assert_eq!(seen(&copy).await, seen(&plain).await);
}

#[tokio::test]
async fn s39_another_key_for_a_database_in_use() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let (old, new) = (options(&path, true), other_key().derive());
    let renewed = new.clone();
    let with_renewal = OpenOptions { renew: Some(Arc::new(move || vec![renewed.clone()])), ..old.clone() };
    filled(&path, true).await.close().await;
    let server = Arc::new(SqliteStore::open(with_renewal).await.unwrap());
    let forgotten = Arc::new(SqliteStore::open(old.clone()).await.unwrap());
    let world = world_over(&server);
    let team = world.local("ann").start().await.named("team");
    team.store("before", "words").await;
    let former = server.verifying_key();
    world.store.checkpoint(&world.operator().scope(&SYSTEM_STATUS).await).await.unwrap();
    let before = std::fs::read(&path).unwrap();
    rekey(&old, &new, &mut |_| {}).await.unwrap();
    // No page is what it was.
    let after = std::fs::read(&path).unwrap();
    let same = before.chunks(4_096).zip(after.chunks(4_096)).filter(|(a, b)| a == b).count();
    assert_eq!(same, 0, "of {}", before.len() / 4_096);
    assert!(std::fs::metadata(support::beside(&path, "-wal")).is_ok_and(|log| log.len() == 0));
    assert!(!use_of_key(&old).await.unwrap());
    // Who has no new key is told to try again; who can get one goes on, reading and writing.
    let scope = world.operator().scope(&SYSTEM_STATUS).await;
    for _ in 0..2 {
        let answer = forgotten.lines(&scope, 0, 1).await;
        assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
    }
    team.try_store(entry("after", "words")).await.unwrap();
    assert_eq!(team.get("before").await.unwrap().content, "words");
    assert!(team.found("words", Match::Any).await.contains(&"after".to_owned()));
    assert_ne!(server.verifying_key(), former);
    let scope = world.operator().scope(&SYSTEM_STATUS).await;
    assert!(server.succeed(&scope, &former, pending(&scope)).await.unwrap());
    let world = world_over(&server);
    let report = world.verified().await;
    assert!(report.is_intact() && report.checkpoints_verified == 2, "{report:?}");
    assert_eq!(check(&OpenOptions::new(path, new), &mut |_| {}).await.unwrap().total, 0);
}

/// The files of a database as they are at a moment: what is left of it when the process is killed then.
///
/// They are read one after the other, which is one moment if the log stayed as it was meanwhile, or if nothing of it had
/// been folded into the database yet; otherwise there is nothing to see.
fn left_behind(path: &Path, to: &Path, untouched: &[u8]) -> Option<PathBuf> {
    let read = |end| std::fs::read(support::beside(path, end)).unwrap();
    let (log, database) = (read("-wal"), read(""));
    if database != untouched && read("-wal") != log {
        return None;
    }
    std::fs::create_dir_all(to).unwrap();
    let copy = to.join("store.db");
    for (end, bytes) in [("-wal", log), ("", database)] {
        let made = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(support::beside(&copy, end));
        made.unwrap().write_all(&bytes).unwrap();
    }
    Some(copy)
}

#[tokio::test]
async fn s39_a_database_has_one_key_or_the_other_whenever_it_is_interrupted() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let store = filled(&path, true).await;
    let expected = seen(&store).await;
    // A reader holds the log back, so that it is not folded into the database at the end.
    let (old, new) = (options(&path, true), other_key().derive());
    let untouched = std::fs::read(&path).unwrap();
    let before = left_behind(&path, &folder.path().join("before"), &untouched);
    let mut moments: Vec<_> = before.into_iter().collect();
    let mut nobody = |_| {};
    let rekeying = rekey(&old, &new, &mut nobody);
    tokio::pin!(rekeying);
    for number in 0..400 {
        let moment = std::time::Duration::from_micros(500);
        let done = tokio::time::timeout(moment, &mut rekeying).await;
        moments.extend(left_behind(&path, &folder.path().join(number.to_string()), &untouched));
        if let Ok(done) = done {
            done.unwrap();
            break;
        }
    }
    let (mut with_old, mut with_new) = (0, 0);
    for copy in moments {
        let keyed = |keys| OpenOptions::new(copy.clone(), keys);
        let is_old = use_of_key(&keyed(keys(true))).await.unwrap();
        let options = if is_old { keyed(keys(true)) } else { keyed(new.clone()) };
        *(if is_old { &mut with_old } else { &mut with_new }) += 1;
        let copy = Arc::new(SqliteStore::open(options.clone()).await.unwrap());
        assert_eq!(seen(&copy).await, expected);
        copy.close().await;
        assert_eq!(check(&options, &mut |_| {}).await.unwrap().total, 0);
    }
    assert!(with_old > 0 && with_new > 0, "{with_old} {with_new}");
}

#[tokio::test]
async fn who_only_reads_leaves_the_log_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let _store = filled(&path, true).await;
    let copy = left_behind(&path, &folder.path().join("killed"), &std::fs::read(&path).unwrap()).unwrap();
    let bytes = || ["", "-wal"].map(|end| std::fs::read(support::beside(&copy, end)).unwrap());
    let before = bytes();
    assert!(!before[1].is_empty());
    let reading = OpenOptions { read_only: true, ..OpenOptions::new(copy.clone(), keys(true)) };
    assert_eq!(check(&reading, &mut |_| {}).await.unwrap().total, 0);
    Arc::new(SqliteStore::open(reading).await.unwrap()).close().await;
    assert!(bytes() == before);
}

#[tokio::test]
async fn nothing_is_put_beside_what_is_left_of_a_database() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let store = filled(&path, true).await;
    let backup = folder.path().join("backup");
    store.backup(&backup, None, &mut |_| {}).await.unwrap();
    for end in ["", "-wal", "-journal"] {
        let place = folder.path().join(format!("private{end}/store.db"));
        std::fs::create_dir(place.parent().unwrap()).unwrap();
        std::fs::write(support::beside(&place, end), "left").unwrap();
        let to = OpenOptions::new(place.clone(), keys(true));
        let refused = restore(&backup, None, &to, &mut |_| {}).await.unwrap_err();
        assert!(matches!(refused, MaintenanceError::Exists { .. }), "{refused}");
        // Nor if it came while the backup was being proven.
        std::fs::remove_file(support::beside(&place, end)).unwrap();
        let restored = restore(&backup, None, &to, &mut |_| {}).await.unwrap();
        std::fs::write(support::beside(&place, end), "left").unwrap();
        let refused = restored.publish().unwrap_err();
        assert!(matches!(refused, MaintenanceError::Exists { .. }), "{refused}");
        assert_eq!(std::fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn a_key_that_does_not_open_the_database_replaces_nothing() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    filled(&path, true).await.close().await;
    let before = std::fs::read(&path).unwrap();
    let wrong = OpenOptions::new(path.clone(), other_key().derive());
    let refused = rekey(&wrong, &keys(true), &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::Open(OpenError::WrongKey { .. })), "{refused}");
    let refused = rekey(&options(&path, true), &keys(false), &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::NotEncrypted), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
