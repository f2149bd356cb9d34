//! Lists and their pages.

use super::world::{World, keys, listing, tags};
use crate::{Listing, Page};

pub async fn lists_are_newest_first(world: &World) {
    let ann = world.local("ann").start().await;
    for number in 0..6 {
        // Pairs of entries share a time; then the id decides.
        ann.store(&number.to_string(), "text").await;
        world.clock.advance_millis(if number % 2 == 0 { 0 } else { 1_000 });
    }
    assert_eq!(ann.keys().await, ["5", "4", "3", "2", "1", "0"]);
    let listed = ann.list(listing(100)).await;
    assert!(listed.entries.is_sorted_by_key(|entry| std::cmp::Reverse((entry.updated_at, entry.id))));
    assert_eq!((listed.total, listed.next), (6, None));
}

pub async fn an_update_moves_an_entry_to_the_front(world: &World) {
    let ann = world.local("ann").start().await;
    for key in ["a", "b", "c"] {
        ann.store(key, "text").await;
        world.clock.advance_millis(1);
    }
    ann.store("a", "more").await;
    assert_eq!(ann.keys().await, ["a", "c", "b"]);
    world.clock.advance_millis(1);
    ann.restore("b", 1).await.unwrap();
    assert_eq!(ann.keys().await, ["b", "a", "c"]);
}

pub async fn pages_hold_every_entry_once(world: &World) {
    let ann = world.local("ann").start().await;
    for number in 0..23 {
        ann.store(&number.to_string(), "text").await;
        world.clock.advance_millis(number % 3);
    }
    let all = ann.keys().await;
    for size in [1, 7, 22, 23, 24] {
        let (mut by_cursor, mut page) = (vec![], Page::Offset(0));
        loop {
            let listed = ann.list(Listing { page, ..listing(size) }).await;
            assert!(listed.entries.len() <= size as usize);
            assert_eq!(listed.total, 23);
            by_cursor.extend(keys(&listed));
            let Some(next) = listed.next else { break };
            page = Page::After(next);
        }
        assert_eq!(by_cursor, all, "pages of {size}");
        let mut by_offset = vec![];
        for offset in (0..).step_by(size as usize).take_while(|offset| *offset < 23) {
            by_offset.extend(keys(&ann.list(Listing { page: Page::Offset(offset), ..listing(size) }).await));
        }
        assert_eq!(by_offset, all, "pages of {size}");
    }
    let beyond = ann.list(Listing { page: Page::Offset(23), ..listing(5) }).await;
    assert_eq!((beyond.entries.len(), beyond.total, beyond.next), (0, 23, None));
}

pub async fn a_cursor_is_not_moved_by_new_entries(world: &World) {
    let ann = world.local("ann").start().await;
    for key in ["a", "b", "c", "d", "e", "f"] {
        ann.store(key, "text").await;
        world.clock.advance_millis(1);
    }
    let first = ann.list(listing(2)).await;
    assert_eq!(keys(&first), ["f", "e"]);
    ann.store("new", "text").await;
    ann.delete("f").await;
    let second = ann.list(Listing { page: Page::After(first.next.unwrap()), ..listing(2) }).await;
    assert_eq!(keys(&second), ["d", "c"]);
    // The very entry at which the page ended may have gone.
    ann.delete("c").await;
    let third = ann.list(Listing { page: Page::After(second.next.unwrap()), ..listing(2) }).await;
    assert_eq!((keys(&third), third.next), (vec!["b".to_owned(), "a".to_owned()], None));
}

pub async fn an_entry_must_have_all_the_tags(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store_tagged("both", "text", &["x", "y"]).await;
    ann.store_tagged("x", "text", &["x"]).await;
    ann.store_tagged("null", "text", &["null", "1", "\u{0}", "a\"b"]).await;
    ann.store("none", "text").await;
    let tagged = async |wanted: &[&str]| {
        let listed = ann.list(Listing { tags: tags(wanted), ..listing(10) }).await;
        assert_eq!(listed.total, listed.entries.len() as u64);
        keys(&listed)
    };
    assert_eq!(tagged(&["x"]).await, ["x", "both"]);
    assert_eq!(tagged(&["y", "x"]).await, ["both"]);
    assert_eq!(tagged(&["x", "x"]).await, ["x", "both"]);
    assert!(tagged(&["x", "z"]).await.is_empty());
    assert!(tagged(&["X"]).await.is_empty());
    for odd in ["null", "1", "\u{0}", "a\"b"] {
        assert_eq!(tagged(&[odd]).await, ["null"], "{odd:?}");
    }
}

pub async fn a_list_may_take_in_all_shared_namespaces(world: &World) {
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    for (key, place) in
        [("own", ann.clone()), ("team", bob.named("team")), ("all", bob.named("all")), ("bob's", bob.clone())]
    {
        place.store(key, "text").await;
        world.clock.advance_millis(1);
    }
    assert_eq!(ann.keys().await, ["own"]);
    assert_eq!(ann.with_shared().keys().await, ["all", "team", "own"]);
    assert_eq!(world.local("cid").with_shared().keys().await, ["all", "team"]);
    assert_eq!(bob.named("team").keys().await, ["team"]);
    let page = ann.with_shared().list(listing(2)).await;
    let rest = ann.with_shared().list(Listing { page: Page::After(page.next.unwrap()), ..listing(2) }).await;
    assert_eq!((keys(&rest), rest.total), (vec!["own".to_owned()], 3));
}

pub async fn the_total_is_that_of_the_whole_list(world: &World) {
    let ann = world.local("ann").start().await;
    assert_eq!(ann.list(listing(10)).await.total, 0);
    for number in 0..5 {
        ann.store(&number.to_string(), "text").await;
        ann.store(&number.to_string(), "again").await;
    }
    ann.delete("2").await;
    assert_eq!(ann.list(listing(1)).await.total, 4);
    assert_eq!(ann.list(Listing { page: Page::Offset(3), ..listing(9) }).await.total, 4);
    assert_eq!(ann.named("nowhere").list(listing(10)).await.total, 0);
}
