//! Properties that hold for every text, tried on random ones.

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

use super::rank::{Posting, Statistics, rank};
use super::script::{Class, class, is_gap, is_hidden, is_symbol};
use super::snippet::snippet;
use super::{Analyzed, MAX_TERM_CHARS, Match, Term, TextQuery, analyze, cut};

const WAYS: [Match; 4] = [Match::Any, Match::All, Match::Phrase, Match::Prefix];

/// Texts that are likely to go wrong: pieces of everything the tokenizer knows of, and any characters.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        6 => "[a-zA-Z0-9]{1,8}",
        4 => "[-_./:@#&'\\\\,+ \n\"*()^]{1,3}",
        1 => "[àÉßςİ’ﬁ½Ⅷ①]{1,3}",
        1 => "[漢字かガ한국ｶﾞ]{1,4}",
        1 => "[กำาษ้ລາမြန်ខ្មែរ]{1,4}",
        1 => "[👍🏽👩💻❤🇫🇷1\u{200d}\u{fe0f}\u{20e3}]{1,4}",
        1 => "[\u{200b}\u{ad}\u{202e}\u{e0041}\u{300}\u{5b0}\u{94d}]{1,2}",
        1 => "\\PC{1,4}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

fn all_terms(held: &Analyzed) -> impl Iterator<Item = &Term> {
    held.terms.iter().chain(&held.extra)
}

/// As a backend would: whether one term of the query is among the text's.
fn hits(query: &TextQuery, held: &Analyzed) -> bool {
    query.terms().iter().any(|wanted| {
        all_terms(held).any(|term| {
            term == &wanted.term || wanted.prefix && term.as_str().starts_with(wanted.term.as_str())
        })
    })
}

fn is_term(text: &str) -> bool {
    let legal = |c: char| {
        let known =
            matches!(class(c), Class::Word | Class::Dense | Class::Cluster | Class::Mark) || is_symbol(c);
        (known || c == '·') && !is_hidden(c) && !is_gap(c) && !c.is_ascii_uppercase()
    };
    (1..=MAX_TERM_CHARS).contains(&text.chars().count()) && text.chars().all(legal)
}

