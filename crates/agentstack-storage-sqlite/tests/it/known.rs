//! What a store has read before is asked for again once another process has changed anything.

use std::sync::Arc;

use agentstack_access::{Grant, Limits, Role};
use agentstack_core::{ApiToken, TokenId};
use agentstack_storage::conformance::world::{MEMORY_GET, TOKEN_CREATE, TOKEN_REVOKE, World, draft, pending};
use tempfile::TempDir;

use crate::support::{path, world};

/// Two stores over one database, as two processes have them.
async fn two(folder: &TempDir) -> (World, World) {
    (world(&path(folder), true).await, world(&path(folder), true).await)
}

async fn content(world: &World, key: &str) -> Option<String> {
    // Twice, so that the second answer may come from memory.
    let reader = world.local("ann").named("team");
    let first = reader.get(key).await.map(|entry| entry.content);
    assert_eq!(reader.get(key).await.map(|entry| entry.content), first);
    first
}

#[tokio::test]
async fn what_another_process_stored_or_deleted_is_seen_by_the_next_read() {
    let folder = TempDir::new().unwrap();
    let (one, other) = two(&folder).await;
    for round in 0..20 {
        let text = format!("text {round}");
        let writer = other.local("bob").start().await.named("team");
        writer.store("k", &text).await;
        assert_eq!(content(&one, "k").await, Some(text.clone()));
        assert_eq!(content(&other, "k").await, Some(text));
        if round % 3 == 2 {
            writer.delete("k").await;
            assert_eq!(content(&one, "k").await, None);
        }
    }
}

#[tokio::test]
async fn s07_a_session_that_another_process_ended_is_read_no_more() {
    let folder = TempDir::new().unwrap();
    let (one, other) = two(&folder).await;
    let ann = one.local("ann").start().await;
    ann.store("k", "text").await;
    assert!(ann.get("k").await.is_some() && ann.get("k").await.is_some());
    // The scope is from before the end, as that of a call which is under way.
    let scope = ann.scope(&MEMORY_GET).await;
    let ending = other.operator().in_session(ann.session.unwrap());
    ending.end().await;
    let key = "k".parse().unwrap();
    let read = one.store.get(&scope, &key, agentstack_storage::Target::Current).await;
    assert!(matches!(read, Err(agentstack_storage::StorageError::SessionGone)), "{read:?}");
}

#[tokio::test]
async fn a_token_that_another_process_revoked_is_unknown_to_the_next_look() {
    let folder = TempDir::new().unwrap();
    let (one, other) = two(&folder).await;
    let token = ApiToken::generate().unwrap();
    let grant = Grant {
        id: TokenId::generate(),
        subject: "ci".parse().unwrap(),
        role: Role::Agent,
        agent: None,
        limits: Limits::default(),
        created_at: one.now(),
        expires_at: Some(one.now().plus_millis(1_000)),
    };
    let operator = other.operator();
    let scope = operator.scope(&TOKEN_CREATE).await;
    other.store.grant_token(&scope, token.hash(), grant.clone(), pending(&scope)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(one.store.grant(&token.hash(), one.now()).await.unwrap(), Some(grant.clone()));
        // Records change nothing of what is known, whoever writes them.
        one.store.append(&[draft(&scope)]).await.unwrap();
        other.store.append(&[draft(&scope)]).await.unwrap();
    }
    let later = one.now().plus_millis(1_000);
    assert_eq!(one.store.grant(&token.hash(), later).await.unwrap(), None, "its time is over");
    let scope = operator.scope(&TOKEN_REVOKE).await;
    assert!(other.store.revoke_token(&scope, grant.id, pending(&scope)).await.unwrap());
    assert_eq!(one.store.grant(&token.hash(), one.now()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_stored_is_seen_while_records_are_written_all_the_time() {
    let folder = TempDir::new().unwrap();
    let (one, other) = two(&folder).await;
    let writer = other.local("bob").start().await.named("team");
    writer.store("k", "0").await;
    let store = Arc::clone(&one.store);
    let record = draft(&writer.scope(&MEMORY_GET).await);
    let recording = tokio::spawn(async move {
        loop {
            store.append(&[record.clone(), record.clone()]).await.unwrap();
        }
    });
    for round in 1..=30 {
        let text = round.to_string();
        writer.store("k", &text).await;
        assert_eq!(content(&one, "k").await, Some(text));
    }
    recording.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_very_long_text_keeps_nobody_else_from_being_served() {
    let folder = TempDir::new().unwrap();
    let world: &'static World = Box::leak(Box::new(world(&path(&folder), true).await));
    let ann = world.local("ann").start().await;
    let bob = world.local("bob").start().await;
    bob.store("k", "short").await;
    let text = "some words, one after the other; ".repeat(30_000);
    let storing = tokio::spawn(async move { ann.store("long", &text).await });
    // They are on one thread, and the long one comes first.
    tokio::task::yield_now().await;
    let reading = tokio::spawn(async move { bob.get("k").await });
    assert!(reading.await.unwrap().is_some());
    assert!(!storing.is_finished(), "the short one waited for the long one");
    storing.await.unwrap();
}

#[tokio::test]
async fn an_operation_that_another_process_recorded_is_counted_in_the_next_look() {
    let folder = TempDir::new().unwrap();
    let (one, other) = two(&folder).await;
    let ann = one.local("ann").start().await;
    let agent = ann.spawn("a").await;
    ann.store("k", "text").await;
    let record = draft(&ann.as_agent(&agent).scope(&MEMORY_GET).await);
    for operations in 1..6 {
        // Of what is known, the entry stays; what the agent has used is asked for.
        assert_eq!(ann.get("k").await.unwrap().content, "text");
        let store = if operations % 2 == 0 { &one.store } else { &other.store };
        store.append(std::slice::from_ref(&record)).await.unwrap();
        assert_eq!(ann.again(&agent).await.usage.operations, operations);
    }
}
