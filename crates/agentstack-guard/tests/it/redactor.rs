//! What leaves the process without being data: no secret is in it, and what is no secret stays.

use std::io::Write as _;

use agentstack_core::{Secret, hex};
use agentstack_guard::{Redactor, samples};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::corpora;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// One that knows these.
fn redactor(secrets: &[&str]) -> Redactor {
    let redactor = Redactor::default();
    for text in secrets {
        redactor.know(&secret(text));
    }
    redactor
}

fn percent(text: &str, is_kept: impl Fn(u8) -> bool, is_upper: bool) -> String {
    let encode = |byte: u8| match (is_kept(byte), is_upper) {
        (true, _) => char::from(byte).to_string(),
        (false, true) => format!("%{byte:02X}"),
        (false, false) => format!("%{byte:02x}"),
    };
    text.bytes().map(encode).collect()
}

/// The ways in which a secret gets into a message.
fn spellings(text: &str) -> Vec<String> {
    let quoted = json!(text).to_string();
    let mut spellings = vec![
        text.to_owned(),
        hex::encode(text.as_bytes()),
        hex::encode(text.as_bytes()).to_uppercase(),
        percent(text, |byte| byte.is_ascii_alphanumeric(), true),
        percent(text, |byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte), false),
        percent(text, |_| false, true),
        percent(&text.replace(' ', "+"), |byte| byte.is_ascii_alphanumeric() || byte == b'+', true),
        quoted.clone(),
        json!(quoted).to_string(),
        format!("{text:?}"),
        format!("{quoted:?}"),
        text.escape_unicode().to_string(),
        text.encode_utf16().flat_map(|unit| ["\\u".to_owned(), hex::encode(&unit.to_be_bytes())]).collect(),
        percent(&quoted, |byte| byte.is_ascii_alphanumeric(), true),
    ];
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        spellings.push(engine.encode(text));
    }
    spellings
}

#[test]
fn s40_a_known_secret_is_taken_out_in_every_spelling() {
    for known in
        ["correct horse battery/staple+1", "ünïcödé \u{1f511} key", "q\"uo\\te\n'd", "00ff17a9c0ffee12"]
    {
        let redactor = redactor(&[known]);
        for spelling in spellings(known) {
            let text = format!("the provider said ({spelling}) and closed");
            let scrubbed = redactor.scrub(&text);
            let rest = scrubbed.replace(['"', '\\'], "").replace("%22", "");
            assert_eq!(rest, "the provider said ([redacted]) and closed", "{text}");
        }
    }
}

#[test]
fn s40_a_known_secret_is_taken_out_of_a_longer_base_64_value_with_every_bit_of_it() {
    let known = "w3bh00k-secret-value";
    let redactor = redactor(&[known]);
    for before in ["", "a", "ab", "user:", "user7:"] {
        for after in ["", "x", "xy", "xyz"] {
            for engine in [&STANDARD, &URL_SAFE_NO_PAD] {
                let encoded = engine.encode(format!("{before}{known}{after}"));
                let text = format!("Basic {encoded}!");
                let scrubbed = redactor.scrub(&text).into_owned();
                let (left, right) = scrubbed.split_once("[redacted]").unwrap_or_else(|| panic!("{scrubbed}"));
                // Another secret in the same place gives the same rest, so the rest says nothing about it.
                let other = engine.encode(format!("{before}{}{after}", "\u{7f}".repeat(known.len())));
                let left = left.trim_start_matches("Basic ");
                assert!(other.starts_with(left), "{left} of {encoded}");
                assert!(format!("{other}!").ends_with(right), "{right} of {encoded}");
            }
        }
    }
}

#[test]
fn s40_one_byte_that_is_no_text_does_not_hide_what_is_encoded_beside_it() {
    let redactor = Redactor::default();
    let token = samples().into_iter().find(|sample| sample.text.starts_with("ghp_")).unwrap().text;
    let encoded = percent(&token, |byte| byte.is_ascii_alphanumeric(), true);
    for (before, after) in [("", ""), ("%FF", ""), ("", "%C3"), ("%80%80", "%E2%82")] {
        let text = format!("x {before}&{encoded}&{after} y");
        let scrubbed = redactor.scrub(&text);
        assert_eq!(scrubbed, format!("x {before}&[redacted:secret-github-token]&{after} y"));
    }
}