fn is_diacritic(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// A number that is not made of digits, like 𞸴: UAX #29 sees no word in it.
fn is_odd_number(c: char) -> bool {
    !c.is_ascii() && c.is_numeric()
}

fn postings() -> impl Strategy<Value = Vec<Posting>> {
    let one = (0_i64..20, 0_u32..5, 0_u32..9, 0_u32..3);
    let one = one.prop_map(|(entry, term, frequency, heading)| Posting { entry, term, frequency, heading });
    prop::collection::vec(one, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s31_every_term_is_free_of_syntax(text in text()) {
        for term in all_terms(&analyze(&text)) {
            prop_assert!(is_term(term.as_str()), "{term:?}");
        }
        for how in WAYS {
            for wanted in TextQuery::parse(&text, how).terms() {
                prop_assert!(is_term(wanted.term.as_str()), "{wanted:?}");
                prop_assert!(wanted.weight > 0.0 && wanted.weight <= 1.0);
            }
        }
    }

    #[test]
    fn every_word_finds_its_text(text in text()) {
        let held = analyze(&text);
        // UAX #29 on the text as it is folded, for both to see the same characters.
        let visible = text.chars().filter(|c| !is_hidden(*c)).nfkd().filter(|c| !is_diacritic(*c));
        let visible: String = visible.nfc().collect();
        let spaced = |c| matches!(class(c), Class::Word | Class::Mark | Class::Other);
        let clear = |word: &&str| !word.starts_with(is_combining_mark) && word.chars().all(spaced);
        let words = visible.unicode_words().filter(clear).filter(|_| !visible.contains(is_odd_number));
        for word in text.split_whitespace().chain(words) {
            for how in [Match::Any, Match::Prefix] {
                let query = TextQuery::parse(word, how);
                prop_assert!(query.is_empty() || hits(&query, &held), "{word:?} {how:?}");
            }
        }
    }

    #[test]
    fn a_text_is_a_phrase_of_itself_and_holds_all_of_its_words(text in text()) {
        let held = analyze(&text);
        let phrase = TextQuery::parse(&text, Match::Phrase);
        prop_assert_eq!(phrase.phrase(), held.terms.as_slice());
        for wanted in TextQuery::parse(&text, Match::All).terms() {
            prop_assert!(all_terms(&held).any(|term| term == &wanted.term), "{wanted:?}");
        }
    }

    #[test]
    fn a_word_in_the_index_form_is_taken_as_it_is(text in text()) {
        let held = analyze(&text);
        for term in held.extra.iter().chain(&held.terms) {
            let again = TextQuery::parse(term.as_str(), Match::Prefix);
            let found = again.terms().iter().any(|wanted| term.as_str().starts_with(wanted.term.as_str()));
            prop_assert!(found, "{term:?} {again:?}");
        }
    }

    #[test]
    fn case_and_hidden_characters_change_nothing(words in prop::collection::vec("[a-z0-9]{1,9}", 1..9)) {
        let plain = words.join(" ");
        prop_assert_eq!(analyze(&plain), analyze(&plain.to_uppercase()));
        let hidden: String = plain.chars().flat_map(|c| [c, '\u{200b}']).collect();
        prop_assert_eq!(analyze(&plain), analyze(&hidden));
    }

    #[test]
    fn s05_the_order_of_postings_changes_nothing(
        (sorted, shuffled) in postings().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let space = Statistics { entries: 30, terms: 900 };
        for how in WAYS {
            let query = TextQuery::parse("alpha beta foo_bar", how);
            let ranked = rank(&query, space, |entry| entry.unsigned_abs().try_into().unwrap(), &sorted);
            prop_assert_eq!(&ranked, &rank(&query, space, |entry| u32::try_from(entry).unwrap(), &shuffled));
            for scored in &ranked {
                prop_assert!((0.0..=1.0).contains(&scored.score));
            }
            let best_first = |pair: &[super::rank::Scored]| {
                (pair[0].score, pair[0].entry) > (pair[1].score, pair[1].entry)
            };
            prop_assert!(ranked.windows(2).all(best_first));
        }
    }

    #[test]
    fn a_score_grows_with_the_frequency(postings in postings(), length in 0_u32..500) {
        let query = TextQuery::parse("alpha beta gamma delta epsilon", Match::Any);
        let space = Statistics { entries: 30, terms: 900 };
        let score = |postings: &[Posting]| {
            let ranked = rank(&query, space, |_| length, postings);
            ranked.into_iter().find(|scored| scored.entry == 0).map_or(0.0, |scored| scored.score)
        };
        let mut all = postings;
        all.push(Posting { entry: 0, term: 1, frequency: 1, heading: 0 });
        let before = score(&all);
        all.push(Posting { entry: 0, term: 1, frequency: 2, heading: 0 });
        prop_assert!(score(&all) >= before);
    }

    #[test]
    fn a_snippet_is_short_and_made_of_the_text(text in text(), max in 0_usize..60, query in text()) {
        let seen = |c: &char| !is_hidden(*c) && !is_gap(*c) && *c != '…';
        let visible = |text: &str| text.chars().filter(seen).collect::<String>();
        for wanted in [query.as_str(), text.as_str(), ""] {
            let shown = snippet(&text, &TextQuery::parse(wanted, Match::Any), max);
            prop_assert!(shown.chars().count() <= max + 2, "{shown:?}");
            prop_assert!(!shown.contains("  ") && !shown.contains(char::is_control), "{shown:?}");
            prop_assert!(visible(&text).contains(&visible(&shown)), "{shown:?}");
        }
    }

    #[test]
    fn a_json_prefix_fits_and_one_more_character_would_not(text in text(), bytes in 0_usize..80) {
        let prefix = cut::prefix_within(&text, bytes);
        let written = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(written.len(), cut::json_escaped_len(&text) + 2);
        prop_assert!(text.starts_with(prefix) && cut::json_escaped_len(prefix) <= bytes);
        if let Some(next) = text.chars().nth(prefix.chars().count()) {
            let longer = format!("{prefix}{next}");
            prop_assert!(cut::json_escaped_len(&longer) > bytes);
        }
    }
}
