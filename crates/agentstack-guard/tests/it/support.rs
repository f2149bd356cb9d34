//! What the tests share.

use agentstack_guard::{Confidence, Kind, scan};

/// What is found, as words with the texts.
pub(crate) fn found(text: &str) -> Vec<(&'static str, String)> {
    scan(text).into_iter().map(|finding| (finding.kind.word(), text[finding.span].to_owned())).collect()
}

/// The text is found, whole and as this kind, alone and inside of a sentence and a line of code.
#[track_caller]
pub(crate) fn assert_found(kind: Kind, text: &str) {
    for around in [("", ""), ("It is ", ", he said."), ("\n    x = \"", "\";\n"), ("(", ")"), ("“", "”")]
    {
        let whole = format!("{}{text}{}", around.0, around.1);
        let span = around.0.len()..around.0.len() + text.len();
        let hit = scan(&whole).into_iter().any(|finding| finding.kind == kind && finding.span == span);
        assert!(hit, "{kind} in {whole:?}: {:?}", found(&whole));
    }
}

/// Nothing of this kind is found.
#[track_caller]
pub(crate) fn assert_not(kind: Kind, text: &str) {
    assert!(!scan(text).iter().any(|finding| finding.kind == kind), "{text:?}: {:?}", found(text));
}

/// The confidence of the first finding of this kind.
#[track_caller]
pub(crate) fn confidence(kind: Kind, text: &str) -> Confidence {
    let finding = scan(text).into_iter().find(|finding| finding.kind == kind);
    finding.unwrap_or_else(|| panic!("{kind} in {text:?}: {:?}", found(text))).confidence
}
