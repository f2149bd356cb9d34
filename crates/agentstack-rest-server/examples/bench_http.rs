//! Requests per second of `agentstack-rest` beside those of an axum server whose handler answers with a constant:
//! `cargo xtask bench-http`. Both run in turns, on the machine that also makes the load, so what counts is the ratio.
#![expect(clippy::print_stdout, reason = "a benchmark talks to its terminal")]
#![expect(clippy::disallowed_methods, reason = "it starts the servers it measures")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections that ask one request after the other.
const CONNECTIONS: usize = 16;
/// Entries in the session that is asked about.
const ENTRIES: usize = 200;

struct Settings {
    round: Duration,
    rounds: usize,
    /// Requests of the run that watches the memory.
    endurance: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let settings = if quick {
        Settings { round: Duration::from_secs(1), rounds: 3, endurance: 50_000 }
    } else {
        Settings { round: Duration::from_secs(4), rounds: 7, endurance: 1_000_000 }
    };
    let folder = tempfile::tempdir()?;
    let constant = Server::start(Command::new(beside("examples/constant")?))?;
    let product = Server::start(product(folder.path())?)?;
    let token = std::fs::read_to_string(product.token.as_ref().context("no token was made")?)?;
    let token = token.trim_end();
    let session = prepare(product.address, token).await?;
    let asked = |target: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    let get = asked(&format!("/api/v1/memory/k7?sessionId={session}"));
    let search = asked(&format!("/api/v1/memory/search?sessionId={session}&query=word7"));
    let subjects = [
        ("a constant", constant.address, asked("/")),
        ("get", product.address, get),
        ("search", product.address, search),
    ];
    let mut figures = vec![vec![]; subjects.len()];
    for _ in 0..settings.rounds {
        for ((_, address, request), figures) in subjects.iter().zip(&mut figures) {
            let (count, took) = load(*address, request, settings.round, u64::MAX).await?;
            figures.push(rate(count, took));
        }
    }
    let mut yardstick = None;
    println!("| request, {CONNECTIONS} connections | per second | of a constant |\n|---|---:|---:|");
    for ((name, ..), mut figures) in subjects.iter().zip(figures) {
        figures.sort_by(f64::total_cmp);
        let median = figures.get(figures.len() / 2).copied().unwrap_or_default();
        let whole = *yardstick.get_or_insert(median);
        println!("| {name} | {median:.0} | {:.0} % |", 100.0 * median / whole);
    }
    let (_, _, get) = subjects.get(1).context("the second subject")?;
    let mut resident = vec![product.resident_kb()?];
    for _ in 0..2 {
        load(product.address, get, Duration::from_hours(1), settings.endurance).await?;
        resident.push(product.resident_kb()?);
    }
    println!("\nResident, and after {0} and {0} more requests: {resident:?} kB.", settings.endurance);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts beyond 2^52 requests")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// A binary of this build.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let examples = std::env::current_exe()?;
    let path = examples.parent().and_then(Path::parent).context("a folder of the build")?.join(name);
    if path.is_file() { Ok(path) } else { bail!("{} is missing: use cargo xtask bench-http", path.display()) }
}

fn product(folder: &Path) -> anyhow::Result<Command> {
    let config = folder.join("aistack.config.json");
    // As fast as it can: what one caller may ask for is not what is measured.
    let limits = r#"{"limits":{"callsPerSecond":1000000,"callBurst":1000000,"concurrentCalls":1000}}"#;
    std::fs::write(&config, limits)?;
    let mut command = Command::new(beside("agentstack-rest")?);
    command.current_dir(folder).env("XDG_CONFIG_HOME", folder.join("config")).arg("--config").arg(config);
    command.args(["--listen", "127.0.0.1:0", "--log", "warn"]);
    Ok(command)
}

struct Server {
    child: Child,
    address: SocketAddr,
    token: Option<String>,
}

impl Server {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let mut token = None;
        let lines = BufReader::new(child.stderr.take().context("standard error")?).lines();
        for line in lines {
            let line = line?;
            if let Some((_, path)) = line.split_once("token is in ") {
                token = Some(path.to_owned());
            }
            if let Some((_, address)) = line.split_once("listening on http://") {
                return Ok(Self { child, address: address.parse()?, token });
            }
        }
        bail!("a server ended before it listened")
    }

    fn resident_kb(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.split_whitespace().next().context("a number")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a session and fills it. Returns its id.
async fn prepare(address: SocketAddr, token: &str) -> anyhow::Result<String> {
    let mut connection = Connection::open(address).await?;
    let post = |target: &str, body: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let started = connection.ask(&post("/api/v1/sessions", "{}")).await?.to_vec();
    let started: serde_json::Value = serde_json::from_slice(&started)?;
    let session = started.pointer("/session/id").and_then(serde_json::Value::as_str).context("no session")?;
    for number in 0..ENTRIES {
        let body = serde_json::json!({ "sessionId": session, "key": format!("k{number}"),
            "content": format!("What was decided about word{number}: to keep it short and plain, as the others are.") });
        connection.ask(&post("/api/v1/memory", &body.to_string())).await?;
    }
    Ok(session.to_owned())
}

/// Asks on all connections until the time is over or so many were answered. How many were, in which time.
async fn load(
    address: SocketAddr,
    request: &str,
    time: Duration,
    most: u64,
) -> anyhow::Result<(u64, Duration)> {
    let count = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut tasks = vec![];
    for _ in 0..CONNECTIONS {
        let (count, request) = (Arc::clone(&count), request.to_owned());
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await?;
            while began.elapsed() < time && count.fetch_add(1, Ordering::Relaxed) < most {
                connection.ask(&request).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok((count.load(Ordering::Relaxed), began.elapsed()))
}

/// A connection that stays open.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the body of the last answer is in the buffer.
    body: std::ops::Range<usize>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024), body: 0..0 })
    }

    /// Sends a request and returns the body of its answer, which has to be a good one.
    async fn ask(&mut self, request: &str) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(body) = whole(&self.buffer)? {
                self.body = body;
                return Ok(self.buffer.get(self.body.clone()).unwrap_or_default());
            }
        }
    }
}

/// Where the body is, once the answer is whole.
fn whole(answer: &[u8]) -> anyhow::Result<Option<std::ops::Range<usize>>> {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(answer.get(..head).unwrap_or_default())?;
    if !text.starts_with("HTTP/1.1 200") {
        bail!("{}", String::from_utf8_lossy(answer));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).context("a length")?;
    let body = head + 4..head + 4 + length.parse::<usize>()?;
    Ok((answer.len() >= body.end).then_some(body))
}
