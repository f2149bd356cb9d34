//! The keys of providers while the server runs.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::server::{Home, Server, refused};

/// A home whose configuration says that the key of Anthropic is in a file with this text.
fn keyed(key: &str) -> (Home, PathBuf) {
    let home = Home::new();
    let file = home.path("config/agentstack/anthropic");
    put(&file, key);
    let config = json!({"providers": {"default": "anthropic", "anthropic": {"apiKeyFile": file}}});
    std::fs::write(home.path("config/agentstack/config.json"), config.to_string()).unwrap();
    (home, file)
}

fn put(file: &Path, key: &str) {
    let draft = file.with_extension("new");
    std::fs::write(&draft, key).unwrap();
    std::fs::set_permissions(&draft, Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(&draft, file).unwrap();
}

/// Sends the signal, and waits until the log says this.
fn hang_up(server: &Server, word: &str) {
    server.signal(Signal::HUP);
    let began = Instant::now();
    while !server.log().contains(word) {
        assert!(began.elapsed() < Duration::from_mins(1), "{}", server.log());
        std::thread::yield_now();
    }
}

#[test]
fn s40_another_key_is_in_use_after_a_hangup_and_a_bad_one_leaves_it() {
    let (home, file) = keyed("sk-canary-1");
    let mut server = home.start(&[]);
    let shown = server.ok("system_config", json!({}));
    assert_eq!(shown.pointer("/config/providers/anthropic/apiKey").unwrap(), "set", "{shown}");
    put(&file, "sk-canary-2");
    hang_up(&server, "another key is in use");
    put(&file, "sk-canary 3");
    hang_up(&server, "the key stays as it was");
    let log = server.close().log;
    let named = log.matches("providers.anthropic.apiKeyFile").count();
    assert!(named == 2 && log.contains("printable ASCII"), "{log}");
    assert!(!log.contains("canary") && !shown.to_string().contains("canary"), "{log} {shown}");
}

#[test]
fn s40_a_provider_that_cannot_be_there_stops_the_start_and_nothing_is_made() {
    let (home, file) = keyed("sk-canary 1");
    let (code, out, err) = refused(&home, &[]);
    assert_eq!((code, out.as_str()), (Some(3), ""), "{err}");
    assert!(err.contains("`providers.anthropic.apiKeyFile`") && !err.contains("canary"), "{err}");
    std::fs::remove_file(&file).unwrap();
    let config = r#"{"providers": {"default": "anthropic"}}"#;
    std::fs::write(home.path("config/agentstack/config.json"), config).unwrap();
    let err = refused(&home, &[]).2;
    assert!(err.contains("`providers.default` asks for anthropic"), "{err}");
    assert!(!home.database().exists() && !home.key().exists());
}
