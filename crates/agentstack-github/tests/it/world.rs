//! A `gh` that does what a test says.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentstack_core::{Repository, Secret};
use agentstack_github::{GhCli, GhSettings};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::timeout;

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

    /// Who holds the write end of a pipe that [`STAYS`] opens.
    pub(crate) fn watch(&self) -> Watched {
        let path = self.folder.path().join("alive");
        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let ((tell_started, started), (tell_gone, gone)) = (oneshot::channel(), oneshot::channel());
        // It waits for somebody who writes, and then for the last who could.
        std::thread::spawn(move || {
            let mut reader = BufReader::new(fs::File::open(path).unwrap());
            let _ = reader.read_line(&mut String::new());
            let _ = tell_started.send(());
            let _ = reader.read_to_end(&mut vec![]);
            let _ = tell_gone.send(());
        });
        Watched { started, gone }
    }
}

/// Opens a pipe that all whom it starts have open with it, and says so.
pub(crate) const STAYS: &str = "exec 9> \"$GH_CONFIG_DIR/alive\"; echo here >&9\n";

/// A process and all that it has started.
pub(crate) struct Watched {
    started: oneshot::Receiver<()>,
    gone: oneshot::Receiver<()>,
}

/// What is to happen happens within this.
const PATIENCE: Duration = Duration::from_secs(20);

impl Watched {
    /// Waits until it is there.
    pub(crate) async fn started(&mut self) {
        timeout(PATIENCE, &mut self.started).await.unwrap().unwrap();
        assert!(self.gone.try_recv().is_err());
    }

    /// Waits until there is none of them any more.
    pub(crate) async fn gone(self) {
        timeout(PATIENCE, self.gone).await.expect("something of it is still there").unwrap();
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
