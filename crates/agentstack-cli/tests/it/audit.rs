//! The audit log: looked up, taken out, proven.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use agentstack::audit::{Head, link};
use serde_json::Value;

use crate::Workplace;

fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.expect(&["quickstart"], 0);
    workplace
}

#[test]
fn records_are_looked_up_by_what_they_say() {
    let workplace = workplace();
    let denied = workplace.expect(&["audit", "query", "--decision", "deny", "--principal", "local:uid-0"], 0)
        + &workplace.expect(&["audit", "query", "--decision", "deny"], 0);
    assert!(denied.contains("  not_found  "), "{denied}");
    let asked =
        workplace.expect(&["--json", "audit", "query", "--operation", "memory_search", "--limit", "2"], 0);
    let asked: Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(asked["count"], 2);
    assert!(asked["records"].as_array().unwrap().iter().all(|it| it["operation"] == "memory_search"));
    let session = asked["records"][0]["sessionId"].as_str().unwrap();
    let of_session = workplace.expect(&["audit", "query", "--session", session, "--limit", "1000"], 0);
    assert!(of_session.lines().all(|line| line.contains(session)) && of_session.lines().count() > 3);
    assert_eq!(workplace.expect(&["audit", "query", "--since", "2100-01-01T00:00:00Z"], 0), "");
    let wrong = workplace.expect(&["audit", "query", "--outcome", "nonsense"], 3);
    assert!(wrong.contains("`outcome` must be an outcome of a record"), "{wrong}");
    let wrong = workplace.expect(&["audit", "export", "--since", "yesterday"], 3);
    assert!(wrong.contains("`since` must be a time"), "{wrong}");
}

#[test]
fn s44_what_is_exported_proves_itself() {
    let workplace = workplace();
    let checkpoint = workplace.expect(&["audit", "checkpoint"], 0);
    let said = workplace.expect(&["audit", "export", "--out", "log.jsonl"], 0);
    let path = workplace.path().join("log.jsonl");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut head = Head::EMPTY;
    let mut signed = None;
    let parts: Vec<&str> = checkpoint.trim().split(':').collect();
    for line in fs::read_to_string(&path).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let sequence = record["sequence"].as_u64().unwrap();
        assert_eq!(sequence, head.sequence + 1);
        head = Head { sequence, hash: link(&head.hash, sequence, line) };
        if parts[2] == sequence.to_string() {
            signed = Some(head.hash.to_string());
        }
    }
    assert!(said.starts_with(&format!("{} records are in ", head.sequence)), "{said}");
    assert_eq!(signed.as_deref(), Some(parts[3]), "the checkpoint is of the same log");
    // Nothing is overwritten.
    workplace.expect(&["audit", "export", "--out", "log.jsonl"], 3);
    let csv = workplace.expect(&["audit", "export", "--format", "csv", "--operation", "session"], 0);
    let mut rows = csv.lines();
    assert!(rows.next().unwrap().starts_with("sequence,at,principal,"));
    assert!(rows.clone().count() > 2 && rows.all(|row| row.contains(",session_")));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let workplace = workplace();
    let mut child = Command::new(env!("CARGO_BIN_EXE_agentstack"))
        .args(["audit", "query", "--limit", "100"])
        .current_dir(workplace.path())
        .env_clear()
        .env("XDG_CONFIG_HOME", workplace.path().join("home"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap()), (Some(141), String::new()));
}

#[test]
fn proving_the_log_needs_no_right_to_write() {
    let workplace = workplace();
    let (data, database) = (workplace.path().join("data"), workplace.path().join("data/aistack.db"));
    let mode =
        |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let before = fs::read(&database).unwrap();
    mode(&database, 0o400);
    mode(&data, 0o500);
    workplace.expect(&["audit", "verify"], 0);
    workplace.expect(&["db", "check"], 0);
    mode(&data, 0o700);
    assert_eq!(fs::read(&database).unwrap(), before);
}
