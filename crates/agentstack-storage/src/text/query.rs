//! What a query asks for.
//!
//! Every string is a legal query (S31): it is scanned like any other text. There are no operators, so `AND`,
//! `"`, `*` and `NEAR(` are words or punctuation. What to do with the words is said apart, by [`Match`].

use std::collections::HashMap;

use super::scan::{Kind, scan};
use super::stem::{English, is_stop_word};
use super::term::Term;

/// How much the whole of a compound counts; each of its parts counts 1 already.
const COMPOUND_WEIGHT: f64 = 0.5;

/// Which entries a query finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Match {
    /// Those with at least one of its words.
    #[default]
    Any,
    /// Those with every one of its words.
    All,
    /// Those with its words one after the other.
    Phrase,
    /// Those with a word that begins like one of its words.
    Prefix,
}

/// One term that a query looks for.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerm {
    /// The term as it stands in the index.
    pub term: Term,
    /// Whether longer terms that begin like this one count too.
    pub prefix: bool,
    /// Whether an entry without it is no result.
    pub required: bool,
    /// How much it counts in the ranking: above 0, at most 1.
    pub weight: f64,
}

/// A query, ready for the index.
#[derive(Debug, Clone, PartialEq)]
pub struct TextQuery {
    how: Match,
    terms: Vec<QueryTerm>,
    phrase: Vec<Term>,
}

/// Most distinct terms that a query looks for: the first ones. A person's question has a dozen; each one costs a
/// walk over all entries that have it.
const QUERY_TERMS: usize = 64;

impl TextQuery {
    /// Reads a query. Never fails: a text without a word gives an empty query, which finds nothing.
    ///
    /// `Any` and `All` leave English stop words out, unless nothing else is asked for.
    #[must_use]
    pub fn parse(text: &str, how: Match) -> Self {
        let (mut builder, mut stop_words) = (Builder::new(how), Builder::new(how));
        let mut phrase = Vec::new();
        let droppable = matches!(how, Match::Any | Match::All);
        scan(text, |kind, token| {
            if droppable && kind == Kind::Word && is_stop_word(token) {
                stop_words.add(kind, token);
            } else {
                builder.add(kind, token);
            }
            if how == Match::Phrase && !matches!(kind, Kind::Compound | Kind::Tail) {
                phrase.push(builder.term(kind, token));
            }
        });
        let found = if builder.terms.is_empty() { stop_words } else { builder };
        Self { how, terms: found.terms, phrase }
    }

    /// The distinct terms, in the order of their first appearance.
    #[must_use]
    pub fn terms(&self) -> &[QueryTerm] {
        &self.terms
    }

    /// Which entries it finds.
    #[must_use]
    pub fn how(&self) -> Match {
        self.how
    }

    /// The terms that must stand one after the other, for [`Match::Phrase`]; empty for all else.
    /// With fewer than two there is no order to look at, and [`Self::terms`] says it all.
    #[must_use]
    pub fn phrase(&self) -> &[Term] {
        &self.phrase
    }

    /// Whether it can find nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

struct Builder {
    how: Match,
    english: English,
    /// Where in `terms` a term is, by its text.
    places: HashMap<Term, usize>,
    terms: Vec<QueryTerm>,
}

impl Builder {
    fn new(how: Match) -> Self {
        Self { how, english: English::new(), places: HashMap::new(), terms: Vec::new() }
    }

    /// The term to look for. A prefix is looked for as it is written: `universi` has no stem.
    fn term(&self, kind: Kind, token: &str) -> Term {
        match kind {
            Kind::Word | Kind::Part | Kind::Compound if self.how != Match::Prefix => {
                Term::new(&self.english.stem(token))
            }
            _ => Term::new(token),
        }
    }

