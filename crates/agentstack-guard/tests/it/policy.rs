//! Which rule holds where.

use agentstack_core::{Namespace, SessionId, SharedName};
use agentstack_guard::{Action, Area, Class, Confidence, Kind, Policy, Rule, Subject};

pub(crate) fn session() -> Namespace {
    Namespace::Session(SessionId::generate())
}

pub(crate) fn shared(name: &str) -> Namespace {
    Namespace::Shared(name.parse().unwrap())
}

pub(crate) fn named(name: &str) -> Area {
    Area::Named(name.parse::<SharedName>().unwrap())
}

pub(crate) fn rule(action: Action, from: Confidence) -> Rule {
    Rule { action, from }
}

fn subject(word: &str) -> Subject {
    word.parse().unwrap()
}

#[test]
fn what_is_done_unless_somebody_says_otherwise() {
    use Action::{Flag, Quarantine, Redact};
    let policy = Policy::default();
    for (kind, in_sessions, in_shared) in [
        (Kind::SecretGithubToken, Redact, Redact),
        (Kind::SecretGeneric, Redact, Redact),
        (Kind::PiiCard, Flag, Flag),
        (Kind::UnicodeTag, Quarantine, Quarantine),
        (Kind::UnicodeBidi, Flag, Flag),
        (Kind::Instruction, Flag, Quarantine),
        (Kind::RoleMarker, Flag, Quarantine),
        (Kind::ExfiltrationImage, Flag, Flag),
        (Kind::ScriptUrl, Flag, Flag),
    ] {
        let at = |namespace: &Namespace, confidence| policy.rule(namespace, kind).action_at(confidence);
        assert_eq!(at(&session(), Confidence::High), in_sessions, "{kind}");
        assert_eq!(at(&shared("notes"), Confidence::High), in_shared, "{kind}");
        assert_eq!(at(&session(), Confidence::Low), Flag, "{kind}");
        assert_eq!(at(&shared("notes"), Confidence::Low), Flag, "{kind}");
    }
    let shared = policy.rule(&shared("notes"), Kind::Instruction);
    assert_eq!(shared.action_at(Confidence::Medium), Flag);
    assert_eq!(policy.rule(&session(), Kind::UnicodeTag).action_at(Confidence::Medium), Quarantine);
}

#[test]
fn a_kind_beats_its_class_and_a_name_beats_what_is_shared() {
    let flag = rule(Action::Flag, Confidence::Low);
    let [refuse, redact, ignore] =
        [Action::Refuse, Action::Redact, Action::Ignore].map(|action| rule(action, Confidence::High));
    let mut policy = Policy::default();
    policy.set(Area::Shared, subject("pii"), refuse);
    policy.set(Area::Shared, subject("pii-email"), redact);
    policy.set(named("contacts"), subject("pii"), ignore);
    policy.set(named("billing"), subject("pii-email"), flag);
    policy.set(named("billing"), subject("pii-email"), ignore);
    for (namespace, kind, expected) in [
        (session(), Kind::PiiPhone, flag),
        (session(), Kind::PiiEmail, flag),
        (shared("notes"), Kind::PiiPhone, refuse),
        (shared("notes"), Kind::PiiEmail, redact),
        (shared("contacts"), Kind::PiiPhone, ignore),
        (shared("contacts"), Kind::PiiEmail, redact),
        (shared("billing"), Kind::PiiPhone, refuse),
        (shared("billing"), Kind::PiiEmail, ignore),
    ] {
        assert_eq!(policy.rule(&namespace, kind), expected, "{namespace} {kind}");
    }
}

#[test]
fn tag_characters_are_let_through_only_where_somebody_names_them() {
    let flag = rule(Action::Flag, Confidence::Low);
    let mut policy = Policy::default();
    policy.set(Area::Shared, subject("unicode"), flag);
    policy.set(named("notes"), subject("unicode"), flag);
    assert_eq!(policy.rule(&shared("notes"), Kind::UnicodeTag).action, Action::Quarantine);
    policy.set(named("notes"), subject("unicode-tag"), flag);
    assert_eq!(policy.rule(&shared("notes"), Kind::UnicodeTag).action, Action::Flag);
    assert_eq!(policy.rule(&shared("other"), Kind::UnicodeTag).action, Action::Quarantine);
}

#[test]
fn below_its_confidence_a_rule_flags_at_most() {
    use Action::{Flag, Ignore, Quarantine, Redact, Refuse};
    for action in [Flag, Redact, Quarantine, Refuse] {
        let rule = rule(action, Confidence::Medium);
        assert_eq!(rule.action_at(Confidence::Low), Flag);
        assert_eq!(rule.action_at(Confidence::Medium), action);
        assert_eq!(rule.action_at(Confidence::High), action);
    }
    assert_eq!(rule(Ignore, Confidence::High).action_at(Confidence::Low), Ignore);
}

#[test]
fn when_it_is_off_nothing_follows() {
    for kind in Kind::ALL {
        for namespace in [session(), shared("notes")] {
            assert_eq!(Policy::off().rule(&namespace, *kind).action, Action::Ignore, "{kind}");
        }
    }
}

#[test]
fn the_words_of_a_policy_are_read() {
    for (word, action) in [
        ("ignore", Action::Ignore),
        ("flag", Action::Flag),
        ("redact", Action::Redact),
        ("quarantine", Action::Quarantine),
        ("refuse", Action::Refuse),
    ] {
        assert_eq!(word.parse(), Ok(action));
    }
    assert!("Flag".parse::<Action>().is_err());
    for class in Class::ALL {
        assert_eq!(class.word().parse(), Ok(Subject::Class(*class)));
    }
    for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Instruction) {
        assert_eq!(kind.word().parse(), Ok(Subject::Kind(*kind)));
    }
    for bad in ["", "secrets", "Secret", "pii-", "unicode tag"] {
        assert!(bad.parse::<Subject>().is_err(), "{bad}");
    }
}
