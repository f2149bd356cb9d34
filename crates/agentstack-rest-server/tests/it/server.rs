//! The binary in a home of its own, and requests to it.

use std::fs::DirBuilder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// A user's folders, empty, and the folder the server is started in.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for folder in ["work", "config/agentstack"] {
            DirBuilder::new().recursive(true).mode(0o700).create(home.path(folder)).unwrap();
        }
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The binary with these arguments and nothing of the tests' own environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentstack-rest"));
        command.args(arguments).env_clear().current_dir(self.path("work"));
        command.env("HOME", self.0.path()).env("XDG_CONFIG_HOME", self.path("config"));
        command
    }

    /// A run that ends by itself.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A server that listens.
    pub(crate) fn start(&self, arguments: &[&str]) -> Server {
        let mut command = self.command(&[]);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if !arguments.contains(&"--log") {
            command.args(["--log", "warn"]);
        }
        let mut child = command.args(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = vec![];
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it ended: {said:?}")).unwrap();
            let listening =
                line.split_once("listening on http://").map(|(_, address)| address.parse().unwrap());
            said.push(line);
            if let Some(address) = listening {
                break address;
            }
        };
        // Or it would wait for somebody to read what it says.
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect());
        Server { child, address, said, rest: Some(rest) }
    }
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it said before it listened.
    pub(crate) said: Vec<String>,
    rest: Option<std::thread::JoinHandle<Vec<String>>>,
}

impl Server {
    /// The operator's token, from the file that the server has named.
    pub(crate) fn token(&self) -> String {
        let line = self.said.iter().find_map(|line| line.split_once("the operator's token is in "));
        std::fs::read_to_string(line.unwrap().1).unwrap().trim_end().to_owned()
    }

    pub(crate) fn ask(&self, token: &str, method: &str, target: &str, body: &str) -> (u16, Value) {
        ask(self.address, token, method, target, body).unwrap()
    }

    /// Resident memory in kB.
    pub(crate) fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end. The exit code, if it was not killed, and what it still said.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let status = self.child.wait().unwrap();
        (status.code(), self.rest.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own; the status and the JSON of the answer.
pub(crate) fn ask(
    address: SocketAddr,
    token: &str,
    method: &str,
    target: &str,
    body: &str,
) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::InvalidData)?;
    Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}
