//! Where texts are looked at one by one, and what was found in them is counted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use agentstack_core::{Confidence, FindingField, FindingSummary, Namespace, Treatment};

use super::Refused;
use crate::{Action, Finding, Kind, Policy, bytes, collect, redact, scan};

/// How much of a name stands before its value when that is looked at, in bytes: the end of it is what says what the value
/// is, and all of a long name before each of many values would take forever.
const NAME: usize = 128;

/// The names to look behind of a text that has none.
pub(super) const ALONE: [&str; 1] = [""];

/// Something out of which a finding was taken.
pub(super) struct Changed<T> {
    pub(super) to: T,
    /// The first kind that was taken out.
    pub(super) by: Kind,
}

impl<T> Changed<T> {
    /// As what it is to be kept as, if it still fits.
    pub(super) fn fit<U: TryFrom<T>>(self, field: FindingField) -> Result<U, Refused> {
        let kind = self.by;
        U::try_from(self.to).map_err(|_| Refused { field, kind })
    }
}

/// Findings of one kind.
struct Tally {
    confidence: Confidence,
    count: u32,
    treatment: Treatment,
}

impl Tally {
    fn of(confidence: Confidence, treatment: Treatment) -> Self {
        Self { confidence, count: 0, treatment }
    }

    fn add(&mut self, confidence: Confidence, count: u32, treatment: Treatment) {
        self.confidence = self.confidence.max(confidence);
        self.count = self.count.saturating_add(count);
        self.treatment = self.treatment.max(treatment);
    }
}

pub(super) struct Desk<'a> {
    policy: &'a Policy,
    namespace: &'a Namespace,
    tallies: BTreeMap<(FindingField, Kind), Tally>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(policy: &'a Policy, namespace: &'a Namespace) -> Self {
        Self { policy, namespace, tallies: BTreeMap::new() }
    }

    /// What was found in all texts, and whether an entry with it is to be quarantined.
    pub(super) fn close(self) -> (Vec<FindingSummary>, bool) {
        let quarantine = self.tallies.values().any(|tally| tally.treatment == Treatment::Quarantined);
        let summary = |((field, kind), tally): ((FindingField, Kind), Tally)| {
            let Tally { confidence, count, treatment } = tally;
            kind.word().parse().ok().map(|kind| FindingSummary { kind, field, confidence, count, treatment })
        };
        (self.tallies.into_iter().filter_map(summary).collect(), quarantine)
    }

    /// Looks at a text behind each of the names in turn. Gives what is left, if something was taken out.
    pub(super) fn text(
        &mut self,
        field: FindingField,
        names: &[&str],
        text: &str,
    ) -> Result<Option<Changed<String>>, Refused> {
        let mut changed: Option<Changed<String>> = None;
        let mut kept = Kept::default();
        for name in names {
            for round in 0.. {
                let now = changed.as_ref().map_or(text, |changed| &changed.to);
                let found = behind(name, now);
                let (taken, rest): (Vec<Finding>, Vec<Finding>) =
                    found.into_iter().partition(|found| self.action(found) == Action::Redact);
                if let Some(found) = rest.iter().find(|found| self.action(found) == Action::Refuse) {
                    return Err(Refused { field, kind: found.kind });
                }
                kept.note(rest);
                let Some(first) = taken.first() else { break };
                let by = changed.as_ref().map_or(first.kind, |changed| changed.by);
                for found in &taken {
                    self.add(field, found, 1, Treatment::Redacted);
                }
                let left = redact::take_out(now, &collect::joined(taken), round);
                changed = Some(Changed { to: left, by });
            }
        }
        for (found, count) in kept.0.into_values() {
            match self.action(&found) {
                Action::Ignore => {}
                Action::Quarantine => self.add(field, &found, count, Treatment::Quarantined),
                _ => self.add(field, &found, count, Treatment::Flagged),
            }
        }
        Ok(changed)
    }

    fn action(&self, found: &Finding) -> Action {
        self.policy.rule(self.namespace, found.kind).action_at(found.confidence)
    }

    fn add(&mut self, field: FindingField, found: &Finding, count: u32, treatment: Treatment) {
        let tally =
            self.tallies.entry((field, found.kind)).or_insert_with(|| Tally::of(found.confidence, treatment));
        tally.add(found.confidence, count, treatment);
    }
}

/// What is not taken out of a text, by kind: the surest, and how many there were when there were most. A text is looked
/// at several times, and taking something out can lay open something else.
#[derive(Default)]
struct Kept(BTreeMap<Kind, (Finding, u32)>);

impl Kept {
    fn note(&mut self, findings: Vec<Finding>) {
        let mut counts: BTreeMap<Kind, u32> = BTreeMap::new();
        for found in findings {
            let now = counts.entry(found.kind).or_default();
            *now = now.saturating_add(1);
            let (surest, most) = self.0.entry(found.kind).or_insert_with(|| (found.clone(), 0));
            *most = (*most).max(*now);
            if found.confidence > surest.confidence {
                *surest = found;
            }
        }
    }
}

/// What is found in the text behind the name, as in `"name": "text"`, with the places in the text. Findings of different groups may
/// overlap.
fn behind(name: &str, text: &str) -> Vec<Finding> {
    let (whole, from) = if name.is_empty() {
        (Cow::Borrowed(text), 0)
    } else {
        let name = bytes::tail(name, name.len(), NAME);
        let whole = format!("{name}\": \"{text}");
        let from = whole.len() - text.len();
        (Cow::Owned(whole), from)
    };
    let mut found = scan::each(&whole);
    found.retain_mut(|found| {
        found.span = found.span.start.saturating_sub(from)..found.span.end.saturating_sub(from);
        !found.span.is_empty()
    });
    found
}
