//! History and restoration.

use agentstack_core::limits::VERSIONS_KEPT;

use super::world::World;
use crate::Target;
use crate::text::Match;

pub async fn history_is_newest_first_with_the_current_one(world: &World) {
    let ann = world.local("ann").start().await;
    let start = world.now();
    for number in 1..=4 {
        ann.for_agent(&format!("agent-{number}"))
            .store_tagged("key", &format!("text {number}"), &["t"])
            .await;
        world.clock.advance_millis(1_000);
    }
    let history = ann.history("key").await;
    let seen: Vec<_> = history.iter().map(|version| (version.version, version.content.as_str())).collect();
    assert_eq!(seen, [(4, "text 4"), (3, "text 3"), (2, "text 2"), (1, "text 1")]);
    assert_eq!(history[3].stored_at, start);
    assert_eq!(history[3].label.origin.at, start);
    assert_eq!(history[1].agent_id, Some("agent-3".parse().unwrap()));
    assert_eq!(history[1].label.origin.agent_id, history[1].agent_id);
    assert_eq!(ann.history_of("key", 2).await, history[..2]);
    assert_eq!(ann.history_of("key", 1).await, history[..1]);
}

pub async fn every_version_can_be_read(world: &World) {
    let ann = world.local("ann").start().await;
    let first = ann.store_tagged("key", "first", &["one"]).await;
    world.clock.advance_millis(1_000);
    let second = ann.store_tagged("key", "the second", &["two"]).await;
    let read = ann.get_at("key", Target::Version(1)).await.unwrap();
    assert_eq!((read.summary, read.content.as_str()), (first, "first"));
    let read = ann.get_at("key", Target::Version(2)).await.unwrap();
    assert_eq!((read.summary, read.content.as_str()), (second, "the second"));
    for absent in [0, 3, u32::MAX] {
        assert_eq!(ann.get_at("key", Target::Version(absent)).await, None);
    }
}

pub async fn the_oldest_version_goes_first(world: &World) {
    let ann = world.local("ann").start().await;
    for number in 1..=VERSIONS_KEPT + 3 {
        ann.store("key", &format!("text {number}")).await;
    }
    let history = ann.history("key").await;
    assert_eq!(history.len(), VERSIONS_KEPT as usize + 1);
    assert_eq!(history[0].version, VERSIONS_KEPT + 3);
    assert_eq!(history.last().unwrap().version, 3);
    assert_eq!(ann.get_at("key", Target::Version(2)).await, None);
    assert!(ann.get_at("key", Target::Version(3)).await.is_some());
    assert_eq!(ann.restore("key", 2).await, None);
}

pub async fn a_restored_version_is_the_next_one_with_its_own_label(world: &World) {
    let ann = world.local("ann").start().await;
    let first = ann.for_agent("coder").store_tagged("key", "the first", &["one"]).await;
    ann.store("key", "second").await;
    world.clock.advance_millis(1_000);
    let restored = ann.restore("key", 1).await.unwrap();
    assert_eq!((restored.id, restored.version, restored.created_at), (first.id, 3, first.created_at));
    assert_eq!(
        (&restored.tags, &restored.agent_id, restored.chars),
        (&first.tags, &first.agent_id, first.chars)
    );
    assert_eq!(restored.updated_at, world.now());
    assert_eq!(restored.label.origin.tool, "memory_restore");
    assert_eq!(restored.label.origin.at, world.now());
    let read = ann.get("key").await.unwrap();
    assert_eq!((read.summary, read.content.as_str()), (restored, "the first"));
    assert_eq!(ann.history("key").await.len(), 3);
    assert_eq!(ann.found("first", Match::Any).await, ["key"]);
    assert!(ann.found("second", Match::Any).await.is_empty());
    assert_eq!(ann.restore("key", 3).await.unwrap().version, 4, "the current one may be stored again too");
}

pub async fn restoring_what_is_not_there_is_none(world: &World) {
    let ann = world.local("ann").start().await;
    let records = world.records().await.len();
    assert_eq!(ann.restore("key", 1).await, None);
    assert_eq!(ann.named("nowhere").restore("key", 1).await, None);
    ann.store("key", "text").await;
    for absent in [0, 2, u32::MAX] {
        assert_eq!(ann.restore("key", absent).await, None);
    }
    assert_eq!(ann.history("key").await.len(), 1);
    assert_eq!(world.records().await.len(), records + 1);
}

pub async fn only_the_current_version_is_searched(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("key", "apples and pears").await;
    ann.store("key", "pears and cherries").await;
    assert!(ann.found("apples", Match::Any).await.is_empty());
    assert_eq!(ann.found("cherries", Match::Any).await, ["key"]);
    let scored = ann.search(super::world::search("pears", Match::Any)).await.hits;
    let fresh = ann.start().await;
    fresh.store("key", "pears and cherries").await;
    let anew = fresh.search(super::world::search("pears", Match::Any)).await.hits;
    assert_eq!(scored.len(), 1);
    assert!((scored[0].score - anew[0].score).abs() < f64::EPSILON, "the past moves no score");
}

pub async fn the_history_of_nothing_is_empty(world: &World) {
    let ann = world.local("ann").start().await;
    assert!(ann.history("key").await.is_empty());
    assert!(ann.named("nowhere").history("key").await.is_empty());
}
