//! English stemming and stop words.
//!
//! The stemmer is Snowball's English one ("Porter2", <https://snowballstem.org/algorithms/english/stemmer.html>).
//! It runs on words of ASCII letters only: all else stays as it is.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};

use super::term::MAX_TERM_CHARS;

/// The stemmer, made once for a text.
pub(super) struct English(Stemmer);

impl English {
    pub(super) fn new() -> Self {
        Self(Stemmer::create(Algorithm::English))
    }

    /// The stem of a word in lower case. A word that may have been cut has none.
    pub(super) fn stem<'w>(&self, word: &'w str) -> Cow<'w, str> {
        let short = word.len() > 2 && word.len() < MAX_TERM_CHARS;
        if short && word.bytes().all(|b| b.is_ascii_lowercase()) && !is_stop_word(word) {
            self.0.stem(word)
        } else {
            Cow::Borrowed(word)
        }
    }
}

/// Whether a query is better off without the word. Lower case, without apostrophes.
pub(super) fn is_stop_word(word: &str) -> bool {
    word.len() <= LONGEST_STOP_WORD && PACKED.binary_search(&packed(word)).is_ok()
}

const LONGEST_STOP_WORD: usize = 10;

/// The stop words as numbers: every word of a text is looked up, and strings took a third of the analysis.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const PACKED: [u128; STOP_WORDS.len()] = {
    let mut all = [0; STOP_WORDS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = packed(STOP_WORDS[at]);
        at += 1;
    }
    all
};

/// The bytes of a word of at most 16, left-aligned: in the order of the words.
const fn packed(word: &str) -> u128 {
    let mut bytes = [0; 16];
    if let Some((head, _)) = bytes.split_at_mut_checked(word.len()) {
        head.copy_from_slice(word.as_bytes());
    }
    u128::from_be_bytes(bytes)
}

/// Function words of English and the words people ask with. Sorted.
#[rustfmt::skip] // one word a line otherwise
const STOP_WORDS: &[&str] = &[
    "a", "about", "above", "after", "again", "against", "all", "also", "am", "an", "and", "any", "are",
    "arent", "as", "at", "be", "because", "been", "before", "being", "below", "between", "both", "but", "by",
    "can", "cannot", "cant", "could", "couldnt", "did", "didnt", "do", "does", "doesnt", "doing", "dont",
    "down", "during", "each", "ever", "few", "for", "from", "further", "had", "hadnt", "has", "hasnt", "have",
    "havent", "having", "he", "her", "here", "hers", "herself", "him", "himself", "his", "how", "i", "if",
    "in", "into", "is", "isnt", "it", "its", "itself", "just", "let", "me", "might", "more", "most", "must",
    "mustnt", "my", "myself", "no", "nor", "not", "of", "off", "on", "once", "only", "or", "other", "ought",
    "our", "ours", "ourselves", "out", "over", "own", "please", "same", "shall", "she", "should", "shouldnt",
    "so", "some", "such", "tell", "than", "that", "the", "their", "theirs", "them", "themselves", "then",
    "there", "these", "they", "this", "those", "through", "to", "too", "under", "until", "up", "upon", "very",
    "was", "wasnt", "we", "were", "werent", "what", "when", "where", "whether", "which", "while", "who",
    "whom", "whose", "why", "will", "with", "wont", "would", "wouldnt", "you", "your", "yours", "yourself",
    "yourselves",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stop_words_are_sorted_and_none_is_too_long() {
        assert!(STOP_WORDS.is_sorted());
        assert_eq!(STOP_WORDS.iter().map(|word| word.len()).max(), Some(LONGEST_STOP_WORD));
        assert!(["what", "did", "we", "about", "how", "when", "dont"].into_iter().all(is_stop_word));
        assert!(!is_stop_word("memory"));
    }

    #[test]
    fn only_english_words_are_stemmed() {
        let english = English::new();
        let table = [("running", "run"), ("memories", "memori"), ("sha256", "sha256"), ("naïve", "naïve")];
        for (word, stem) in table {
            assert_eq!(english.stem(word), stem);
        }
        let cut = "ing".repeat(22);
        assert_eq!(english.stem(&cut), cut.as_str());
    }
}
