//! The laws of granting (S48): never more than was asked for, never more than the ceilings.

use agentstack_core::SharedName;
use agentstack_plugins::{CallLimits, Excess, Granted, Grants, MemoryOperation, Place};
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};

use crate::support::grants;

/// Grants over few names, so that two of them have something in common.
pub(crate) fn some_grants() -> impl Strategy<Value = Grants> {
    let operations = || subsequence(vec!["get", "search", "store"], 0..=3);
    let limit = || prop_oneof![Just(2_u64), Just(70_000), Just(80_000)];
    (
        operations(),
        proptest::collection::btree_map(prop_oneof![Just("notes"), Just("plans")], operations(), 0..=2),
        subsequence(vec!["a.example", "b.example", "b.example:8443"], 0..=3),
        subsequence(vec!["apiKey", "region"], 0..=2),
        (limit(), 1_u64..3, 0_u64..3),
    )
        .prop_map(|(session, shared, hosts, config, (fuel, time, calls))| {
            grants(json!({
                "memory": {"session": session, "shared": shared},
                "hosts": hosts,
                "config": config,
                "limits": {"fuel": fuel, "timeMs": time, "hostCalls": calls},
            }))
        })
}

fn is_within(inner: &Grants, outer: &Grants) -> bool {
    inner.excess_over(outer).is_none()
}

#[test]
fn s48_without_a_word_nothing_is_asked_for() {
    let none = grants(json!({}));
    assert_eq!(none, Grants::default());
    assert_eq!(none.memory().count() + none.hosts().len() + none.config().len(), 0);
    assert_eq!(none.limits(), &CallLimits::default());
    assert_eq!(CallLimits::default().higher_than(&CallLimits::CEILINGS), None);
}

#[test]
fn s48_each_limit_ends_at_its_ceiling() {
    let all = serde_json::to_value(CallLimits::CEILINGS).unwrap();
    assert_eq!(serde_json::from_value::<CallLimits>(all.clone()).unwrap(), CallLimits::CEILINGS);
    let names = all.as_object().unwrap();
    assert_eq!(names.len(), 5);
    for (name, ceiling) in names {
        let above = ceiling.as_u64().unwrap() + 1;
        for bad in [json!(above), json!(u64::MAX), json!(-1), json!(1.5), json!("1")] {
            let refused = serde_json::from_value::<CallLimits>(json!({ name: bad }));
            assert!(refused.is_err(), "{name}: {bad}");
        }
        assert_eq!(serde_json::from_value::<CallLimits>(json!({ name: 0 })).is_ok(), name == "hostCalls");
    }
}

#[test]
fn s48_what_was_not_asked_for_is_not_granted() {
    let requested = grants(json!({
        "memory": {"session": ["get"], "shared": {"notes": ["get"]}},
        "hosts": ["a.example"], "config": ["apiKey"], "limits": {"fuel": 10},
    }));
    let all = Granted::new(&requested, requested.clone()).unwrap();
    assert_eq!(all.grants(), &requested);
    let notes: SharedName = "notes".parse().unwrap();
    for (chosen, excess) in [
        (json!({"memory": {"session": ["store"]}}), "`store` in the session's namespace was not asked for"),
        (
            json!({"memory": {"shared": {"notes": ["search"]}}}),
            "`search` in the namespace `notes` was not asked for",
        ),
        (
            json!({"memory": {"shared": {"plans": ["get"]}}}),
            "`get` in the namespace `plans` was not asked for",
        ),
        (json!({"hosts": ["a.example:8443"]}), "the host a.example:8443 was not asked for"),
        (json!({"config": ["region"]}), "the setting `region` was not asked for"),
        (json!({"limits": {"fuel": 11}}), "`fuel` is higher than what was asked for"),
    ] {
        let mut chosen: Value = chosen;
        if chosen.get("limits").is_none() {
            chosen["limits"] = json!({"fuel": 1});
        }
        let refused: Excess = Granted::new(&requested, grants(chosen)).unwrap_err();
        assert_eq!(refused.to_string(), excess);
    }
    assert!(all.grants().allow_memory(MemoryOperation::Get, &Place::Shared(notes)));
}

#[test]
fn s48_unknown_grants_are_refused() {
    for bad in [
        json!({"files": ["/"]}),
        json!({"memory": {"all": ["get"]}}),
        json!({"memory": {"session": ["delete"]}}),
        json!({"memory": {"session": ["*"]}}),
        json!({"memory": {"shared": {"*": ["get"]}}}),
        json!({"memory": {"shared": {"session:0190a1b2-0000-7000-8000-000000000000": ["get"]}}}),
        json!({"memory": {"shared": ["notes"]}}),
        json!({"hosts": ["*"]}),
        json!({"hosts": ["127.0.0.1"]}),
        json!({"config": ["a/b"]}),
        json!({"limits": {"tables": 1}}),
        json!({"hosts": (0..33).map(|n| format!("h{n}.example")).collect::<Vec<_>>()}),
        json!({"config": (0..65).map(|n| format!("k{n}")).collect::<Vec<_>>()}),
        json!({"memory": {"shared": (0..33).map(|n| (format!("n{n}"), json!(["get"]))).collect::<serde_json::Map<_, _>>()}}),
    ] {
        assert!(serde_json::from_value::<Grants>(bad.clone()).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn s48_granting_is_never_wider_than_either_side(one in some_grants(), other in some_grants()) {
        let both = one.meet(&other);
        prop_assert!(is_within(&both, &one) && is_within(&both, &other));
        prop_assert_eq!(&both, &other.meet(&one));
        prop_assert_eq!(&one.meet(&one), &one);
        prop_assert_eq!(&both.meet(&other), &both);
        // It is the widest that is within both: no more is taken away than has to be.
        prop_assert_eq!(is_within(&one, &other), both == one);
    }

    #[test]
    fn s48_granting_is_monotone(one in some_grants(), other in some_grants(), third in some_grants()) {
        let narrower = one.meet(&other);
        prop_assert!(is_within(&narrower.meet(&third), &one.meet(&third)));
        prop_assert_eq!(one.meet(&other).meet(&third), one.meet(&other.meet(&third)));
    }

    #[test]
    fn s48_an_upgrade_never_widens_what_was_granted(
        requested in some_grants(), chosen in some_grants(), later in some_grants(),
    ) {
        match Granted::new(&requested, chosen.clone()) {
            Ok(granted) => {
                prop_assert!(is_within(granted.grants(), &requested));
                let carried = Granted::carried_over(granted.grants(), &later);
                prop_assert!(is_within(carried.grants(), &later));
                prop_assert!(is_within(carried.grants(), granted.grants()));
            }
            Err(_) => prop_assert!(!is_within(&chosen, &requested)),
        }
    }

    #[test]
    fn grants_are_read_as_they_were_written(one in some_grants()) {
        let text = serde_json::to_string(&one).unwrap();
        prop_assert_eq!(serde_json::from_str::<Grants>(&text).unwrap(), one);
    }
}
