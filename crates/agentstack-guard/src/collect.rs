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
    pub(crate) fn resolve(mut self, text: &str) -> Vec<Finding> {
        self.0.retain(|found| text.get(found.span.clone()).is_some_and(|part| !part.is_empty()));
        self.0.sort_by_key(|found| {
            let length = Reverse(found.span.len());
            (rank(found.kind), length, Reverse(found.confidence), found.span.start, found.kind)
        });
        let mut kept: BTreeMap<usize, Finding> = BTreeMap::new();
        for found in self.0 {
            if kept.len() == MAX_FINDINGS {
                break;
            }
            let last_before = kept.range(..found.span.end).next_back();
            if last_before.is_none_or(|(_, other)| other.span.end <= found.span.start) {
                kept.insert(found.span.start, found);
            }
        }
        kept.into_values().collect()
    }
}

fn rank(kind: Kind) -> u8 {
    match kind.class() {
        Class::Secret => 0,
        Class::Pii => 1,
        Class::Unicode | Class::Instruction | Class::Exfiltration => 2,
    }
}
