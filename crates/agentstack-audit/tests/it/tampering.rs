//! Every way to tamper with a small log, at every place (S44).

use agentstack_audit::{Checkpoint, Hash, Line, Problem, Report};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::logs::{at, chain, draft, log, signing_key, verify};

const RECORDS: usize = 6;

/// A log, signed in the middle and at its end.
fn signed() -> (Vec<Line>, Vec<Checkpoint>) {
    let (lines, heads) = log(RECORDS);
    let sign = |records: usize| Checkpoint::sign(&signing_key(1), &heads[records], at(60));
    (lines, vec![sign(RECORDS / 2), sign(RECORDS)])
}

fn flip(text: &str, place: usize, mask: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[place] ^= mask;
    // The log is ASCII and the mask leaves it so: a line that is not UTF-8 is no `Line` at all.
    String::from_utf8(bytes).unwrap()
}

/// That a fault was found, and that it was reported as a few problems, not as one for each later line.
fn assert_found(report: &Report, what: &str) {
    assert!(!report.is_intact(), "{what} was not found");
    assert!(report.problems_total <= 5, "{what}: {:?}", report.problems);
    assert_eq!(report.problems_total, report.problems.len() as u64);
}

#[test]
fn s44_an_untouched_log_is_intact() {
    let (lines, checkpoints) = signed();
    let report = verify(&lines, &checkpoints);
    assert!(report.is_intact(), "{:?}", report.problems);
    assert_eq!((report.records, report.first), (6, Some(1)));
    assert_eq!((report.head.sequence, report.head.hash), (6, lines[5].hash));
    assert_eq!((report.checkpoints_verified, report.unsigned_tail), (2, 0));
}

#[test]
fn s44_any_flipped_byte_of_any_body_is_found() {
    let (lines, checkpoints) = signed();
    for index in 0..lines.len() {
        for place in 0..lines[index].body.len() {
            let mut lines = lines.clone();
            lines[index].body = flip(&lines[index].body, place, 1 << (place % 7));
            let report = verify(&lines, &checkpoints);
            assert_found(&report, &format!("record {index}, byte {place}"));
            assert!(report.problems.contains(&Problem::Altered { sequence: index as u64 + 1 }));
        }
    }
}

#[test]
fn s44_any_flipped_bit_of_any_hash_is_one_problem() {
    let (lines, checkpoints) = signed();
    for index in 0..lines.len() {
        for bit in 0..256 {
            let mut lines = lines.clone();
            let mut hash = *lines[index].hash.as_bytes();
            hash[bit / 8] ^= 1 << (bit % 8);
            lines[index].hash = Hash::from_bytes(hash);
            let report = verify(&lines, &checkpoints);
            assert_eq!(report.problems, [Problem::Altered { sequence: index as u64 + 1 }], "bit {bit}");
        }
    }
}

#[test]
fn s44_any_changed_sequence_is_found() {
    let (lines, checkpoints) = signed();
    for index in 0..lines.len() {
        for sequence in (0..=8).chain([u64::MAX - 1, u64::MAX]) {
            let mut lines = lines.clone();
            if std::mem::replace(&mut lines[index].sequence, sequence) != sequence {
                let report = verify(&lines, &checkpoints);
                assert_found(&report, &format!("record {index} as {sequence}"));
            }
        }
    }
}

#[test]
fn s44_any_deletion_is_found() {
    let (lines, checkpoints) = signed();
    for from in 0..lines.len() {
        for to in from + 1..=lines.len() {
            let mut lines = lines.clone();
            lines.drain(from..to);
            assert_found(&verify(&lines, &checkpoints), &format!("deletion of {from}..{to}"));
        }
    }
}

#[test]
fn s44_any_swap_is_found() {
    let (lines, checkpoints) = signed();
    for one in 0..lines.len() {
        for other in one + 1..lines.len() {
            let mut lines = lines.clone();
            lines.swap(one, other);
            assert_found(&verify(&lines, &checkpoints), &format!("swap of {one} and {other}"));
        }
    }
}

#[test]
fn s44_any_duplication_is_found() {
    let (lines, checkpoints) = signed();
    for from in 0..lines.len() {
        for to in 0..=lines.len() {
            let mut lines = lines.clone();
            lines.insert(to, lines[from].clone());
            assert_found(&verify(&lines, &checkpoints), &format!("a second {from} at {to}"));
        }
    }
}

#[test]
fn s44_any_truncation_before_the_last_checkpoint_is_found() {
    let (lines, checkpoints) = signed();
    for end in 0..lines.len() {
        let report = verify(&lines[..end], &checkpoints);
        let truncated = Problem::Truncated { end: end as u64, signed: 6 };
        assert!(report.problems.contains(&truncated), "{end}: {:?}", report.problems);
    }
}

#[test]
fn s44_a_log_rewritten_from_any_record_on_is_found_by_the_next_checkpoint() {
    let (lines, checkpoints) = signed();
    for index in 0..lines.len() {
        // An intruder who can write but not sign: every hash after the change is made right again.
        let mut forged = lines.clone();
        forged[index].body = forged[index].body.replacen("allow", "deny", 1);
        let mut previous = if index == 0 { agentstack_audit::GENESIS } else { lines[index - 1].hash };
        for line in &mut forged[index..] {
            line.hash = agentstack_audit::link(&previous, line.sequence, &line.body);
            previous = line.hash;
        }
        let report = verify(&forged, &checkpoints);
        let rewritten = Problem::Rewritten { sequence: 6 };
        assert!(report.problems.contains(&rewritten), "{index}: {:?}", report.problems);
        assert!(verify(&forged, &[]).is_intact(), "without a checkpoint there is nothing to see");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn s44_any_log_is_intact_and_any_change_to_it_is_found(
        drafts in proptest::collection::vec(draft(), 1..8),
        line: Index,
        place: Index,
        bit in 0_u32..7,
    ) {
        let (lines, heads) = chain(&drafts);
        let checkpoints = [Checkpoint::sign(&signing_key(1), heads.last().unwrap(), at(0))];
        prop_assert!(verify(&lines, &checkpoints).is_intact());
        let index = line.index(lines.len());
        let mut changed = lines.clone();
        changed[index].body = flip(&lines[index].body, place.index(lines[index].body.len()), 1 << bit);
        assert_found(&verify(&changed, &checkpoints), "a changed body");
        let mut shorter = lines.clone();
        shorter.remove(index);
        assert_found(&verify(&shorter, &checkpoints), "a deleted line");
    }
}
