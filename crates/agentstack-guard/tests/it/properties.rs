//! What holds for any text.

use std::collections::HashSet;

use agentstack_core::FindingKind;
use agentstack_guard::{Class, Finding, Kind, MAX_FINDINGS, redact, scan, visible};

use crate::support;
use proptest::prelude::*;

/// Pieces that detectors begin with, so that random texts get far.
const PIECES: &[&str] = &[
    "ghp_",
    "AKIA",
    "sk-",
    "eyJ",
    ".ey",
    "-----BEGIN PRIVATE KEY-----\n",
    "-----END",
    "password",
    "api_key",
    " = ",
    "\"",
    "://",
    "@",
    ":",
    "a1B2c3D4e5F6g7H8i9",
    "4111 1111 1111 1111",
    "+49 30 1234567",
    "460-89-9847",
    "DE89 3704 0044 0532 0130 00",
    "anna@firma.de",
    "8.8.8.8",
    "tel ",
    "x12",
    "é",
    "\u{200b}",
    "\u{e0041}",
    "\u{202e}",
    "🏴",
    "ignore ",
    "all previous ",
    "instructions",
    "i g n o r e ",
    "іgnоrе ",
    "do not tell the user",
    "system:",
    "![",
    "](",
    "https://",
    "{data}",
    "<img src=",
    "javascript:",
    "[redacted:",
    "pii-phone]",
    "[redacted:instruction]",
    "\n",
    " ",
    "-",
    ".",
    "0",
    "1234567",
    "(",
    ")",
    "指示",
    "无视",
    "\0",
    "ß",
    "Ǆ",
];

pub(crate) fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[ -~]{0,12}",
        1 => "[0-9 .()+-]{0,24}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn is_in_order(text: &str, findings: &[Finding]) -> bool {
    findings.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start)
        && findings.iter().all(|found| text.get(found.span.clone()).is_some_and(|part| !part.is_empty()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn spans_are_texts_in_order_whatever_is_scanned(text in texts()) {
        let findings = scan(&text);
        prop_assert!(is_in_order(&text, &findings), "{findings:?}");
        prop_assert_eq!(&findings, &scan(&text));
    }

    #[test]
    fn redacting_leaves_nothing_of_what_was_redacted(text in texts()) {
        let findings = scan(&text);
        let redacted = redact(&text, &findings);
        let kinds: HashSet<Kind> = findings.iter().map(|found| found.kind).collect();
        let left: Vec<Finding> = scan(&redacted).into_iter().filter(|found| kinds.contains(&found.kind)).collect();
        prop_assert!(left.is_empty(), "{redacted:?}: {left:?}");
        prop_assert_eq!(redact(&redacted, &findings[..0]), redacted.clone());
        prop_assert_eq!(redact(&redacted, &scan(&redacted)), redact(&redact(&redacted, &scan(&redacted)), &[]));
    }

    #[test]
    fn any_spans_can_be_handed_to_redact(text in texts(), spans in prop::collection::vec((0_usize..400, 0_usize..400), 0..8)) {
        let findings: Vec<Finding> = spans.into_iter()
            .map(|(start, end)| Finding { kind: Kind::PiiEmail, span: start..end, confidence: agentstack_guard::Confidence::Low })
            .collect();
        let _ = redact(&text, &findings);
    }

    #[test]
    fn what_is_visible_has_nothing_unseen(text in texts()) {
        let once = visible(&text).into_owned();
        let twice = visible(&once).into_owned();
        prop_assert!(scan(&twice).iter().all(|found| found.kind.class() != Class::Unicode));
    }
}

#[test]
fn a_redacted_text_says_what_stood_there() {
    let text = "Write to anna@firma.de or call +49 30 1234567.";
    assert_eq!(redact(text, &scan(text)), "Write to [redacted:pii-email] or call [redacted:pii-phone].");
    assert_eq!(redact(text, &[]), text);
    let only_phone: Vec<Finding> =
        scan(text).into_iter().filter(|found| found.kind == Kind::PiiPhone).collect();
    assert_eq!(redact(text, &only_phone), "Write to anna@firma.de or call [redacted:pii-phone].");
}

#[test]
fn no_secret_hides_in_what_looks_redacted() {
    let key = ["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"].concat();
    assert_eq!(support::found(&format!("[redacted:{key}]")).len(), 1);
}

#[test]
fn more_findings_than_the_limit_keep_the_secrets() {
    let key = ["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17 "].concat();
    let text = format!("{}{key}{}", "a\u{200b} ".repeat(2_000), "a@b.co ".repeat(2_000));
    let findings = scan(&text);
    assert_eq!(findings.len(), MAX_FINDINGS);
    assert!(findings.iter().any(|found| found.kind == Kind::SecretGithubToken));
    let redacted = redact(&text, &findings);
    assert!(!redacted.contains("@b.co"));
}

#[test]
fn each_word_of_a_kind_is_its_own_and_says_its_class() {
    let words: HashSet<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    assert_eq!(words.len(), Kind::ALL.len());
    for kind in Kind::ALL {
        let word = kind.word();
        assert_eq!(word.parse::<FindingKind>().unwrap().as_str(), word);
        assert_eq!(word.starts_with("secret-"), kind.class() == Class::Secret, "{word}");
        assert_eq!(word.starts_with("pii-"), kind.class() == Class::Pii, "{word}");
        assert_eq!(word.starts_with("unicode-"), kind.class() == Class::Unicode, "{word}");
    }
}
