//! S30: what strict JSON is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use agentstack_api::json::check;
use proptest::prelude::*;
use serde_json::Value;

/// Whether a text is accepted. The parser behind the check must agree with every yes.
fn accepts(bytes: &[u8]) -> bool {
    let Ok(text) = check(bytes) else { return false };
    assert_eq!(text.as_bytes(), bytes);
    assert!(serde_json::from_str::<Value>(text).is_ok(), "serde_json refuses what was accepted: {text:.200}");
    true
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn s30_plain_json_is_accepted() {
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1.5e-3",
        "1E+2",
        "\"\"",
        "[]",
        "{}",
        " [ ] ",
        "\t{\r\n}\n",
        r#"{"a":[1,{"b":"c"}],"d":{"a":null}}"#,
        r#""\"\\\/\b\f\n\r\t\u00e9""#,
        r#""\ud83d\uDC4D""#,
        r#""\u0000""#,
        r#"{"":1}"#,
        "\"\u{7f}\u{85}\u{2028}\u{ffff}👍\"",
        "123456789012345678901234567890",
        "1e308",
        "0e999999999",
        r#"[{"a":1},{"a":1}]"#,
    ] {
        assert!(accepts(text.as_bytes()), "{text}");
    }
}

#[test]
fn s30_what_is_not_json_is_refused_where_it_begins_to_be_wrong() {
    for (text, offset) in [
        ("", 0),
        (" ", 1),
        ("\u{feff}1", 0),
        ("1 2", 2),
        ("[1,]", 3),
        ("[,1]", 1),
        ("[1 2]", 3),
        ("[1", 2),
        ("]", 0),
        ("{\"a\":1,}", 7),
        ("{a:1}", 1),
        ("{\"a\" 1}", 5),
        ("{\"a\":}", 5),
        ("{,}", 1),
        ("{\"a\":1", 6),
        ("[1}", 2),
        ("{\"a\":1]", 6),
        ("NaN", 0),
        ("-Infinity", 1),
        ("[Infinity]", 1),
        ("nul", 0),
        ("True", 0),
        ("01", 1),
        ("+1", 0),
        (".5", 0),
        ("5.", 2),
        ("1e", 2),
        ("1e+", 3),
        ("-", 1),
        ("0x1", 1),
        ("1_0", 1),
        ("'a'", 0),
        ("\"a", 2),
        ("\"\\x\"", 1),
        ("\"\\u12g4\"", 1),
        ("\"\\u+123\"", 1),
        ("\"\\", 1),
        ("\"a\nb\"", 2),
        ("\"\0\"", 1),
        ("// c\n1", 0),
        ("1 // c", 2),
        ("\u{a0}1", 0),
        ("1\u{0b}", 1),
        ("[1]\0", 3),
    ] {
        let error = check(text.as_bytes()).expect_err(text);
        assert_eq!(error.offset, offset, "{text:?}: {error}");
    }
}

#[test]
fn s30_a_surrogate_stands_in_a_pair() {
    for text in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\udc00\ud800""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
        r#""\ud800\u0041""#,
        r#""\uDBFF\uE000""#,
        r#"{"\ud800":1}"#,
    ] {
        assert_eq!(
            check(text.as_bytes()).expect_err(text).rule,
            "a surrogate must be one of a pair",
            "{text}"
        );
    }
    for bytes in
        [&b"\"\xed\xa0\x80\""[..], b"\"\xff\"", b"\"\xc0\x80\"", b"\"\xf4\x90\x80\x80\"", b"\"\xe2\x82\""]
    {
        assert_eq!(check(bytes).unwrap_err().rule, "the message must be UTF-8");
    }
}

