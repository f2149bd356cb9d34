//! Pages: together they are the whole, each part once.

use serde_json::{Value, json};

use crate::support::{Client, World};

/// The content under a key, put together from its pieces.
async fn pieces(client: &Client<'_>, key: &str, length: Option<u32>) -> (String, usize) {
    let (mut content, mut many, mut offset) = (String::new(), 0, json!(0));
    loop {
        let mut arguments = json!({ "key": key, "offset": offset });
        if let Some(length) = length {
            arguments["length"] = json!(length);
        }
        let got = client.ok("memory_get", arguments).await;
        let entry = &got["entry"];
        let piece = entry["content"].as_str().unwrap();
        assert!(!piece.is_empty(), "a piece has something in it");
        content.push_str(piece);
        many += 1;
        match entry.get("nextOffset") {
            Some(next) => {
                assert_eq!(entry["truncated"], true);
                assert_eq!(next.as_u64().unwrap(), content.chars().count() as u64);
                offset = next.clone();
            }
            None => return (content, many),
        }
    }
}

#[tokio::test]
async fn the_pieces_of_a_content_are_the_content() {
    let world = World::new();
    let client = world.client("planner").await;
    for letter in ["a", "\"", "\n", "\u{1}", "👍", "e\u{301}", "mixed \u{0}\"猫"] {
        for many in [1, 1_000, 80_000] {
            let stored = letter.repeat(many);
            client.store("long", &stored).await;
            let (content, _) = pieces(&client, "long", None).await;
            assert!(content == stored, "{many} × {letter:?}");
        }
    }
    let stored = "0123456789".repeat(10);
    client.store("short", &stored).await;
    assert_eq!(pieces(&client, "short", Some(7)).await, (stored.clone(), 15));
    let past = client.ok("memory_get", json!({ "key": "short", "offset": 100 })).await;
    assert_eq!((&past["entry"]["content"], &past["entry"]["chars"]), (&json!(""), &json!(100)));
}

/// A principal whose name alone fills what would be left beside the largest entry.
async fn talkative(world: &World) -> Client<'_> {
    world.client(&"\"".repeat(1_000)).await
}

#[tokio::test]
async fn the_longest_content_beside_the_largest_rest_is_read_to_its_end() {
    let world = World::new();
    let client = talkative(&world).await;
    let tags: Vec<String> = (0..32).map(|tag| format!("{}{tag:02}", "\u{1}".repeat(62))).collect();
    let stored = "\u{1}".repeat(20_000);
    let entry = json!({
        "key": "\u{1}".repeat(255), "content": stored, "tags": tags, "agentId": "👍".repeat(128),
        "metadata": { "m": "m".repeat(65_536 - 8) },
    });
    client.ok("memory_store", entry).await;
    let (content, many) = pieces(&client, &"\u{1}".repeat(255), None).await;
    assert!(content == stored, "in {many} pieces");
}

/// All that the pages of an answer hold, told by key.
async fn all(client: &Client<'_>, name: &str, arguments: Value) -> Vec<String> {
    let mut keys = Vec::new();
    let mut arguments = arguments;
    for _ in 0..10_000 {
        let page = client.ok(name, arguments.clone()).await;
        let items = page.get("results").or_else(|| page.get("entries")).unwrap().as_array().unwrap();
        keys.extend(items.iter().map(|item| item["key"].as_str().unwrap().to_owned()));
        match page.get("nextCursor") {
            Some(cursor) => arguments["cursor"] = cursor.clone(),
            None => return keys,
        }
    }
    panic!("{name} does not come to an end; {} so far", keys.len());
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}

#[tokio::test]
async fn cursors_reach_every_entry_once() {
    let world = World::new();
    let client = world.client("planner").await;
    let mut stored = Vec::new();
    for number in 0..45_usize {
        // Some in the same millisecond, some not.
        world.clock.advance_millis(i64::from(number % 3 == 0));
        stored.push(format!("key {number:02}"));
        client.store(&stored[stored.len() - 1], &format!("needle {}", "hay ".repeat(number % 4))).await;
    }
    for limit in [1, 7, 44, 45, 100] {
        let listed = all(&client, "memory_list", json!({ "limit": limit })).await;
        assert_eq!(sorted(listed), stored, "list by {limit}");
        let found = all(&client, "memory_search", json!({ "query": "needle", "limit": limit })).await;
        assert_eq!(sorted(found), stored, "search by {limit}");
    }
    // The reference's way of paging a list comes to the same.
    let mut by_offset = Vec::new();
    for offset in (0..60).step_by(10) {
        by_offset.extend(client.keys("memory_list", json!({ "limit": 10, "offset": offset })).await);
    }
    assert_eq!(by_offset, all(&client, "memory_list", json!({})).await);
}

#[tokio::test]
async fn entries_that_fill_an_answer_alone_are_reached_too() {
    for letter in ["\"", "\u{1}", "👍", "m"] {
        let world = World::new();
        let client = talkative(&world).await;
        let mut stored = Vec::new();
        for number in 0..5 {
            let key = format!("{}{number}", letter.repeat(254));
            let tags: Vec<String> = (0..32).map(|tag| format!("{}{tag:02}", letter.repeat(62))).collect();
            let size = json!(letter).to_string().len() - 2;
            let metadata = json!({ "m": letter.repeat((65_536 - 8) / size) });
            let content = format!("needle {}", letter.repeat(100_000));
            let entry = json!({ "key": key, "content": content, "tags": tags, "metadata": metadata });
            client.ok("memory_store", entry).await;
            stored.push(key);
        }
        let found = all(&client, "memory_search", json!({ "query": "needle", "limit": 100 })).await;
        assert!(sorted(found) == stored, "search of {letter:?}");
        let listed = all(&client, "memory_list", json!({ "limit": 100 })).await;
        assert!(sorted(listed) == stored, "list of {letter:?}");
    }
}
