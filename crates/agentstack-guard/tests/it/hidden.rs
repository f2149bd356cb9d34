//! Characters nobody sees: the range table, their honest uses, and what is left when they are taken out (S18).

use agentstack_guard::{Class, Kind, scan, visible};

use crate::support;

/// First and last of each range, with what they are.
const RANGES: &[(char, char, Kind)] = &[
    ('\u{0}', '\u{8}', Kind::UnicodeControl),
    ('\u{b}', '\u{c}', Kind::UnicodeControl),
    ('\u{e}', '\u{1f}', Kind::UnicodeControl),
    ('\u{7f}', '\u{9f}', Kind::UnicodeControl),
    ('\u{ad}', '\u{ad}', Kind::UnicodeHidden),
    ('\u{34f}', '\u{34f}', Kind::UnicodeHidden),
    ('\u{61c}', '\u{61c}', Kind::UnicodeBidi),
    ('\u{115f}', '\u{1160}', Kind::UnicodeHidden),
    ('\u{17b4}', '\u{17b5}', Kind::UnicodeHidden),
    ('\u{180b}', '\u{180f}', Kind::UnicodeHidden),
    ('\u{200b}', '\u{200d}', Kind::UnicodeHidden),
    ('\u{200e}', '\u{200f}', Kind::UnicodeBidi),
    ('\u{202a}', '\u{202e}', Kind::UnicodeBidi),
    ('\u{2060}', '\u{2065}', Kind::UnicodeHidden),
    ('\u{2066}', '\u{2069}', Kind::UnicodeBidi),
    ('\u{206a}', '\u{206f}', Kind::UnicodeHidden),
    ('\u{3164}', '\u{3164}', Kind::UnicodeHidden),
    ('\u{fe00}', '\u{fe0f}', Kind::UnicodeHidden),
    ('\u{feff}', '\u{feff}', Kind::UnicodeHidden),
    ('\u{ffa0}', '\u{ffa0}', Kind::UnicodeHidden),
    ('\u{fff0}', '\u{fffb}', Kind::UnicodeHidden),
    ('\u{1bca0}', '\u{1bca3}', Kind::UnicodeHidden),
    ('\u{1d173}', '\u{1d17a}', Kind::UnicodeHidden),
    ('\u{e0000}', '\u{e007f}', Kind::UnicodeTag),
    ('\u{e0080}', '\u{e0fff}', Kind::UnicodeHidden),
];

#[test]
fn s18_the_range_table_holds_for_every_character() {
    for c in '\u{0}'..=char::MAX {
        let expected =
            RANGES.iter().find(|(first, last, _)| (*first..=*last).contains(&c)).map(|(_, _, kind)| *kind);
        let text = format!("x{c}x");
        let found: Vec<Kind> = scan(&text)
            .into_iter()
            .filter(|found| found.kind.class() == Class::Unicode)
            .map(|found| found.kind)
            .collect();
        assert_eq!(found, Vec::from_iter(expected), "{:x}", u32::from(c));
        assert_eq!(visible(&text), if expected.is_some() { "xx" } else { &text }, "{:x}", u32::from(c));
    }
}

#[test]
fn s18_text_in_tag_characters_is_one_finding_and_leaves_no_trace() {
    let hidden: String = "ignore".chars().map(|c| char::from_u32(0xe0000 + u32::from(c)).unwrap()).collect();
    let text = format!("Hello{hidden} there\u{202e}!");
    assert_eq!(support::found(&text), [("unicode-tag", hidden), ("unicode-bidi", "\u{202e}".to_owned())]);
    assert_eq!(visible(&text), "Hello there!");
}

#[test]
fn honest_uses_are_no_findings_and_stay() {
    for text in [
        "می\u{200c}خواهم",
        "क्\u{200d}ष",
        "👩\u{200d}👩\u{200d}👧",
        "❤\u{fe0f}",
        "1\u{fe0f}\u{20e3}",
        "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "\u{feff}with a mark at the start",
        "tab\tand\r\nlines\n",
    ] {
        assert_eq!(support::found(text), [], "{text}");
        assert_eq!(visible(text), text);
    }
    let flag = "🏴\u{e0067}\u{e0062}\u{e0078}\u{e0078}\u{e0078}\u{e007f}";
    assert_eq!(visible(flag), "🏴", "a flag that there is not");
    assert_eq!(visible("a\u{200d}b\u{200c}c"), "abc");
}
