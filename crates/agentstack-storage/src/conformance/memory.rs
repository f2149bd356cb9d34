//! Storing, reading and deleting.

use agentstack_core::limits::CONTENT_CHARS;
use agentstack_core::{Namespace, Trust};

use super::world::{MEMORY_GET, MEMORY_STORE};
use super::world::{World, entry, key, listing, metadata, pending, search, tags};
use crate::text::Match;
use crate::{NewEntry, StorageError, Target};

pub async fn an_entry_is_read_back_as_it_was_stored(world: &World) {
    let ann = world.local("ann").start().await.for_agent("coder");
    let contents = [
        "plain",
        "line\nbreak\r\n\ttab",
        "nul \0 byte",
        "東京 👍🏽 \u{200b}\u{202e}",
        " ",
        "'; --",
        "\u{feff}",
    ];
    for (number, content) in contents.into_iter().enumerate() {
        let name = format!("{content}\u{0}{number}");
        let object = r#"{"n": null, "f": 0.1, "big": 9007199254740993, "x": 5e-324, "y": 123456789.123456789, "l": [{"a": "\u0000é"}]}"#;
        let new = NewEntry {
            metadata: metadata(object),
            tags: tags(&["b", "a", "nul\0", "標籤", "'"]),
            ..entry(&name, content)
        };
        let stored = ann.try_store(new).await.unwrap();
        let read = ann.get(&name).await.unwrap();
        assert_eq!(read.content, content);
        assert_eq!(read.summary, stored);
        assert_eq!(stored.key, key(&name));
        assert_eq!(stored.metadata, metadata(object));
        assert_eq!(stored.tags, tags(&["b", "a", "nul\0", "標籤", "'"]));
        assert_eq!(stored.namespace, Namespace::Session(ann.session.unwrap()));
        assert_eq!(stored.agent_id, Some("coder".parse().unwrap()));
        assert_eq!(stored.chars as usize, content.chars().count());
        assert_eq!((stored.version, stored.created_at, stored.updated_at), (1, world.now(), world.now()));
        assert_eq!(ann.list(listing(1)).await.entries, [stored]);
    }
}

pub async fn a_store_answers_what_a_get_then_shows(world: &World) {
    let ann = world.local("ann").start().await;
    for content in ["first", "second, longer"] {
        world.clock.advance_millis(5);
        let stored = ann.store("key", content).await;
        let read = ann.get("key").await.unwrap();
        assert_eq!((read.summary, read.content.as_str()), (stored.clone(), content));
        assert_eq!(stored.label.origin.principal, "local:ann");
        assert_eq!(stored.label.origin.tool, "memory_store");
        assert_eq!(stored.label.origin.at, world.now());
        assert_eq!(stored.label.trust, Trust::Unverified);
    }
}

pub async fn storing_again_makes_the_next_version(world: &World) {
    let ann = world.local("ann").start().await;
    let first = ann.store_tagged("key", "first", &["old"]).await;
    world.clock.advance_millis(1_000);
    let second = ann.store("key", "second").await;
    assert_eq!((second.id, second.version, second.created_at), (first.id, 2, first.created_at));
    assert_eq!((second.updated_at, second.tags.len()), (world.now(), 0));
    assert_eq!(ann.get("key").await.unwrap().content, "second");
    assert_eq!(ann.keys().await, ["key"]);
}

pub async fn if_version_must_be_the_current_version(world: &World) {
    let ann = world.local("ann").start().await;
    let expecting = |version| NewEntry { if_version: Some(version), ..entry("key", "text") };
    let refused = ann.try_store(expecting(1)).await;
    assert!(matches!(refused, Err(StorageError::VersionConflict { current: 0 })), "{refused:?}");
    assert_eq!(ann.try_store(expecting(0)).await.unwrap().version, 1);
    let refused = ann.try_store(expecting(0)).await;
    assert!(matches!(refused, Err(StorageError::VersionConflict { current: 1 })), "{refused:?}");
    assert_eq!(ann.try_store(expecting(1)).await.unwrap().version, 2);
    let refused = ann.try_store(expecting(1)).await;
    assert!(matches!(refused, Err(StorageError::VersionConflict { current: 2 })), "{refused:?}");
}

pub async fn a_refused_store_changes_nothing(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("key", "kept words").await;
    let records = world.records().await.len();
    let refused = ann.try_store(NewEntry { if_version: Some(7), ..entry("key", "refused words") }).await;
    assert!(refused.is_err());
    assert_eq!(ann.get("key").await.unwrap().content, "kept words");
    assert_eq!(ann.history("key").await.len(), 1);
    assert!(ann.found("refused", Match::Any).await.is_empty());
    assert_eq!(world.records().await.len(), records);
    ann.store("key", "and it goes on").await;
}

