//! Agents: to whom entries belong within a session.

use agentstack_core::AgentId;

use super::world::{World, entry, keys, listing, search};
use crate::text::Match;
use crate::{AgentFilter, Listing, Search, StorageError, Target};

fn filter(agent: &str, include_common: bool) -> AgentFilter {
    let agent: AgentId = agent.parse().unwrap();
    AgentFilter { agent, include_common }
}

pub async fn a_bound_caller_sees_its_own_and_common_entries(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("common", "word").await;
    ann.for_agent("a").store("of a", "word").await;
    ann.for_agent("b").store("of b", "word").await;
    let bound = ann.bound_to("a");
    assert_eq!(bound.store("bound", "word").await.agent_id, Some("a".parse().unwrap()));
    assert_eq!(bound.get("of b").await, None);
    assert_eq!(bound.get_at("of b", Target::Version(1)).await, None);
    assert!(bound.history("of b").await.is_empty());
    assert!(bound.get("of a").await.is_some() && bound.get("common").await.is_some());
    let listed = bound.list(listing(10)).await;
    assert_eq!((keys(&listed), listed.total), (ann_keys(&["bound", "of a", "common"]), 3));
    assert_eq!(bound.found("word", Match::Any).await, ["bound", "of a", "common"]);
    assert!(bound.found("b", Match::Any).await.is_empty());
    assert_eq!(bound.list(Listing { agent: Some(filter("b", false)), ..listing(10) }).await.total, 0);
    assert_eq!((bound.status().await.entries, ann.status().await.entries), (3, 4));
    assert_eq!(ann.keys().await.len(), 4);
}

pub async fn a_bound_caller_changes_a_common_entry_without_taking_it(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("common", "word").await;
    let changed = ann.bound_to("a").store("common", "other word").await;
    assert_eq!((changed.agent_id, changed.label.origin.agent_id), (None, Some("a".parse().unwrap())));
    assert_eq!(ann.bound_to("b").get("common").await.unwrap().content, "other word");
}

fn ann_keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

pub async fn a_key_of_another_agent_is_taken(world: &World) {
    let ann = world.local("ann").start().await;
    ann.for_agent("b").store("key", "of b").await;
    let refused = ann.bound_to("a").try_store(entry("key", "of a")).await;
    assert!(matches!(refused, Err(StorageError::KeyTaken)), "{refused:?}");
    assert_eq!(ann.get("key").await.unwrap().content, "of b");
    // Who is not bound may; and then it is the other's no more.
    ann.for_agent("a").store("key", "of a").await;
    assert_eq!(ann.bound_to("a").store("key", "still").await.version, 3);
}

pub async fn a_bound_caller_neither_deletes_nor_restores_anothers(world: &World) {
    let ann = world.local("ann").start().await;
    ann.for_agent("b").store("key", "of b").await;
    let records = world.records().await.len();
    assert!(!ann.bound_to("a").delete("key").await);
    assert_eq!(ann.bound_to("a").restore("key", 1).await, None);
    assert_eq!(world.records().await.len(), records);
    assert_eq!(ann.bound_to("b").restore("key", 1).await.unwrap().version, 2);
    assert!(ann.bound_to("b").delete("key").await);
}

pub async fn a_past_version_of_another_agent_is_hidden(world: &World) {
    let ann = world.local("ann").start().await;
    ann.for_agent("b").store("key", "of b").await;
    ann.store("key", "common").await;
    let bound = ann.bound_to("a");
    assert_eq!(bound.history("key").await.len(), 1);
    assert_eq!(bound.get_at("key", Target::Version(1)).await, None);
    assert_eq!(bound.restore("key", 1).await, None);
    assert_eq!(bound.store("key", "of a").await.version, 3);
    assert_eq!(bound.history_of("key", 2).await.len(), 2);
    assert_eq!(ann.history("key").await.len(), 3);
}

pub async fn in_a_shared_namespace_agents_are_no_border(world: &World) {
    let ann = world.local("ann").start().await.named("team");
    ann.for_agent("b").store("key", "word").await;
    let bound = ann.bound_to("a");
    assert_eq!(bound.get("key").await.unwrap().content, "word");
    assert_eq!(bound.keys().await, ["key"]);
    assert_eq!(bound.found("word", Match::Any).await, ["key"]);
    assert_eq!(bound.store("key", "words").await.version, 2);
    assert_eq!(bound.history("key").await.len(), 2);
    assert_eq!(bound.restore("key", 1).await.unwrap().agent_id, Some("b".parse().unwrap()));
    assert!(bound.delete("key").await);
}

pub async fn a_filter_keeps_to_an_agent(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("common", "word").await;
    ann.for_agent("a").store("of a", "word").await;
    ann.for_agent("b").store("of b", "word").await;
    for (include_common, expected) in [(false, vec!["of a"]), (true, vec!["of a", "common"])] {
        let listed = ann.list(Listing { agent: Some(filter("a", include_common)), ..listing(10) }).await;
        assert_eq!((keys(&listed), listed.total), (ann_keys(&expected), expected.len() as u64));
        let found = ann
            .search(Search { agent: Some(filter("a", include_common)), ..search("word", Match::Any) })
            .await;
        let found: Vec<_> = found.hits.iter().map(|hit| hit.entry.summary.key.as_str()).collect();
        assert_eq!(found, expected);
    }
    assert_eq!(
        ann.list(Listing { agent: Some(filter("A", false)), ..listing(10) }).await.total,
        0,
        "case counts"
    );
}
