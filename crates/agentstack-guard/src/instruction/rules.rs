//! The rules: sequences of classes of words, and what each weighs.

use std::ops::Range;

use super::Match;
use super::words::Word;

/// A sequence of words.
struct Rule {
    weight: u32,
    first: Word,
    /// What follows, and how many bytes may stand between.
    then: &'static [(Word, usize)],
}

const fn rule(weight: u32, first: Word, then: &'static [(Word, usize)]) -> Rule {
    Rule { weight, first, then }
}

static RULES: [Rule; COUNT] = [
    rule(5, Word::Override, &[(Word::Prior, 25), (Word::Rules, 40)]),
    rule(5, Word::Prior, &[(Word::Rules, 12), (Word::Override, 12)]),
    rule(1, Word::Override, &[(Word::Rules, 40)]),
    rule(3, Word::Override, &[(Word::Prompt, 30)]),
    rule(3, Word::Reveal, &[(Word::Prompt, 30)]),
    rule(2, Word::Prompt, &[(Word::Reveal, 12)]),
    rule(4, Word::Not, &[(Word::Tell, 12), (Word::User, 20)]),
    rule(4, Word::Send, &[(Word::Data, 60), (Word::Address, 80)]),
    rule(1, Word::Send, &[(Word::Data, 40)]),
    rule(1, Word::Call, &[(Word::Tool, 25)]),
    rule(4, Word::Persona, &[(Word::Unbound, 40)]),
    rule(1, Word::Persona, &[]),
    rule(1, Word::Unbound, &[]),
    rule(1, Word::Always, &[]),
    rule(4, Word::Marker, &[]),
    rule(2, Word::Speaker, &[]),
];

pub(super) const COUNT: usize = 16;

/// The weight of each rule.
pub(super) fn weights() -> impl Iterator<Item = u32> {
    RULES.iter().map(|rule| rule.weight)
}

/// Whether a rule is about the marks of chat templates.
pub(super) fn is_marker(rule: usize) -> bool {
    RULES.get(rule).is_some_and(|rule| matches!(rule.first, Word::Marker | Word::Speaker))
}

/// How far a rule has been met: where it began and where its last word ended.
type Reached = Option<Range<usize>>;

/// How far each rule has been met by the words so far, and the matches.
#[derive(Default)]
pub(super) struct Progress {
    /// Nothing before the first word: most texts are short and have none.
    reached: Vec<Vec<Reached>>,
    pub(super) matches: Vec<Match>,
}

impl Progress {
    /// Takes the next word, in the order in which they begin.
    pub(super) fn take(&mut self, text: &str, word: Word, span: &Range<usize>) {
        if word == Word::Speaker && !begins_line(text, span.start) {
            return;
        }
        if self.reached.is_empty() {
            self.reached = RULES.iter().map(|rule| vec![None; rule.then.len() + 1]).collect();
        }
        for (index, (rule, steps)) in RULES.iter().zip(&mut self.reached).enumerate() {
            if let Some(span) = step(rule, steps, word, span) {
                self.matches.push(Match { rule: index, span });
            }
        }
    }
}

/// Takes the word as the next of as many steps as it fits; gives the span if it was the last one.
fn step(rule: &Rule, steps: &mut [Reached], word: Word, span: &Range<usize>) -> Option<Range<usize>> {
    for (place, (expected, gap)) in rule.then.iter().enumerate().rev() {
        if *expected != word {
            continue;
        }
        let Some(Some(before)) = steps.get(place) else { continue };
        if span.start >= before.end && span.start - before.end <= *gap {
            let whole = before.start..span.end;
            if let Some(next) = steps.get_mut(place + 1) {
                *next = Some(whole.clone());
            }
            if place + 1 == rule.then.len() {
                return Some(whole);
            }
        }
    }
    if rule.first != word {
        return None;
    }
    if let Some(first) = steps.first_mut() {
        *first = Some(span.clone());
    }
    rule.then.is_empty().then(|| span.clone())
}

fn begins_line(text: &str, at: usize) -> bool {
    let line = text.get(..at).unwrap_or_default().trim_end_matches([' ', '\t', '*', '>', '#', '"']);
    line.is_empty() || line.ends_with('\n')
}
