//! Each rule by itself, at given times.

use proptest::prelude::*;

use super::*;

const START: i64 = 1_800_000_000_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A call of `ann` that was answered, `millis` after the start.
fn call(operation: &'static str, millis: i64) -> Draft {
    Draft {
        at: Timestamp::from_millis(START + millis),
        principal: "token:ann".to_owned(),
        agent: None,
        identity: None,
        session: Some(SessionId::generate()),
        operation,
        resource: None,
        decision: Decision::Allow,
        reason: "permitted",
        policy: "p".into(),
        request: RequestId::generate(),
        outcome: Outcome::Ok,
        duration_us: 1,
        counts: vec![],
    }
}

fn refused(reason: &'static str, outcome: Outcome, millis: i64) -> Draft {
    Draft { decision: Decision::Deny, reason, outcome, ..call("session_status", millis) }
}

fn foreign(millis: i64) -> Draft {
    refused("session_not_held", Outcome::NotFound, millis)
}

fn unauthenticated(reason: &'static str, millis: i64) -> Draft {
    let principal = Principal::unknown().name().to_owned();
    let refused = refused(reason, Outcome::Unauthenticated, millis);
    Draft { principal, operation: AUTHENTICATION, session: None, ..refused }
}

fn failed(principal: &str, millis: i64) -> Draft {
    Draft { principal: principal.to_owned(), outcome: Outcome::Unavailable, ..call("system_status", millis) }
}

fn new() -> Watch {
    Watch::new(WatchSettings::default())
}

/// The rules that say something of these calls, with the places of the calls.
fn said(watch: &Watch, calls: impl IntoIterator<Item = Draft>) -> Vec<(usize, &'static str)> {
    let calls = calls.into_iter().enumerate();
    calls
        .flat_map(|(place, call)| {
            watch.see(&call).into_iter().map(move |signal| (place, signal.rule.as_str()))
        })
        .collect()
}

#[test]
fn refused_calls_of_one_principal_are_counted_for_a_minute() {
    let burst = |step: i64| (0..20).map(move |n| refused("policy", Outcome::Forbidden, n * step));
    assert_eq!(said(&new(), burst(2_500)), [(19, "denial_burst")]);
    assert_eq!(said(&new(), burst(4_000)), [], "over more than a minute");
    let of_two =
        burst(10).enumerate().map(|(n, call)| Draft { principal: format!("token:{}", n % 2), ..call });
    assert_eq!(said(&new(), of_two), []);
    for (reason, outcome) in [
        ("input", Outcome::InvalidInput),
        ("limit", Outcome::RateLimited),
        ("policy_error", Outcome::Forbidden),
    ] {
        assert_eq!(said(&new(), (0..100).map(|n| refused(reason, outcome, n))), [], "{reason}");
    }
}

#[test]
fn who_asks_for_foreign_sessions_is_told_of_with_the_session_that_was_asked_for() {
    let watch = new();
    assert_eq!(said(&watch, (0..4).map(|n| foreign(n * MINUTE_MS))), []);
    let fifth = foreign(5 * MINUTE_MS);
    let [signal] = &watch.see(&fifth)[..] else { panic!("one signal") };
    assert_eq!((signal.rule, signal.observed, signal.threshold), (Rule::ForeignSessionProbing, 5, 5));
    assert_eq!(
        (signal.principal.as_str(), signal.session, signal.at),
        ("token:ann", fifth.session, fifth.at)
    );
    assert_eq!(said(&new(), (0..20).map(|n| foreign(n * 3 * MINUTE_MS))), [], "now and then");
}

#[test]
fn credentials_that_are_not_accepted_have_one_count() {
    let watch = new();
    assert_eq!(said(&watch, (0..100).map(|n| unauthenticated("token_missing", n))), []);
    let reasons = ["token_unknown", "jwt_signature", "too_many_failures", "token_malformed"];
    let tried = (0..20).map(|n| unauthenticated(reasons[n % 4], 1_000 + i64::try_from(n).unwrap()));
    assert_eq!(said(&watch, tried), [(19, "failed_authentications")]);
}

