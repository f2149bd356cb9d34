//! Taking findings out of a text.

use std::collections::HashSet;

use crate::{Finding, Kind, scan};

/// What stands in the place of a finding begins with this; the kind's word and a `]` follow.
pub(crate) const MARK: &str = "[redacted:";

/// How often what is left is looked at again, before everything between the first and the last finding goes at once, and
/// again before the whole text goes.
const ROUNDS: usize = 4;

/// The text with each span replaced by `[redacted:<kind>]`.
///
/// Taking one finding out can lay open another, such as the second of two numbers that overlap. So the result is
/// scanned again, and what it has of the same kinds goes too, however sure it is: scanning what is returned finds none of
/// the kinds taken out. A span that is not one of this text is passed over.
///
/// Costs a scan for each round: one where nothing new is laid open.
#[must_use]
pub fn redact(text: &str, findings: &[Finding]) -> String {
    let wanted: HashSet<Kind> = findings.iter().map(|found| found.kind).collect();
    let mut text = replace(text, findings);
    for round in 0.. {
        let again: Vec<Finding> =
            scan(&text).into_iter().filter(|found| wanted.contains(&found.kind)).collect();
        if again.is_empty() {
            break;
        }
        text = take_out(&text, &again, round);
    }
    text
}

/// The text without the findings, which are in order. The later the round, the more goes with them, so that few rounds
/// are enough for any text.
pub(crate) fn take_out(text: &str, findings: &[Finding], round: usize) -> String {
    let (Some(first), Some(last)) = (findings.first(), findings.last()) else { return text.to_owned() };
    if round < ROUNDS {
        replace(text, findings)
    } else if round < 2 * ROUNDS {
        replace(text, &[Finding { span: first.span.start..last.span.end, ..first.clone() }])
    } else {
        mark(first.kind)
    }
}

/// What stands in the place of a finding.
pub(crate) fn mark(kind: Kind) -> String {
    format!("{MARK}{kind}]")
}

fn replace(text: &str, findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|found| (found.span.start, found.span.end));
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for found in sorted {
        let is_of_the_text = text.get(found.span.clone()).is_some_and(|part| !part.is_empty());
        let Some(between) = text.get(done..found.span.start) else { continue };
        if is_of_the_text {
            out.push_str(between);
            out.push_str(&mark(found.kind));
            done = found.span.end;
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}
