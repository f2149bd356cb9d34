//! How it starts and how it ends.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::json;

use crate::server::Home;

#[test]
fn the_first_start_leaves_a_private_token_file_and_says_where_but_not_what() {
    let home = Home::new();
    let server = home.start(&[]);
    let token = server.token();
    let digits = token.strip_prefix("ast_").unwrap();
    assert!(server.said.iter().all(|line| !line.contains(digits)), "{:?}", server.said);
    let files = std::fs::read_dir(home.path("config/agentstack")).unwrap();
    let modes: Vec<u32> =
        files.map(|file| file.unwrap().metadata().unwrap().permissions().mode() & 0o777).collect();
    assert_eq!(modes, [0o600, 0o600], "the key and the token");
    assert_eq!(server.ask(&token, "GET", "/api/v1/tokens", "").1["count"], 1);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().0, Some(0));
    // A second start makes none, and the first one's is good still.
    let server = home.start(&[]);
    assert!(server.said.iter().all(|line| !line.contains("token")), "{:?}", server.said);
    assert_eq!(server.ask(&token, "GET", "/api/v1/tokens", "").1["count"], 1);
}

#[test]
fn s47_github_that_is_off_has_no_routes_and_is_in_no_document() {
    let home = Home::new();
    let server = home.start(&[]);
    let token = server.token();
    for path in ["/api/v1/github/repos/octo-org/tools", "/api/v1/nowhere/at/all/here"] {
        let (status, body) = server.ask(&token, "GET", path, "");
        assert_eq!((status, &body["code"]), (404, &json!("not_found")), "{path}");
    }
    let (status, openapi) = server.ask(&token, "GET", "/openapi.json", "");
    assert_eq!(status, 200);
    assert!(openapi["paths"].get("/api/v1/memory").is_some());
    let paths = openapi["paths"].as_object().unwrap();
    assert!(paths.keys().all(|path| !path.contains("/github/")));
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let home = Home::new();
    let server = home.start(&[]);
    let token = server.token();
    let started = server.ask(&token, "POST", "/api/v1/sessions", "").1;
    let session = started["session"]["id"].as_str().unwrap().to_owned();
    for number in 0..50 {
        let entry = json!({ "sessionId": session, "key": format!("k{number}"), "content": "text" });
        assert_eq!(server.ask(&token, "POST", "/api/v1/memory", &entry.to_string()).0, 200);
    }
    server.signal(Signal::KILL);
    assert_eq!(server.ended().0, None);
    let server = home.start(&[]);
    // The token's subject holds the session still: it is no matter of a process.
    let (status, listed) = server.ask(&token, "GET", &format!("/api/v1/memory?sessionId={session}"), "");
    assert_eq!((status, &listed["total"]), (200, &json!(50)));
}

#[test]
fn s24_beyond_this_machine_without_tls_it_does_not_start() {
    let home = Home::new();
    let output = home.run(&["--listen", "0.0.0.0:0"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(said.contains("http.tls") && said.contains("http.behindProxy"), "{said}");
}

#[test]
fn an_address_that_is_taken_and_a_setting_that_is_wrong_are_said() {
    let home = Home::new();
    let server = home.start(&[]);
    let taken = home.run(&["--listen", &server.address.to_string()]);
    assert_eq!(taken.status.code(), Some(3));
    assert!(String::from_utf8(taken.stderr).unwrap().contains(&format!("listening on {}", server.address)));
    let config = home.path("work/aistack.config.json");
    for (wrong, field) in [
        (json!({ "http": { "listen": "localhost" } }), "http.listen"),
        (json!({ "http": { "allowedHosts": ["a b"] } }), "http.allowedHosts"),
        (json!({ "http": { "tls": { "key": "k.pem" } } }), "http.tls"),
        (json!({ "limits": { "callsPerSecond": 0 } }), "limits.callsPerSecond"),
    ] {
        std::fs::write(&config, wrong.to_string()).unwrap();
        let output = home.run(&["--listen", "127.0.0.1:0"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(3) || field == "http.listen", "{wrong}");
        // A flag comes before the file, but the file is read all the same.
        assert!(said.contains(field), "{wrong}: {said}");
    }
}
