//! A client that says just what a test wants, and shows just what came back.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request, as it will stand on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Asked {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let host = ("Host".to_owned(), "localhost".to_owned());
        Self { method: method.to_owned(), target: target.to_owned(), headers: vec![host], body: vec![] }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn post(target: &str, body: &Value) -> Self {
        Self::new("POST", target).json(body)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string().as_bytes())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if name == "Host" {
            self.headers.retain(|(known, _)| known != "Host");
        }
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
        }
        if !self.body.is_empty() {
            head.extend(["Content-Length: ", &self.body.len().to_string(), "\r\n"]);
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// Asks on a connection of its own.
    pub(crate) async fn at(&self, address: SocketAddr) -> Answered {
        let mut stream = TcpStream::connect(address).await.unwrap();
        self.clone().header("Connection", "close").on(&mut stream).await
    }

    /// Asks on a connection that stays open.
    pub(crate) async fn on(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Answered {
        // A server that has seen enough answers and closes before it has read all.
        let _ = stream.write_all(&self.bytes()).await;
        Answered::read(stream).await.expect("an answer")
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    /// Reads one answer, or nothing from a connection that was closed.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            let byte = stream.read_u8().await.ok()?;
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut answered = Self { status, headers: headers.clone(), body: vec![] };
        if let Some((_, length)) = length {
            answered.body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut answered.body).await.ok()?;
        } else if answered.header("connection") == Some("close")
            || answered.header("transfer-encoding").is_some()
        {
            let _ = stream.read_to_end(&mut answered.body).await;
        }
        Some(answered)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.text()))
    }

    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// The status and the code of an error.
    pub(crate) fn code(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let body = self.json();
        assert_eq!(body["status"], self.status);
        assert_eq!(self.header("x-request-id"), body["requestId"].as_str(), "one id for both");
        (self.status, body["code"].as_str().unwrap().to_owned())
    }

    /// The body without the id of the request.
    pub(crate) fn bytes(&self) -> String {
        let id = self.header("x-request-id").unwrap();
        self.text().replace(id, "<request>")
    }
}