#[test]
fn s30_a_name_stands_once_in_an_object() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"a":3}"#,
        r#"{"":1,"":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"\u0061":1,"a":2}"#,
        r#"{"é":1,"\u00e9":2}"#,
        r#"{"👍":1,"\ud83d\udc4d":2}"#,
        r#"{"/":1,"\/":2}"#,
        r#"[[{"x":{"a":{},"a":[]}}]]"#,
        r#"{"a":{"b":1},"c":[{"a":1}],"a":2}"#,
    ] {
        assert_eq!(
            check(text.as_bytes()).expect_err(text).rule,
            "an object must not have the same name twice"
        );
    }
    assert!(accepts(r#"{"a":{"a":{"a":1}},"A":[{"a":1},{"a":2}],"a ":0,"é":1,"e\u0301":2}"#.as_bytes()));
    // With any number of names, wherever the two stand.
    for count in [2, 15, 16, 17, 18, 40, 1_000] {
        let names = |twice: Option<usize>| {
            let mut text = String::from("{");
            for n in 0..count {
                write!(text, "\"k{n}\":{{\"k{n}\":0}},").unwrap();
            }
            write!(text, "\"{}\":0}}", twice.map_or_else(|| "last".to_owned(), |n| format!("\\u006b{n}")))
                .unwrap();
            text
        };
        assert!(accepts(names(None).as_bytes()), "{count}");
        for twice in [0, count / 2, count - 1] {
            assert!(!accepts(names(Some(twice)).as_bytes()), "{twice} of {count}");
        }
    }
}

#[test]
fn s19_s30_nesting_ends_at_64() {
    for (levels, fits) in [(63, true), (64, true), (65, false), (1_000_000, false)] {
        assert_eq!(accepts(nested(levels).as_bytes()), fits, "{levels} arrays");
        let objects = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert_eq!(accepts(objects.as_bytes()), fits, "{levels} objects");
    }
}

#[test]
fn s30_a_number_is_one_that_a_double_holds() {
    for text in ["1e309", "-1e309", "1e999", "[0.1e400]", &"9".repeat(400), &format!("-{}", "9".repeat(310))]
    {
        let error = check(text.as_bytes()).expect_err(text);
        assert_eq!(error.rule, "a number must be within the range of a double");
    }
    for text in [
        "1e-999",
        &"9".repeat(308),
        &format!("0.{}", "1".repeat(1_000)),
        &format!("{}e-900", "9".repeat(999)),
    ] {
        assert!(accepts(text.as_bytes()), "{text}");
    }
}

/// Messages made to cost a checker more than their length: each is 8 MB or so.
#[test]
fn s30_the_time_is_linear_in_the_length() {
    let many_names: Vec<String> = (0..500_000).map(|n| format!("\"{n}\":0")).collect();
    let many_names = many_names.join(",");
    let small = "{\"a\":0},".repeat(500_000);
    for text in [
        format!("{{{many_names}}}"),
        format!("[{{{many_names}}},{small}0]"),
        format!("\"{}\"", "\\n".repeat(4_000_000)),
        format!("\"{}\"", "\\ud83d\\udc4d".repeat(600_000)),
        "9".repeat(8_000_000),
        format!("{{\"{}\":1}}", "\\u0061".repeat(1_000_000)),
    ] {
        // Long digits are no double; what counts is that each ends at once.
        assert_eq!(check(text.as_bytes()).is_ok(), !text.starts_with('9'));
    }
}

proptest! {
    #[test]
    fn s30_check_and_parser_agree(pieces in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\"", "\\", "\\u", "d83d", "\\udc4d", "1", "-", "0", ".", "e9",
        "e999", "null", "true", " ", "\n", "é", "\u{0}",
    ]), 0..12)) {
        let text = pieces.concat();
        // Where the parser takes a text and the check does not, it is for a rule of our own.
        if !accepts(text.as_bytes()) && serde_json::from_str::<Value>(&text).is_ok() {
            let rule = check(text.as_bytes()).unwrap_err().rule;
            prop_assert_eq!(rule, "an object must not have the same name twice");
        }
    }

    #[test]
    fn s30_any_string_and_name_can_be_sent(text in any::<String>(), other in any::<String>()) {
        let value = serde_json::json!({ text.clone(): [text, { other: null }] });
        prop_assert!(accepts(value.to_string().as_bytes()));
        let spaced = format!("{value:#}");
        prop_assert!(accepts(spaced.as_bytes()));
    }
}

#[test]
fn corpora_s30_json_test_suite() {
    #[expect(clippy::disallowed_methods, reason = "the corpora are not part of the repository")]
    let Some(corpora) = std::env::var_os("AGENTSTACK_CORPORA") else { return };
    let folder = PathBuf::from(corpora).join("json-test-suite/test_parsing");
    let mut free = BTreeMap::new();
    let mut seen = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let accepted = accepts(&std::fs::read(file.path()).unwrap());
        seen += 1;
        match (name.get(..2).unwrap(), name.as_str()) {
            ("y_", "y_object_duplicated_key.json" | "y_object_duplicated_key_and_value.json") | ("n_", _) => {
                assert!(!accepted, "{name}");
            }
            ("y_", _) => assert!(accepted, "{name}"),
            ("i_", _) => drop(free.insert(name, if accepted { "accepted" } else { "refused" })),
            _ => panic!("{name} is of no known kind"),
        }
    }
    assert!(seen > 300, "{seen} files in {}", folder.display());
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!("s30_where_json_leaves_it_free", free); });
}
