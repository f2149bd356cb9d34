//! S07: the end of a session can be interrupted anywhere, and is finished at the next start.

use std::fs;
use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use agentstack_access::Scope;
use agentstack_audit::Draft;
use agentstack_core::{DriftAction, Relation, SessionId};
use agentstack_storage::conformance::Call;
use agentstack_storage::conformance::coordination::{new_agent, new_task, related, text};
use agentstack_storage::conformance::world::{SESSION_END, draft, pending};
use agentstack_storage::{Drift, Ends, NewAgent, NewTask, Removed};
use sqlx::{Connection, Executor};
use tempfile::TempDir;

use crate::support;

/// More than are removed in one transaction.
const ENTRIES: usize = 230;
/// How many agents and tasks the large session has.
const AGENTS: u64 = 30;
const TASKS: u64 = 40;

/// The record of what ends with a session.
pub(crate) fn record(scope: &Scope) -> impl Fn(Ends) -> Draft + Send + Sync {
    let record = Draft { operation: "ended_with_it", ..draft(scope) };
    move |_| record.clone()
}

/// Agents, tasks, relationships and comparisons.
async fn coordinate(call: &Call<'_>) {
    for number in 0..AGENTS {
        call.try_spawn(NewAgent { most: 99, ..new_agent(&number.to_string()) }).await.unwrap();
    }
    let mut last = call.make(new_task()).await.id;
    for number in 1..TASKS {
        let drift = Some(Drift { ancestor: last, similarity: 0.5, action: DriftAction::Allowed });
        let parent = Some(last).filter(|_| number % 8 > 0);
        let input = Some(text("some words"));
        let new = NewTask { drift, parent, input, ..related(&[(Relation::DependsOn, last)]) };
        last = call.make(new).await.id;
    }
}

/// A database with one large session and one small one.
pub(crate) async fn prepare(path: &Path, encrypted: bool, entries: usize) -> (SessionId, SessionId) {
    let world = support::world(path, encrypted).await;
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    for number in 0..entries {
        ann.store(&number.to_string(), &format!("some words of number {number}")).await;
    }
    ann.store("0", "a second version").await;
    coordinate(&ann).await;
    bob.store("key", "some words").await;
    world.store.close().await;
    (ann.session.unwrap(), bob.session.unwrap())
}

/// That the session is either as it was, or gone without a rest; and the other as it was. Says which.
pub(crate) async fn assert_all_or_nothing(
    path: &Path,
    encrypted: bool,
    entries: usize,
    sessions: (SessionId, SessionId),
) -> bool {
    let world = support::world(path, encrypted).await;
    let operator = world.operator();
    assert_eq!(operator.in_session(sessions.1).status().await.entries, 1);
    let alive = operator.in_session(sessions.0).authorize(&SESSION_END).await.is_ok();
    if alive {
        assert_eq!(operator.in_session(sessions.0).status().await.entries, entries as u64);
    }
    assert!(world.verified().await.is_intact());
    let records = world.records().await;
    let of = |operation: &str| records.iter().filter(|record| record.operation == operation).count() as u64;
    let expected = if alive { (0, 0) } else { (1, AGENTS + TASKS) };
    let recorded = (of("session_end"), of("ended_with_it"));
    assert_eq!(recorded, expected, "the records are there if and only if it has ended");
    world.store.close().await;
    if !encrypted {
        let left = rows(path).await;
        let expected = if alive { (i64::try_from(entries).unwrap() + 1, 1, 0, 2) } else { (1, 0, 0, 1) };
        assert_eq!((left.0, left.1, left.2, left.3), expected);
        assert_eq!(left.4, left.0, "entries that the index knows");
        assert_eq!(left.5, 0, "blocks of a namespace that is gone");
        let all = i64::try_from(TASKS).unwrap();
        let links = all - 1 + (all - 1 - (all - 1) / 8);
        let expected =
            if alive { (i64::try_from(AGENTS).unwrap(), all, links, all - 1) } else { (0, 0, 0, 0) };
        assert_eq!(coordination(path).await, expected);
    }
    alive
}

/// Entries, past versions, ended namespaces, namespaces, entries in the index, and blocks of no namespace.
async fn rows(path: &Path) -> (i64, i64, i64, i64, i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM entry_versions), \
         (SELECT count(*) FROM ended_namespaces), (SELECT count(*) FROM namespaces), \
         (SELECT count(*) FROM index_fresh) + (SELECT coalesce(sum(entries), 0) FROM index_segments), \
         (SELECT count(*) FROM index_blocks WHERE id >> 32 NOT IN (SELECT id FROM namespaces))",
    )
    .fetch_one(&mut support::raw(path).await)
    .await
    .unwrap()
}

