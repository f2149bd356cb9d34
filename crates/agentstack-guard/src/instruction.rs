//! Text that is aimed at a model: orders to drop its instructions, to reveal or to hide something, to send data away,
//! and the marks that chat templates use.
//!
//! The pass for literals reports words; a rule is a sequence of classes of words with at most so many bytes between them. Rules
//! that are met near each other make each other surer. Where the text hides its words, by letters that look alike, by
//! characters nobody sees, by digits for letters or by spaces between letters, they are looked for in a plain view of
//! it as well.

mod rules;
mod view;
mod words;

use std::ops::Range;

use crate::collect::Candidates;
use crate::trigger::{self, Trigger};
use crate::{Confidence, Kind};

pub(crate) use words::{Word, literals};

/// How far apart two rules may be met to support each other, in bytes.
const NEARBY: usize = 300;

/// A rule that was met.
#[derive(Clone, Debug)]
struct Match {
    rule: usize,
    span: Range<usize>,
}

/// What the words of a text have met so far.
pub(crate) struct Scan {
    progress: rules::Progress,
    disguise: view::Disguise,
}

impl Scan {
    pub(crate) fn new(text: &str) -> Self {
        Self { progress: rules::Progress::default(), disguise: view::Disguise::of(text) }
    }

    pub(crate) fn word(&mut self, text: &str, word: Word, span: &Range<usize>) {
        if !self.disguise.is_any() && is_whole(text, word, span) {
            self.progress.take(text, word, span);
        }
    }

    pub(crate) fn finish(self, text: &str, found: &mut Candidates) {
        let mut matches =
            if self.disguise.is_any() { in_view(text, self.disguise) } else { self.progress.matches };
        matches.sort_by_key(|met| (met.span.start, met.span.end));
        report(&matches, found);
    }
}

/// The matches in the plain view, with the spans of the text they come from.
fn in_view(text: &str, disguise: view::Disguise) -> Vec<Match> {
    let view = view::View::of(text, disguise);
    let mut progress = rules::Progress::default();
    let text_of_view = view.text();
    let mut take = |word, span: &Range<usize>| {
        if is_whole(text_of_view, word, span) || view.is_glued(span) {
            progress.take(text_of_view, word, span);
        }
    };
    if view.is_any_glued() {
        // Where letters were closed up, words begin inside of others.
        for hit in trigger::hits(text_of_view) {
            if let Trigger::Word(word) = hit.trigger {
                take(word, &(hit.start..hit.end));
            }
        }
    } else {
        trigger::words(text_of_view, |word, span| take(word, &span));
    }
    if progress.matches.is_empty() {
        return Vec::new();
    }
    let sources = view::Sources::of(text, disguise);
    let matches = progress.matches.into_iter();
    matches.filter_map(|met| sources.span(text, &met.span).map(|span| Match { span, ..met })).collect()
}

/// Whether the word stands alone. Chinese, Japanese and Korean do not part words, so theirs always do.
fn is_whole(text: &str, word: Word, span: &Range<usize>) -> bool {
    let inside = |at: Option<char>| at.is_some_and(|c| c.is_alphanumeric() && !is_cjk(c));
    let starts_outside = !inside(text.get(..span.start).and_then(|part| part.chars().next_back()));
    let first = text.get(span.clone()).and_then(|part| part.chars().next());
    let is_mark = first.is_some_and(|c| !c.is_alphanumeric() || is_cjk(c));
    let ends_outside = word.is_stem() || !inside(text.get(span.end..).and_then(|part| part.chars().next()));
    is_mark || (starts_outside && ends_outside)
}

/// Han, kana, Hangul and the parts that Hangul is taken apart into.
fn is_cjk(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}')
}

/// The score of each match is its rule's weight and that of the other rules met nearby, each once.
fn report(matches: &[Match], found: &mut Candidates) {
    let mut counts = [0_u32; rules::COUNT];
    let (mut from, mut to) = (0, 0);
    for met in matches {
        let mut change = |index: usize, by: fn(u32) -> u32| {
            if let Some(count) = matches.get(index).and_then(|other| counts.get_mut(other.rule)) {
                *count = by(*count);
            }
        };
        while matches.get(to).is_some_and(|other| other.span.start <= met.span.end + NEARBY) {
            change(to, |count| count + 1);
            to += 1;
        }
        while matches.get(from).is_some_and(|other| other.span.start + NEARBY < met.span.start) {
            change(from, |count| count.saturating_sub(1));
            from += 1;
        }
        let is_met = |index: usize| index == met.rule || counts.get(index).is_some_and(|count| *count > 0);
        // The lightest rules only support others: their words stand in ordinary text.
        if rules::weights().nth(met.rule).is_none_or(|weight| weight < 2) {
            continue;
        }
        let score: u32 =
            rules::weights().enumerate().filter(|(index, _)| is_met(*index)).map(|(_, weight)| weight).sum();
        let confidence = match score {
            0..2 => continue,
            2..4 => Confidence::Low,
            4..6 => Confidence::Medium,
            _ => Confidence::High,
        };
        let kind = if rules::is_marker(met.rule) { Kind::RoleMarker } else { Kind::Instruction };
        found.add(kind, met.span.clone(), confidence);
    }
}
