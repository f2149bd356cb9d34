//! What a record holds, what it never holds, and how it is written (S43, S46).

use agentstack_audit::{Decision, Draft, Malformed, PRINCIPAL_CHARS, Record};
use agentstack_core::{Namespace, Secret, SessionId};
use proptest::prelude::*;

use crate::logs::{OUTCOMES, bare, draft, full, hasher, text};

/// One line that a terminal shows as it is.
fn is_plain(body: &str) -> bool {
    body.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[test]
fn s43_a_record_has_these_fields_in_this_order_and_no_others() {
    let session = SessionId::from_bytes([7; 16]);
    let resource = hasher(1).hash("session", None, "0707");
    assert_eq!(
        full().encode(5),
        r#"{"sequence":5,"at":"2025-07-28T00:00:00.007Z","principal":"local:ada","agentId":"coder","identityId":"01983b2e-5c00-7000-8000-000000000001","#
            .to_owned()
            + &format!(r#""sessionId":"{session}","operation":"session_end","resource":"{resource}","#)
            + r#""decision":"allow","reason":"permitted","policy":"builtin-1","#
            + r#""requestId":"09090909-0909-0909-0909-090909090909","outcome":"ok","durationUs":1234,"#
            + r#""counts":{"agents":2,"entries":3,"tasks":1}}"#
    );
    assert_eq!(
        bare().encode(u64::MAX),
        r#"{"sequence":18446744073709551615,"at":"2025-07-28T00:00:00.007Z","principal":"local:ada","#
            .to_owned()
            + r#""operation":"session_end","decision":"allow","reason":"permitted","policy":"builtin-1","#
            + r#""requestId":"09090909-0909-0909-0909-090909090909","outcome":"ok","durationUs":1234}"#
    );
}

#[test]
fn s43_an_unknown_a_missing_or_a_repeated_field_is_refused() {
    let body = full().encode(1);
    assert!(Record::parse(&body).is_ok());
    for (from, to) in [
        ("\"outcome\"", "\"content\":\"x\",\"outcome\""),
        ("\"outcome\":\"ok\",", ""),
        ("\"outcome\":\"ok\"", "\"outcome\":\"ok\",\"outcome\":\"ok\""),
        ("\"outcome\":\"ok\"", "\"outcome\":\"fine\""),
        ("\"agentId\":\"coder\"", "\"agentId\":\"\""),
        ("\"sequence\":1", "\"sequence\":-1"),
        ("}}", "}} {}"),
    ] {
        let changed = body.replacen(from, to, 1);
        assert_ne!(changed, body, "{from}");
        assert_eq!(Record::parse(&changed), Err(Malformed::Record), "{changed}");
    }
}

#[test]
fn s43_the_name_of_a_resource_does_not_reach_the_record() {
    let canary = "CANARY-d41d8cd98f00b204";
    let namespace: Namespace = "canary-namespace".parse().unwrap();
    let resource = hasher(1).hash("memory", Some(&namespace), canary);
    let body = Draft { resource: Some(resource), ..full() }.encode(1).to_lowercase();
    let hex = |text: &str| text.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    for name in [canary.to_lowercase(), namespace.to_string()] {
        let pieces = name.as_bytes().windows(6).map(|piece| String::from_utf8(piece.to_vec()).unwrap());
        for piece in pieces {
            assert!(!body.contains(&piece) && !body.contains(&hex(&piece)), "{piece} in {body}");
        }
    }
}

#[test]
fn s43_a_resource_hash_depends_on_the_key_the_kind_the_namespace_and_the_name() {
    let one: Namespace = "one".parse().unwrap();
    let session = Namespace::Session(SessionId::from_bytes([7; 16]));
    let hash = hasher(1).hash("memory", Some(&one), "key");
    assert_eq!(hasher(1).hash("memory", Some(&one), "key"), hash);
    let others = [
        hasher(2).hash("memory", Some(&one), "key"),
        hasher(1).hash("agent", Some(&one), "key"),
        hasher(1).hash("memory", Some(&session), "key"),
        hasher(1).hash("memory", None, "key"),
        hasher(1).hash("memory", Some(&one), "kex"),
        // The same letters, cut elsewhere.
        hasher(1).hash("memoryo", Some(&"ne".parse().unwrap()), "key"),
        hasher(1).hash("memory", None, "onekey"),
    ];
    assert!(others.iter().all(|other| *other != hash));
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(hash.to_string().len(), 32);
    assert_eq!(format!("{:?}", hasher(1)), "ResourceHasher { block: Secret(…) }");
}

#[test]
fn s43_a_resource_hash_is_hmac_sha_256_of_the_framed_name() {
    let hasher = agentstack_audit::ResourceHasher::new(&Secret::new(*b"0123456789abcdef0123456789abcdef"));
    let hash = hasher.hash("memory", Some(&"shared".parse().unwrap()), "key");
    // Computed with Python's hmac: each part after its length in 8 bytes.
    assert_eq!(hash.to_string(), "24cb87450bafc2f4bb4e8afa50890306");
}

#[test]
fn s43_a_long_principal_is_cut_and_shows_it() {
    let name = |length| Draft { principal: "é".repeat(length), ..bare() }.encode(1);
    let kept = |body: &str| Record::parse(body).unwrap().principal;
    assert_eq!(kept(&name(PRINCIPAL_CHARS)), "é".repeat(PRINCIPAL_CHARS));
    assert_eq!(kept(&name(PRINCIPAL_CHARS + 1)), "é".repeat(PRINCIPAL_CHARS - 1) + "…");
    assert_eq!(name(PRINCIPAL_CHARS + 1).len(), name(1_000_000).len());
}

#[test]
fn every_outcome_and_decision_is_read_back_by_its_word() {
    for (outcome, word) in OUTCOMES {
        assert_eq!(outcome.as_str(), word);
        assert_eq!(Record::parse(&Draft { outcome, ..bare() }.encode(1)).unwrap().outcome, outcome);
    }
    for (decision, word) in [(Decision::Allow, "allow"), (Decision::Deny, "deny")] {
        assert_eq!(decision.as_str(), word);
        assert_eq!(Record::parse(&Draft { decision, ..bare() }.encode(1)).unwrap().decision, decision);
    }
}

/// A naughty name stays one plain line and comes back as it was, wherever a name can stand.
fn assert_harmless(name: &str) {
    let draft = Draft { principal: name.to_owned(), agent: name.parse().ok(), ..bare() };
    let body = draft.encode(1);
    assert!(is_plain(&body), "{body:?}");
    let record = Record::parse(&body).unwrap();
    assert_eq!((record.principal.as_str(), &record.agent), (name, &draft.agent));
}

#[test]
fn s46_a_naughty_name_is_one_plain_line() {
    let mut names: Vec<String> = [
        "two\nlines",
        "two\r\nlines",
        "\u{b}\u{c}\u{85}\u{2028}\u{2029}",
        "\u{1b}[2J\u{1b}[31mred\u{1b}]0;title\u{7}",
        "\u{9b}31m\u{90}\u{9d}\u{9c}",
        "\u{8}\u{8}\u{8}erased\u{7f}",
        "\u{202e}txt.exe\u{202c}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}",
        "zero\u{200b}width\u{feff}\u{ad}",
        "\u{e0061}\u{e0062}tags",
        "\u{430}dmin",
        "👩‍👩‍👧",
        "\",\"decision\":\"allow\",\"x\":\"",
        "\\\",\\u0000\\",
        "</script><!--",
        "",
        "\0",
        "\u{10ffff}\u{fffe}\u{ffff}",
    ]
    .map(str::to_owned)
    .to_vec();
    // And each character that controls anything, alone.
    names.extend(('\0'..='\u{9f}').chain('\u{2000}'..='\u{206f}').map(String::from));
    for name in &names {
        assert_harmless(name);
    }
}

#[test]
fn corpora_s46_the_big_list_of_naughty_strings_stays_one_plain_line_each() {
    #[expect(
        clippy::disallowed_methods,
        reason = "`xtask test` says where the corpora are, and counts this test"
    )]
    let Ok(corpora) = std::env::var("AGENTSTACK_CORPORA") else { return };
    let list = std::fs::read_to_string(format!("{corpora}/blns.json")).unwrap();
    let names: Vec<String> = serde_json::from_str(&list).unwrap();
    assert!(names.len() > 500);
    for name in names {
        let short: String = name.chars().take(PRINCIPAL_CHARS).collect();
        assert_harmless(&short);
        assert!(is_plain(&Draft { principal: name, ..bare() }.encode(1)));
    }
}

