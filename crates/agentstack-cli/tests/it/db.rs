//! The database as a whole: copied, put back, given another key, looked through; and what happens when any of it is killed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agentstack::keys::KeySource;
use agentstack_storage_sqlite::OpenOptions;
use agentstack_storage_sqlite::testing::tamper;
use serde_json::{Value, json};

use crate::Workplace;
use crate::plugin::Mcp;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A workplace with entries in a shared namespace.
fn filled(entries: usize) -> Workplace {
    let workplace = Workplace::new();
    let mut mcp = Mcp::start(&workplace);
    let session = mcp.session();
    for number in 0..entries {
        store(&mut mcp, &session, &number.to_string(), &"words of an entry ".repeat(50));
    }
    mcp.close();
    workplace
}

fn store(mcp: &mut Mcp, session: &str, key: &str, content: &str) -> Value {
    let arguments = json!({ "sessionId": session, "namespace": "team", "key": key, "content": content });
    mcp.call("memory_store", &arguments)["result"].clone()
}

/// How many entries there are, if all is well.
fn sound(workplace: &Workplace) -> u64 {
    let checked: Value = serde_json::from_str(&workplace.expect(&["--json", "db", "check"], 0)).unwrap();
    assert_eq!((&checked["sound"], &checked["faults"]), (&json!(true), &json!([])));
    workplace.expect(&["audit", "verify"], 0);
    checked["holds"]["entries"].as_u64().unwrap()
}

