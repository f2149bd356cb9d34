//! Nothing that is said to the server is in its log or in an error (S40).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use agentstack_guard::{Sample, samples};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::server::Home;

/// What the server answers to these lines and this body, on a connection of its own.
fn ask(address: SocketAddr, lines: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    let common = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json";
    // It may refuse before it has read all of it.
    let _ = write!(stream, "{lines}\r\n{common}\r\nContent-Length: {length}\r\n\r\n{body}");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn percent(text: &str) -> String {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte| if is_kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

/// Requests with the secret in every place in which there can be one.
fn requests(sample: &Sample, token: &str) -> Vec<(String, String)> {
    let text = sample.text.as_str();
    let (line, quoted, encoded) = (text.replace('\n', " "), json!(text).to_string(), percent(text));
    let good = format!("Authorization: Bearer {token}");
    let store = format!("POST /api/v1/memory HTTP/1.1\r\n{good}");
    let mcp = format!("POST /mcp HTTP/1.1\r\n{good}\r\nAccept: application/json, text/event-stream");
    let call = |name: &str, arguments: Value| {
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name, "arguments": arguments } })
            .to_string()
    };
    let mut requests = vec![
        (format!("GET /api/v1/sessions HTTP/1.1\r\nAuthorization: Bearer {line}"), String::new()),
        (format!("GET /api/v1/sessions HTTP/1.1\r\nAuthorization: {line}"), String::new()),
        (format!("GET /api/v1/{encoded} HTTP/1.1\r\n{good}"), String::new()),
        (format!("GET /api/v1/sessions/{encoded} HTTP/1.1\r\n{good}"), String::new()),
        (format!("GET /api/v1/memory?limit={encoded} HTTP/1.1\r\n{good}"), String::new()),
        (
            format!("GET /api/v1/sessions HTTP/1.1\r\n{good}\r\ntraceparent: {line}\r\nOrigin: {line}"),
            String::new(),
        ),
        (format!("POST /api/v1/memory HTTP/1.1\r\n{good}\r\nX-Request-Id: {line}"), quoted.clone()),
        (store.clone(), format!("{{{quoted}")),
        (store.clone(), json!({ "key": text, "content": 1, "sessionId": text }).to_string()),
        (mcp.clone(), format!("{{{quoted}:1,{quoted}:1}}")),
        (mcp.clone(), call(text, json!({}))),
        (mcp, call("memory_get", json!({ "key": text, "sessionId": text }))),
    ];
    if sample.text == sample.secret {
        requests.push((format!("GET /api/v1/memory?{encoded}=1 HTTP/1.1\r\n{good}"), String::new()));
        requests.push((store, json!({ text: text }).to_string()));
    }
    requests
}

#[test]
fn s40_no_form_of_secret_comes_out_of_the_server_in_an_error_or_in_a_log() {
    let samples = samples();
    for format in [&["--log", "debug"][..], &["--log", "debug", "--log-json"]] {
        let home = Home::new();
        let limits = json!({ "callsPerSecond": 10_000, "callBurst": 10_000, "failedAuthenticationsPerMinute": 10_000 });
        std::fs::write(home.path("work/aistack.config.json"), json!({ "limits": limits }).to_string())
            .unwrap();
        let server = home.start(format);
        let token = server.token();
        let mut errors = String::new();
        for sample in &samples {
            for (lines, body) in requests(sample, &token) {
                let answer = ask(server.address, &lines, &body);
                assert!(answer.starts_with("HTTP/1.1 "), "{lines}: {answer}");
                // What is done is no error, and its answer is data.
                if answer.starts_with("HTTP/1.1 4") || answer.contains("\"error\"") {
                    errors.push_str(&answer);
                }
            }
        }
        server.signal(Signal::TERM);
        let (code, log) = server.ended();
        assert!(code == Some(0) && log.len() > samples.len() && errors.len() > 100 * samples.len());
        let log = log.join("\n");
        for sample in &samples {
            for form in [sample.secret.clone(), percent(&sample.secret), json!(sample.secret).to_string()] {
                let form = form.trim_matches('"');
                assert!(!errors.contains(form), "{} in an error", sample.text);
                assert!(!log.contains(form), "{} in the log", sample.text);
            }
        }
        assert!(!log.contains(&token) && !errors.contains(&token));
    }
}