/// Agents, tasks, relationships and comparisons.
async fn coordination(path: &Path) -> (i64, i64, i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM agents), (SELECT count(*) FROM tasks), \
         (SELECT count(*) FROM task_relations), (SELECT count(*) FROM drift_events)",
    )
    .fetch_one(&mut support::raw(path).await)
    .await
    .unwrap()
}

/// Lets a future go on `times` times, then drops it. `None` if it had not come to its end.
async fn interrupted<F: Future>(future: F, mut times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if times == 0 {
            return Poll::Ready(None);
        }
        times -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn s07_an_end_interrupted_at_any_step_is_finished_at_the_next_start() {
    let folder = TempDir::new().unwrap();
    let original = support::path(&folder);
    let sessions = prepare(&original, false, ENTRIES).await;
    let (mut kept, mut finished) = (0, 0);
    for step in 0.. {
        let copy = TempDir::new().unwrap();
        let path = copy.path().join("store.db");
        fs::copy(&original, &path).unwrap();
        let world = support::world(&path, false).await;
        let scope = world.operator().in_session(sessions.0).scope(&SESSION_END).await;
        let record = record(&scope);
        let done = interrupted(world.store.end(&scope, &record, pending(&scope)), step).await;
        // A statement that was under way comes to its end; then the connection goes.
        world.store.close().await;
        let alive = assert_all_or_nothing(&path, false, ENTRIES, sessions).await;
        if alive {
            kept += 1;
        } else {
            finished += 1;
        }
        if let Some(done) = done {
            let all = Removed { entries: ENTRIES as u64, agents: AGENTS, tasks: TASKS };
            assert_eq!(done.unwrap(), all);
            break;
        }
    }
    // How many steps the first transaction takes depends on how quickly SQLite answers; the start is one always.
    assert!(kept >= 1 && finished >= 1, "both sides of the commit were seen: {kept}, {finished}");
}

#[tokio::test]
async fn s07_a_store_goes_on_after_an_abandoned_call() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let team = world.local("ann").start().await.named("team");
    for step in 0..12 {
        let call = team.clone();
        let key = step.to_string();
        drop(interrupted(async { call.store(&key, "word").await }, step).await);
        // Nothing is stuck; and once the next call has been through, what was abandoned is all there or not at all.
        team.store("last", "word").await;
        let count = team.keys().await.len();
        assert_eq!(team.found("word", agentstack_storage::text::Match::Any).await.len(), count);
    }
    assert!(world.verified().await.is_intact());
}

/// Fills the first session there is.
const FILL: &str = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000) \
    INSERT INTO tasks (namespace, uuid, status, risk, depth, created_at, updated_at, agent_type, input) \
    SELECT (SELECT namespace FROM sessions), randomblob(16), CASE WHEN n % 10 THEN 'assigned' ELSE 'failed' END, 'low', 0, \
    1, 1, randomblob(5), randomblob(200) FROM n; \
    INSERT INTO task_relations (namespace, source, relation, target) SELECT namespace, uuid, 'depends_on', randomblob(16) FROM tasks; \
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000) \
    INSERT INTO agents (namespace, uuid, status, operations, tokens, subtasks, result_at, created_at, updated_at, name_hash, \
    name, agent_type, metadata) SELECT (SELECT namespace FROM sessions), randomblob(16), \
    CASE WHEN n % 10 THEN 'stopped' ELSE 'idle' END, 0, 0, 0, 1, 1, 1, randomblob(16), randomblob(5), randomblob(5), \
    randomblob(5000) FROM n; \
    INSERT INTO drift_events (namespace, at, similarity, action) SELECT namespace, 1, 0.5, 'allowed' FROM tasks";

#[tokio::test]
async fn s07_the_largest_session_ends_with_a_record_of_each_agent_and_task() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let ann = world.local("ann").start().await;
    let mut raw = support::raw(&path).await;
    raw.execute(FILL).await.unwrap();
    raw.close().await.unwrap();
    let scope = ann.scope(&SESSION_END).await;
    let removed = world.store.end(&scope, &record(&scope), pending(&scope)).await.unwrap();
    assert_eq!(removed, Removed { entries: 0, agents: 1_000, tasks: 10_000 });
    assert_eq!(coordination(&path).await, (0, 0, 0, 0));
    let report = world.verified().await;
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.records, 1 + 100 + 9_000 + 1);
}
