//! Nothing that is said to the binary, or that it finds when it starts, is in what it prints (S40).

use std::os::unix::fs::PermissionsExt;

use agentstack_guard::{Sample, samples};
use serde_json::{Value, json};

use crate::server::{Home, Server, refused, write};

/// What no output may have: the secret, as it is or as JSON has it.
#[track_caller]
fn assert_without(output: &str, samples: &[Sample], place: &str) {
    for sample in samples {
        let escaped = json!(sample.secret).to_string();
        let is_there = output.contains(&sample.secret) || output.contains(escaped.trim_matches('"'));
        assert!(!is_there, "{} in {place}", sample.text);
    }
}

/// Says a line and, if it is answered with an error, keeps that.
fn say(server: &mut Server, line: &str, errors: &mut String) {
    server.send(line.as_bytes());
    let answer = server.receive();
    if let Some(error) = answer.get("error") {
        errors.extend([error.to_string(), "\n".to_owned()]);
    }
}

/// Every form of secret in every place of a line in which nothing is asked for.
fn say_everything(server: &mut Server, samples: &[Sample]) -> String {
    let mut errors = String::new();
    for sample in samples {
        let (text, quoted) = (&sample.text, json!(sample.text).to_string());
        for line in [
            // Malformed: as a bare word, unfinished, twice the same name, and as another kind of message.
            text.replace('\n', " "),
            format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":{quoted}"),
            format!("{{{quoted}:1,{quoted}:2}}"),
            quoted.clone(),
            format!("{{\"jsonrpc\":{quoted},\"id\":1,\"method\":\"ping\"}}"),
            format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":{quoted}}}"),
            format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":[{quoted}]}}}}"
            ),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": text } })
                .to_string(),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                "name": "memory_get", "arguments": { "key": text, "sessionId": text } } })
            .to_string(),
        ] {
            say(server, &line, &mut errors);
        }
        // A name of its own is no secret without the word before it.
        if sample.text == sample.secret {
            let line = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                "name": "memory_list", "arguments": { text.as_str(): text } } });
            say(server, &line.to_string(), &mut errors);
        }
    }
    errors
}

#[test]
fn s40_no_form_of_secret_comes_out_of_the_binary_in_an_error_or_in_a_log() {
    let samples = samples();
    for arguments in [&["--log", "trace"][..], &["--log", "trace", "--log-json"]] {
        let home = Home::new();
        let mut server = home.start(arguments);
        let errors = say_everything(&mut server, &samples);
        let (session, token) = server.session();
        server.ok("session_start", json!({ "resumeToken": token }));
        // What a caller stores is data, and comes back as the guard's policy has it; the log knows nothing of it.
        let contents: Vec<&str> = samples.iter().map(|sample| sample.text.as_str()).collect();
        let entry = json!({ "sessionId": session, "key": "known", "content": contents.join("\n") });
        server.ok("memory_store", entry);
        let ended = server.close();
        assert!(
            errors.lines().count() > 2_000 && ended.log.lines().count() > 500,
            "{}",
            errors.lines().count()
        );
        assert_without(&errors, &samples, "an error");
        assert_without(&ended.log, &samples, "the log");
        assert!(!ended.log.contains(&token) && !errors.contains(&token));
        if arguments.contains(&"--log-json") {
            for line in ended.log.lines() {
                let _: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            }
        }
    }
}

#[test]
fn s40_the_logs_of_a_usual_session_lose_nothing() {
    for arguments in [&["--log", "trace"][..], &["--log", "trace", "--log-json"]] {
        let home = Home::new();
        let mut server = home.start(arguments);
        let (session, token) = server.session();
        server.ok("session_start", json!({ "resumeToken": token }));
        for (tool, arguments) in [
            ("memory_store", json!({ "key": "a", "content": "text" })),
            ("memory_search", json!({ "query": "text" })),
            ("memory_list", json!({})),
            ("agent_spawn", json!({ "type": "coder" })),
            ("task_create", json!({ "agentType": "coder", "input": "text" })),
            ("session_end", json!({})),
        ] {
            let mut arguments = arguments;
            arguments["sessionId"] = json!(session);
            server.ok(tool, arguments);
        }
        server.error("memory_get", json!({ "sessionId": session, "key": "a" }));
        let log = server.close().log;
        assert!(log.lines().count() > 8 && log.contains("memory_search"), "{log}");
        assert!(!log.contains("redacted"), "{log}");
    }
}

#[test]
fn s40_a_secret_where_something_else_is_expected_is_not_repeated_at_the_start() {
    let samples = samples();
    let plain = |sample: &&Sample| sample.text == sample.secret && !sample.text.contains(['\n', '\0']);
    let few: Vec<&Sample> = samples.iter().filter(plain).step_by(6).collect();
    let mut said = String::new();
    for sample in &few {
        let home = Home::new();
        let text = sample.text.as_str();
        let config = home.path("work/aistack.config.json");
        // On the command line, as names of files, in the configuration, in variables and in the file of the key.
        for arguments in
            [&[text][..], &["--log", text], &["--config", text], &["--database", text, "--key-file", text]]
        {
            let (code, stdout, stderr) = refused(&home, arguments);
            assert!(code != Some(101) && stdout.is_empty(), "{stderr}");
            said.push_str(&stderr);
        }
        for file in [
            json!({ text: text }).to_string(),
            json!({ "memory": { "path": [text] } }).to_string(),
            json!({ "memory": { "defaultNamespace": text } }).to_string(),
            json!({ "providers": { "anthropic": { "apiKey": text, "model": 7 } } }).to_string(),
            json!({ "watch": { "webhook": { "url": text, "secret": text } } }).to_string(),
            json!({ "security": { "keySource": { "env": text } } }).to_string(),
            format!("{{ {text}"),
        ] {
            std::fs::write(&config, file).unwrap();
            std::fs::set_permissions(&config, PermissionsExt::from_mode(0o600)).unwrap();
            said.push_str(&refused(&home, &[]).2);
        }
        std::fs::remove_file(&config).unwrap();
        let mut command = home.command(&[]);
        command
            .env("AGENTSTACK_LOG", text)
            .env("AGENTSTACK_DATABASE", text)
            .stdin(std::process::Stdio::null());
        said.push_str(&String::from_utf8(command.output().unwrap().stderr).unwrap());
        let _ = home.start(&[]).close();
        write(&home.key(), format!("{text}\n").as_bytes());
        said.push_str(&refused(&home, &[]).2);
    }
    assert!(said.lines().count() > 10 * few.len(), "{said}");
    assert_without(&said, &samples, "what was said at the start");
}
