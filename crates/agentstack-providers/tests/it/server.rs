//! An HTTP server that answers by a script, one connection for each line of it, and keeps what it was asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What the server does with one connection, after it has read the request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Writes this, and closes.
    Write(Vec<u8>),
    /// Writes this, and then nothing more until the client goes.
    Hang(Vec<u8>),
    /// Writes the first, and then the second without an end.
    Forever(Vec<u8>, Vec<u8>),
}

/// A server on this machine.
pub(crate) struct Server {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    left: mpsc::UnboundedReceiver<()>,
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Asked {
    /// The first line.
    pub(crate) line: String,
    /// In lower case, in the order of their names.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// For a snapshot: without the key and the port.
    pub(crate) fn shown(&self, key: &str) -> String {
        let mut shown = format!("{}\n", self.line);
        for (name, value) in &self.headers {
            let value = value.replace(key, "[key]");
            let value =
                if name == "host" { value.replace(|digit: char| digit.is_ascii_digit(), "#") } else { value };
            writeln!(shown, "{name}: {value}").unwrap();
        }
        let body: Value = serde_json::from_str(&self.body).unwrap();
        format!("{shown}\n{}", serde_json::to_string_pretty(&sorted(body)).unwrap())
    }
}

/// The same with the names of each object in order: whether they are anyway is up to a feature of `serde_json`, which other
/// crates of the workspace turn on.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> =
                fields.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            fields.into_iter().collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

impl Server {
    /// One that does this, a connection after the other, and the last of it for all that come after.
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (gone, left) = mpsc::unbounded_channel();
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut acts = acts.into_iter().peekable();
            let mut last = None;
            while let Ok((mut stream, _)) = listener.accept().await {
                let act = acts.next().or(last).unwrap();
                last = Some(act.clone());
                let (kept, gone) = (Arc::clone(&kept), gone.clone());
                tokio::spawn(async move {
                    if let Some(request) = read(&mut stream).await {
                        kept.lock().unwrap().push(request);
                        perform(&mut stream, act).await;
                    }
                    // Nobody may be waiting for it.
                    let _ = gone.send(());
                });
            }
        });
        Self { port, asked, left }
    }

    /// One that answers everything with this.
    pub(crate) async fn answering(answer: Vec<u8>) -> Self {
        Self::start(vec![Act::Write(answer)]).await
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until a connection is done with.
    pub(crate) async fn one_is_gone(&mut self) {
        self.left.recv().await.unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let mut headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    headers.sort();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head + 4..].to_vec()).unwrap();
    Some(Asked { line, headers, body })
}

async fn perform(stream: &mut TcpStream, act: Act) {
    // The client may go at any time: that is what some tests are about.
    match act {
        Act::Write(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let _ = stream.read(&mut [0; 1]).await;
        }
        Act::Hang(beginning) => {
            let _ = stream.write_all(&beginning).await;
            let _ = stream.read(&mut [0; 1]).await;
        }
        Act::Forever(beginning, piece) => {
            let _ = stream.write_all(&beginning).await;
            while stream.write_all(&piece).await.is_ok() {}
        }
    }
}

/// An answer with a status, further header lines and a body.
pub(crate) fn answer(status: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        write!(text, "{header}\r\n").unwrap();
    }
    format!("{text}\r\n{body}").into_bytes()
}

pub(crate) fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", &["Content-Type: application/json"], body)
}

/// The head of an answer that goes on until the connection is closed.
pub(crate) const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// A streamed answer that the client gets in pieces of so many bytes: it does not join the chunks of HTTP.
pub(crate) fn streamed(body: &str, size: usize) -> Act {
    let mut bytes =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for piece in body.as_bytes().chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    Act::Write(bytes)
}
