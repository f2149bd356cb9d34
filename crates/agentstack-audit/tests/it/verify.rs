//! What the verifier says about checkpoints, damaged logs and the end of a log (S44).

use agentstack_audit::{Checkpoint, Hash, Head, Line, PROBLEMS_LISTED, Problem, Verifier};
use proptest::prelude::*;

use crate::logs::{at, log, signing_key, text, verify};

#[test]
fn s44_an_empty_log_is_intact_and_can_be_signed() {
    let report = verify(&[], &[]);
    assert!(report.is_intact());
    assert_eq!((report.records, report.first, report.head), (0, None, Head::EMPTY));
    let checkpoint = Checkpoint::sign(&signing_key(1), &Head::EMPTY, at(0));
    let (lines, _) = log(2);
    let report = verify(&lines, &[checkpoint]);
    assert!(report.is_intact());
    assert_eq!((report.checkpoints_verified, report.unsigned_tail), (1, 2));
}

#[test]
fn s44_records_after_the_last_checkpoint_are_counted_as_unsigned() {
    let (lines, heads) = log(5);
    assert_eq!(verify(&lines, &[]).unsigned_tail, 5);
    let checkpoint = Checkpoint::sign(&signing_key(1), &heads[3], at(0));
    let report = verify(&lines, &[checkpoint]);
    assert_eq!((report.checkpoints_verified, report.unsigned_tail), (1, 2));
    assert!(report.is_intact());
}

#[test]
fn s44_a_checkpoint_kept_in_two_places_counts_once() {
    let (lines, heads) = log(2);
    let one = Checkpoint::sign(&signing_key(1), &heads[2], at(0));
    let later = Checkpoint::sign(&signing_key(1), &heads[2], at(1));
    assert_eq!(verify(&lines, &[one.clone(), later.clone(), one.clone()]).checkpoints_verified, 2);
    let report = verify(&lines[..1], &[one.clone(), later, one]);
    assert_eq!(report.problems, vec![Problem::Truncated { end: 1, signed: 2 }; 2]);
}

#[test]
fn s44_a_forged_and_an_untrusted_checkpoint_are_problems_and_prove_nothing() {
    let (lines, heads) = log(2);
    let good = Checkpoint::sign(&signing_key(1), &heads[2], at(0));
    let forged = Checkpoint { sequence: 1, hash: heads[1].hash, ..good.clone() };
    let foreign = Checkpoint::sign(&signing_key(2), &heads[2], at(0));
    let key = signing_key(2).verifying_key().id();
    let report = verify(&lines, &[foreign.clone(), forged]);
    assert_eq!(
        report.problems,
        [Problem::ForgedCheckpoint { sequence: 1 }, Problem::UntrustedCheckpoint { sequence: 2, key }]
    );
    assert_eq!((report.checkpoints_verified, report.unsigned_tail), (0, 2));
    // Whoever names no key they trust takes any.
    let mut verifier = Verifier::new(None, vec![foreign]);
    for line in &lines {
        verifier.push(line);
    }
    let report = verifier.finish();
    assert!(report.is_intact());
    assert_eq!(report.checkpoints_verified, 1);
}

#[test]
fn s44_a_signed_record_that_is_missing_is_named() {
    let (mut lines, heads) = log(3);
    lines.remove(1);
    let report = verify(&lines, &[Checkpoint::sign(&signing_key(1), &heads[2], at(0))]);
    assert_eq!(
        report.problems,
        [Problem::Missing { from: 2, to: 2 }, Problem::SignedRecordMissing { sequence: 2 }]
    );
}

#[test]
fn s44_a_line_that_is_no_record_or_another_is_found_even_when_its_hash_is_right() {
    let (mut lines, _) = log(1);
    for (body, problem) in [
        ("not json".to_owned(), Problem::Unreadable { sequence: 1 }),
        (
            lines[0].body.replacen("\"sequence\":1", "\"sequence\":7", 1),
            Problem::Displaced { sequence: 1, claims: 7 },
        ),
    ] {
        lines[0].hash = agentstack_audit::link(&Head::EMPTY.hash, 1, &body);
        lines[0].body = body;
        assert_eq!(verify(&lines, &[]).problems, [problem]);
    }
}

#[test]
fn s44_a_report_lists_a_bounded_number_of_problems_and_counts_all() {
    let (mut lines, _) = log(3 * PROBLEMS_LISTED);
    for line in lines.iter_mut().step_by(2) {
        line.body.push(' ');
    }
    let report = verify(&lines, &[]);
    assert_eq!(report.problems.len(), PROBLEMS_LISTED);
    assert!(report.problems_total > PROBLEMS_LISTED as u64);
    assert!(!report.is_intact());
}

#[test]
fn s44_a_problem_is_a_sentence_that_names_the_record() {
    let key = signing_key(2).verifying_key().id();
    for (problem, sentence) in [
        (Problem::Missing { from: 4, to: 4 }, "record 4 is missing".to_owned()),
        (Problem::Missing { from: 4, to: 6 }, "records 4 to 6 are missing".to_owned()),
        (Problem::Repeated { sequence: 4 }, "record 4 is there more than once".to_owned()),
        (Problem::OutOfOrder { sequence: 4, after: 9 }, "record 4 stands after record 9".to_owned()),
        (
            Problem::UntrustedCheckpoint { sequence: 4, key: key.clone() },
            format!("the checkpoint at record 4 is signed by {key}…, which is not the trusted key"),
        ),
        (
            Problem::Truncated { end: 4, signed: 9 },
            "the log ends at record 4, and a checkpoint signed it up to record 9".to_owned(),
        ),
    ] {
        assert_eq!(problem.to_string(), sentence);
    }
}

proptest! {
    #[test]
    fn s44_no_log_makes_the_verifier_panic(
        lines in proptest::collection::vec((prop_oneof![0_u64..5, any::<u64>()], text(20), any::<[u8; 32]>()), 0..10),
    ) {
        let lines: Vec<Line> = lines
            .into_iter()
            .map(|(sequence, body, hash)| Line { sequence, body, hash: Hash::from_bytes(hash) })
            .collect();
        let report = verify(&lines, &[]);
        prop_assert_eq!(report.is_intact(), lines.is_empty());
        prop_assert_eq!(report.records, lines.len() as u64);
    }
}
