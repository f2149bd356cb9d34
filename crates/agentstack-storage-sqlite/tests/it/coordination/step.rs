//! What is asked of both stores.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

pub(super) const NAMES: [&str; 3] = ["a", "b", "東京"];
pub(super) const TYPES: [&str; 2] = ["coder", "tester"];

/// Who calls: ann, bob or an operator, on behalf of one of the agents if given.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) number: usize,
    pub(super) agent: Option<usize>,
}

/// What is asked: ids, names, states and so on are given by their numbers.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Spawn {
        name: usize,
        identity: Option<usize>,
        most: u32,
    },
    Change {
        agent: Result<usize, usize>,
        to: usize,
        renew: bool,
    },
    Agent {
        agent: Result<usize, usize>,
    },
    Agents {
        limit: u32,
    },
    Keep {
        name: Option<usize>,
        status: usize,
        kind: usize,
    },
    Alter {
        identity: usize,
        name: Option<usize>,
        status: Option<usize>,
        text: Option<String>,
    },
    Identity {
        identity: Result<usize, usize>,
    },
    Identities {
        status: Option<usize>,
        kind: Option<usize>,
        limit: u32,
        offset: u32,
    },
    Lines {
        identity: usize,
        limit: u32,
    },
    Make {
        parent: Option<usize>,
        relations: Vec<(usize, usize)>,
        drift: Option<(u8, usize)>,
        input: Option<String>,
    },
    Task {
        task: usize,
    },
    Tasks {
        status: Option<usize>,
        before: Option<usize>,
        limit: u32,
    },
    Assign {
        task: usize,
        agent: usize,
    },
    End {
        task: usize,
        failed: bool,
        output: Option<String>,
        entry: Option<(usize, Option<u32>)>,
    },
    Links {
        task: usize,
        direction: usize,
    },
    Lineage {
        task: usize,
        most: u32,
    },
    Note {
        likeness: u8,
    },
    Figures {
        since: Option<i64>,
    },
    Record {
        agents: Vec<usize>,
        identity: Option<usize>,
    },
    Status,
    EndSession,
    Wait {
        millis: i64,
    },
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let (some, name) = (|| 0..6_usize, || 0..NAMES.len());
    let words = || "[a-c東\\x00]{1,9}";
    let agent = || prop_oneof![some().prop_map(Ok), name().prop_map(Err)];
    let limit = || 0..5_u32;
    prop_oneof![
        5 => (name(), weighted(0.4, some()), 1..4_u32)
            .prop_map(|(name, identity, most)| Step::Spawn { name, identity, most }),
        4 => (agent(), 0..5_usize, weighted(0.2, Just(()))).prop_map(|(agent, to, renew)| Step::Change {
            agent, to, renew: renew.is_some()
        }),
        2 => agent().prop_map(|agent| Step::Agent { agent }),
        1 => limit().prop_map(|limit| Step::Agents { limit }),
        2 => (weighted(0.7, name()), 0..4_usize, 0..2_usize)
            .prop_map(|(name, status, kind)| Step::Keep { name, status, kind }),
        3 => (some(), weighted(0.3, name()), weighted(0.6, 0..4_usize), weighted(0.3, words()))
            .prop_map(|(identity, name, status, text)| Step::Alter { identity, name, status, text }),
        1 => agent().prop_map(|identity| Step::Identity { identity }),
        1 => (weighted(0.3, 0..4_usize), weighted(0.3, 0..2_usize), limit(), 0..3_u32)
            .prop_map(|(status, kind, limit, offset)| Step::Identities { status, kind, limit, offset }),
        1 => (some(), limit()).prop_map(|(identity, limit)| Step::Lines { identity, limit }),
        8 => (
            weighted(0.6, some()),
            vec((0..4_usize, some()), 0..3),
            weighted(0.3, (0..9_u8, 0..3_usize)),
            weighted(0.5, words()),
        ).prop_map(|(parent, relations, drift, input)| Step::Make { parent, relations, drift, input }),
        1 => some().prop_map(|task| Step::Task { task }),
        2 => (weighted(0.5, 0..4_usize), weighted(0.3, some()), limit())
            .prop_map(|(status, before, limit)| Step::Tasks { status, before, limit }),
        6 => (some(), some()).prop_map(|(task, agent)| Step::Assign { task, agent }),
        5 => (some(), any::<bool>(), weighted(0.5, words()), weighted(0.4, (name(), weighted(0.3, 0..3_u32))))
            .prop_map(|(task, failed, output, entry)| Step::End { task, failed, output, entry }),
        2 => (some(), 0..3_usize).prop_map(|(task, direction)| Step::Links { task, direction }),
        1 => (some(), limit()).prop_map(|(task, most)| Step::Lineage { task, most }),
        1 => (0..9_u8).prop_map(|likeness| Step::Note { likeness }),
        1 => weighted(0.5, 0..20_000_i64).prop_map(|since| Step::Figures { since }),
        2 => (vec(some(), 0..5), weighted(0.5, some()))
            .prop_map(|(agents, identity)| Step::Record { agents, identity }),
        1 => Just(Step::Status),
        1 => Just(Step::EndSession),
        2 => (1..5_000_i64).prop_map(|millis| Step::Wait { millis }),
    ]
}

pub(super) fn who() -> impl Strategy<Value = Who> {
    let number = prop_oneof![8 => Just(0_usize), 3 => Just(1), 1 => Just(2)];
    (number, weighted(0.4, 0..6_usize)).prop_map(|(number, agent)| Who { number, agent })
}
