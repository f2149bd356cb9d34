//! The part of an entry that is shown with a result.
//!
//! This module finds the hits and chooses among them; [`render`] writes the text.

mod render;

use std::collections::HashMap;

use unicode_normalization::char::decompose_compatible;

use super::query::TextQuery;
use super::scan::{Kind, cluster_starts, dense_starts, for_each_run, scan};
use super::script::{Class, class, is_gap, part};
use super::stem::English;

/// How far into a text the first hit is looked for, in characters. Behind it, the beginning is shown.
const FARTHEST: usize = 100_000;
/// How far beyond the first hit better places are looked for, in characters.
const BEYOND_FIRST: usize = 20_000;
/// A run without whitespace longer than this, in bytes, is looked at word by word: its compounds are not hits.
const LONGEST_UNIT: usize = 64;

/// The stretch of `content` with the most distinct terms of the query (then the rarest of them, then the most,
/// then the first), at most `max_chars` characters and a `…` where it was cut.
///
/// It begins and ends between words where there is whitespace nearby, and never within a grapheme cluster.
/// Whitespace becomes single spaces, and hidden characters are removed (S18). When nothing is found within the
/// first 100,000 characters, it is the beginning; when something is, the 20,000 characters after it are compared.
#[must_use]
pub fn snippet(content: &str, query: &TextQuery, max_chars: usize) -> String {
    let hits = hits(content, &Probe::new(query));
    let start = match best_window(&hits, query.terms().len(), max_chars) {
        Some((first, last)) => {
            render::start(content, first.byte, last.end.saturating_sub(first.start), max_chars)
        }
        None => 0,
    };
    render::render(content, start, max_chars)
}

/// Where a term of the query occurs.
#[derive(Debug, Clone, Copy)]
struct Hit {
    term: usize,
    /// In characters from the beginning.
    start: usize,
    end: usize,
    /// Of the start, in bytes.
    byte: usize,
}

/// The terms of a query, to be found in passing.
struct Probe<'q> {
    exact: HashMap<&'q str, usize>,
    prefixes: HashMap<&'q str, usize>,
    english: English,
    /// The first characters of the terms, decomposed: most words need no second look.
    firsts: Vec<char>,
}

impl<'q> Probe<'q> {
    fn new(query: &'q TextQuery) -> Self {
        let english = English::new();
        let (mut exact, mut prefixes, mut firsts) = (HashMap::new(), HashMap::new(), Vec::new());
        for (place, wanted) in query.terms().iter().enumerate() {
            let terms = if wanted.prefix { &mut prefixes } else { &mut exact };
            terms.insert(wanted.term.as_str(), place);
            firsts.extend(first_of(wanted.term.as_str()));
        }
        firsts.sort_unstable();
        firsts.dedup();
        Self { exact, prefixes, english, firsts }
    }

    fn could_begin(&self, text: &str) -> bool {
        first_of(text).is_some_and(|first| self.firsts.binary_search(&first).is_ok())
    }

    /// Calls `found` with the place of every term of the query that the unit holds.
    fn look(&self, unit: &str, mut found: impl FnMut(usize)) {
        scan(unit, |kind, token| {
            if let Some(term) = self.term(kind, token) {
                found(term);
            }
        });
    }

    fn term(&self, kind: Kind, token: &str) -> Option<usize> {
        if !self.could_begin(token) {
            return None;
        }
        let exact = match kind {
            Kind::Word | Kind::Part | Kind::Compound => self.exact.get(self.english.stem(token).as_ref()),
            Kind::Pair | Kind::Tail | Kind::Single | Kind::Symbol => self.exact.get(token),
        };
        exact.or_else(|| self.prefix_of(token)).copied()
    }

    fn prefix_of(&self, token: &str) -> Option<&usize> {
        if self.prefixes.is_empty() {
            return None;
        }
        let mut ends = token.char_indices().map(|(at, c)| at.saturating_add(c.len_utf8()));
        ends.find_map(|end| self.prefixes.get(part(token, 0, end)))
    }
}