    fn add(&mut self, kind: Kind, token: &str) {
        let compound = kind == Kind::Compound;
        if kind == Kind::Tail || (compound && self.how == Match::Phrase) {
            return;
        }
        let strict = matches!(self.how, Match::All | Match::Phrase);
        let wanted = QueryTerm {
            term: self.term(kind, token),
            prefix: self.how == Match::Prefix || kind == Kind::Single,
            required: strict && !compound,
            weight: if compound { COMPOUND_WEIGHT } else { 1.0 },
        };
        let place = self.places.get(&wanted.term).copied().unwrap_or(self.terms.len());
        if let Some(there) = self.terms.get_mut(place) {
            there.prefix |= wanted.prefix;
            there.required |= wanted.required;
            there.weight = there.weight.max(wanted.weight);
        } else if self.terms.len() < QUERY_TERMS {
            self.places.insert(wanted.term.clone(), place);
            self.terms.push(wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str, how: Match) -> String {
        let query = TextQuery::parse(text, how);
        let mark = |term: &QueryTerm| if term.prefix { "*" } else { "" };
        let words: Vec<_> =
            query.terms().iter().map(|term| format!("{}{}", term.term.as_str(), mark(term))).collect();
        words.join(" ")
    }

    #[test]
    fn s31_any_string_is_a_legal_query() {
        let table = [
            ("\"", ""),
            ("foo AND bar", "foo bar"),
            ("NEAR(foo bar, 5)", "near foo bar 5"),
            ("foo* OR -bar", "foo bar"),
            ("content:secret", "content secret contentsecret"),
            ("{a b}:^c + d", "b c d"),
            ("'; DROP TABLE entries; --", "drop tabl entri"),
            ("\u{0}\u{200b}", ""),
            ("( ) \\ % _ ?", ""),
        ];
        for (text, expected) in table {
            assert_eq!(terms(text, Match::Any), expected, "{text:?}");
        }
    }

    #[test]
    fn stop_words_are_dropped_unless_nothing_is_left() {
        assert_eq!(terms("What did we decide about the deployment?", Match::Any), "decid deploy");
        assert_eq!(terms("what about it", Match::All), "what about it");
        assert_eq!(terms("the who", Match::Phrase), "the who");
        assert_eq!(terms("the", Match::Prefix), "the*");
        assert_eq!(terms("to_do list", Match::Any), "to do todo list", "parts of a name are no stop words");
    }

    #[test]
    fn duplicates_are_merged() {
        assert_eq!(terms("Run running RUNS run", Match::Any), "run");
        let query = TextQuery::parse("foo_bar foobar", Match::All);
        let foobar = query.terms().iter().find(|term| term.term.as_str() == "foobar").unwrap();
        assert!(foobar.required && foobar.weight > COMPOUND_WEIGHT, "asked for as a word too");
    }

    #[test]
    fn only_words_are_required_and_only_where_all_are_asked_for() {
        let required = |how| {
            let query = TextQuery::parse("src/main.rs runs", how);
            query.terms().iter().filter(|term| term.required).count()
        };
        assert_eq!(required(Match::All), 4);
        assert_eq!(required(Match::Phrase), 4);
        assert_eq!(required(Match::Any), 0);
        assert_eq!(required(Match::Prefix), 0);
    }

    #[test]
    fn a_phrase_keeps_its_order_and_its_repetitions() {
        let query = TextQuery::parse("to be or not to_be", Match::Phrase);
        let phrase: Vec<_> = query.phrase().iter().map(Term::as_str).collect();
        assert_eq!(phrase, ["to", "be", "or", "not", "to", "be"]);
        assert_eq!(query.terms().len(), 4);
        assert!(TextQuery::parse("to be", Match::All).phrase().is_empty());
    }

    #[test]
    fn a_prefix_is_not_stemmed() {
        assert_eq!(terms("Universities fooBa", Match::Prefix), "universities* foo* ba* fooba*");
    }

    #[test]
    fn one_character_of_a_dense_script_is_a_prefix_and_more_are_pairs() {
        assert_eq!(terms("京", Match::Any), "京*");
        assert_eq!(terms("東京都", Match::Any), "東京 京都");
        assert_eq!(terms("東京都", Match::Phrase), "東京 京都");
    }
}
