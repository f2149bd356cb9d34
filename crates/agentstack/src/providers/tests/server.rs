//! A server that answers as all three providers do at once, and keeps what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What each provider reads as `Hi`, or as one vector.
const ANSWER: &str = r#"{"model":"m","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn",
    "choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],
    "message":{"content":"Hi"},"done":true,"done_reason":"stop",
    "data":[{"index":0,"embedding":[1.0,2.0]}],"embeddings":[[1.0,2.0]]}"#;

/// The server.
pub(super) struct Fake {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// One that answers at once.
    pub(super) fn start() -> Self {
        Self::start_doing(|_| {})
    }

    /// One that does this before it answers, with the number of the request.
    pub(super) fn start_doing(before: impl Fn(usize) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let Some(request) = read(&stream) else { continue };
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(request);
                    kept.len()
                };
                before(number);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", ANSWER.len());
                // The client may be gone.
                let _ = stream.write_all(format!("{head}{ANSWER}").as_bytes());
            }
        });
        Self { port, asked }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The last request as it came.
    pub(super) fn last_whole(&self) -> String {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    /// A header of the last request, empty if it had none.
    pub(super) fn last(&self, header: &str) -> String {
        value(&self.last_whole(), header)
    }

    /// That header of each request.
    pub(super) fn all(&self, header: &str) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|request| value(request, header)).collect()
    }
}

fn value(request: &str, header: &str) -> String {
    let mut pairs = request.lines().filter_map(|line| line.split_once(": "));
    pairs
        .find(|(name, _)| name.eq_ignore_ascii_case(header))
        .map(|(_, value)| value.to_owned())
        .unwrap_or_default()
}

fn read(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
    }
    let length = value(&request, "content-length").parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(request + &String::from_utf8(body).ok()?)
}
