//! The binary in a home of its own, and a client that speaks lines.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use agentstack::audit::Report;
use agentstack::{AgentStack, MasterKey, Options};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// After which a server that hangs is killed, so that its test fails instead of hanging too.
const PATIENCE: Duration = Duration::from_mins(2);

/// A user's folders, empty, and the folder the server is started in.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for folder in [home.work(), home.path("config/agentstack")] {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).unwrap();
        }
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn work(&self) -> PathBuf {
        self.path("work")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("config/agentstack/agentstack.key")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.work().join("data/aistack.db")
    }

    /// The binary with these arguments and nothing of the tests' own environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentstack-mcp"));
        command.args(arguments).env_clear().current_dir(self.work());
        command.env("HOME", self.0.path()).env("XDG_CONFIG_HOME", self.path("config"));
        command
    }

    /// The server, and a client that has said nothing yet.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Server {
        self.spawn_with(arguments, &[])
    }

    pub(crate) fn spawn_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Server {
        let log = tempfile::NamedTempFile::new_in(self.0.path()).unwrap();
        let (log, log_path) = log.keep().unwrap();
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let watch = watch(Pid::from_child(&child));
        Server { child, input, output, log: log_path, asked: 0, meta: None, _watch: watch }
    }

    /// The server, and a client that has initialized.
    pub(crate) fn start(&self, arguments: &[&str]) -> Server {
        let mut server = self.spawn(arguments);
        server.initialize("2025-11-25");
        server
    }

    /// What the verifier says of the audit log, read with the server's own key.
    pub(crate) fn audit(&self) -> Report {
        let key = MasterKey::parse(&std::fs::read_to_string(self.key()).unwrap()).unwrap();
        let options = Options::new(self.database(), &key);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stack = AgentStack::open(options).await.unwrap();
            let report =
                stack.verify_audit(Vec::new(), |_, _| ()).await.unwrap_or_else(|e| panic!("{}", e.message()));
            stack.close().await;
            report
        })
    }
}

/// The tools of a server whose configuration turns nothing on.
pub(crate) fn usual_tools() -> Vec<agentstack::document::Tool> {
    let mut tools = agentstack::document::tools();
    tools.retain(|tool| !tool.name.starts_with("github_"));
    tools
}

fn watch(process: Pid) -> Sender<()> {
    let (ended, wait) = channel();
    std::thread::spawn(move || {
        // The sender never sends: it goes with the server.
        if wait.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = kill_process(process, Signal::KILL);
        }
    });
    ended
}

/// A running server and the client's end of its pipes.
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    log: PathBuf,
    asked: u64,
    /// What each request carries, in the revision that has no handshake.
    pub(crate) meta: Option<Value>,
    _watch: Sender<()>,
}

/// How a server ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// From the signal or the end of input until the process was gone.
    pub(crate) took: Duration,
    /// What it still said.
    pub(crate) rest: String,
    pub(crate) log: String,
}

impl Server {
    pub(crate) fn initialize(&mut self, revision: &str) -> Value {
        let client = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": client });
        let answer = self.request("initialize", params);
        self.send(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string().as_bytes());
        answer["result"].clone()
    }

    /// Writes a line.
    pub(crate) fn send(&mut self, line: &[u8]) {
        self.send_raw(line);
        self.send_raw(b"\n");
    }

    /// Writes the beginning of a line.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    /// Reads a line, which must be JSON-RPC.
    pub(crate) fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the server ended: {line:?}\n{}", self.log());
        assert!(line.len() < 256 * 1024, "{} bytes in one line", line.len());
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        message
    }

    /// Sends a request and reads its answer.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        let answer = self.receive();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Sends a request. Returns its id.
    pub(crate) fn ask(&mut self, method: &str, mut params: Value) -> u64 {
        self.asked += 1;
        if let Some(meta) = &self.meta {
            params["_meta"] = meta.clone();
        }
        let line = json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params });
        self.send(line.to_string().as_bytes());
        self.asked
    }

    /// The result of a tool call.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut params = json!({ "name": tool });
        params["arguments"] = arguments;
        let answer = self.request("tools/call", params);
        answer.get("result").unwrap_or_else(|| panic!("{tool}: {answer}")).clone()
    }

    /// The structured content of a tool call that is no error.
    pub(crate) fn ok(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments);
        assert_ne!(result["isError"], true, "{tool}: {result}");
        result["structuredContent"].clone()
    }

    /// The id of a new agent, task or identity, which can be used in any way.
    pub(crate) fn made(&mut self, tool: &str, session: &str, place: &str) -> Value {
        let arguments = match tool {
            "agent_spawn" => json!({ "sessionId": session, "type": "coder" }),
            "task_create" => json!({ "sessionId": session, "agentType": "coder", "input": "text" }),
            _ => json!({ "agentType": "coder", "autoActivate": true }),
        };
        self.ok(tool, arguments).pointer(place).unwrap().clone()
    }

    /// The error of a tool call that is one.
    pub(crate) fn error(&mut self, tool: &str, arguments: Value) -> Map<String, Value> {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        let text = result.to_string().to_lowercase();
        for word in ["sqlite", "select ", ".db", "/tmp", ".rs:", "audit"] {
            assert!(!text.contains(word), "{tool} shows its insides (S10): {result}");
        }
        result["structuredContent"]["error"].as_object().unwrap().clone()
    }

    /// Starts a session. Returns its id and its resume token.
    pub(crate) fn session(&mut self) -> (String, String) {
        let started = self.ok("session_start", json!({}));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&started["session"]["id"]), text(&started["resumeToken"]))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for the end, which something before has brought about.
    pub(crate) fn wait(mut self) -> Ended {
        let began = Instant::now();
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        Ended { status, took: began.elapsed(), rest, log: self.log() }
    }

    /// Ends the input and waits.
    pub(crate) fn close(mut self) -> Ended {
        self.input = None;
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a run of the binary that does not serve comes to.
pub(crate) fn refused(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = home.command(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

pub(crate) fn write(path: &Path, bytes: &[u8]) {
    File::options().write(true).truncate(true).open(path).unwrap().write_all(bytes).unwrap();
}
