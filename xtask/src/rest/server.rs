//! A server of its own for one run: an empty home, an empty database, a port that was free.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use anyhow::{Context, Result};

use super::fresh;
use crate::clients::text;
use crate::process::program_at_root;
use crate::quickstart::in_empty_home;

/// How long a first start may take in a debug build on a busy machine.
const START: Duration = Duration::from_mins(1);

/// What a fuzzer needs that a team does not: nothing else of the configuration is ours.
const CONFIGURATION: &str = r#"{
  "limits": {
    "callsPerSecond": 10000,
    "callBurst": 10000,
    "sessionsPerPrincipal": 100000,
    "failedAuthenticationsPerMinute": 10000
  },
  "agents": { "maxConcurrent": 100 },
  "driftDetection": { "enabled": true, "similarity": "lexical" },
  "github": { "enabled": true },
  "plugins": { "enabled": true }
}
"#;

/// The lines by which the server says that it serves.
const TOKEN: &str = "the operator's token is in ";
const ADDRESS: &str = "listening on ";

/// A running server. It ends with the value.
pub(super) struct Server {
    child: Child,
    url: String,
    token: String,
    log: PathBuf,
}

impl Server {
    /// Starts it, and waits until it says where it listens.
    pub(super) fn start(binary: &Path, folder: &Path) -> Result<Self> {
        fresh(folder)?;
        let configuration = folder.join("aistack.config.json");
        std::fs::write(&configuration, CONFIGURATION).context("writing the server's configuration")?;
        let words = ["--config", &text(&configuration)?, "--listen", "127.0.0.1:0", "--log", "warn"];
        let mut command = program_at_root(binary, &words);
        in_empty_home(&mut command, &folder.join("home"))?;
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting {}", binary.display()))?;
        let log = folder.join("server.log");
        let output = child.stderr.take().context("the server has no standard error")?;
        let lines = follow(BufReader::new(output), File::create(&log).context("making the server's log")?);
        let mut server = Self { child, url: String::new(), token: String::new(), log };
        let path = server.wait_for(&lines, TOKEN)?;
        let token = std::fs::read_to_string(&path).context("reading the operator's token")?;
        token.trim().clone_into(&mut server.token);
        server.url = server.wait_for(&lines, ADDRESS)?;
        Ok(server)
    }

    /// What follows `what` in the line that holds it.
    fn wait_for(&self, lines: &Receiver<String>, what: &str) -> Result<String> {
        loop {
            let line = lines.recv_timeout(START).with_context(|| {
                format!("the server did not say \"{what}…\"; its log: {}", self.log.display())
            })?;
            if let Some((_, rest)) = line.split_once(what) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The operator's. It goes to the suites in their environment, never in their arguments.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps what the server says, to the end of its life, and hands out each line as it comes.
fn follow(output: impl BufRead + Send + 'static, mut log: File) -> Receiver<String> {
    let (sender, lines): (Sender<String>, _) = mpsc::channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            // Once the server serves, nobody listens any more.
            let _ = sender.send(line);
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_kept_and_handed_out() {
        let path = std::env::temp_dir().join(format!("agentstack-xtask-log-{}", std::process::id()));
        let lines = follow("one\nlistening on http://x:1\n".as_bytes(), File::create(&path).unwrap());
        assert_eq!(lines.iter().collect::<Vec<_>>(), ["one", "listening on http://x:1"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nlistening on http://x:1\n");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_configuration_is_json() {
        assert!(serde_json::from_str::<serde_json::Value>(CONFIGURATION).unwrap().is_object());
    }
}