fn passphrase(workplace: &Workplace, words: &str) {
    let path = workplace.path().join("words");
    fs::write(&path, format!("{words}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_backup_is_put_back_where_there_is_nothing() {
    let workplace = filled(20);
    let data = workplace.path().join("data");
    let said = workplace.expect(&["db", "backup", "one"], 0);
    assert!(said.starts_with("Backed up one: 20 entries, "), "{said}");
    assert_eq!(mode(&workplace.path().join("one")), 0o600);
    let again = workplace.expect(&["db", "backup", "one"], 3);
    assert!(again.contains("one is there already"), "{again}");
    let refused = workplace.expect(&["db", "restore", "one"], 3);
    assert!(refused.contains("aistack.db is there already"), "{refused}");
    fs::rename(&data, workplace.path().join("lost")).unwrap();
    let restored: Value =
        serde_json::from_str(&workplace.expect(&["--json", "db", "restore", "one"], 0)).unwrap();
    assert_eq!(restored["holds"]["entries"], 20);
    assert_eq!((mode(&data), mode(&data.join("aistack.db"))), (0o700, 0o600));
    assert_eq!(sound(&workplace), 20);
    let recorded = workplace.expect(&["audit", "query", "--operation", "db"], 0);
    assert!(recorded.contains("  db_restore  ok  ") && recorded.lines().count() == 1, "{recorded}");
    // And it is used as ever.
    let mut mcp = Mcp::start(&workplace);
    let session = mcp.session();
    let found = mcp.call("memory_search", &json!({ "query": "words", "sessionId": session }));
    assert_eq!(found["result"]["structuredContent"]["count"], 10);
    mcp.close();
}

#[test]
fn a_backup_with_a_passphrase_outlives_the_key_of_the_installation() {
    let workplace = filled(5);
    passphrase(&workplace, "short");
    let refused = workplace.expect(&["db", "backup", "one", "--passphrase-file", "words"], 3);
    assert!(refused.contains("at least 12 characters"), "{refused}");
    passphrase(&workplace, "correct horse battery");
    workplace.expect(&["db", "backup", "one", "--passphrase-file", "words"], 0);
    let nobody = workplace.expect(&["db", "backup", "two", "--passphrase"], 3);
    assert!(nobody.contains("nobody can be asked here: name a private file"), "{nobody}");
    // The machine is gone, and the key with it.
    fs::remove_dir_all(workplace.path().join("data")).unwrap();
    fs::remove_file(workplace.key()).unwrap();
    let refused = workplace.expect(&["db", "restore", "one"], 3);
    assert!(refused.contains("does not open with the key of this installation"), "{refused}");
    passphrase(&workplace, "another horse battery");
    let refused = workplace.expect(&["db", "restore", "one", "--passphrase-file", "words"], 3);
    assert!(refused.contains("does not open with this passphrase"), "{refused}");
    assert_eq!(
        fs::read_dir(workplace.path().join("data")).unwrap().count(),
        0,
        "nothing is left of an attempt"
    );
    passphrase(&workplace, "correct horse battery");
    workplace.expect(&["db", "restore", "one", "--passphrase-file", "words"], 0);
    // The log was signed by the key that is gone; the operator has vouched for it.
    assert_eq!(sound(&workplace), 5);
    fs::set_permissions(workplace.path().join("words"), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = workplace.expect(&["db", "backup", "two", "--passphrase-file", "words"], 3);
    assert!(refused.contains("open to other users"), "{refused}");
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let workplace = filled(20);
    workplace.expect(&["db", "backup", "one"], 0);
    fs::remove_dir_all(workplace.path().join("data")).unwrap();
    let sound = fs::read(workplace.path().join("one")).unwrap();
    for place in [40_000, sound.len() - 100] {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        fs::write(workplace.path().join("one"), bytes).unwrap();
        let refused = workplace.expect(&["db", "restore", "one"], 3);
        assert!(refused.contains("not whole") || refused.contains("malformed"), "{refused}");
        assert_eq!(fs::read_dir(workplace.path().join("data")).unwrap().count(), 0);
    }
}

#[test]
fn s39_a_server_goes_on_with_the_new_key() {
    let workplace = filled(3);
    let old = fs::read_to_string(workplace.key()).unwrap();
    let mut mcp = Mcp::start(&workplace);
    let session = mcp.session();
    for round in 0..3 {
        let said = workplace.expect(&["db", "rekey"], 0);
        assert!(said.starts_with("The database has a new key."), "{said}");
        // One call may be told to try again.
        let mut stored = store(&mut mcp, &session, &format!("after {round}"), "text");
        if stored["isError"] == true {
            assert_eq!(stored["structuredContent"]["error"]["code"], "unavailable", "{stored}");
            stored = store(&mut mcp, &session, &format!("after {round}"), "text");
        }
        assert_eq!(stored["structuredContent"]["success"], true, "{stored}");
    }
    mcp.close();
    assert_eq!(sound(&workplace), 6);
    let names: Vec<_> =
        fs::read_dir(workplace.key().parent().unwrap()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["agentstack.key"]);
    assert_ne!(fs::read_to_string(workplace.key()).unwrap(), old);
    fs::write(workplace.key(), old).unwrap();
    let refused = workplace.expect(&["session", "list"], 3);
    assert!(refused.contains("does not open with this key"), "{refused}");
}

/// Runs a command, and kills it after a while, unless it has ended by then.
fn killed(workplace: &Workplace, arguments: &[&str], after: Duration) -> bool {
    let deadline = Instant::now() + after;
    killed_when(workplace, arguments, || Instant::now() >= deadline)
}

/// The same at a moment of which something else tells.
fn killed_when(workplace: &Workplace, arguments: &[&str], is_now: impl Fn() -> bool) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentstack"));
    command.args(arguments).current_dir(workplace.path()).env_clear();
    command.env("XDG_CONFIG_HOME", workplace.path().join("home"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !is_now() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

/// How long a command takes that ends by itself.
fn duration_of(workplace: &Workplace, arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    workplace.expect(arguments, 0);
    begun.elapsed()
}

#[test]
fn s39_a_replacement_of_the_key_that_is_killed_loses_nothing() {
    let workplace = filled(200);
    let whole = duration_of(&workplace, &["db", "rekey"]);
    let mut interrupted = 0;
    for step in 1..=24_u32 {
        if killed(&workplace, &["db", "rekey"], whole * step / 22) {
            interrupted += 1;
        }
        // Whatever comes next finishes it, or finds that nothing has happened; reading alone does, too.
        if step % 2 == 0 {
            workplace.expect(&["session", "list"], 0);
        }
        assert_eq!(sound(&workplace), 200);
    }
    assert!(interrupted > 10, "{interrupted}");
    workplace.expect(&["db", "rekey"], 0);
    assert_eq!(sound(&workplace), 200);
    let names: Vec<_> =
        fs::read_dir(workplace.key().parent().unwrap()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["agentstack.key"], "no key is left over");
}

#[test]
fn a_restore_or_a_backup_that_is_killed_can_be_done_again() {
    let workplace = filled(200);
    let whole = duration_of(&workplace, &["db", "backup", "one"]);
    for step in 1..=10_u32 {
        let name = format!("backup {step}");
        if !killed(&workplace, &["db", "backup", &name], whole * step / 10) {
            continue;
        }
        // It is not there, or it is whole.
        if workplace.path().join(&name).exists() {
            fs::remove_file(workplace.path().join(&name)).unwrap();
        } else {
            workplace.expect(&["db", "backup", &name], 0);
        }
    }
    assert_eq!(sound(&workplace), 200);
    let data = workplace.path().join("data");
    fs::remove_dir_all(&data).unwrap();
    let whole = duration_of(&workplace, &["db", "restore", "one"]);
    for step in 1..=10_u32 {
        fs::remove_dir_all(&data).unwrap();
        killed(&workplace, &["db", "restore", "one"], whole * step / 10);
        if data.join("aistack.db").exists() {
            assert_eq!(sound(&workplace), 200);
        } else {
            workplace.expect(&["db", "restore", "one"], 0);
        }
    }
    assert_eq!(sound(&workplace), 200);
}

/// As soon as the database is there, its log is signed with the key of now.
#[test]
fn a_restore_under_another_key_that_is_killed_can_be_done_again() {
    let workplace = filled(50);
    passphrase(&workplace, "correct horse battery");
    workplace.expect(&["db", "backup", "one", "--passphrase-file", "words"], 0);
    let restore = ["db", "restore", "one", "--passphrase-file", "words"];
    let lose_all = || {
        fs::remove_dir_all(workplace.path().join("data")).unwrap();
        fs::remove_file(workplace.key()).unwrap();
    };
    let database = workplace.path().join("data/aistack.db");
    lose_all();
    let whole = duration_of(&workplace, &restore);
    for step in 1..=10_u32 {
        lose_all();
        killed(&workplace, &restore, whole * step / 10);
        if !database.exists() {
            workplace.expect(&restore, 0);
        }
        assert_eq!(sound(&workplace), 50);
    }
    let mut interrupted = 0;
    for _ in 0..8 {
        lose_all();
        interrupted += u32::from(killed_when(&workplace, &restore, || database.exists()));
        assert_eq!(sound(&workplace), 50);
    }
    assert!(interrupted > 0);
}

#[test]
fn a_key_that_comes_from_the_environment_is_replaced_by_its_operator() {
    let workplace = Workplace::new();
    let folder = workplace.path().join("home/agentstack");
    fs::create_dir_all(&folder).unwrap();
    let config = json!({ "security": { "keySource": { "env": "THE_KEY" } } });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let run = |key: &str, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentstack"));
        command.args(arguments).current_dir(workplace.path()).env_clear().env("THE_KEY", key);
        let output = command.env("XDG_CONFIG_HOME", workplace.path().join("home")).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    let old = "5a".repeat(32);
    let made =
        Command::new(std::path::Path::new(env!("CARGO_BIN_EXE_agentstack")).with_file_name("agentstack-mcp"))
            .current_dir(workplace.path())
            .env_clear()
            .env("THE_KEY", &old)
            .env("XDG_CONFIG_HOME", workplace.path().join("home"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
    made.unwrap();
    let (code, said) = run(&old, &["db", "rekey"]);
    assert!(code == Some(3) && said.contains("the key comes from env"), "{said}");
    let (code, said) = run(&old, &["db", "rekey", "--new-key-file", "new.key"]);
    assert!(code == Some(0) && said.contains("Now put the key in new.key"), "{said}");
    let new = fs::read_to_string(workplace.path().join("new.key")).unwrap();
    assert_eq!(run(&old, &["session", "list"]).0, Some(3));
    assert_eq!(run(new.trim(), &["session", "list"]).0, Some(0));
    // Once more with the same file would be no new key.
    let (code, said) = run(new.trim(), &["db", "rekey", "--new-key-file", "new.key"]);
    assert!(
        code == Some(3) && said.contains("new.key holds the key that the database has already"),
        "{said}"
    );
    assert_eq!(run(new.trim(), &["audit", "verify"]).0, Some(0));
}

#[test]
fn s39_what_is_left_to_do_of_a_replacement_is_done_by_whoever_comes_next() {
    let workplace = filled(10);
    let next = workplace.key().with_file_name("agentstack.key.next");
    let put = |path: &std::path::Path, key: &str| {
        fs::write(path, key).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    let old = fs::read_to_string(workplace.key()).unwrap();
    // Nothing has happened but that there is a new key: the next replacement takes it.
    put(&next, &"3c".repeat(32));
    workplace.expect(&["session", "list"], 0);
    assert_eq!(sound(&workplace), 10);
    assert!(next.exists());
    workplace.expect(&["db", "rekey"], 0);
    assert_eq!(fs::read_to_string(workplace.key()).unwrap().trim(), "3c".repeat(32));
    assert_eq!(sound(&workplace), 10);
    // All is done but that the new key takes the place of the old one. Who only reads leaves it so.
    put(&workplace.key(), &old);
    put(&next, &"3c".repeat(32));
    assert_eq!(sound(&workplace), 10);
    assert!(next.exists());
    workplace.expect(&["session", "list"], 0);
    assert!(!next.exists());
    assert_eq!(fs::read_to_string(workplace.key()).unwrap().trim(), "3c".repeat(32));
    assert_eq!(sound(&workplace), 10);
}

#[test]
fn s39_a_log_that_is_not_intact_does_not_stand_in_the_way_of_another_key() {
    let workplace = filled(3);
    let key = KeySource::File(workplace.key()).load(&workplace.path().join("data/aistack.db")).unwrap();
    let options = OpenOptions::new(workplace.path().join("data/aistack.db"), key.derive());
    // A checkpoint that nobody has signed.
    let sql = "PRAGMA foreign_keys = OFF; INSERT INTO audit_checkpoints (sequence, checkpoint) \
               SELECT sequence + 1, substr(checkpoint, 1, length(checkpoint) - 8) || '00000000' FROM audit_checkpoints ORDER BY sequence DESC LIMIT 1";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(tamper(&options, sql)).unwrap(), 1);
    workplace.expect(&["audit", "verify"], 1);
    let said = workplace.expect(&["db", "rekey"], 0);
    assert!(said.contains("does not sign the audit log, which is not intact"), "{said}");
    let files = fs::read_dir(workplace.key().parent().unwrap()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["agentstack.key"]);
    workplace.expect(&["db", "check"], 0);
    workplace.expect(&["session", "list"], 0);
    workplace.expect(&["db", "rekey"], 0);
    let told = workplace.expect(&["--json", "db", "rekey"], 0);
    assert!(told.contains("\"signsAuditLog\": false"), "{told}");
    workplace.expect(&["audit", "verify"], 1);
    // Nor of a backup, whose owner has lost the key.
    passphrase(&workplace, "correct horse battery");
    workplace.expect(&["db", "backup", "one", "--passphrase-file", "words"], 0);
    fs::remove_dir_all(workplace.path().join("data")).unwrap();
    fs::remove_file(workplace.key()).unwrap();
    let said = workplace.expect(&["db", "restore", "one", "--passphrase-file", "words"], 1);
    assert!(said.contains("the audit log in the backup is not intact"), "{said}");
    workplace.expect(&["db", "check"], 0);
    workplace.expect(&["session", "list"], 0);
    workplace.expect(&["audit", "verify"], 1);
}

#[test]
fn s39_a_key_that_was_replaced_is_gone_with_the_next_start() {
    let workplace = filled(3);
    let left = workplace.key().with_file_name("agentstack.key.replaced");
    fs::write(&left, "3c".repeat(32)).unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o400)).unwrap();
    let held = fs::File::open(&left).unwrap();
    workplace.expect(&["audit", "verify"], 0);
    assert!(left.exists(), "who only reads leaves it");
    workplace.expect(&["session", "list"], 0);
    assert!(!left.exists());
    assert!(!std::io::read_to_string(held).unwrap().contains("3c3c"));
}
