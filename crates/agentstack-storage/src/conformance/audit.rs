//! The audit log (S44, S45), counts and health.

use agentstack_access::Scope;
use agentstack_audit::{Checkpoint, Head, Outcome, Problem, Record, SigningKey};
use agentstack_core::Secret;
use agentstack_core::limits::{SESSION_AGE_MS, SESSION_IDLE_MS};

use super::world::{
    MEMORY_DELETE, MEMORY_RESTORE, MEMORY_STORE, SESSION_END, SESSION_START, SYSTEM_STATUS, World, draft,
    entry, key, new_session, origin, pending,
};
use crate::{Counts, NewEntry};

/// That the log has grown by one record, which is the call's.
async fn assert_recorded(world: &World, before: &mut usize, scope: &Scope, counts: &[(&str, u64)]) -> Record {
    let records = world.records().await;
    assert_eq!(records.len(), *before + 1, "one record for {}", scope.operation().name);
    *before += 1;
    let record = records.into_iter().next_back().unwrap();
    assert_eq!(record.sequence, *before as u64);
    assert_eq!(record.request, scope.request());
    assert_eq!(record.operation, scope.operation().name);
    assert_eq!(record.principal, scope.principal().name());
    assert_eq!(record.outcome, Outcome::Ok);
    assert_eq!(record.at, scope.at().to_string());
    let counted: Vec<_> = record.counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(counted, counts);
    record
}

pub async fn s45_each_mutation_writes_one_record(world: &World) {
    let (store, ann) = (&world.store, world.local("ann"));
    let mut records = 0;
    let (new, token) = new_session(world, SESSION_IDLE_MS, SESSION_AGE_MS);
    let id = new.id;
    let scope = ann.scope(&SESSION_START).await;
    store.start(&scope, new, pending(&scope)).await.unwrap();
    assert_eq!(assert_recorded(world, &mut records, &scope, &[]).await.session, Some(id));
    let bob = world.local("bob");
    let scope = bob.scope(&SESSION_START).await;
    store.resume(&scope, token.hash(), pending(&scope)).await.unwrap().unwrap();
    assert_eq!(assert_recorded(world, &mut records, &scope, &[]).await.session, Some(id));
    let ann = ann.in_session(id).for_agent("coder");
    for _ in 0..2 {
        let scope = ann.scope(&MEMORY_STORE).await;
        store.store(&scope, entry("key", "text"), pending(&scope)).await.unwrap();
        let record = assert_recorded(world, &mut records, &scope, &[]).await;
        assert_eq!((record.session, record.agent), (Some(id), Some("coder".parse().unwrap())));
    }
    let scope = ann.scope(&MEMORY_RESTORE).await;
    store.restore(&scope, &key("key"), 1, origin(&scope), pending(&scope)).await.unwrap().unwrap();
    assert_recorded(world, &mut records, &scope, &[]).await;
    let scope = ann.scope(&MEMORY_DELETE).await;
    assert!(store.delete(&scope, &key("key"), pending(&scope)).await.unwrap());
    assert_recorded(world, &mut records, &scope, &[("entries", 1)]).await;
    ann.store("another", "text").await;
    records += 1;
    let scope = ann.scope(&SESSION_END).await;
    store.end(&scope, &|_| draft(&scope), pending(&scope)).await.unwrap();
    assert_recorded(world, &mut records, &scope, &[("agents", 0), ("entries", 1), ("tasks", 0)]).await;
    assert!(world.verified().await.is_intact());
}

pub async fn s45_what_did_not_happen_writes_none(world: &World) {
    let ann = world.local("ann").start().await;
    ann.for_agent("b").store("key", "text").await;
    let records = world.records().await;
    assert!(ann.try_store(NewEntry { if_version: Some(3), ..entry("key", "text") }).await.is_err());
    assert!(ann.bound_to("a").try_store(entry("key", "text")).await.is_err());
    assert!(!ann.delete("nothing").await);
    assert_eq!(ann.restore("key", 9).await, None);
    ann.get("key").await;
    ann.history("key").await;
    ann.keys().await;
    ann.found("text", crate::text::Match::Any).await;
    ann.status().await;
    ann.active().await;
    assert_eq!(world.records().await, records);
    ann.store("other", "and the log goes on").await;
    assert_eq!(world.records().await.len(), records.len() + 1);
    assert!(world.verified().await.is_intact());
}

pub async fn records_are_appended_in_order(world: &World) {
    let scope = world.local("ann").scope(&SYSTEM_STATUS).await;
    world.store.append(&[]).await.unwrap();
    assert!(world.records().await.is_empty());
    let drafts: Vec<_> = (0..20)
        .map(|number| {
            let mut draft = draft(&scope);
            draft.principal = format!("\"naughty\"\n\0\u{202e}👍 {number}");
            draft.duration_us = number;
            draft
        })
        .collect();
    let (first, rest) = drafts.split_at(1);
    world.store.append(first).await.unwrap();
    world.store.append(rest).await.unwrap();
    let records = world.records().await;
    assert_eq!(records.len(), 20);
    for (record, draft) in records.iter().zip(&drafts) {
        assert_eq!((&record.principal, record.duration_us), (&draft.principal, draft.duration_us));
    }
    assert!(world.verified().await.is_intact());
}