#[test]
fn much_reading_of_memory_is_told_of_whatever_reads_it() {
    let reads = ["memory_get", "memory_search", "memory_list", "memory_history"];
    let many = |names: [&'static str; 4]| (0..2_000).map(move |n| call(names[n % 4], 0));
    assert_eq!(said(&new(), many(reads)), [(1_999, "unusual_export")]);
    assert_eq!(said(&new(), many(["memory_store", "session_status", "task_list", "memory_delete"])), []);
    let unanswered = many(reads).map(|call| Draft { outcome: Outcome::NotFound, ..call });
    assert_eq!(said(&new(), unanswered), []);
}

#[test]
fn a_first_write_of_who_has_long_only_read_is_told_of() {
    let steady = |calls: i64| (0..calls).map(move |n| call("memory_get", n * DAY_MS / calls));
    let write = || call("memory_store", DAY_MS);
    for (calls, named, before) in [(99, true, 0), (98, false, 0), (99, false, 1)] {
        let watch = new();
        assert_eq!(said(&watch, (0..before).map(|_| call("memory_store", 0))), []);
        assert_eq!(said(&watch, steady(calls)), []);
        let denied = refused("policy", Outcome::Forbidden, DAY_MS);
        assert_eq!(said(&watch, [Draft { operation: "memory_store", ..denied }]), [], "not used yet");
        let expected: &[(usize, &str)] = if named { &[(0, "first_operation")] } else { &[] };
        assert_eq!(said(&watch, [write(), write()]), expected, "{calls}, {before}");
    }
    let watch = new();
    assert_eq!(said(&watch, steady(200)), []);
    assert_eq!(said(&watch, [call("memory_search", DAY_MS)]), [], "a new way to read");
    assert_eq!(said(&watch, [call("token_list", DAY_MS)]), [(0, "first_operation")], "an operator's");
    let early = new();
    assert_eq!(said(&early, (0..500).map(|_| call("memory_get", 0))), []);
    assert_eq!(said(&early, [call("memory_store", DAY_MS - 1)]), [], "not known for a day");
}

#[test]
fn a_rate_is_unusual_against_the_principals_own() {
    // 120 calls in an hour, evenly, for eight hours.
    let habit = || (0..960).map(|n| call("agent_list", n * 30_000));
    let rush = |from: i64, calls: i64| (0..calls).map(move |n| call("agent_list", from + n));
    let (watch, now) = (new(), 8 * HOUR_MS);
    assert_eq!(said(&watch, habit()), []);
    // Some of the last ten minutes are still counted; ten times the 20 of ten usual ones are 200.
    assert_eq!(said(&watch, rush(now + TEN_MINUTES_MS, 199)), []);
    assert_eq!(said(&watch, rush(now + TEN_MINUTES_MS + 200, 5)), [(0, "unusual_rate")]);
    let fresh = new();
    assert_eq!(said(&fresh, rush(0, 5_000)), [], "nothing is usual yet");
    let busy = new();
    let batch = |hour: i64| rush(hour * HOUR_MS, 1_500);
    for night in 0..20 {
        assert_eq!(said(&busy, batch(night * 24)), [], "what comes once a night is usual");
    }
    assert_eq!(said(&busy, rush(20 * DAY_MS, 2_600)), [(2_499, "unusual_rate")]);
}

#[test]
fn failures_of_ours_are_counted_over_all() {
    let mixed = |calls: i64, every: i64| {
        (0..calls).map(move |n| {
            let principal = format!("token:{}", n % 7);
            if n % every == 0 { failed(&principal, n) } else { Draft { principal, ..call("agent_list", n) } }
        })
    };
    assert_eq!(said(&new(), mixed(99, 1)), [], "too few to tell");
    assert_eq!(said(&new(), mixed(1_000, 25)), [], "four percent");
    assert_eq!(said(&new(), mixed(200, 20)), [(100, "error_rate")]);
    let watch = new();
    let signals: Vec<Signal> = mixed(200, 2).flat_map(|call| watch.see(&call)).collect();
    let [signal] = &signals[..] else { panic!("one signal") };
    assert_eq!((signal.principal.as_str(), signal.session), (EVERYBODY, None));
    assert_eq!((signal.observed, signal.threshold), (50, 5));
}

#[test]
fn credentials_that_nobody_can_look_at_are_failures_of_ours() {
    let unavailable =
        (0..200).map(|n| Draft { outcome: Outcome::Unavailable, ..unauthenticated("unavailable", n) });
    assert_eq!(said(&new(), unavailable), [(99, "error_rate")]);
}

#[test]
fn a_first_write_to_shared_memory_is_told_of_once_in_a_while() {
    let (watch, at) = (new(), |millis| Timestamp::from_millis(START + millis));
    let signal = watch.first_write("token:ann", None, at(0)).unwrap();
    assert_eq!((signal.rule, signal.observed, signal.threshold), (Rule::NewOriginInShared, 1, 1));
    assert_eq!(watch.first_write("token:ann", None, at(1)), None);
    assert!(watch.first_write("token:bob", None, at(1)).is_some());
    assert!(watch.first_write("token:ann", None, at(HOUR_MS)).is_some());
}

#[test]
fn what_the_product_does_by_itself_is_its_own_business() {
    let watch = new();
    let housekeeping = |call: Draft| Draft { principal: watch.housekeeper.name().to_owned(), ..call };
    assert_eq!(said(&watch, (0..1_000).map(|n| housekeeping(foreign(n)))), []);
    assert_eq!(said(&watch, [housekeeping(call("session_end", 2 * DAY_MS))]), []);
    let failing = (0..100).map(|n| housekeeping(failed("", 3 * DAY_MS + n)));
    assert_eq!(said(&watch, failing), [(99, "error_rate")], "but its failures are failures");
}

#[test]
fn s33_however_many_principals_there_are_no_more_than_so_many_are_remembered() {
    let watch = Watch::remembering(WatchSettings::default(), 100);
    let named = |name: String, millis| Draft { principal: name, ..foreign(millis) };
    assert_eq!(said(&watch, (0..4).map(|n| named("token:ann".to_owned(), n))), []);
    for n in 0..10_000_i32 {
        assert_eq!(said(&watch, [named(format!("token:{n}"), 0)]), []);
        if n % 40 == 0 {
            // Whoever is heard of is not forgotten.
            watch.see(&Draft { principal: "token:ann".to_owned(), ..call("agent_list", 0) });
        }
        assert!(watch.state.lock().unwrap().principals.len() <= 100);
    }
    assert_eq!(said(&watch, [named("token:ann".to_owned(), 5)]), [(0, "foreign_session_probing")]);
    assert_eq!(said(&watch, (0..4).map(|n| named("token:17".to_owned(), n))), [], "it was forgotten");
}

#[test]
fn a_provider_that_is_new_to_whom_is_long_known_is_told_of_once() {
    let asked = |watch: &Watch, provider: &str, millis: i64| {
        let signals =
            watch.asks_provider("token:ann", None, provider, Timestamp::from_millis(START + millis));
        signals.into_iter().map(|signal| signal.rule).collect::<Vec<_>>()
    };
    let watch = new();
    assert_eq!(said(&watch, [call("memory_get", 0)]), []);
    assert_eq!(asked(&watch, "ollama", DAY_MS - 1), [], "not known for a day");
    assert_eq!(asked(&watch, "ollama", DAY_MS), [], "asked before");
    assert_eq!(asked(&watch, "openai", DAY_MS + 1), [Rule::NewProvider]);
    assert_eq!(asked(&watch, "openai", DAY_MS + 2 * HOUR_MS), []);
}

#[test]
fn many_runs_within_ten_minutes_are_told_of() {
    let asked = |step: i64| {
        let watch = new();
        let at = move |n: i64| Timestamp::from_millis(START + n * step);
        let rules = (0..60).flat_map(|n| watch.asks_provider("token:ann", None, "ollama", at(n)));
        rules.map(|signal| (signal.rule, signal.observed)).collect::<Vec<_>>()
    };
    assert_eq!(asked(9_000), [(Rule::ProviderBurst, 60)]);
    assert_eq!(asked(11_000), [], "over more than ten minutes");
}

#[test]
fn the_documentation_has_each_rule_with_its_default_and_its_explanation() {
    let documentation = include_str!("../../../../docs/monitoring.md");
    let Thresholds {
        denial_burst,
        foreign_session_probing,
        failed_authentications,
        unusual_export,
        first_operation,
        unusual_rate,
        error_rate,
        provider_burst,
    } = Thresholds::default();
    let defaults = [
        denial_burst,
        foreign_session_probing,
        failed_authentications,
        unusual_export,
        first_operation,
        unusual_rate,
        error_rate,
        1,
        1,
        provider_burst,
    ];
    for (rule, default) in Rule::ALL.into_iter().zip(defaults) {
        let start = format!("| `{rule}` | {default} |");
        let row =
            documentation.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{start}"));
        assert!(row.ends_with(&format!("| {} |", rule.explanation())), "{row}");
        assert!(documentation.contains(&format!("- **`{rule}`**")), "what to do about {rule}");
    }
}

#[test]
fn words_are_labels_and_explanations_sentences() {
    for (place, rule) in Rule::ALL.into_iter().enumerate() {
        assert_eq!(rule as usize, place);
        assert!(rule.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{rule}");
        let text = rule.explanation();
        assert!(text.ends_with('.') && text.len() < 200 && !text.contains("  "), "{text}");
    }
}

proptest! {
    /// Against a list of times: none below the threshold, always one at it, never two within the cool-down.
    #[test]
    fn a_signal_comes_when_it_should_and_not_twice(
        steps in prop::collection::vec((0_i64..120_000, any::<bool>()), 1..300),
        threshold in 1_u32..8,
        cool_down_ms in 0_i64..2_000_000,
    ) {
        let thresholds = Thresholds {
            foreign_session_probing: threshold, denial_burst: u32::MAX, ..Thresholds::default()
        };
        let watch = Watch::new(WatchSettings { thresholds, cool_down_ms });
        let (mut now, mut times, mut last) = (0, vec![], None::<i64>);
        for (step, reaches) in steps {
            now += step;
            let call = if reaches { foreign(now) } else { call("agent_list", now) };
            let signals = watch.see(&call);
            times.extend(reaches.then_some(now));
            let within = |length: i64| times.iter().filter(|at| now - **at < length).count();
            let cold = last.is_none_or(|last| now - last >= cool_down_ms);
            let threshold = usize::try_from(threshold).unwrap();
            // A window is between nine and ten minutes long.
            if reaches && cold && within(TEN_MINUTES_MS - MINUTE_MS) >= threshold {
                prop_assert_eq!(signals.len(), 1);
            }
            for signal in signals {
                prop_assert!(reaches && cold && within(TEN_MINUTES_MS) >= threshold);
                prop_assert_eq!(signal.rule, Rule::ForeignSessionProbing);
                last = Some(now);
            }
        }
    }

    /// Whatever the clock does.
    #[test]
    fn no_time_is_too_odd(times in prop::collection::vec(any::<i64>(), 1..50)) {
        let watch = new();
        for at in times {
            let at = Timestamp::from_millis(at);
            watch.see(&Draft { at, ..foreign(0) });
            watch.see(&Draft { at, ..failed("token:ann", 0) });
            watch.see(&Draft { at, ..unauthenticated("token_unknown", 0) });
        }
    }
}