fn first_of(text: &str) -> Option<char> {
    let c = text.chars().next()?;
    if c.is_ascii() {
        return Some(c);
    }
    let mut first = None;
    decompose_compatible(c, |part| {
        first.get_or_insert(part);
    });
    first
}

fn hits(content: &str, probe: &Probe<'_>) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    if probe.firsts.is_empty() {
        return hits;
    }
    let (mut byte, mut position, mut limit) = (0_usize, 0_usize, FARTHEST);
    for piece in content.split_inclusive(is_gap) {
        for_each_unit(piece.trim_end_matches(is_gap), probe, |offset, before, unit| {
            let start = position.saturating_add(before);
            if start > limit {
                return;
            }
            probe.look(unit, |term| {
                if hits.is_empty() {
                    limit = limit.min(start.saturating_add(BEYOND_FIRST));
                }
                let end = start.saturating_add(unit.chars().count());
                hits.push(Hit { term, start, end, byte: byte.saturating_add(offset) });
            });
        });
        byte = byte.saturating_add(piece.len());
        position = position.saturating_add(piece.chars().count());
        if position > limit {
            break;
        }
    }
    hits
}

/// Calls `each` with the pieces of a chunk that can be hits by themselves: where they begin, in bytes and in
/// characters, and their text.
fn for_each_unit(chunk: &str, probe: &Probe<'_>, mut each: impl FnMut(usize, usize, &str)) {
    if chunk.is_empty() {
        return;
    }
    let spaced = |c: char| matches!(class(c), Class::Word | Class::Other | Class::Mark);
    if chunk.len() <= LONGEST_UNIT && (chunk.is_ascii() || chunk.chars().all(spaced)) {
        return each(0, 0, chunk);
    }
    let mut before = 0_usize;
    for_each_run(chunk, |class, start, end| {
        let run = part(chunk, start, end);
        match class {
            Class::Word => each(start, before, run),
            Class::Dense | Class::Cluster | Class::Symbol => {
                let starts: Vec<usize> = if class == Class::Dense {
                    dense_starts(run).collect()
                } else {
                    cluster_starts(run).collect()
                };
                for_each_pair(run, &starts, probe, |at, nth, pair| {
                    each(start.saturating_add(at), before.saturating_add(nth), pair);
                });
            }
            Class::Mark | Class::Other => {}
        }
        before = before.saturating_add(run.chars().count());
    });
}

/// Every pair of neighbours whose first could begin a term, and the last one alone; each with its place in bytes
/// and in characters.
fn for_each_pair(run: &str, starts: &[usize], probe: &Probe<'_>, mut each: impl FnMut(usize, usize, &str)) {
    let mut before = 0_usize;
    for (nth, start) in starts.iter().copied().enumerate() {
        let bound = |ahead: usize| starts.get(nth.saturating_add(ahead)).copied().unwrap_or(run.len());
        let pair = part(run, start, bound(2));
        if probe.could_begin(pair) {
            each(start, before, pair);
        }
        before = before.saturating_add(part(run, start, bound(1)).chars().count());
    }
}

/// The first and the last hit of the best stretch that is not longer than `max_chars`.
fn best_window(hits: &[Hit], terms: usize, max_chars: usize) -> Option<(Hit, Hit)> {
    let mut totals = vec![0_u64; terms];
    for hit in hits {
        add(&mut totals, hit.term, 1);
    }
    let mut inside = vec![0_u64; terms];
    let (mut distinct, mut rarity, mut count) = (0_u64, 0_u64, 0_u64);
    let mut best: Option<((u64, u64, u64), Hit, Hit)> = None;
    let mut left = hits.iter().peekable();
    for last in hits {
        if add(&mut inside, last.term, 1) == 1 {
            distinct = distinct.saturating_add(1);
            rarity = rarity.saturating_add(rareness(&totals, last.term));
        }
        count = count.saturating_add(1);
        while let Some(first) =
            left.next_if(|first| last.end.saturating_sub(first.start) > max_chars && first.start < last.start)
        {
            if add(&mut inside, first.term, -1) == 0 {
                distinct = distinct.saturating_sub(1);
                rarity = rarity.saturating_sub(rareness(&totals, first.term));
            }
            count = count.saturating_sub(1);
        }
        let score = (distinct, rarity, count);
        if let Some(first) = left.peek()
            && best.is_none_or(|(highest, ..)| score > highest)
        {
            best = Some((score, **first, *last));
        }
    }
    best.map(|(_, first, last)| (first, last))
}