pub async fn s44_the_log_verifies_with_its_checkpoints(world: &World) {
    let ann = world.local("ann").start().await;
    let scope = world.operator().scope(&SYSTEM_STATUS).await;
    let mut last = None;
    for number in 0..3 {
        ann.store("key", &number.to_string()).await;
        last = world.store.checkpoint(&scope).await.unwrap();
        world.clock.advance_millis(1_000);
    }
    let scope = world.operator().scope(&SYSTEM_STATUS).await;
    let again = world.store.checkpoint(&scope).await.unwrap().unwrap();
    assert!(again.is_genuine() && again.key == world.verifying);
    assert_eq!(Some(&again), last.as_ref(), "of the same records there is one");
    let kept = world.store.checkpoints(&scope).await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.sequence).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(kept.last(), Some(&again));
    ann.store("key", "unsigned").await;
    let report = world.verified().await;
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.checkpoints_verified, report.unsigned_tail), (5, 3, 1));
}

pub async fn s44_a_key_follows_another_which_signs_no_later_record(world: &World) {
    let ann = world.local("ann").start().await;
    let former = SigningKey::new(&Secret::new([77; 32]));
    let signed = async |sequence: u64| {
        let scope = world.operator().scope(&SYSTEM_STATUS).await;
        let line = world.store.lines(&scope, sequence - 1, 1).await.unwrap().remove(0);
        Checkpoint::sign(&former, &Head { sequence, hash: line.hash }, scope.at())
    };
    let succeed = async || {
        let scope = world.operator().scope(&SYSTEM_STATUS).await;
        world.store.succeed(&scope, &former.verifying_key(), pending(&scope)).await.unwrap()
    };
    ann.store("key", "text").await;
    let early = signed(2).await;
    let report = world.verified_with(vec![early.clone()]).await;
    assert!(matches!(report.problems[..], [Problem::UntrustedCheckpoint { sequence: 2, .. }]), "{report:?}");
    assert!(succeed().await);
    assert!(!succeed().await, "once is enough");
    ann.store("key", "more").await;
    // The record of it is signed by the new key.
    let report = world.verified_with(vec![early.clone()]).await;
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.checkpoints_verified, report.unsigned_tail), (4, 2, 1));
    let report = world.verified_with(vec![early, signed(4).await]).await;
    assert!(matches!(report.problems[..], [Problem::UntrustedCheckpoint { sequence: 4, .. }]), "{report:?}");
    let user = ann.scope(&SYSTEM_STATUS).await;
    assert!(world.store.former_keys(&user).await.unwrap().is_empty());
    // And it goes on being signed.
    let scope = world.operator().scope(&SYSTEM_STATUS).await;
    assert_eq!(world.store.checkpoint(&scope).await.unwrap().unwrap().sequence, 4);
    assert!(world.verified().await.is_intact());
}

pub async fn an_empty_log_has_no_checkpoint(world: &World) {
    let scope = world.operator().scope(&SYSTEM_STATUS).await;
    assert_eq!(world.store.checkpoint(&scope).await.unwrap(), None);
    assert!(world.store.checkpoints(&scope).await.unwrap().is_empty());
}

pub async fn the_log_is_shown_to_operators_only(world: &World) {
    let ann = world.local("ann").start().await;
    for number in 0..5 {
        ann.store("key", &number.to_string()).await;
    }
    let (operator, user) = (world.operator().scope(&SYSTEM_STATUS).await, ann.scope(&SYSTEM_STATUS).await);
    world.store.checkpoint(&operator).await.unwrap();
    let lines = world.store.lines(&operator, 2, 3).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.sequence).collect::<Vec<_>>(), [3, 4, 5]);
    assert!(world.store.lines(&operator, 6, 10).await.unwrap().is_empty());
    assert!(world.store.lines(&operator, u64::MAX, 10).await.unwrap().is_empty());
    assert!(world.store.lines(&user, 0, 10).await.unwrap().is_empty());
    for (before, limit, expected) in [
        (None, 2, &[6, 5][..]),
        (Some(5), 3, &[4, 3, 2]),
        (Some(2), 9, &[1]),
        (Some(1), 9, &[]),
        (Some(u64::MAX), 1, &[6]),
    ] {
        let lines = world.store.lines_before(&operator, before, limit).await.unwrap();
        assert_eq!(lines.iter().map(|line| line.sequence).collect::<Vec<_>>(), expected);
    }
    assert!(world.store.lines_before(&user, None, 10).await.unwrap().is_empty());
    assert!(world.store.checkpoints(&user).await.unwrap().is_empty());
}

pub async fn counts_are_the_callers_own(world: &World) {
    let ann = world.local("ann");
    let count = async |call: &super::Call<'_>| {
        let scope = call.scope(&SYSTEM_STATUS).await;
        world.store.counts(&scope).await.unwrap()
    };
    assert_eq!(count(&ann).await, Counts::default());
    let (first, second) = (ann.start().await, ann.start_with(new_session(world, 1_000, 1_000).0).await);
    for call in [&first, &second, &world.local("bob").start().await, &first.named("team")] {
        call.store("a", "text").await;
        call.store("b", "text").await;
    }
    assert_eq!(count(&ann).await, Counts { sessions: 2, entries: 4 });
    first.delete("a").await;
    assert_eq!(count(&ann).await, Counts { sessions: 2, entries: 3 });
    world.clock.advance_millis(1_000);
    assert_eq!(count(&ann).await, Counts { sessions: 1, entries: 1 }, "what has expired does not count");
    first.end().await;
    assert_eq!(count(&ann).await, Counts::default());
}

pub async fn housekeeping_takes_nothing_away(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("key", "text").await;
    ann.start().await.end().await;
    let records = world.records().await;
    for _ in 0..2 {
        world.store.keep_house().await.unwrap();
    }
    assert_eq!(ann.get("key").await.unwrap().content, "text");
    assert_eq!(world.records().await, records);
}

pub async fn a_store_says_what_it_is(world: &World) {
    let health = world.store.health().await.unwrap();
    assert!(!health.backend.is_empty() && !health.version.is_empty());
}
