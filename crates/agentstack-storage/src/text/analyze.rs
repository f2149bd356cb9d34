//! What the index holds of a text.

use super::scan::{Kind, scan};
use super::stem::English;
use super::term::Term;

/// What the index holds of one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Analyzed {
    /// Stems in reading order: a phrase is found by their positions, and their number is the document's length.
    pub terms: Vec<Term>,
    /// Sorted, each once, without positions: joined compounds (`foobar` of `fooBar`), words as written where the
    /// stem differs (for prefixes), and the last character of a run in a script without spaces.
    pub extra: Vec<Term>,
}

/// The analysis that [`analyze`] does. In an index that was made by another one, a query's terms are not what they
/// were when the entry was stored. It grows with every change of what [`analyze`] returns.
pub const ANALYSIS: i64 = 1;

/// How much an entry may bring into the index, in bytes, counting [`TERM_BYTES`] for each term besides its text. A
/// legal content of ordinary text stays below; some characters stand for several words each, and a million of
/// those do not. What comes after is stored and shown like all else, but not found by its words.
const INDEXED_BYTES: usize = 20 * 1024 * 1024;
/// What a backend adds to a term.
const TERM_BYTES: usize = 8;

/// About what a word of English takes with the space behind it.
const BYTES_PER_WORD: usize = 6;

