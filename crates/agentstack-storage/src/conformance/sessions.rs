//! Sessions: beginning, holders, expiry (S09) and end (S07).

use std::collections::BTreeSet;
use std::sync::Mutex;

use agentstack_access::{Denial, Operation};
use agentstack_audit::{Draft, Outcome};
use agentstack_core::limits::{SESSION_AGE_MS, SESSION_IDLE_MS};
use agentstack_core::{AgentStatus, Namespace, ResumeToken, SessionId, TaskStatus};

use super::coordination::{end, everything, new_agent, new_task};
use super::world::{
    Call, MEMORY_DELETE, MEMORY_GET, MEMORY_HISTORY, MEMORY_LIST, MEMORY_RESTORE, MEMORY_SEARCH,
    MEMORY_STORE, SESSION_ACTIVE, SESSION_END, SESSION_START, SESSION_STATUS, World, draft, entry, key,
    listing, metadata, new_session, origin, pending, search,
};
use crate::text::Match;
use crate::{Ends, Removed, StorageError, Target};

const HOUR: i64 = 60 * 60 * 1_000;

pub async fn a_session_begins_as_asked(world: &World) {
    let ann = world.local("ann");
    for (idle, age, expected) in [(HOUR, 5 * HOUR, HOUR), (5 * HOUR, HOUR, HOUR)] {
        let (new, _) = new_session(world, idle, age);
        let scope = ann.scope(&SESSION_START).await;
        let session = world.store.start(&scope, new.clone(), pending(&scope)).await.unwrap();
        assert_eq!((session.id, session.started_at), (new.id, world.now()));
        assert_eq!(session.expires_at, world.now().plus_millis(expected));
        assert_eq!(session.metadata, metadata(r#"{"purpose": "a test"}"#));
        let status = ann.in_session(new.id).status().await;
        assert_eq!((status.session, status.entries), (session, 0));
    }
}

async fn is_gone(call: &Call<'_>) -> bool {
    matches!(call.authorize(&MEMORY_GET).await, Err(Denial::NotYours))
}

pub async fn s09_an_idle_session_expires(world: &World) {
    let ann = world.local("ann").start_with(new_session(world, HOUR, 100 * HOUR).0).await;
    world.clock.advance_millis(HOUR - 1);
    assert!(!is_gone(&ann.clone()).await);
    world.clock.advance_millis(HOUR);
    assert!(is_gone(&ann).await);
    assert!(ann.active().await.is_empty());
}

pub async fn s09_use_keeps_a_session_alive(world: &World) {
    for idle in [HOUR, 8_000] {
        let ann = world.local("ann").start_with(new_session(world, idle, 100 * HOUR).0).await;
        for number in 0..20 {
            world.clock.advance_millis(idle / 4 * 3);
            match number % 3 {
                0 => drop(ann.store("key", "text").await),
                1 => drop(ann.get("key").await),
                _ => drop(ann.status().await),
            }
        }
        let expires_at = ann.status().await.session.expires_at;
        assert!(expires_at > world.now().plus_millis(idle / 4 * 3), "not much of the idle time is lost");
        assert!(expires_at <= world.now().plus_millis(idle));
    }
}

pub async fn s09_an_old_session_expires_however_busy(world: &World) {
    let ann = world.local("ann").start_with(new_session(world, HOUR, 3 * HOUR).0).await;
    for _ in 0..5 {
        world.clock.advance_millis(HOUR / 2);
        ann.store("key", "text").await;
    }
    assert_eq!(ann.status().await.session.expires_at, world.now().plus_millis(HOUR / 2));
    world.clock.advance_millis(HOUR / 2 - 1);
    ann.store("key", "text").await;
    world.clock.advance_millis(1);
    assert!(is_gone(&ann).await);
}

pub async fn s02_foreign_ended_expired_and_unknown_are_the_same(world: &World) {
    let ann = world.local("ann");
    let ended = ann.start().await;
    ended.end().await;
    let expired = ann.start_with(new_session(world, HOUR, HOUR).0).await;
    world.clock.advance_millis(2 * HOUR);
    let foreign = ann.in_session(world.local("bob").start().await.session.unwrap());
    let other_process = ann.in_session(world.local("ann").start().await.session.unwrap());
    let unknown = ann.in_session(SessionId::generate());
    for call in [ended, expired, foreign, other_process, unknown] {
        let named = call.named(&Namespace::Session(call.session.unwrap()).to_string());
        for operation in [
            &MEMORY_STORE,
            &MEMORY_SEARCH,
            &MEMORY_GET,
            &MEMORY_LIST,
            &MEMORY_DELETE,
            &MEMORY_HISTORY,
            &MEMORY_RESTORE,
            &SESSION_END,
            &SESSION_STATUS,
        ] {
            for call in [&call, &named, &call.named("team"), &call.with_shared()] {
                let denied = call.authorize(operation).await;
                assert!(matches!(denied, Err(Denial::NotYours)), "{denied:?}");
            }
        }
    }
}

/// That every operation is refused with scopes that were good when they were made.
async fn assert_refused(world: &World, calls: &[Call<'_>], meanwhile: impl AsyncFnOnce()) {
    let scope = async |call: &Call<'_>, operation: &'static Operation| call.scope(operation).await;
    let mut scopes = vec![];
    for call in calls {
        scopes.push((
            scope(call, &MEMORY_STORE).await,
            scope(call, &MEMORY_GET).await,
            scope(call, &MEMORY_LIST).await,
            [scope(call, &SESSION_STATUS).await, scope(call, &SESSION_END).await],
        ));
    }
    meanwhile().await;
    let records = world.records().await.len();
    let gone = |result: Option<StorageError>| {
        assert!(matches!(result, Some(StorageError::SessionGone)), "{result:?}");
    };
    let key = key("key");
    for (write, read, reads, sessions) in &scopes {
        let store = &world.store;
        gone(store.store(write, entry("key", "text"), pending(write)).await.err());
        gone(store.delete(write, &key, pending(write)).await.err());
        gone(store.restore(write, &key, 1, origin(write), pending(write)).await.err());
        gone(store.get(read, &key, Target::Current).await.err());
        gone(store.get(read, &key, Target::Version(1)).await.err());
        gone(store.history(read, &key, 10).await.err());
        gone(store.list(reads, listing(10)).await.err());
        gone(store.search(reads, search("text", Match::Any)).await.err());
        gone(store.search(reads, search("", Match::Any)).await.err());
        gone(store.search(reads, search("some text", Match::Phrase)).await.err());
        gone(store.status(&sessions[0]).await.err());
        gone(store.end(&sessions[1], &|_| draft(&sessions[1]), pending(&sessions[1])).await.err());
    }
    assert_eq!(world.records().await.len(), records, "what is refused writes no record of success");
}

pub async fn a_scope_ends_with_its_session(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("key", "some text").await;
    ann.named("team").store("key", "some text").await;
    let calls = [ann.clone(), ann.named("team"), ann.with_shared(), ann.named("nowhere")];
    assert_refused(world, &calls, async || assert_eq!(ann.end().await.entries, 1)).await;
    assert!(ann.in_session(ann.start().await.session.unwrap()).named("team").get("key").await.is_some());
}

pub async fn a_scope_expires_with_its_session(world: &World) {
    // A scope carries its time: what is refused is a call that was let in too late by an old standing.
    let ann = world.local("ann").start_with(new_session(world, HOUR, HOUR).0).await;
    ann.store("key", "some text").await;
    world.clock.advance_millis(HOUR - 1);
    ann.store("key", "still some text").await;
    world.clock.advance_millis(1);
    assert!(is_gone(&ann).await);
    let owner = world.operator().in_session(ann.session.unwrap());
    assert_eq!(owner.end().await, Removed { entries: 1, agents: 0, tasks: 0 });
}

pub async fn a_resume_token_makes_another_holder(world: &World) {
    let ann = world.local("ann");
    let (new, token) = new_session(world, HOUR, 3 * HOUR);
    let ann = ann.start_with(new).await;
    ann.store("key", "text").await;
    world.clock.advance_millis(HOUR / 2);
    let later = world.local("ann").in_session(ann.session.unwrap());
    assert!(is_gone(&later).await);
    let session = later.resume(&token).await.unwrap();
    assert_eq!((session.id, session.started_at), (ann.session.unwrap(), world.now().plus_millis(-HOUR / 2)));
    assert_eq!(session.expires_at, world.now().plus_millis(HOUR));
    assert_eq!(session.metadata, metadata(r#"{"purpose": "a test"}"#));
    assert_eq!(later.get("key").await.unwrap().content, "text");
    assert_eq!(ann.get("key").await.unwrap().content, "text", "the first holder stays one");
    assert!(later.resume(&token).await.is_some(), "twice does no harm");
    assert_eq!(later.active().await.len(), 1);
    later.end().await;
    assert!(is_gone(&ann).await);
}

pub async fn a_resume_token_of_no_live_session_is_none(world: &World) {
    let (new, ended) = new_session(world, HOUR, HOUR);
    world.local("ann").start_with(new).await.end().await;
    let (new, expired) = new_session(world, HOUR, HOUR);
    world.local("ann").start_with(new).await;
    world.clock.advance_millis(HOUR);
    let records = world.records().await.len();
    let bob = world.local("bob");
    for token in [ended, expired, ResumeToken::generate().unwrap()] {
        assert_eq!(bob.resume(&token).await, None);
    }
    assert!(bob.active().await.is_empty());
    assert_eq!(world.records().await.len(), records);
}

pub async fn s07_the_end_removes_everything_of_the_session_and_nothing_else(world: &World) {
    let ann = world.local("ann").start().await;
    let (other, bob) = (ann.start().await, world.local("bob").start().await);
    for call in [&ann, &other, &bob, &ann.named("team")] {
        for number in 0..5 {
            call.for_agent("a").store(&number.to_string(), "first text").await;
            call.store(&number.to_string(), "second text").await;
        }
    }
    assert_eq!(ann.end().await, Removed { entries: 5, agents: 0, tasks: 0 });
    assert!(is_gone(&ann).await);
    assert!(matches!(ann.authorize(&SESSION_END).await, Err(Denial::NotYours)), "a second end finds nothing");
    for call in [other.clone(), bob, other.named("team")] {
        assert_eq!(call.keys().await.len(), 5);
        assert_eq!(call.found("second", Match::Any).await.len(), 5);
        assert_eq!(call.history("3").await.len(), 2);
    }
    // An operator oversees sessions, not memory.
    assert!(matches!(
        world.operator().in_session(other.session.unwrap()).authorize(&MEMORY_GET).await,
        Err(Denial::NotYours)
    ));
    assert_eq!(ann.start().await.end().await, Removed::default());
}

pub async fn s09_an_operator_sees_and_ends_any_session(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("key", "text").await;
    let operator = world.operator().in_session(ann.session.unwrap());
    assert_eq!(operator.status().await, ann.status().await);
    assert_eq!(world.operator().active().await.len(), 1);
    assert_eq!(operator.end().await.entries, 1);
    assert!(is_gone(&ann).await);
    assert!(operator.authorize(&SESSION_STATUS).await.is_err());
}

pub async fn active_sessions_are_the_callers_own_newest_first(world: &World) {
    let ann = world.local("ann");
    let mut started = vec![];
    for _ in 0..3 {
        started.insert(0, ann.start().await.session.unwrap());
        world.clock.advance_millis(1_000);
    }
    world.local("bob").start().await;
    let active: Vec<_> = ann.active().await.iter().map(|session| session.id).collect();
    assert_eq!(active, started);
    ann.in_session(started[1]).end().await;
    assert_eq!(ann.active().await.len(), 2);
    assert_eq!(world.operator().active().await.len(), 3);
    assert!(world.local("ann").active().await.is_empty(), "another process is another holder");
}

pub async fn expired_sessions_are_shown_to_operators(world: &World) {
    let idle = world.local("ann").start_with(new_session(world, HOUR, 9 * HOUR).0).await;
    let old = world.local("bob").start_with(new_session(world, 9 * HOUR, HOUR).0).await;
    let live = world.local("cid").start_with(new_session(world, SESSION_IDLE_MS, SESSION_AGE_MS).0).await;
    let operator = world.operator();
    let expired = async |call: &Call<'_>| {
        let scope = call.scope(&SESSION_ACTIVE).await;
        BTreeSet::from_iter(world.store.expired(&scope).await.unwrap())
    };
    assert!(expired(&operator).await.is_empty());
    world.clock.advance_millis(HOUR);
    assert_eq!(expired(&operator).await, BTreeSet::from([idle.session.unwrap(), old.session.unwrap()]));
    assert!(expired(&live).await.is_empty());
    for call in [idle, old] {
        operator.in_session(call.session.unwrap()).end().await;
    }
    assert!(expired(&operator).await.is_empty());
    assert_eq!(operator.active().await.len(), 1);
}

pub async fn status_counts_the_entries(world: &World) {
    let ann = world.local("ann").start().await;
    for key in ["a", "b", "a", "c"] {
        ann.store(key, "text").await;
        ann.named("team").store(key, "text").await;
    }
    assert_eq!(ann.status().await.entries, 3);
    ann.delete("b").await;
    assert_eq!(ann.status().await.entries, 2);
}

pub async fn figures_are_of_what_there_is_of_everybodys(world: &World) {
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    for key in ["a", "b", "a"] {
        ann.store(key, "text").await;
        bob.named("team").store(key, "text").await;
    }
    let figures = ann.figures().await;
    assert_eq!((figures.sessions, figures.entries), (2, 4));
    // Two starts and six stores, each with its record.
    assert_eq!(figures.audit_sequence, 8);
    bob.end().await;
    world.clock.advance_millis(1_000);
    assert_eq!((ann.figures().await.sessions, ann.figures().await.entries), (1, 4), "what is shared stays");
    world.clock.advance_millis(SESSION_IDLE_MS);
    assert_eq!(ann.figures().await.sessions, 0, "what has expired is no longer alive");
}

pub async fn status_counts_agents_and_tasks_that_go_on(world: &World) {
    let ann = world.local("ann").start().await;
    let counts = async |call: &Call<'_>| {
        let status = call.status().await;
        (status.agents, status.tasks)
    };
    assert_eq!(counts(&ann).await, (0, 0));
    let (agent, other) = (ann.spawn("a").await, ann.spawn("b").await);
    let (task, next) = (ann.make(new_task()).await, ann.make(new_task()).await);
    assert_eq!(counts(&ann).await, (2, 2));
    ann.bring(&other, AgentStatus::Failed).await;
    ann.assign(&task, &other).await;
    assert_eq!(counts(&ann).await, (2, 2));
    ann.stop(&agent).await;
    ann.complete(&task).await;
    ann.try_end(next.id, end(TaskStatus::Failed)).await.unwrap();
    assert_eq!(counts(&ann).await, (1, 0));
    assert_eq!(counts(&world.operator().in_session(ann.session.unwrap())).await, (1, 0));
}

pub async fn s07_the_end_records_each_agent_and_task_that_goes_on(world: &World) {
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    let mut expected = vec![];
    // Those whose ids come later are made first.
    let mut agents: Vec<_> = ["a", "b", "c"].map(new_agent).into();
    let mut tasks: Vec<_> = (0..4).map(|_| new_task()).collect();
    expected.extend([agents[0].id, agents[2].id].map(Ends::Agent));
    expected.extend([tasks[0].id, tasks[1].id].map(Ends::Task));
    while let (agent, Some(task)) = (agents.pop(), tasks.pop()) {
        if let Some(agent) = agent {
            ann.try_spawn(agent).await.unwrap();
        }
        ann.make(task).await;
    }
    let listed = ann.tasks(everything()).await.tasks;
    ann.stop(&ann.agent_named("b").await.unwrap()).await;
    ann.assign(&listed[2], &ann.agent_named("a").await.unwrap()).await;
    ann.complete(&listed[0]).await;
    ann.try_end(listed[1].id, end(TaskStatus::Failed)).await.unwrap();
    ann.store("key", "text").await;
    let kept = (bob.spawn("a").await, bob.make(new_task()).await);
    let before = world.records().await.len();
    let scope = ann.scope(&SESSION_END).await;
    let asked = Mutex::new(vec![]);
    let record = |ends: Ends| {
        let mut asked = asked.lock().unwrap();
        asked.push(ends);
        Draft { duration_us: asked.len() as u64, operation: "ended_with_it", ..draft(&scope) }
    };
    let removed = world.store.end(&scope, &record, pending(&scope)).await.unwrap();
    assert_eq!(removed, Removed { entries: 1, agents: 3, tasks: 4 });
    assert_eq!(*asked.lock().unwrap(), expected, "agents, then tasks, in the order of their ids");
    let records = world.records().await.split_off(before);
    let (last, each) = records.split_last().unwrap();
    let each: Vec<_> = each.iter().map(|one| (one.operation.as_str(), one.duration_us)).collect();
    assert_eq!(each, [1, 2, 3, 4].map(|number| ("ended_with_it", number)));
    assert_eq!((last.operation.as_str(), last.outcome), ("session_end", Outcome::Ok));
    let counts: Vec<_> = last.counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(counts, [("agents", 3), ("entries", 1), ("tasks", 4)]);
    assert!(world.verified().await.is_intact());
    assert_eq!((bob.again(&kept.0).await, bob.task(kept.1.id).await), (kept.0, Some(kept.1)));
    let status = bob.status().await;
    assert_eq!((status.agents, status.tasks), (1, 1), "another session goes on");
}