pub async fn deletion_leaves_nothing_to_find(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("kept", "alpha gamma").await;
    for content in ["alpha beta", "alpha beta again"] {
        ann.store_tagged("gone", content, &["tag"]).await;
    }
    assert!(ann.delete("gone").await);
    assert_eq!(ann.get("gone").await, None);
    assert_eq!(ann.get_at("gone", Target::Version(1)).await, None);
    assert!(ann.history("gone").await.is_empty());
    assert_eq!(ann.keys().await, ["kept"]);
    assert_eq!(ann.found("alpha", Match::Any).await, ["kept"]);
    assert!(ann.found("beta", Match::Any).await.is_empty());
    assert!(ann.found("alpha beta", Match::Phrase).await.is_empty());
    assert!(ann.found("gon", Match::Prefix).await.is_empty());
    assert_eq!(ann.restore("gone", 1).await, None);
    assert_eq!(ann.status().await.entries, 1);
}

pub async fn deleting_what_is_not_there_is_false(world: &World) {
    let ann = world.local("ann").start().await;
    assert!(!ann.delete("key").await);
    assert!(!ann.named("nowhere").delete("key").await);
    ann.store("key", "text").await;
    assert!(ann.delete("key").await);
    assert!(!ann.delete("key").await);
}

pub async fn a_key_that_was_deleted_begins_anew(world: &World) {
    for place in [world.local("ann").start().await, world.local("ann").start().await.named("team")] {
        let first = place.store("key", "one").await;
        place.store("key", "two").await;
        assert!(place.delete("key").await);
        world.clock.advance_millis(10);
        let anew = place.try_store(NewEntry { if_version: Some(0), ..entry("key", "three") }).await.unwrap();
        assert_ne!(anew.id, first.id);
        assert_eq!((anew.version, anew.created_at), (1, world.now()));
        assert_eq!(place.history("key").await.len(), 1);
        assert!(place.found("one two", Match::Any).await.is_empty());
        assert_eq!(place.found("three", Match::Any).await, ["key"]);
    }
}

pub async fn the_same_key_in_two_namespaces_is_two_entries(world: &World) {
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    let places = [ann.clone(), ann.start().await, bob, ann.named("team"), ann.named("Team")];
    for (number, place) in places.iter().enumerate() {
        assert_eq!(place.get("key").await, None);
        assert_eq!(place.store("key", &format!("text {number}")).await.version, 1);
    }
    for (number, place) in places.iter().enumerate() {
        assert_eq!(place.get("key").await.unwrap().content, format!("text {number}"));
    }
    assert!(places[0].delete("key").await);
    for place in &places[1..] {
        assert!(place.get("key").await.is_some());
    }
}

pub async fn a_shared_namespace_is_everyones_and_outlives_a_session(world: &World) {
    let ann = world.local("ann").start().await;
    ann.named("team").store("key", "lasting words").await;
    ann.end().await;
    let bob = world.local("bob").named("team");
    assert_eq!(bob.get("key").await.unwrap().content, "lasting words");
    assert_eq!(bob.start().await.found("lasting", Match::Any).await, ["key"]);
    // Without a session and a namespace, a call is about the default one.
    bob.start().await.named("default").store("key", "by default").await;
    assert_eq!(world.local("bob").get("key").await.unwrap().content, "by default");
}

pub async fn s19_the_longest_content_is_stored_found_and_deleted(world: &World) {
    let ann = world.local("ann").start().await;
    let unit = "東京都 fooBar👍🏽 ";
    let content: String = unit.chars().cycle().take(CONTENT_CHARS).collect();
    assert_eq!(ann.store("long", &content).await.chars as usize, CONTENT_CHARS);
    assert!(ann.get("long").await.unwrap().content == content);
    assert_eq!(ann.found("foobar", Match::Any).await, ["long"]);
    ann.store("long", "short").await;
    assert!(ann.get_at("long", Target::Version(1)).await.unwrap().content == content);
    ann.restore("long", 1).await.unwrap();
    assert!(ann.delete("long").await);
    assert!(ann.found("foobar", Match::Any).await.is_empty());
}

pub async fn a_closed_store_answers_nothing(world: &World) {
    let ann = world.local("ann").start().await;
    let (get, store) = (ann.scope(&MEMORY_GET).await, ann.scope(&MEMORY_STORE).await);
    world.store.close().await;
    world.store.close().await;
    assert!(matches!(world.store.health().await, Err(StorageError::Unavailable(_))));
    let got = world.store.get(&get, &key("key"), Target::Current).await;
    assert!(matches!(got, Err(StorageError::Unavailable(_))), "{got:?}");
    let stored = world.store.store(&store, entry("key", "text"), pending(&store)).await;
    assert!(matches!(stored, Err(StorageError::Unavailable(_))), "{stored:?}");
    let found = world.store.search(&get, search("text", Match::Any)).await;
    assert!(matches!(found, Err(StorageError::Unavailable(_))), "{found:?}");
}