proptest! {
    #[test]
    fn s46_any_record_is_one_plain_line_that_is_read_back_as_it_was(draft in draft(), sequence: u64) {
        let body = draft.encode(sequence);
        prop_assert!(is_plain(&body));
        let record = Record::parse(&body).unwrap();
        prop_assert_eq!(record.sequence, sequence);
        prop_assert_eq!(record.at, draft.at.to_string());
        if draft.principal.chars().count() <= PRINCIPAL_CHARS {
            prop_assert_eq!(record.principal, draft.principal);
        } else {
            prop_assert_eq!(record.principal.chars().count(), PRINCIPAL_CHARS);
        }
        prop_assert_eq!(record.agent, draft.agent);
        prop_assert_eq!(record.session, draft.session);
        prop_assert_eq!(record.operation, draft.operation);
        prop_assert_eq!(record.resource, draft.resource);
        prop_assert_eq!(record.decision, draft.decision);
        prop_assert_eq!(record.reason, draft.reason);
        prop_assert_eq!(record.policy.as_str(), &*draft.policy);
        prop_assert_eq!(record.request, draft.request);
        prop_assert_eq!(record.outcome, draft.outcome);
        prop_assert_eq!(record.duration_us, draft.duration_us);
        let counts = draft.counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        prop_assert_eq!(record.counts, counts);
    }

    #[test]
    fn no_text_makes_reading_panic(text in text(200)) {
        let _ = Record::parse(&text);
    }
}
