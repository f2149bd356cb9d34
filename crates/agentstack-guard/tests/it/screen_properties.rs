//! What holds for any entry under any policy.

use agentstack_core::{Confidence, Content, Metadata, Tag, Treatment, limits};
use agentstack_guard::{Action, Area, Class, Kind, Policy, Rule, Subject};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::policy::{session, shared};
use crate::properties::texts;
use crate::screen::Given;

fn rules() -> impl Strategy<Value = Rule> {
    let action = prop_oneof![
        1 => Just(Action::Ignore),
        2 => Just(Action::Flag),
        6 => Just(Action::Redact),
        1 => Just(Action::Quarantine),
    ];
    (action, prop::sample::select(Confidence::ALL)).prop_map(|(action, from)| Rule { action, from })
}

fn subjects() -> impl Strategy<Value = Subject> {
    prop_oneof![
        prop::sample::select(Class::ALL).prop_map(Subject::Class),
        prop::sample::select(Kind::ALL).prop_map(Subject::Kind),
    ]
}

fn policies() -> impl Strategy<Value = Policy> {
    prop::collection::vec((subjects(), rules()), 0..8).prop_map(|rules| {
        let mut policy = Policy::default();
        for (subject, rule) in rules {
            policy.set(Area::Session, subject, rule);
        }
        policy
    })
}

/// Names after which a value counts as something else, and any.
fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&["password", "api_key", "tel", "aws", "", "note"][..]).prop_map(str::to_owned),
        texts().prop_map(|text| text.chars().take(60).collect()),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), texts().prop_map(Value::from)];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn objects() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((names(), values()), 0..6).prop_map(|fields| fields.into_iter().collect())
}

fn given() -> impl Strategy<Value = Given> {
    let tags = prop::collection::vec(texts(), 0..6);
    (texts(), objects(), tags).prop_map(|(content, object, tags)| {
        let short = |text: String| text.chars().take(limits::TAG_CHARS).collect::<String>();
        Given {
            key: "notes".parse().unwrap(),
            content: Content::try_from(format!("{content}.")).unwrap(),
            metadata: Metadata::try_from(object).unwrap_or_default(),
            tags: tags.into_iter().filter_map(|tag| Tag::try_from(short(tag)).ok()).collect(),
        }
    })
}

/// How many plain values there are in it.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(fields) => fields.values().map(leaves).sum(),
        _ => 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn screening_what_was_screened_takes_out_nothing_more(given in given(), policy in policies()) {
        let screened = given.screen(&policy, &session()).unwrap();
        let after = Given {
            key: given.key.clone(),
            content: screened.content.clone().unwrap_or(given.content.clone()),
            metadata: screened.metadata.clone().unwrap_or(given.metadata.clone()),
            tags: screened.tags.clone().unwrap_or(given.tags.clone()),
        };
        let again = after.screen(&policy, &session()).unwrap();
        prop_assert_eq!((&again.content, &again.metadata, &again.tags), (&None, &None, &None));
        prop_assert!(again.findings.iter().all(|found| found.treatment != Treatment::Redacted));
        prop_assert!(screened.quarantine || !again.quarantine);
        let count = |metadata: &Metadata| leaves(&Value::Object(metadata.as_object().clone()));
        prop_assert_eq!(count(&given.metadata), count(&after.metadata));
        // What is changed has a finding that says so, and the other way round.
        let is_changed = screened.content.is_some() || screened.metadata.is_some() || screened.tags.is_some();
        let is_said = screened.findings.iter().any(|found| found.treatment == Treatment::Redacted);
        prop_assert_eq!(is_changed, is_said);
    }

    #[test]
    fn findings_are_in_order_and_each_once(given in given()) {
        let screened = given.screen(&Policy::default(), &shared("notes")).unwrap();
        let place = |word: &str| Kind::ALL.iter().position(|kind| kind.word() == word);
        let order: Vec<_> =
            screened.findings.iter().map(|found| (found.field, place(found.kind.as_str()))).collect();
        prop_assert!(order.is_sorted_by(|one, next| one < next), "{order:?}");
        prop_assert!(screened.findings.iter().all(|found| found.count > 0));
        let is_quarantined = |found: &agentstack_core::FindingSummary| found.treatment == Treatment::Quarantined;
        prop_assert_eq!(screened.quarantine, screened.findings.iter().any(is_quarantined));
    }

    #[test]
    fn when_it_is_off_nothing_happens(given in given()) {
        let screened = given.screen(&Policy::off(), &session()).unwrap();
        prop_assert_eq!((screened.content, screened.metadata, screened.tags), (None, None, None));
        prop_assert!(screened.findings.is_empty() && !screened.quarantine);
    }
}
