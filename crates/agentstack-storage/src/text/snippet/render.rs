//! Writes a snippet: where exactly it begins and ends, and how it looks.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::text::script::{ZERO_WIDTH_JOINER, is_gap, is_hidden, is_symbol, part};

/// How far away whitespace may be for a cut to move there, in characters.
const NEARBY: usize = 32;
/// Asks for an emoji's colourful form; the only hidden character besides the joiner that an emoji keeps.
const EMOJI_STYLE: char = '\u{fe0f}';
const ELLIPSIS: char = '…';

/// Where to begin, in bytes, so that `length` characters from `hit` on are within `max_chars`, with some context
/// before them.
pub(super) fn start(content: &str, hit: usize, length: usize, max_chars: usize) -> usize {
    let (before, after) = (part(content, 0, hit), part(content, hit, content.len()));
    let spare = max_chars.saturating_sub(length) / 3;
    let available = after.chars().take(max_chars).count();
    let lead = spare.max(max_chars.saturating_sub(available));
    let earliest = before.char_indices().rev().take(lead).last().map_or(hit, |(at, _)| at);
    if earliest == 0 || part(content, 0, earliest).ends_with(is_gap) {
        return earliest;
    }
    let mut nearby = part(content, earliest, hit).char_indices().take(NEARBY);
    let gap = nearby.find(|(_, c)| is_gap(*c));
    gap.map_or_else(|| whole_cluster(content, earliest), |(at, _)| earliest.saturating_add(at))
}

/// The first boundary between grapheme clusters that is not before `at`.
fn whole_cluster(content: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, content.len(), true);
    if cursor.is_boundary(content, 0) == Ok(true) {
        return at;
    }
    cursor.next_boundary(content, 0).ok().flatten().unwrap_or(at)
}

/// The text from `start` on, at most `max_chars` characters and the ellipses.
pub(super) fn render(content: &str, start: usize, max_chars: usize) -> String {
    let mut out = String::new();
    let cut_before = part(content, 0, start).chars().any(|c| !is_gap(c) && !is_hidden(c));
    if cut_before {
        out.push(ELLIPSIS);
    }
    let (mut chars, mut gap, mut cut) = (0_usize, false, false);
    for cluster in part(content, start, content.len()).graphemes(true) {
        if cluster.starts_with(is_gap) {
            gap = chars > 0;
        }
        let end = out.len();
        if gap {
            out.push(' ');
        }
        let added = push_visible(cluster.trim_start_matches(is_gap), &mut out);
        if added == 0 {
            out.truncate(end);
            continue;
        }
        let longer = chars.saturating_add(added).saturating_add(usize::from(gap));
        if longer > max_chars {
            out.truncate(end);
            cut = true;
            break;
        }
        (chars, gap) = (longer, false);
    }
    if cut {
        if !gap {
            drop_partial_word(&mut out);
        }
        out.push(ELLIPSIS);
    }
    out
}

/// Appends what of a grapheme cluster can be seen, and gives its length in characters.
fn push_visible(cluster: &str, out: &mut String) -> usize {
    let emoji = cluster.chars().next().is_some_and(is_symbol);
    let mut before = ' ';
    let mut added = 0_usize;
    let mut rest = cluster.chars().peekable();
    while let Some(c) = rest.next() {
        let holds_together = match c {
            ZERO_WIDTH_JOINER => {
                (is_symbol(before) || before == EMOJI_STYLE) && rest.peek().copied().is_some_and(is_symbol)
            }
            EMOJI_STYLE => is_symbol(before),
            _ => false,
        };
        if is_hidden(c) && !(emoji && holds_together) {
            continue;
        }
        out.push(c);
        added = added.saturating_add(1);
        before = c;
    }
    added
}

/// Cuts back to the last space, if it is nearby.
fn drop_partial_word(out: &mut String) {
    let space = out.char_indices().rev().take(NEARBY).find(|(_, c)| *c == ' ');
    if let Some((at, _)) = space {
        out.truncate(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s18_hidden_characters_are_not_shown() {
        let table = [
            ("a\u{200b}b\u{202e}c\u{ad}", "abc"),
            ("hi\u{e0049}\u{e0067}\u{e006e}", "hi"),
            ("❤\u{fe0f}\u{fe01}\u{fe02}x", "❤\u{fe0f}x"),
            ("👩🏽\u{200d}💻!", "👩🏽\u{200d}💻!"),
            ("👍\u{200d}\u{200d}x", "👍x"),
            ("\u{200b} a", "a"),
        ];
        for (text, expected) in table {
            assert_eq!(render(text, 0, 100), expected, "{text:?}");
        }
    }

    #[test]
    fn a_grapheme_is_shown_whole_or_not_at_all() {
        assert_eq!(render("ab👩🏽\u{200d}💻cd", 0, 4), "ab…");
        assert_eq!(render("🇫🇷🇩🇪", 0, 3), "🇫🇷…");
        assert_eq!(render("e\u{301}e\u{301}", 0, 1), "…");
        let text = "漢e\u{301}".repeat(20);
        assert!(!render(&text, start(&text, text.len() - 3, 1, 5), 5).contains("…\u{301}"));
    }
}