/// Changes the count of a term, and gives the new one.
fn add(counts: &mut [u64], term: usize, change: i64) -> u64 {
    counts.get_mut(term).map_or(0, |count| {
        *count = count.saturating_add_signed(change);
        *count
    })
}

/// More for a term that the text holds fewer times.
fn rareness(totals: &[u64], term: usize) -> u64 {
    1_000_000_u64.checked_div(totals.get(term).copied().unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Match;

    fn shown(content: &str, query: &str, max_chars: usize) -> String {
        snippet(content, &TextQuery::parse(query, Match::Any), max_chars)
    }

    #[test]
    fn the_stretch_with_the_most_distinct_terms_is_shown() {
        let filler = "lorem ipsum dolor sit amet ".repeat(20);
        let content = format!("alpha alpha alpha {filler}alpha met beta here {filler}");
        let text = shown(&content, "alpha beta", 60);
        assert!(text.contains("alpha met beta here"), "{text}");
        assert!(text.starts_with('…') && text.ends_with('…'), "{text}");
        let rare = format!("alpha beta {filler} alpha gamma {filler} alpha beta");
        assert!(shown(&rare, "alpha beta gamma", 40).contains("gamma"), "the rarest of equals");
    }

    #[test]
    fn without_a_hit_the_beginning_is_shown() {
        assert_eq!(shown("one two three four five", "zzz", 14), "one two three…");
        assert_eq!(shown("one two", "", 14), "one two");
        assert_eq!(shown("", "one", 14), "");
        assert_eq!(shown("  \n ", "one", 14), "");
    }

    #[test]
    fn stems_compounds_prefixes_and_emoji_are_hits() {
        let filler = "lorem ipsum ".repeat(50);
        let table = [
            ("the memories", "memory"),
            ("in src/main.rs", "main.rs"),
            ("a fooBar", "foobar"),
            ("das Café", "cafe"),
            ("ok 👍🏽", "👍"),
            ("pass\u{200b}word", "password"),
        ];
        for (place, query) in table {
            let text = shown(&format!("{filler}{place} {filler}"), query, 50);
            assert!(text.contains(&place.replace('\u{200b}', "")), "{query}: {text}");
        }
        let prefix = TextQuery::parse("memor", Match::Prefix);
        assert!(snippet(&format!("{filler}memories {filler}"), &prefix, 50).contains("memories"));
    }

    #[test]
    fn a_hit_in_a_long_run_without_spaces_is_shown() {
        let (han, thai, json) = ("漢字".repeat(300), "ภาษา".repeat(300), "{\"k\":1},".repeat(100));
        let table = [
            (format!("{han}東京都{han}"), "東京"),
            (format!("{han}東京都{han}"), "京"),
            (format!("{han}東京"), "京"),
            (format!("{thai}น้ำ{thai}"), "ษาน้ำ"),
            (format!("{json}{{\"needle\":2}},{json}"), "needle"),
        ];
        for (content, query) in table {
            let text = shown(&content, query, 40);
            assert!(text.contains(query), "{query}: {text}");
            assert!(text.chars().count() <= 42, "{text}");
        }
    }

    #[test]
    fn words_are_not_cut_and_whitespace_collapses() {
        assert_eq!(shown("alpha\n\n  beta\tgamma delta", "beta", 13), "…beta gamma…");
        assert_eq!(shown("alpha beta gamma delta", "delta", 13), "…gamma delta");
        assert_eq!(shown("a\u{0}b  c", "b", 10), "a b c");
    }

    #[test]
    fn a_hit_far_into_the_text_is_found_up_to_a_limit() {
        let words = |count: usize| "lorem ".repeat(count);
        assert!(shown(&format!("{}needle", words(16_000)), "needle", 30).ends_with("needle"));
        assert!(shown(&format!("{}needle", words(17_000)), "needle", 30).starts_with("lorem"));
    }
}
