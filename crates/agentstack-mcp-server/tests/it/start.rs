//! What stops the start, and how it is said.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::server::{Home, refused, write};

/// A home in which a server has run and stored something.
fn used() -> Home {
    let home = Home::new();
    let mut server = home.start(&[]);
    let (session, _) = server.session();
    let lasting = json!({ "sessionId": session, "key": "known", "content": "text", "namespace": "notes" });
    server.ok("memory_store", lasting);
    assert!(server.close().status.success());
    home
}

/// The one line that says why the server does not start.
fn reason(home: &Home, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = refused(home, arguments);
    assert_eq!((code, stdout.as_str()), (Some(3), ""), "{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(lines[0].starts_with("agentstack-mcp: ") && !stderr.contains("panicked"), "{stderr}");
    lines[0].to_owned()
}

fn assert_still_there(home: &Home) {
    let mut server = home.start(&[]);
    let got = server.ok("memory_get", json!({ "key": "known", "namespace": "notes" }));
    assert_eq!(got["entry"]["content"], "text");
}

#[test]
fn s37_a_wrong_key_is_a_clear_error_and_harms_nothing() {
    let home = used();
    let key = std::fs::read(home.key()).unwrap();
    let before = std::fs::read(home.database()).unwrap();
    write(&home.key(), "ab".repeat(32).as_bytes());
    let reason = reason(&home, &[]);
    assert!(reason.contains("key"), "{reason}");
    assert!(!reason.contains("abab"), "{reason}");
    assert_eq!(std::fs::read(home.database()).unwrap(), before);
    write(&home.key(), &key);
    assert_still_there(&home);
}

#[test]
fn s37_a_key_that_is_gone_is_not_made_anew() {
    let home = used();
    let kept = home.path("kept.key");
    std::fs::rename(home.key(), &kept).unwrap();
    let reason = reason(&home, &[]);
    assert!(reason.contains("agentstack.key"), "{reason}");
    assert!(!home.key().exists());
    std::fs::rename(&kept, home.key()).unwrap();
    assert_still_there(&home);
}

#[test]
fn s40_what_is_no_key_is_not_repeated() {
    let home = used();
    write(&home.key(), b"canary hunter2\n");
    let reason = reason(&home, &[]);
    assert!(!reason.contains("canary") && !reason.contains("hunter2"), "{reason}");
}

#[test]
fn s42_a_key_that_others_can_read_is_refused() {
    let home = used();
    std::fs::set_permissions(home.key(), PermissionsExt::from_mode(0o644)).unwrap();
    assert!(reason(&home, &[]).contains("agentstack.key"));
}

#[test]
fn s42_files_are_private() {
    let home = used();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.key()), 0o600);
    for file in std::fs::read_dir(home.database().parent().unwrap()).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    assert_eq!(mode(home.database().parent().unwrap()), 0o700);
}

#[test]
fn a_damaged_database_is_a_clear_error() {
    for damage in
        [|bytes: &mut Vec<u8>| bytes[..4096].fill(0x5a), |bytes: &mut Vec<u8>| bytes.truncate(5_000)]
    {
        let home = used();
        let mut bytes = std::fs::read(home.database()).unwrap();
        assert!(!bytes.starts_with(b"SQLite format 3"), "it is encrypted");
        damage(&mut bytes);
        write(&home.database(), &bytes);
        let reason = reason(&home, &[]);
        assert!(reason.contains("aistack.db"), "{reason}");
    }
}

#[test]
fn invalid_configuration_stops_the_start_with_the_field_named() {
    let home = Home::new();
    for (text, field) in [
        (r#"{ "memory": { "path": 7 } }"#, "memory.path"),
        (r#"{ "memori": {} }"#, "memori"),
        (r#"{ "slack": { "enabled": true } }"#, "slack"),
        ("{", "aistack.config.json"),
    ] {
        std::fs::write(home.path("work/aistack.config.json"), text).unwrap();
        let reason = reason(&home, &[]);
        assert!(reason.contains(field), "{reason}");
    }
    let missing = reason(&home, &["--config", "no-such-file.json"]);
    assert!(missing.contains("no-such-file.json"), "{missing}");
    assert!(!home.database().exists() && !home.key().exists(), "nothing was made");
}
