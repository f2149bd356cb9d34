//! Reads a log from its first line to its last and says what is wrong with it (S44).

use std::collections::BTreeMap;

use crate::chain::link;
use crate::{Checkpoint, Hash, Head, Line, Problem, Record, Trusted};

/// Most problems that a report lists; further ones are counted only.
pub const PROBLEMS_LISTED: usize = 100;

/// What a [`Verifier`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many lines there were.
    pub records: u64,
    /// The sequence of the first.
    pub first: Option<u64>,
    /// The sequence and the hash that the last line has.
    pub head: Head,
    /// Checkpoints that bear a good signature and match the log.
    pub checkpoints_verified: u64,
    /// What is wrong, checkpoints' signatures first, then in the order of the lines. No more than
    /// [`PROBLEMS_LISTED`].
    pub problems: Vec<Problem>,
    /// How many problems there are, listed or not.
    pub problems_total: u64,
    /// Records after the last verified checkpoint. Cutting these off, or rewriting them, cannot be seen.
    pub unsigned_tail: u64,
}

impl Report {
    /// Whether nothing is wrong. It covers the unsigned tail only as far as the chain holds together.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.problems_total == 0
    }
}

/// Verifies a log line by line, in constant memory but for the checkpoints.
///
/// After a fault it goes on from the line at hand, so one changed byte is one problem or a few.
#[derive(Debug)]
pub struct Verifier {
    /// The hashes that genuine checkpoints expect, by sequence.
    expected: BTreeMap<u64, Vec<Hash>>,
    /// The line before.
    last: Head,
    /// The hash that the line before ought to have; another than `last.hash` if that was changed.
    computed: Hash,
    /// The greatest sequence so far.
    highest: u64,
    report: Report,
}

impl Verifier {
    /// A verifier against these checkpoints: those kept beside the log and those kept elsewhere.
    ///
    /// Without a trusted key, a checkpoint of any key counts. That finds damage, but not an intruder who
    /// rewrote the log and signed it with a key of their own.
    #[must_use]
    pub fn new(trusted: Option<&Trusted>, mut checkpoints: Vec<Checkpoint>) -> Self {
        let report = Report {
            records: 0,
            first: None,
            head: Head::EMPTY,
            checkpoints_verified: 0,
            problems: Vec::new(),
            problems_total: 0,
            unsigned_tail: 0,
        };
        let (last, computed) = (Head::EMPTY, Head::EMPTY.hash);
        let mut verifier = Self { expected: BTreeMap::new(), last, computed, highest: 0, report };
        // The same one may be kept in both places.
        checkpoints.sort_by_cached_key(|checkpoint| (checkpoint.sequence, checkpoint.to_string()));
        checkpoints.dedup();
        for checkpoint in checkpoints {
            verifier.admit(trusted, &checkpoint);
        }
        // A checkpoint may have been signed before there was a record.
        verifier.compare(true);
        verifier
    }

    /// Takes the next line, in the order of the log.
    pub fn push(&mut self, line: &Line) {
        let report = &mut self.report;
        report.records += 1;
        report.unsigned_tail += 1;
        report.first.get_or_insert(line.sequence);
        let follows = self.check_order(line.sequence);
        let (linked, computed) = if follows { self.check_link(line) } else { (false, line.hash) };
        self.check_body(line);
        self.last = Head { sequence: line.sequence, hash: line.hash };
        self.computed = computed;
        self.highest = self.highest.max(line.sequence);
        self.compare(linked);
    }

    /// What was found, now that there are no more lines.
    #[must_use]
    pub fn finish(mut self) -> Report {
        for (sequence, hashes) in std::mem::take(&mut self.expected) {
            for _ in hashes {
                self.found(if sequence > self.highest {
                    Problem::Truncated { end: self.highest, signed: sequence }
                } else {
                    Problem::SignedRecordMissing { sequence }
                });
            }
        }
        self.report.head = self.last;
        self.report
    }

    fn found(&mut self, problem: Problem) {
        self.report.problems_total += 1;
        if self.report.problems.len() < PROBLEMS_LISTED {
            self.report.problems.push(problem);
        }
    }

    fn admit(&mut self, trusted: Option<&Trusted>, checkpoint: &Checkpoint) {
        let sequence = checkpoint.sequence;
        if !checkpoint.is_genuine() {
            self.found(Problem::ForgedCheckpoint { sequence });
        } else if trusted.is_some_and(|trusted| !trusted.believes(checkpoint)) {
            self.found(Problem::UntrustedCheckpoint { sequence, key: checkpoint.key.id() });
        } else {
            self.expected.entry(sequence).or_default().push(checkpoint.hash);
        }
    }

    /// Whether the line is the one that comes next.
    fn check_order(&mut self, sequence: u64) -> bool {
        let after = self.last.sequence;
        self.found(match sequence.checked_sub(after) {
            Some(1) => return true,
            Some(0) => Problem::Repeated { sequence },
            Some(_) => Problem::Missing { from: after + 1, to: sequence - 1 },
            None => Problem::OutOfOrder { sequence, after },
        });
        // The line before it is not at hand, so its own hash is all there is to go on from.
        false
    }

    /// Whether the line's hash is right, and what it ought to be.
    fn check_link(&mut self, line: &Line) -> (bool, Hash) {
        let ought = link(&self.last.hash, line.sequence, &line.body);
        // If the hash before was changed and not the line before, this line is linked to what it was.
        let linked = ought == line.hash || link(&self.computed, line.sequence, &line.body) == line.hash;
        if linked {
            return (true, line.hash);
        }
        self.found(Problem::Altered { sequence: line.sequence });
        (false, ought)
    }

    fn check_body(&mut self, line: &Line) {
        let sequence = line.sequence;
        match Record::parse(&line.body) {
            Ok(record) if record.sequence == sequence => {}
            Ok(record) => self.found(Problem::Displaced { sequence, claims: record.sequence }),
            Err(_) => self.found(Problem::Unreadable { sequence }),
        }
    }

    /// Holds the line at hand against the checkpoints that signed it.
    fn compare(&mut self, linked: bool) {
        let Head { sequence, hash } = self.last;
        for expected in self.expected.remove(&sequence).unwrap_or_default() {
            if expected == hash && linked {
                self.report.checkpoints_verified += 1;
                self.report.unsigned_tail = 0;
            } else if expected != hash && expected != self.computed {
                self.found(Problem::Rewritten { sequence });
            }
        }
    }
}
