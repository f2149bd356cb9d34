//! Signals of the server, posted to the address of the configuration.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::server::Home;

#[test]
fn tokens_that_nobody_knows_are_told_of_to_the_webhook() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let home = Home::new();
    let config = home.path("named.json");
    let file =
        json!({ "watch": { "thresholds": { "failedAuthentications": 5 }, "webhook": { "url": url } } });
    // An address of this machine in so many words, which is no secret; the file is private all the same.
    std::fs::write(&config, file.to_string()).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&config, private).unwrap();
    let server = home.start(&["--config", config.to_str().unwrap()]);
    for _ in 0..10 {
        assert_eq!(server.ask("ast_nonsense", "GET", "/api/v1/sessions", "").0, 401);
    }
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    assert!(!head.contains("x-agentstack-signature"), "there is no secret to sign with: {head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&told["rule"], &told["principal"]),
        (&json!("failed_authentications"), &json!("unauthenticated"))
    );
    reader.into_inner().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
}
