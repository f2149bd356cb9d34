//! S19: each limit of the contract at −1, 0 and +1, through `parse`.

use agentstack_api::InputError;
use serde_json::{Value, json};

use crate::support::parse_with;

fn at(name: &str, field: &str, value: Value, fits: bool, size: impl std::fmt::Display) {
    match parse_with(name, field, value) {
        Ok(_) => assert!(fits, "{name} {field} {size} is accepted"),
        Err(InputError { field: named, rule }) => {
            assert!(!fits, "{name} {field} {size}: {rule}");
            let named = named.unwrap();
            assert!(
                named == field || named.starts_with(&format!("{field}[")),
                "{name} {field} names {named}"
            );
        }
    }
}

#[test]
fn s19_texts_end_at_their_limits() {
    let id = "n";
    for (name, field, most, letters) in [
        ("memory_store", "key", 255, &["a", "ß", "👍"][..]),
        ("memory_get", "key", 255, &["a", "👍"]),
        ("memory_list", "namespace", 100, &[id]),
        ("memory_store", "agentId", 128, &["a", "👍"]),
        ("memory_search", "agentId", 128, &["a"]),
        ("memory_search", "query", 1_000, &["a", "👍", "\""]),
        ("memory_store", "content", 1_000_000, &["a", "👍"]),
        ("memory_list", "cursor", 512, &["a", "👍"]),
    ] {
        for letter in letters {
            at(name, field, json!(""), false, 0);
            at(name, field, json!(letter), true, 1);
            for (size, fits) in [(most - 1, true), (most, true), (most + 1, false)] {
                at(name, field, json!(letter.repeat(size)), fits, size);
            }
        }
    }
}

#[test]
fn s19_numbers_end_at_their_limits() {
    let most = i64::from(u32::MAX);
    for (name, field, range) in [
        ("memory_search", "limit", 1..=100),
        ("memory_list", "limit", 1..=100),
        ("memory_history", "limit", 1..=100),
        ("memory_list", "offset", 0..=most),
        ("memory_store", "ifVersion", 0..=most),
        ("memory_get", "version", 1..=most),
        ("memory_restore", "version", 1..=most),
        ("memory_get", "offset", 0..=most),
        ("memory_get", "length", 1..=1_000_000),
        ("session_start", "ttlSeconds", 1..=2_592_000),
    ] {
        for edge in [*range.start(), *range.end()] {
            for value in [edge - 1, edge, edge + 1] {
                at(name, field, json!(value), range.contains(&value), value);
            }
        }
        // One number, however it is written: JSON Schema has no integer that `5.0` is not.
        at(name, field, json!(5.0), true, "5.0");
        for fraction in [-0.5, 4.5, 5.000_000_1, -5.0, 1e300] {
            at(name, field, json!(fraction), false, fraction);
        }
        at(name, field, json!(i64::MIN), false, "the least");
        at(name, field, json!(u64::MAX), false, "the most");
    }
    for (value, fits) in
        [(-0.001, false), (0.0, true), (0.001, true), (0.999, true), (1.0, true), (1.001, false)]
    {
        at("memory_search", "threshold", json!(value), fits, value);
    }
    for (value, fits) in [(-1, false), (0, true), (1, true), (2, false)] {
        at("memory_search", "threshold", json!(value), fits, value);
    }
}

#[test]
fn s19_tags_end_at_32_of_64_characters() {
    for name in ["memory_store", "memory_search", "memory_list"] {
        for (count, fits) in [(0, true), (31, true), (32, true), (33, false)] {
            let tags: Vec<String> = (0..count).map(|n| format!("t{n}")).collect();
            at(name, "tags", json!(tags), fits, count);
        }
        for (size, fits) in [(0, false), (1, true), (63, true), (64, true), (65, false)] {
            at(name, "tags", json!(["a", "猫".repeat(size)]), fits, size);
        }
    }
}

#[test]
fn s19_metadata_ends_at_64_kib_and_32_levels() {
    let frame = json!({ "a": "" }).to_string().len();
    for name in ["memory_store", "session_start"] {
        for (size, fits) in [(65_535, true), (65_536, true), (65_537, false)] {
            at(name, "metadata", json!({ "a": "x".repeat(size - frame) }), fits, size);
        }
        for (levels, fits) in [(31, true), (32, true), (33, false)] {
            let nested = (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
            at(name, "metadata", nested, fits, levels);
        }
    }
}
