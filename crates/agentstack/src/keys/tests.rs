//! Tests of where keys come from.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Barrier;

use tempfile::TempDir;

use super::*;

/// A folder for the configuration and one for data.
fn folders() -> (TempDir, PathBuf, PathBuf) {
    let root = TempDir::new().unwrap();
    let (key, database) = (root.path().join("config/agentstack.key"), root.path().join("data/aistack.db"));
    (root, key, database)
}

fn put(path: &Path, text: &str, mode: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The error with its causes, as an operator sees it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[test]
fn s42_the_first_start_makes_a_private_key_file_and_the_next_reads_it() {
    let (_root, path, database) = folders();
    let source = KeySource::File(path.clone());
    let first = source.load(&database).unwrap();
    assert_eq!(source.load(&database).unwrap(), first);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(names(path.parent().unwrap()), ["agentstack.key"], "no draft stays");
    assert!(!database.exists());
}

#[test]
fn starts_at_one_moment_get_one_key() {
    for _ in 0..20 {
        let (_root, path, database) = folders();
        let barrier = Barrier::new(4);
        let keys: Vec<MasterKey> = std::thread::scope(|scope| {
            let start = || {
                barrier.wait();
                KeySource::File(path.clone()).load(&database).unwrap()
            };
            let starts: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(names(path.parent().unwrap()), ["agentstack.key"]);
    }
}

#[test]
fn a_missing_key_of_a_database_that_exists_is_an_error_and_nothing_is_made() {
    for name in ["aistack.db", "aistack.db-wal"] {
        let (_root, path, database) = folders();
        put(&database.with_file_name(name), "pages", 0o600);
        let error = KeySource::File(path.clone()).load(&database).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, KeyError::Missing { .. }), "{text}");
        assert!(text.contains(path.to_str().unwrap()) && text.contains(database.to_str().unwrap()), "{text}");
        assert!(text.contains("Nothing was changed"), "{text}");
        assert!(!path.parent().unwrap().exists());
    }
}

#[test]
fn an_empty_file_is_not_yet_a_database() {
    let (_root, path, database) = folders();
    put(&database, "", 0o600);
    KeySource::File(path).load(&database).unwrap();
}

#[test]
fn a_key_beside_its_database_is_refused() {
    let (root, key, database) = folders();
    let data = database.parent().unwrap();
    std::fs::create_dir_all(data).unwrap();
    symlink(data, root.path().join("alias")).unwrap();
    for path in
        ["data/agentstack.key", "data/deep/down/agentstack.key", "alias/agentstack.key", "x/../data/key"]
    {
        let path = root.path().join(path);
        let error = KeySource::File(path.clone()).load(&database).unwrap_err();
        assert!(matches!(error, KeyError::BesideDatabase { .. }), "{path:?}: {error}");
        assert!(!path.exists());
    }
    // Nor is the database let in where the key is.
    let error = KeySource::File(key.clone()).load(&key.with_file_name("aistack.db")).unwrap_err();
    assert!(matches!(error, KeyError::BesideDatabase { .. }), "{error}");
}

#[test]
fn s42_an_unsafe_key_file_is_refused_and_left_alone() {
    let text = format!("{}\n", "ab".repeat(32));
    let (root, path, database) = folders();
    put(&path, &text, 0o640);
    let error = KeySource::File(path.clone()).load(&database).unwrap_err();
    assert!(matches!(error, KeyError::File(FileProblem::TooOpen { .. })), "{error}");
    assert!(error.to_string().contains("chmod 600"), "{error}");
    assert_eq!(mode(&path), 0o640);

    let link = root.path().join("link.key");
    symlink(&path, &link).unwrap();
    let error = KeySource::File(link).load(&database).unwrap_err();
    assert!(matches!(error, KeyError::File(FileProblem::NotPlain { .. })), "{error}");
    // A link to nothing is not a place to make a key in.
    let dangling = root.path().join("dangling.key");
    symlink(root.path().join("nowhere"), &dangling).unwrap();
    assert!(KeySource::File(dangling).load(&database).is_err());
    assert!(!root.path().join("nowhere").exists());
}

#[test]
fn s40_what_is_not_a_key_is_not_repeated_and_not_replaced() {
    let canary = "canary-canary-canary";
    let (_root, path, database) = folders();
    put(&path, canary, 0o600);
    let environment: Environment = [("MY_KEY", canary)].into_iter().collect();
    let sources = [
        KeySource::File(path.clone()),
        KeySource::Env(KeyVariable::new("MY_KEY", &environment)),
        KeySource::Command(KeyCommand::new("printf", [canary.to_owned()])),
        KeySource::Command(KeyCommand::new("false", [canary.to_owned()])),
        KeySource::Command(KeyCommand::new(canary, [])),
    ];
    for source in sources {
        let error = source.load(&database).unwrap_err();
        let printed = format!("{} {source:?} {}", chain(&error), serde_json::to_string(&source).unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), canary);
}

#[test]
fn a_key_comes_from_a_variable_or_a_program_too() {
    let (_root, _, database) = folders();
    let text = "0123456789abcdef".repeat(4);
    let key = MasterKey::parse(&text).unwrap();
    let environment: Environment = [("MY_KEY", text.as_str())].into_iter().collect();
    assert_eq!(KeySource::Env(KeyVariable::new("MY_KEY", &environment)).load(&database).unwrap(), key);
    let program = KeyCommand::new("printf", ["%s\\n".to_owned(), text]);
    assert_eq!(KeySource::Command(program).load(&database).unwrap(), key);
    let error = KeySource::Env(KeyVariable::new("OTHER", &environment)).load(&database).unwrap_err();
    assert!(error.to_string().contains("`OTHER`"), "{error}");
}
