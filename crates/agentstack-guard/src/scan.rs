//! The scan: one pass for literals, one for numbers, and what each leads to.

use crate::collect::Candidates;
use crate::trigger::{self, Trigger};
use crate::{Finding, exfiltration, hidden, instruction, pii, secret};

/// What the text holds, by place; where two findings overlap, the weightier one.
///
/// Any text is fine, and none makes this fail. The work is linear in its length. At most
/// [`MAX_FINDINGS`](crate::MAX_FINDINGS) are reported. The first call builds the tables, which takes some milliseconds.
#[must_use]
pub fn scan(text: &str) -> Vec<Finding> {
    candidates(text).resolve(text)
}

/// Everything that a policy decides about: without a limit, and findings that have nothing to do with each other may
/// overlap.
pub(crate) fn each(text: &str) -> Vec<Finding> {
    candidates(text).each(text)
}

/// The secrets alone, whatever overlaps. For texts that are no data, such as log lines: it takes less than the whole scan.
pub(crate) fn secrets(text: &str) -> Vec<Finding> {
    let mut found = Candidates::default();
    let mut secrets = secret::Scan::default();
    for hit in trigger::hits(text) {
        match hit.trigger {
            Trigger::Shape(index) => secrets.shape(text, index, hit, &mut found),
            Trigger::Keyword(index) => secrets.keyword(text, index, hit, &mut found),
            Trigger::Pem => secrets.pem(text, hit, &mut found),
            Trigger::Url => secrets.url(text, hit, &mut found),
            Trigger::Link | Trigger::Script | Trigger::Word(_) | Trigger::Redacted => {}
        }
    }
    found.of_the_text(text)
}

fn candidates(text: &str) -> Candidates {
    let mut found = Candidates::default();
    let mut secrets = secret::Scan::default();
    let mut links = exfiltration::Scan::default();
    let mut words = instruction::Scan::new(text);
    for hit in trigger::hits(text) {
        match hit.trigger {
            Trigger::Shape(index) => secrets.shape(text, index, hit, &mut found),
            Trigger::Keyword(index) => secrets.keyword(text, index, hit, &mut found),
            Trigger::Pem => secrets.pem(text, hit, &mut found),
            Trigger::Url => secrets.url(text, hit, &mut found),
            Trigger::Link => links.link(text, hit, &mut found),
            Trigger::Script => exfiltration::script(text, hit, &mut found),
            Trigger::Word(word) => words.word(text, word, &(hit.start..hit.end)),
            Trigger::Redacted => {}
        }
    }
    pii::find(text, &mut found);
    hidden::find(text, &mut found);
    words.finish(text, &mut found);
    found
}
