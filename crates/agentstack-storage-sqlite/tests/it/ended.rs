//! S07: the end of a session can be interrupted anywhere, and is finished at the next start.

use std::fs;
use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use agentstack_core::SessionId;
use agentstack_storage::conformance::world::{SESSION_END, pending};
use tempfile::TempDir;

use crate::support;

/// More than are removed in one transaction.
const ENTRIES: usize = 230;

/// A database with one large session and one small one.
pub(crate) async fn prepare(path: &Path, encrypted: bool, entries: usize) -> (SessionId, SessionId) {
    let world = support::world(path, encrypted).await;
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    for number in 0..entries {
        ann.store(&number.to_string(), &format!("some words of number {number}")).await;
    }
    ann.store("0", "a second version").await;
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
    let ended = world.records().await.iter().filter(|record| record.operation == "session_end").count();
    assert_eq!(ended, usize::from(!alive), "the record is there if and only if it has ended");
    world.store.close().await;
    if !encrypted {
        let left = rows(path).await;
        let expected = if alive { (i64::try_from(entries).unwrap() + 1, 1, 0, 2) } else { (1, 0, 0, 1) };
        assert_eq!((left.0, left.1, left.2, left.3), expected);
        assert_eq!(left.4, left.0, "entries that the index knows");
        assert_eq!(left.5, 0, "blocks of a namespace that is gone");
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
        let done = interrupted(world.store.end(&scope, pending(&scope)), step).await;
        // A statement that was under way comes to its end; then the connection goes.
        world.store.close().await;
        let alive = assert_all_or_nothing(&path, false, ENTRIES, sessions).await;
        if alive {
            kept += 1;
        } else {
            finished += 1;
        }
        if let Some(done) = done {
            assert_eq!(done.unwrap().entries, ENTRIES as u64);
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
    let team = world.local("ann").named("team");
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