#[test]
fn s40_of_data_only_what_is_known_is_taken_out() {
    let known = "correct horse battery/staple+1";
    let redactor = redactor(&[known]);
    let token = samples().into_iter().find(|sample| sample.text.starts_with("ghp_")).unwrap().text;
    for spelling in spellings(known) {
        let text = format!("{token} ({spelling})");
        let scrubbed = redactor.scrub_known(&text);
        let rest = scrubbed.replace(['"', '\\'], "").replace("%22", "");
        assert_eq!(rest, format!("{token} ([redacted])"), "{text}");
    }
    assert!(matches!(redactor.scrub_known(&token), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn s40_of_secrets_that_overlap_nothing_stays() {
    let redactor = redactor(&["abcd-efgh-ijkl", "ijkl-mnop-qrst", "efgh-ijkl"]);
    assert_eq!(redactor.scrub("<abcd-efgh-ijkl-mnop-qrst>"), "<[redacted]>");
    assert_eq!(
        redactor.scrub("<abcd-efgh-ijkl> <ijkl-mnop-qrst> <efgh-ijkl>"),
        "<[redacted]> <[redacted]> <[redacted]>"
    );
    // A known one that begins inside of what only looks like one, and the other way round.
    let token = samples().into_iter().find(|sample| sample.text.starts_with("ghp_")).unwrap().text;
    let known = format!("{}#tail-of-it", &token[20..]);
    let redactor = self::redactor(&[&known]);
    assert_eq!(redactor.scrub(&format!("<{token}#tail-of-it>")), "<[redacted]>");
    assert_eq!(redactor.scrub(&format!("<{token}>")), "<[redacted:secret-github-token]>");
}

#[test]
fn s40_something_of_every_form_is_taken_out_of_text_and_json() {
    let redactor = Redactor::default();
    let samples = samples();
    assert!(samples.len() > 250, "{}", samples.len());
    for sample in &samples {
        let (text, canary) = (&sample.text, &sample.secret);
        let line = format!("2026-01-01T00:00:00Z ERROR agentstack: {text} was not accepted");
        let scrubbed = redactor.scrub(&line);
        assert!(!scrubbed.contains(canary) && scrubbed.ends_with("was not accepted"), "{line}\n{scrubbed}");
        // As a value that was printed for people, in Rust's own way.
        let debugged = format!("error={:?}", format!("x: {text}"));
        let escaped = format!("{canary:?}");
        assert!(!redactor.scrub(&debugged).contains(escaped.trim_matches('"')), "{debugged}");
        for value in [
            json!({ "fields": { "message": text, "n": 1 }, "target": "agentstack::call" }),
            json!({ "error": format!("Failed({text:?})"), "target": "agentstack::call" }),
            json!({ "target": "agentstack::call", "fields": { text.clone(): true } }),
        ] {
            let scrubbed = redactor.scrub_json(&value.to_string()).into_owned();
            let read: Value = serde_json::from_str(&scrubbed).unwrap_or_else(|e| panic!("{e}: {scrubbed}"));
            assert_eq!(read["target"], "agentstack::call", "{scrubbed}");
            let escaped = json!(canary).to_string();
            assert!(!scrubbed.contains(escaped.trim_matches('"')), "{value}\n{scrubbed}");
        }
    }
}

#[test]
fn s40_corpora_every_claimed_rule_of_gitleaks_is_scrubbed() {
    let Some(folder) = corpora::folder() else { return };
    let redactor = Redactor::default();
    let file = std::fs::read_to_string(folder.join("gitleaks.toml")).unwrap();
    for rule in crate::gitleaks::rules(&file).into_iter().filter(|rule| corpora::is_claimed(&rule.id)) {
        let samples = rule.samples(50);
        let stays = |sample: &&crate::gitleaks::Sample| {
            redactor.scrub(&sample.text).contains(&sample.text[sample.secret.clone()])
        };
        let lost = samples.iter().filter(stays).count();
        assert!(lost * 20 <= samples.len(), "{}: {lost} of {} stay", rule.id, samples.len());
    }
}

#[test]
fn s40_a_value_is_a_secret_because_of_the_name_of_its_field_too() {
    let line = json!({ "password": "Tr0ub4dor&3", "nested": { "api_key": "q8Zr2Lm5Xw9Tb4Vn7Kc1" }, "n": 3 })
        .to_string();
    let scrubbed: Value = serde_json::from_str(&Redactor::default().scrub_json(&line)).unwrap();
    assert_eq!(scrubbed["password"], "[redacted:secret-password]");
    assert_eq!(scrubbed["nested"]["api_key"], "[redacted:secret-generic]");
    assert_eq!(scrubbed["n"], 3);
    // A number can be one that is known.
    let known = redactor(&["8273645182736451"]);
    let scrubbed = known.scrub_json("{\"pin\":8273645182736451,\"n\":3}").into_owned();
    assert_eq!(scrubbed, "{\"pin\":\"[redacted]\",\"n\":3}");
}

#[test]
fn ids_and_hashes_are_left_alone() {
    let (id, hash) = ("01983b2e-5c00-7abc-8def-0123456789ab", hex::encode(&[0xa7; 32]));
    let redactor = redactor(&["something that is not there"]);
    for text in [
        format!(
            "INFO agentstack::call: call operation=\"token_create\" principal=token:ci-4f2a-9b8c7d6e5f01 request={id}"
        ),
        format!("principal=oauth:http://issuer/realms/a1b2-c3d4e5 8f7e6d5c4b3a2019 policy={hash}"),
        format!("token={id} tokenId: {id}, api key {id}; key={id}"),
        format!("another policy is in force policy={hash} key_id {hash}"),
        format!("traceparent 00-{}-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        "the policy does not permit `token_create`; `resumeToken` must be 68 characters".to_owned(),
        format!(
            "{{\"principal\":\"token:ci-4f2a-9b8c7d6e5f01\",\"token\":\"{id}\",\"key\":7,\"resource\":\"{hash}\"}}"
        ),
    ] {
        assert_eq!(redactor.scrub(&text), text);
        assert_eq!(redactor.scrub_json(&text), text);
    }
}

#[test]
fn s40_what_is_forgotten_is_looked_for_no_longer_and_what_is_short_never_was() {
    let redactor = redactor(&["first-key-1", "second-key-2", "short", "  padded-key-3\n"]);
    let text = "first-key-1 second-key-2 short padded-key-3 PADDED";
    assert_eq!(redactor.scrub(text), "[redacted] [redacted] short [redacted] PADDED");
    // Two parts of a program that have it: one of them lets it go.
    let handle = redactor.clone();
    handle.know(&secret("first-key-1"));
    handle.forget(&secret("first-key-1"));
    handle.forget(&secret("second-key-2"));
    assert_eq!(redactor.scrub(text), "[redacted] second-key-2 short [redacted] PADDED");
    redactor.forget(&secret("first-key-1"));
    redactor.forget(&secret("padded-key-3"));
    redactor.forget(&secret("never known"));
    assert_eq!(redactor.scrub(text), text);
}

#[test]
fn s40_a_redactor_does_not_print_what_it_knows() {
    let redactor = redactor(&["first-key-1"]);
    let mut writer = redactor.writer(Vec::new());
    writer.write_all(b"half a line of first-key-1").unwrap();
    let printed = format!("{redactor:?} {writer:?}");
    assert!(!printed.contains("first-key-1") && printed.contains("secrets: 1"), "{printed}");
}

/// A writer that remembers each piece.
struct Pieces<'a>(&'a mut Vec<String>);

impl std::io::Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn s40_the_writer_scrubs_whole_events_and_writes_each_at_once() {
    let redactor = redactor(&["first-key-1"]);
    let mut pieces = Vec::new();
    let mut writer = redactor.writer(Pieces(&mut pieces));
    // In two pieces, with bytes that are no text, and one without an end.
    for bytes in [&b"a first-"[..], b"key-1 b\xff\n", b"\n", b"second: first-ke", b"y-1"] {
        writer.write_all(bytes).unwrap();
    }
    drop(writer);
    assert_eq!(pieces, ["a [redacted] b\u{fffd}\n", "\n", "second: [redacted]"]);
    let mut pieces = Vec::new();
    let mut writer = redactor.json_writer(Pieces(&mut pieces));
    writer.write_all(b"{\"a\":\"-----BEGIN PRIVATE KEY-----\\nfirst-key-1\",\"b\":\"c\"}\n").unwrap();
    drop(writer);
    assert_eq!(pieces, ["{\"a\":\"-----BEGIN PRIVATE KEY-----\\n[redacted]\",\"b\":\"c\"}\n"]);
}

#[test]
fn s40_a_secret_that_is_a_word_of_our_marks_does_not_make_it_go_on_for_ever() {
    let redactor = redactor(&["redacted", "[redacted]", "secret-provider-key", "messages"]);
    assert_eq!(redactor.scrub("redacted messages"), "redacted [redacted]");
    let json = redactor.scrub_json("{\"messages\":\"messages\"}");
    assert_eq!(json, "{\"[redacted]\":\"[redacted]\"}");
}

/// Characters of secrets, and of what stands around them in a message.
fn secrets() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{8,14}", "[!-~]{8,40}", "[ -~é\u{1f511}\n]{10,20}"]
        .prop_filter("long enough", |text| text.trim().len() >= 8)
        .prop_map(|text| text.trim().to_owned())
}

fn values(known: Vec<String>) -> impl Strategy<Value = Value> {
    let texts = prop_oneof![crate::properties::texts(), prop::sample::select(known)];
    let texts = prop::collection::vec(texts, 0..3).prop_map(|texts| texts.concat());
    let leaf = prop_oneof![
        texts.clone().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(texts.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn s40_no_known_secret_is_left_in_any_text(
        known in prop::collection::vec(secrets(), 1..5),
        pieces in prop::collection::vec((crate::properties::texts(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..6),
    ) {
        let redactor = redactor(&known.iter().map(String::as_str).collect::<Vec<_>>());
        let mut text = String::new();
        for (before, which, spelling) in &pieces {
            text.push_str(before);
            let spellings: Vec<String> = spellings(which.get::<String>(&known));
            text.push_str(spelling.get::<String>(&spellings));
        }
        let scrubbed = redactor.scrub(&text).into_owned();
        let without_marks = scrubbed.replace("[redacted]", "\0");
        for known in known.iter().filter(|known| !"[redacted]".contains(known.as_str())) {
            prop_assert!(!without_marks.contains(known.as_str()), "{known:?} in {scrubbed:?} of {text:?}");
        }
        // What is scrubbed has nothing more to scrub.
        prop_assert_eq!(redactor.scrub(&without_marks), without_marks.as_str());
    }

    #[test]
    fn s40_json_stays_json_and_has_no_known_secret(
        (known, value) in prop::collection::vec(secrets(), 1..4).prop_flat_map(|known| (Just(known.clone()), values(known))),
    ) {
        let redactor = redactor(&known.iter().map(String::as_str).collect::<Vec<_>>());
        let scrubbed = redactor.scrub_json(&value.to_string()).into_owned();
        let read: Value = serde_json::from_str(&scrubbed).map_err(|e| TestCaseError::fail(format!("{e}: {scrubbed}")))?;
        let mut texts = Vec::new();
        collect(&read, &mut texts);
        for known in &known {
            let is_in = |text: &String| text.replace("[redacted]", "\0").contains(known.as_str());
            prop_assert!(!texts.iter().any(is_in), "{known:?} in {scrubbed}");
        }
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            texts.push(name.clone());
            collect(value, texts);
        }),
        _ => {}
    }
}
