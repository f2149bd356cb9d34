//! Records and logs to test with.

use agentstack_audit::{
    Checkpoint, Decision, Draft, Head, Line, Outcome, Report, ResourceHash, ResourceHasher, SigningKey,
    Trusted, Verifier, append,
};
use agentstack_core::{AgentId, IdentityId, RequestId, Secret, SessionId, Timestamp};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const OUTCOMES: [(Outcome, &str); 11] = [
    (Outcome::Ok, "ok"),
    (Outcome::InvalidInput, "invalid_input"),
    (Outcome::Unauthenticated, "unauthenticated"),
    (Outcome::Forbidden, "forbidden"),
    (Outcome::NotFound, "not_found"),
    (Outcome::Conflict, "conflict"),
    (Outcome::TooLarge, "too_large"),
    (Outcome::RateLimited, "rate_limited"),
    (Outcome::Unavailable, "unavailable"),
    (Outcome::Internal, "internal"),
    (Outcome::Cancelled, "cancelled"),
];

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_753_660_800_007 + second * 1_000)
}

pub(crate) fn hasher(key: u8) -> ResourceHasher {
    ResourceHasher::new(&Secret::new([key; 32]))
}

pub(crate) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::new(&Secret::new([seed; 32]))
}

/// A record with every field filled.
pub(crate) fn full() -> Draft {
    Draft {
        at: at(0),
        principal: "local:ada".to_owned(),
        agent: Some("coder".parse().unwrap()),
        identity: Some("01983b2e-5c00-7000-8000-000000000001".parse().unwrap()),
        session: Some(SessionId::from_bytes([7; 16])),
        operation: "session_end",
        resource: Some(hasher(1).hash("session", None, "0707")),
        decision: Decision::Allow,
        reason: "permitted",
        policy: "builtin-1".into(),
        request: RequestId::from_bytes([9; 16]),
        outcome: Outcome::Ok,
        duration_us: 1_234,
        counts: vec![("tasks", 1), ("agents", 2), ("entries", 3)],
    }
}

/// A record with nothing that may be absent.
pub(crate) fn bare() -> Draft {
    Draft { agent: None, identity: None, session: None, resource: None, counts: Vec::new(), ..full() }
}

/// The lines of a log and its heads; `heads[n]` is the head after `n` records.
pub(crate) fn chain<'a>(drafts: impl IntoIterator<Item = &'a Draft>) -> (Vec<Line>, Vec<Head>) {
    let (mut lines, mut heads) = (Vec::new(), vec![Head::EMPTY]);
    for draft in drafts {
        let (line, head) = append(heads.last().unwrap(), draft);
        lines.push(line);
        heads.push(head);
    }
    (lines, heads)
}

/// A log of small records, full and bare in turn.
pub(crate) fn log(records: usize) -> (Vec<Line>, Vec<Head>) {
    chain([full(), bare()].iter().cycle().take(records))
}

/// What the verifier says, trusting the key of seed 1.
pub(crate) fn verify(lines: &[Line], checkpoints: &[Checkpoint]) -> Report {
    let mut verifier =
        Verifier::new(Some(&Trusted::new(signing_key(1).verifying_key(), vec![])), checkpoints.to_vec());
    for line in lines {
        verifier.push(line);
    }
    verifier.finish()
}

fn resource() -> impl Strategy<Value = ResourceHash> {
    any::<(u8, String)>().prop_map(|(key, name)| hasher(key).hash("memory", None, &name))
}

/// Any text: of any characters, and of those that a terminal or a reader falls for.
pub(crate) fn text(most: usize) -> impl Strategy<Value = String> {
    let nasty =
        select(vec!['\n', '\r', '\0', '\u{1b}', '\u{7f}', '\u{9b}', '\u{2028}', '\u{202e}', '"', '\\']);
    vec(prop_oneof![any::<char>(), nasty], 0..=most).prop_map(|text| text.into_iter().collect())
}

fn agent() -> impl Strategy<Value = AgentId> {
    vec(any::<char>().prop_filter("printable", |c| !c.is_control()), 1..=128)
        .prop_map(|text| text.into_iter().collect::<String>().parse().unwrap())
}

prop_compose! {
    pub(crate) fn draft()(
        millis in any::<i64>(),
        principal in text(300),
        agent in of(agent()),
        identity in of(any::<[u8; 16]>()),
        session in of(any::<[u8; 16]>()),
        operation in select(vec!["memory_store", "session_end", "weird \"word\"\n"]),
        resource in of(resource()),
        denied in any::<bool>(),
        reason in select(vec!["permitted", "session_not_held", ""]),
        request in any::<[u8; 16]>(),
        outcome in select(OUTCOMES.to_vec()),
        duration_us in any::<u64>(),
        counts in vec((select(vec!["entries", "agents", "tasks"]), any::<u64>()), 0..4),
    ) -> Draft {
        Draft {
            at: Timestamp::from_millis(millis),
            principal,
            agent,
            identity: identity.map(IdentityId::from_bytes),
            session: session.map(SessionId::from_bytes),
            operation,
            resource,
            decision: if denied { Decision::Deny } else { Decision::Allow },
            reason,
            policy: "builtin-1".into(),
            request: RequestId::from_bytes(request),
            outcome: outcome.0,
            duration_us,
            counts,
        }
    }
}
