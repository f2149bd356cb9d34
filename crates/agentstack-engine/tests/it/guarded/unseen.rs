//! Every character that nobody sees: kept as it was written, told of, and neither in the index nor in what is shown (S18).

use agentstack_guard::{Class, Finding, Kind, scan, visible};
use serde_json::{Value, json};

use super::findings;
use crate::support::{Client, World};

/// Every character that is not seen inside of a word, with its kind.
fn unseen() -> Vec<(char, Kind)> {
    let is_unseen = |c: &char| visible(c.encode_utf8(&mut [0; 4])).is_empty();
    let kind = |c: char| {
        let text = format!("pass{c}word");
        let of_class = |found: &Finding| found.kind.class() == Class::Unicode;
        (c, scan(&text).into_iter().find(of_class).unwrap().kind)
    };
    // Alone at the beginning of a text a byte order mark has an honest use.
    let all: Vec<(char, Kind)> =
        ('\u{0}'..=char::MAX).filter(|c| is_unseen(c) || *c == '\u{feff}').map(kind).collect();
    assert!(all.len() > 4_200, "{}", all.len());
    all
}

fn entry(c: char) -> Value {
    json!({ "key": "note", "content": format!("The pass{c}word is under the mat."), "tags": [format!("ta{c}g")],
        "metadata": { format!("na{c}me"): format!("val{c}ue") } })
}

fn with(mut arguments: Value, namespace: Option<&str>) -> Value {
    if let Some(namespace) = namespace {
        arguments["namespace"] = json!(namespace);
    }
    arguments
}

async fn assert_flagged(client: &Client<'_>, c: char, kind: Kind, namespace: Option<&str>) {
    let what = format!("U+{:04X} in {namespace:?}", u32::from(c));
    let sent = entry(c);
    let stored = client.ok("memory_store", with(sent.clone(), namespace)).await["entry"].clone();
    assert_eq!(stored["label"]["trust"], "unverified", "{what}");
    let flagged = |field: &str| (field.to_owned(), kind.word().to_owned(), "flagged".to_owned());
    assert_eq!(findings(&stored["label"]), ["content", "metadata", "tags"].map(flagged), "{what}");
    let get = with(json!({ "key": "note", "asText": true }), namespace);
    let got = client.ok("memory_get", get).await;
    for field in ["content", "tags", "metadata"] {
        assert_eq!(got["entry"][field], sent[field], "{what}: it is kept raw");
    }
    assert!(!got["text"].as_str().unwrap().contains(c), "{what}: {got}");
    // A control character ends a word, as a line end does; of all others a word has no trace.
    let word = if kind == Kind::UnicodeControl { "pass word" } else { "password" };
    for how in ["all", "phrase"] {
        let search =
            json!({ "query": word, "match": how, "asText": true, "includeShared": namespace.is_some() });
        let found = client.ok("memory_search", with(search, namespace)).await;
        assert_eq!((&found["count"], &found["results"][0]["key"]), (&json!(1), &json!("note")), "{what}");
        assert_eq!(found["results"][0]["content"], sent["content"], "{what}");
        for shown in [&found["results"][0]["snippet"], &found["text"]] {
            assert!(!shown.as_str().unwrap().contains(c), "{what}: {shown}");
        }
    }
    let snippet = client
        .ok("memory_search", with(json!({ "query": "mat", "includeShared": namespace.is_some() }), namespace))
        .await;
    let snippet = snippet["results"][0]["snippet"].as_str().unwrap().to_owned();
    assert_eq!(snippet, format!("The {word} is under the mat."), "{what}");
}

/// Text that is written in such characters, in any field of an entry.
async fn assert_held(client: &Client<'_>, c: char, namespace: Option<&str>) {
    let what = format!("U+{:04X} in {namespace:?}", u32::from(c));
    for (field, value) in [
        ("content", json!(format!("The pass{c}word."))),
        ("tags", json!([format!("ta{c}g")])),
        ("metadata", json!({ "name": format!("val{c}ue") })),
        ("metadata", json!({ format!("na{c}me"): 1 })),
        ("key", json!(format!("ho{c}ld"))),
    ] {
        let mut held = json!({ "key": "held", "content": "password" });
        held[field] = value;
        let key = held["key"].clone();
        let stored = client.ok("memory_store", with(held, namespace)).await["entry"].clone();
        assert_eq!(stored["label"]["trust"], "quarantined", "{what}, {field}");
        let told = (field.to_owned(), "unicode-tag".to_owned(), "quarantined".to_owned());
        assert_eq!(findings(&stored["label"]), [told], "{what}, {field}");
        let got = client.ok("memory_get", with(json!({ "key": key }), namespace)).await;
        assert_eq!(got["found"], false, "{what}, {field}");
    }
    let listed = client.ok("memory_list", with(json!({}), namespace)).await;
    assert_eq!(listed["total"], 0, "{what}");
}

async fn assert_table(world: &World, every: usize) {
    let client = world.client("ann").await;
    let mut before: Option<(char, Kind)> = None;
    let (mut flagged, mut held) = (0, 0);
    for (number, (c, kind)) in unseen().into_iter().enumerate() {
        // The beginnings of ranges in both places; of what goes on as many as are asked for, in the one or the other.
        let goes_on = before.is_some_and(|(last, same)| same == kind && u32::from(last) + 1 == u32::from(c));
        before = Some((c, kind));
        if goes_on && number % every != 0 {
            continue;
        }
        let places = [None, Some("team")];
        let places = if goes_on { &places[number / every % 2..][..1] } else { &places[..] };
        for namespace in places.iter().copied() {
            if kind == Kind::UnicodeTag {
                let space = namespace.map(|name| format!("{name}-{held}"));
                let own = world.client("ann").await;
                assert_held(&own, c, space.as_deref()).await;
                held += 1;
            } else {
                assert_flagged(&client, c, kind, namespace).await;
                flagged += 1;
            }
        }
    }
    assert!(flagged >= 50 && held >= 2);
}

#[tokio::test]
async fn s18_every_unseen_character_is_kept_told_of_and_not_shown() {
    assert_table(&World::new(), 1).await;
}

#[tokio::test]
async fn s18_every_unseen_character_is_kept_told_of_and_not_shown_over_sqlite() {
    assert_table(&World::sqlite().await, 16).await;
}