/// Turns a text into what the index holds of it. Never fails; takes time in proportion to the text.
#[must_use]
pub fn analyze(text: &str) -> Analyzed {
    let english = English::new();
    let mut terms = Vec::with_capacity(text.len() / BYTES_PER_WORD);
    let mut extra = Vec::new();
    let mut room = INDEXED_BYTES;
    scan(text, |kind, token| {
        // Stem and word as written take no more than twice the token.
        room = room.saturating_sub(2 * (token.len() + TERM_BYTES));
        if room == 0 {
            return;
        }
        match kind {
            Kind::Word | Kind::Part => {
                let stem = english.stem(token);
                if stem != token {
                    extra.push(Term::new(token));
                }
                terms.push(Term::new(&stem));
            }
            Kind::Compound => {
                let stem = english.stem(token);
                if stem != token {
                    extra.push(Term::new(&stem));
                }
                extra.push(Term::new(token));
            }
            Kind::Pair | Kind::Single | Kind::Symbol => terms.push(Term::new(token)),
            Kind::Tail => extra.push(Term::new(token)),
        }
    });
    extra.sort_unstable();
    extra.dedup();
    Analyzed { terms, extra }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Match, QueryTerm, TextQuery};

    /// What a backend does with a query, on one text.
    fn finds(query: &str, how: Match, text: &str) -> bool {
        let (query, held) = (TextQuery::parse(query, how), analyze(text));
        let hit = |wanted: &QueryTerm| {
            held.terms.iter().chain(&held.extra).any(|term| {
                term == &wanted.term || wanted.prefix && term.as_str().starts_with(wanted.term.as_str())
            })
        };
        match how {
            Match::Any | Match::Prefix => query.terms().iter().any(hit),
            Match::All => !query.is_empty() && query.terms().iter().filter(|term| term.required).all(hit),
            Match::Phrase if query.phrase().len() < 2 => query.terms().iter().any(hit),
            Match::Phrase => held.terms.windows(query.phrase().len()).any(|window| window == query.phrase()),
        }
    }

    #[test]
    fn what_one_entry_brings_into_the_index_is_bounded() {
        let bytes = |terms: &[Term]| terms.iter().map(|term| term.as_str().len() + TERM_BYTES).sum::<usize>();
        // U+FDFA alone stands for a phrase of four words.
        for letter in ["ﷺ", "猫"] {
            let held = analyze(&letter.repeat(1_000_000 / letter.chars().count()));
            assert!(bytes(&held.terms) + bytes(&held.extra) <= INDEXED_BYTES, "{letter}");
            assert!(!held.terms.is_empty());
        }
    }

    /// Whoever sees this fail has changed what the index holds: [`ANALYSIS`] has to grow, and a migration has to
    /// make the indexes that are there anew.
    #[test]
    fn the_analysis_is_the_one_that_its_number_stands_for() {
        let text = "The quick brown foxes' fooBar, v1.2.3 of src/main.rs; naïve Straße 東京都 ไทย 👍🏽 it's HTTPServer2 C++";
        let held = analyze(text);
        let shown = |terms: &[Term]| terms.iter().map(Term::as_str).collect::<Vec<_>>().join(" ");
        let pinned = format!("{}\n{}\n{}", ANALYSIS, shown(&held.terms), shown(&held.extra));
        insta::assert_snapshot!(pinned);
    }

    #[test]
    fn a_text_is_found_by_what_a_person_would_type() {
        let table: [(&str, &[&str], &[&str]); 26] = [
            ("fooBar", &["foobar", "foo_bar", "fooBar", "foo", "bar", "FOO-BAR"], &["fo", "oba"]),
            ("foo_bar", &["foobar", "fooBar", "foo bar"], &["foob"]),
            ("userServices", &["userservices", "user service", "services"], &["userserv"]),
            ("see src/main.rs", &["main.rs", "src/main.rs", "main", "rs", "SRC/MAIN.RS"], &["mai"]),
            ("v1.2.3", &["v1.2.3", "v1", "V1.2.3"], &["v123", "123"]),
            ("version 1.2", &["1.2", "versions"], &["12"]),
            ("Node.js", &["nodejs", "node.js", "node"], &[]),
            ("mail foo@bar.com", &["foo@bar.com", "bar.com", "foo", "barcom"], &["baz"]),
            (r"C:\Users\x", &[r"C:\Users\x", "users", "c:/users/x"], &[]),
            ("a::b::Error", &["a::b::Error", "error", "errors"], &[]),
            ("error E0425", &["E0425", "e0425"], &["0425", "E042"]),
            ("utf8 and sha256sum", &["UTF8", "sha256sum"], &["sha", "256"]),
            ("it's fine", &["it's", "fine"], &[]),
            ("I don't know", &["don't", "dont", "don’t", "DON'T"], &["don"]),
            ("John's car", &["john", "Johns", "John’s", "cars"], &[]),
            ("The APIs", &["api", "APIs"], &["ap"]),
            ("e-mail", &["email", "e-mail", "emails"], &[]),
            ("café crème", &["cafe", "CAFÉ", "cafe\u{301}", "creme"], &["caf"]),
            ("Straße", &["strasse", "STRASSE", "straße"], &[]),
            ("1,000 dollars", &["1000", "1,000", "dollar"], &[]),
            ("we use C++ and C#", &["C++", "c#", "cplusplus"], &["java"]),
            ("東京都庁", &["東京", "都", "庁", "京都", "東"], &["大阪", "庁東"]),
            ("ﾃﾞｰﾀ ﬁle", &["データ", "file"], &[]),
            ("ภาษาไทย", &["ภาษา", "ไทย"], &["ลาว"]),
            ("great 👍🏽 work", &["👍", "👍🏿"], &["👎"]),
            ("हिन्दी Привет ΟΔΟΣ", &["हिन्दी", "привет", "οδος"], &["हनद"]),
        ];
        for (text, hits, misses) in table {
            for query in hits {
                assert!(finds(query, Match::Any, text), "{query:?} finds {text:?}");
            }
            for query in misses {
                assert!(!finds(query, Match::Any, text), "{query:?} does not find {text:?}");
            }
        }
    }

    #[test]
    fn the_ways_to_match_differ() {
        let text = "The quick brown foxes jump over src/main.rs in 東京都";
        let table: [(Match, &[&str], &[&str]); 4] = [
            (Match::Any, &["slow fox", "what did the fox do"], &["slow dogs", "bro"]),
            (Match::All, &["fox quick", "the fox", "main.rs jumping", "東京都"], &["quick dog", "東京 大阪"]),
            (
                Match::Phrase,
                &["quick brown", "the quick", "over src main rs", "main.rs in", "東京都", "京"],
                &["brown quick", "the fox", "quick fox"],
            ),
            (Match::Prefix, &["bro", "foxe", "fox", "SRC/MA", "mainr", "京"], &["rown", "oxes"]),
        ];
        for (how, hits, misses) in table {
            for query in hits {
                assert!(finds(query, how, text), "{how:?} {query:?}");
            }
            for query in misses {
                assert!(!finds(query, how, text), "{how:?} {query:?}");
            }
        }
    }

    #[test]
    fn s18_hidden_characters_do_not_hide_a_word() {
        for hidden in ["\u{200b}", "\u{200f}", "\u{2066}", "\u{2064}", "\u{feff}", "\u{e0041}", "\u{ad}"] {
            let text = format!("the pass{hidden}word is{hidden} here");
            assert!(finds("password", Match::Any, &text), "{hidden:?}");
            assert!(finds(&format!("pa{hidden}ssword"), Match::Phrase, "password"), "{hidden:?}");
        }
    }

    #[test]
    fn long_tokens_match_by_their_first_64_characters() {
        let hash = "9f86d081884c7d65".repeat(8);
        let word = "Donaudampf".repeat(10);
        let first = |text: &str, count: usize| text.chars().take(count).collect::<String>();
        for text in [&hash, &word] {
            assert!(finds(text, Match::Any, &format!("x {text} y")));
            assert!(finds(&first(text, 70), Match::All, text));
            assert!(finds(&first(text, 60), Match::Prefix, text));
        }
        assert!(!finds(&first(&hash, 60), Match::Any, &hash));
    }

    #[test]
    fn terms_are_the_document_and_extra_is_a_sorted_set() {
        let held = analyze("fooBar fooBar running, running");
        assert_eq!(held.terms.len(), 6);
        let extra: Vec<_> = held.extra.iter().map(Term::as_str).collect();
        assert_eq!(extra, ["foobar", "running"]);
        assert_eq!(analyze(" \n\t .,;-- \u{200b}"), Analyzed::default());
    }

    #[test]
    fn twice_the_text_gives_no_more_than_twice_the_terms() {
        let units =
            ["a/B.c-d_", "漢字", "ภาษา", "👍🏽", "\u{5b0}\u{591}", "e\u{301}", "'t n", "fooBar ", "ﷺ", "a'"];
        for unit in units {
            let count = |times: usize| {
                let held = analyze(&unit.repeat(times));
                held.terms.len() + held.extra.len()
            };
            assert!(count(2_000) <= 2 * count(1_000) + 8, "{unit:?}");
        }
    }
}
