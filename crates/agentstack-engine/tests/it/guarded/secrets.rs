//! Secrets are taken out before anything is kept, and personal data is told of (S50).

use agentstack_audit::{Decision, Outcome};
use agentstack_core::{ApiToken, limits};
use serde_json::json;

use super::findings;
use crate::support::{Client, World};

/// A text with a secret in it.
pub(super) struct Sample {
    pub(super) kind: &'static str,
    pub(super) text: String,
    pub(super) secret: String,
}

impl Sample {
    /// A secret that is one by its form alone.
    fn whole(kind: &'static str, secret: String) -> Self {
        Self { kind, text: secret.clone(), secret }
    }

    /// One that is one by what stands around it.
    fn inside(kind: &'static str, before: &str, secret: &str, after: &str) -> Self {
        Self { kind, text: format!("{before}{secret}{after}"), secret: secret.to_owned() }
    }
}

/// Random-looking characters, the same in every run, so that no file here holds anything a scanner of this repository
/// would stop at.
fn drawn(characters: &str, length: usize) -> String {
    let characters: Vec<char> = characters.chars().collect();
    let mut state = 41_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        characters[usize::try_from(state >> 33).unwrap() % characters.len()]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Secrets of several kinds.
pub(super) fn samples() -> Vec<Sample> {
    let letters: String = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    let alnum = |length| drawn(&letters, length);
    let hex = |length| drawn("0123456789abcdef", length);
    let lines: String = (0..4).map(|_| drawn(&letters, 64) + "\n").collect();
    let pem = format!("-----BEGIN {0}-----\n{lines}-----END {0}-----", "RSA PRIVATE KEY");
    vec![
        Sample::whole("secret-agentstack-token", ApiToken::generate().unwrap().reveal().to_owned()),
        Sample::whole(
            "secret-aws-access-key",
            format!("AKIA{}", drawn("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        ),
        Sample::whole("secret-anthropic-key", format!("sk-ant-api03-{}AA", alnum(93))),
        Sample::whole("secret-github-token", format!("ghp_{}", alnum(36))),
        Sample::whole("secret-gitlab-token", format!("glpat-{}", alnum(20))),
        Sample::whole("secret-google-key", format!("AIza{}", alnum(35))),
        Sample::whole("secret-slack-token", format!("xoxb-{}-{}", drawn("123456789", 12), alnum(24))),
        Sample::whole("secret-stripe-key", format!("sk_live_{}", alnum(24))),
        Sample::whole("secret-npm-token", format!("npm_{}", alnum(36))),
        Sample::whole("secret-jwt", format!("eyJ{}.eyJ{}.{}", alnum(33), alnum(80), alnum(43))),
        Sample::whole("secret-private-key", pem),
        Sample::inside("secret-url-password", "postgres://app:", "v3ryS3cretThing", "@db.host.io/x"),
        Sample::inside("secret-password", "password = \"", "Tr0ub4dor&3", "\""),
        Sample::inside("secret-generic", "api_key = \"", &drawn("bcdfghkmnpqr0123456789", 24), "\""),
        Sample::inside("secret-datadog-key", "DATADOG_API_KEY=", &hex(32), ""),
    ]
}

/// Every way to read an entry.
async fn read(client: &Client<'_>, key: &str, namespace: Option<&str>) -> String {
    let mut answers = String::new();
    let of_key = json!({ "key": key });
    for (name, mut arguments) in [
        ("memory_get", json!({ "key": key, "asText": true })),
        ("memory_history", of_key),
        ("memory_search", json!({ "query": "rotated", "asText": true })),
        ("memory_list", json!({ "limit": 100 })),
    ] {
        if let Some(namespace) = namespace {
            arguments["namespace"] = json!(namespace);
        }
        let answer = client.ok(name, arguments).await;
        assert!(answer["found"] == true || answer["count"].as_u64() > Some(0), "{name}: {answer}");
        answers += &answer.to_string();
    }
    answers
}

/// A text is nowhere in another, however JSON has escaped it.
pub(super) fn assert_absent(text: &str, secret: &str, what: &str) {
    let escaped = json!(secret).to_string();
    for form in [secret, escaped.trim_matches('"'), json!(escaped).to_string().trim_matches('"')] {
        assert!(!text.contains(form), "{what}: {text}");
    }
}

async fn assert_taken_out(client: &Client<'_>, sample: &Sample, number: usize, namespace: Option<&str>) {
    let Sample { kind, text, secret } = sample;
    let key = format!("note {number}");
    let fits_tag = text.chars().count() <= limits::TAG_CHARS;
    let tags = if fits_tag { vec![text.as_str(), "plain"] } else { vec!["plain"] };
    let mut entry = json!({ "key": key, "content": format!("To be rotated: {text}\nsoon."), "tags": tags,
        "metadata": { "of": text, text.as_str(): "a name", "deep": [{ "list": [text] }] } });
    if let Some(namespace) = namespace {
        entry["namespace"] = json!(namespace);
    }
    let stored = client.ok("memory_store", entry).await;
    let mut expected = vec!["content", "metadata"];
    expected.extend(fits_tag.then_some("tags"));
    let found = findings(&stored["entry"]["label"]);
    for field in expected {
        let redacted = (field.to_owned(), (*kind).to_owned(), "redacted".to_owned());
        assert!(found.contains(&redacted), "{kind} in {field}: {found:?}");
    }
    assert_absent(&stored.to_string(), secret, kind);
    let answers = read(client, &key, namespace).await;
    assert_absent(&answers, secret, kind);
    let mut get = json!({ "key": key });
    if let Some(namespace) = namespace {
        get["namespace"] = json!(namespace);
    }
    let entry = client.ok("memory_get", get).await["entry"].clone();
    let mark = format!("[redacted:{kind}]");
    let content = entry["content"].as_str().unwrap();
    assert!(content.starts_with("To be rotated: ") && content.contains(&mark), "{content}");
    assert!(content.ends_with("soon."), "{content}");
    let metadata = entry["metadata"].as_object().unwrap();
    assert!(metadata["of"].as_str().unwrap().contains(&mark), "{metadata:?}");
    assert!(metadata["deep"][0]["list"][0].as_str().unwrap().contains(&mark), "{metadata:?}");
    assert!(metadata.iter().any(|(name, value)| name.contains(&mark) && value == "a name"), "{metadata:?}");
}

/// A redacted key would not be found again.
async fn assert_no_key(world: &World, client: &Client<'_>, sample: &Sample) {
    let Sample { kind, text, secret } = sample;
    if text.chars().count() > limits::KEY_CHARS {
        return;
    }
    let answer = client.call("memory_store", json!({ "key": text, "content": "rotated" })).await;
    let [record] = &world.records_of(answer.request).await[..] else { panic!("one record") };
    assert_eq!((record.decision, record.outcome), (Decision::Deny, Outcome::InvalidInput), "{kind}");
    assert_eq!(record.reason, "guard", "{kind}");
    let error = answer.value.unwrap_err();
    assert_eq!((&error["error"]["code"], &error["error"]["field"]), (&json!("invalid_input"), &json!("key")));
    assert_absent(&error.to_string(), secret, kind);
    assert!(error.to_string().contains(kind), "{error}");
}

async fn assert_secrets(world: &World) {
    let client = world.client("planner").await;
    let samples = samples();
    for (number, sample) in samples.iter().enumerate() {
        assert_taken_out(&client, sample, number, None).await;
        assert_taken_out(&client, sample, number, Some("team")).await;
        assert_no_key(world, &client, sample).await;
    }
    assert_eq!(client.ok("memory_list", json!({})).await["total"], samples.len());
    let log = world.lines().await.join("\n");
    for sample in &samples {
        assert_absent(&log, &sample.secret, "the audit log");
        // And nobody finds one by knowing it.
        let beginning: String = sample.secret.chars().take(200).collect();
        let search = json!({ "query": beginning, "match": "phrase" });
        assert_eq!(client.ok("memory_search", search).await["count"], 0, "{}", sample.kind);
    }
}

#[tokio::test]
async fn s50_secrets_are_taken_out_of_entries_before_they_are_kept() {
    assert_secrets(&World::new()).await;
}

#[tokio::test]
async fn s50_secrets_are_taken_out_of_entries_before_they_are_kept_over_sqlite() {
    assert_secrets(&World::sqlite().await).await;
}

#[tokio::test]
async fn s50_personal_data_is_kept_and_told_of() {
    for world in [World::new(), World::sqlite().await] {
        let client = world.client("planner").await;
        for (kind, text) in [
            ("pii-email", "anna.schmidt@firma.de"),
            ("pii-iban", "DE89 3704 0044 0532 0130 00"),
            ("pii-card", "card 4111 1111 1111 1111"),
            ("pii-phone", "call +49 30 901820"),
        ] {
            for namespace in [None, Some("team")] {
                let mut entry =
                    json!({ "key": "person", "content": text, "metadata": { "m": text }, "tags": [text] });
                let mut get = json!({ "key": "person" });
                if let Some(namespace) = namespace {
                    (entry["namespace"], get["namespace"]) = (json!(namespace), json!(namespace));
                }
                let stored = client.ok("memory_store", entry).await["entry"].clone();
                for field in ["content", "metadata", "tags"] {
                    let flagged = (field.to_owned(), kind.to_owned(), "flagged".to_owned());
                    assert!(findings(&stored["label"]).contains(&flagged), "{kind}: {stored}");
                }
                let got = client.ok("memory_get", get).await["entry"].clone();
                assert_eq!((&got["content"], &got["tags"]), (&json!(text), &json!([text])), "{kind}");
                assert_eq!(
                    (&got["metadata"], &got["label"]),
                    (&json!({ "m": text }), &stored["label"]),
                    "{kind}"
                );
            }
        }
    }
}
