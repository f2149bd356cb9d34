//! A `gh` that does what a test says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agentstack_core::{Repository, Secret};
use agentstack_github::{GhCli, GhSettings};
use tempfile::TempDir;

/// Writes down what it was given, and answers what the test has laid down.
pub(crate) const RECORD: &str = r#"
for argument in "$@"; do printf '%s\n' "$argument"; done > "$GH_CONFIG_DIR/argv"
/usr/bin/env > "$GH_CONFIG_DIR/env"
/bin/cat > "$GH_CONFIG_DIR/stdin"
/bin/cat "$GH_CONFIG_DIR/answer"
"#;

pub(crate) struct Fake {
    pub(crate) folder: TempDir,
    pub(crate) settings: GhSettings,
}

impl Fake {
    /// One that runs this piece of shell.
    pub(crate) fn new(behaviour: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(folder.path().join("behaviour.sh"), behaviour).unwrap();
        let settings = GhSettings {
            program: Some(program()),
            token: Some(Secret::new("token-canary".to_owned())),
            config_directory: Some(folder.path().to_owned()),
            // Far more than anything here takes that is to end by itself.
            timeout: Duration::from_secs(30),
            ..GhSettings::default()
        };
        Self { folder, settings }
    }

    /// One that records, and answers with this status and body.
    pub(crate) fn answering(status: &str, body: &str) -> Self {
        let fake = Self::new(RECORD);
        fake.lay("answer", &printed(status, "", body));
        fake
    }

    pub(crate) fn gh(&self) -> GhCli {
        GhCli::new(self.settings.clone()).unwrap()
    }

    pub(crate) fn lay(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// What it wrote down, with the names of folders that change taken out.
    pub(crate) fn wrote(&self, name: &str) -> String {
        let text = fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let text = text.replace(self.folder.path().to_str().unwrap(), "[config]");
        let own = regexless(&text);
        own.unwrap_or(text)
    }

    /// Waits for a file that it writes.
    pub(crate) async fn written(&self, name: &str) -> String {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            if text.ends_with('\n') {
                return text.trim().to_owned();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{name} was not written");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The folder of `gh`'s own as `[own]`.
fn regexless(text: &str) -> Option<String> {
    let home = text.lines().find_map(|line| line.strip_prefix("HOME="))?;
    Some(text.replace(home, "[own]"))
}

pub(crate) fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fake/gh")
}

/// As `gh api --include` prints it.
pub(crate) fn printed(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/2.0 {status}\nContent-Type: application/json; charset=utf-8\r\n{headers}\r\n{body}")
}

pub(crate) fn repository() -> Repository {
    "octo-org/tools".parse().unwrap()
}

/// Whether a process is still there. One that nobody has waited for yet is not.
pub(crate) fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z" && state != "X")
}

/// Waits for a process to be gone.
pub(crate) async fn is_gone(pid: &str) {
    let begun = Instant::now();
    while is_alive(pid) {
        assert!(begun.elapsed() < Duration::from_secs(10), "process {pid} is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
