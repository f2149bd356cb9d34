//! Any string is a legal key, content, tag and query (S31).

use serde_json::json;

use crate::support::{Client, World};

/// Strings, the same on every run (xorshift64*, Vigna 2016).
struct Strings(u64);

/// What a query parser could trip over.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "*",
    "(",
    ")",
    ":",
    "^",
    "-",
    "+",
    "~",
    "|",
    "&",
    "{",
    "}",
    "[",
    "]",
    "\\",
    "/",
    "%",
    "_",
    ";",
    "--",
    "/*",
    "AND",
    "OR",
    "NOT",
    "NEAR",
    "NEAR(",
    ", 5)",
    "content:",
    "rowid",
    "MATCH",
    "NULL",
    "' OR 1=1 --",
    "\0",
    "\u{1}",
    "\u{7f}",
    "\n",
    "\r",
    "\t",
    " ",
    "\u{a0}",
    "\u{200b}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffd}",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{e0001}",
    "\u{e0041}",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "ﬀ",
    "가",
    "漢字",
    "カナ",
    "ไทย",
    "العربية",
    "हिन्दी",
    "👩\u{200d}👧",
    "👍🏽",
    "a",
    "b",
    "word",
    "Words",
    "it's",
    "foo-bar",
    "a@b.c",
    "v1.2",
    "1e9",
    "C++",
];

impl Strings {
    fn number(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below
    }

    /// One to twelve pieces, or as many characters from all of Unicode.
    fn next(&mut self) -> String {
        let many = 1 + self.number(12);
        if self.number(4) == 0 {
            let any = |_| char::from_u32(u32::try_from(self.number(0x11_0000)).unwrap());
            let text: String = (0..many).filter_map(any).collect();
            return if text.is_empty() { "\u{d7ff}".to_owned() } else { text };
        }
        (0..many).map(|_| PIECES[self.number(PIECES.len())]).collect()
    }
}

const WAYS: [&str; 4] = ["any", "all", "phrase", "prefix"];

async fn search(client: &Client<'_>, query: &str, how: &str) {
    let answer = client.call("memory_search", json!({ "query": query, "match": how, "limit": 1 })).await;
    assert_eq!(answer.code(), "ok", "{query:?} ({how}): {}", answer.bytes());
}

#[tokio::test]
async fn s31_twenty_thousand_random_strings_are_legal_queries() {
    let world = World::sqlite().await;
    let client = world.client("planner").await;
    let mut strings = Strings(0x5eed);
    for number in 0..20 {
        client.store(&format!("{number} {}", strings.next()), &strings.next()).await;
    }
    for _ in 0..20_000 {
        let query = strings.next();
        for how in WAYS {
            search(&client, &query, how).await;
        }
    }
}

#[tokio::test]
async fn s31_random_strings_come_back_as_they_were_stored() {
    let world = World::sqlite().await;
    let client = world.client("planner").await;
    let mut strings = Strings(0xca11);
    for number in 0..300 {
        let (key, content, tag) = (format!("{number}{}", strings.next()), strings.next(), strings.next());
        let key: String = key.chars().take(255).collect();
        let tag: String = tag.chars().take(64).collect();
        // What is written in tag characters is held back.
        let is_tag = |c: &char| ('\u{e0000}'..='\u{e007f}').contains(c);
        if [&key, &content, &tag].iter().any(|text| text.chars().any(|c| is_tag(&c))) {
            continue;
        }
        let entry =
            json!({ "key": key, "content": content, "tags": [tag], "metadata": { content.clone(): tag } });
        client.ok("memory_store", entry).await;
        let got = client.ok("memory_get", json!({ "key": key })).await;
        let entry = &got["entry"];
        assert_eq!((&entry["key"], &entry["content"]), (&json!(key), &json!(content)));
        assert_eq!((&entry["tags"], &entry["metadata"]), (&json!([tag]), &json!({ content: tag })));
        let tagged = client.keys("memory_list", json!({ "tags": [tag] })).await;
        assert!(tagged.contains(&key), "{tag:?}");
    }
}
