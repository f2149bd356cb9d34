//! `--check-ready`, with which a container asks whether its server is well.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::json;

use crate::server::Home;

/// The exit code, and what was said.
fn check(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let output = home.run(&[&["--check-ready"], arguments].concat());
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_server_that_serves_is_ready_and_one_that_has_ended_is_not() {
    let home = Home::new();
    let server = home.start(&[]);
    let address = server.address.to_string();
    assert_eq!(check(&home, &["--listen", &address]), (Some(0), String::new()));
    // One that listens everywhere is asked at the loopback address.
    let everywhere = format!("0.0.0.0:{}", server.address.port());
    assert_eq!(check(&home, &["--listen", &everywhere]), (Some(0), String::new()));
    // The address of the configuration counts as it does for the server.
    let config = home.path("work/aistack.config.json");
    std::fs::write(&config, json!({ "http": { "listen": &address } }).to_string()).unwrap();
    assert_eq!(check(&home, &[]), (Some(0), String::new()));
    server.signal(Signal::TERM);
    assert_eq!(server.ended().0, Some(0));
    let (code, said) = check(&home, &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&address), "{said}");
}

#[test]
fn whoever_answers_something_else_or_hangs_up_is_not_ready() {
    let home = Home::new();
    for (answer, shown) in [
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 503 Service Unavailable"),
        ("SSH-2.0-200 200\r\n", "SSH-2.0-200 200"),
        ("", "answers"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let asked: Vec<String> = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            stream.write_all(answer.as_bytes()).unwrap();
            asked
        });
        let (code, said) = check(&home, &["--listen", &address]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(shown), "{said}");
        let host = format!("Host: {address}");
        assert_eq!(served.join().unwrap(), ["GET /health/ready HTTP/1.1", &host, "Connection: close"]);
    }
}

#[test]
fn a_check_makes_nothing_and_says_when_it_cannot_ask() {
    let home = Home::new();
    assert_eq!(check(&home, &["--listen", "127.0.0.1:1"]).0, Some(1));
    let config = home.path("work/aistack.config.json");
    let tls = json!({ "http": { "listen": "127.0.0.1:3001", "tls": { "certificate": "c", "key": "k" } } });
    for (text, named) in [
        (tls.to_string(), "TLS"),
        (json!({ "http": { "listen": "127.0.0.1:0" } }).to_string(), "http.listen"),
        ("{".to_owned(), "aistack.config.json"),
    ] {
        std::fs::write(&config, &text).unwrap();
        let (code, said) = check(&home, &[]);
        assert_eq!(code, Some(3), "{text}");
        assert!(said.contains(named), "{said}");
    }
    assert_eq!(std::fs::read_dir(home.path("config/agentstack")).unwrap().count(), 0, "no key was made");
    assert!(!home.path("work/data").exists(), "no database was made");
}
