//! What the detectors found, and which of it is reported where they found the same place twice.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::{Class, Confidence, Finding, Kind, MAX_FINDINGS};

#[derive(Default)]
pub(crate) struct Candidates(Vec<Finding>);

impl Candidates {
    pub(crate) fn add(&mut self, kind: Kind, span: Range<usize>, confidence: Confidence) {
        self.0.push(Finding { kind, span, confidence });
    }

    /// Secrets beat personal data, which beats the rest; then the longer and then the surer one stays.
    pub(crate) fn resolve(self, text: &str) -> Vec<Finding> {
        without_overlaps(self.of_the_text(text), MAX_FINDINGS)
    }

    /// What a policy has to know of: all of it. Secrets and personal data are still told apart from each other, but of
    /// the rest nothing hides anything: tag characters inside of an order stay, and behind a thousand addresses too.
    pub(crate) fn each(self, text: &str) -> Vec<Finding> {
        let mut groups: BTreeMap<Option<Kind>, Vec<Finding>> = BTreeMap::new();
        for found in self.of_the_text(text) {
            let is_data = matches!(found.kind.class(), Class::Secret | Class::Pii);
            groups.entry((!is_data).then_some(found.kind)).or_default().push(found);
        }
        groups.into_values().flat_map(|group| without_overlaps(group, usize::MAX)).collect()
    }

    /// All of it, in the order in which it was found.
    pub(crate) fn of_the_text(mut self, text: &str) -> Vec<Finding> {
        self.0.retain(|found| text.get(found.span.clone()).is_some_and(|part| !part.is_empty()));
        self.0
    }
}

fn without_overlaps(mut findings: Vec<Finding>, most: usize) -> Vec<Finding> {
    findings.sort_by_key(|found| {
        let length = Reverse(found.span.len());
        (rank(found.kind), length, Reverse(found.confidence), found.span.start, found.kind)
    });
    let mut kept: BTreeMap<usize, Finding> = BTreeMap::new();
    for found in findings {
        if kept.len() == most {
            break;
        }
        let last_before = kept.range(..found.span.end).next_back();
        if last_before.is_none_or(|(_, other)| other.span.end <= found.span.start) {
            kept.insert(found.span.start, found);
        }
    }
    kept.into_values().collect()
}

/// The findings in order, those that overlap as one: of two that are taken out, nothing of either may stay.
pub(crate) fn joined(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|found| (found.span.start, found.span.end));
    let mut joined: Vec<Finding> = Vec::with_capacity(findings.len());
    for found in findings {
        match joined.last_mut() {
            Some(last) if found.span.start < last.span.end => {
                last.span.end = last.span.end.max(found.span.end);
                if rank(found.kind) < rank(last.kind) {
                    last.kind = found.kind;
                }
            }
            _ => joined.push(found),
        }
    }
    joined
}

fn rank(kind: Kind) -> u8 {
    match kind.class() {
        Class::Secret => 0,
        Class::Pii => 1,
        Class::Unicode | Class::Instruction | Class::Exfiltration => 2,
    }
}
