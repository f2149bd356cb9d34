//! The inverted index: which terms stand in which entries, and where.
//!
//! A namespace's postings are kept in runs of about [`RUN`], sorted by term within a run. So a store touches the few
//! pages of one run, whatever the size of the namespace; a search looks into each run; and the end of
//! a session is the removal of one range. (FTS5 keeps first terms of its pages after their entries are gone, even
//! with `secure-delete`, and takes a term at a time to remove.)
//!
//! When SQLite moves rows between pages it may leave copies of them in unused space, which `secure_delete` does
//! not reach. Terms are therefore kept under a [`Cipher`]: such a copy is no text (S08).

use std::collections::BTreeMap;

use agentstack_core::MemoryKey;
use agentstack_storage::text::{Term, analyze};
use sha2::{Digest, Sha256};

use crate::key::hex;

/// How many postings a run is given before the next one begins: a larger one costs stores, a smaller one searches.
/// An entry is in one run with all of its own. 512 are about five pages.
pub(crate) const RUN: i64 = 512;

/// How many postings are inserted with one statement: a text has to fit into SQLite's limits.
const CHUNK: usize = 20_000;

/// What the index holds of an entry.
pub(crate) struct Terms {
    /// The number of terms in the body.
    pub(crate) length: i64,
    held: BTreeMap<Term, Held>,
}

/// How an entry holds a term.
#[derive(Default)]
struct Held {
    /// How often in the key.
    head: u32,
    /// How often in the content, or besides.
    body: u32,
    /// Where, in ascending order: key and content follow each other with a gap.
    places: Vec<u32>,
}

impl Terms {
    /// The terms of a key and a content.
    pub(crate) fn of(key: &str, content: &str) -> Self {
        let (heading, text) = (analyze(key), analyze(content));
        let length = i64::try_from(text.terms.len()).unwrap_or(i64::MAX);
        let mut held: BTreeMap<Term, Held> = BTreeMap::new();
        let mut place = 0_u32;
        for term in heading.terms {
            let posting = held.entry(term).or_default();
            posting.head += 1;
            posting.places.push(place);
            place += 1;
        }
        for term in text.terms {
            // One place is left out after the key, so no phrase goes across.
            place += 1;
            let posting = held.entry(term).or_default();
            posting.body += 1;
            posting.places.push(place);
        }
        for term in heading.extra.into_iter().chain(text.extra) {
            held.entry(term).or_default().body += 1;
        }
        Self { length, held }
    }

    /// How many postings the entry has.
    pub(crate) fn postings(&self) -> i64 {
        i64::try_from(self.held.len()).unwrap_or(i64::MAX)
    }

    /// The postings as JSON texts, at least one: arrays of `[term, head, body, places]`, bytes in hexadecimal.
    pub(crate) fn rows(&self, secret: &[u8]) -> Vec<String> {
        let mut cipher = Cipher::new(secret);
        let row = |(term, held): (&Term, &Held)| {
            (hex(&cipher.encode(term.as_str())), held.head, held.body, hex(&packed(&held.places)))
        };
        let mut rows: Vec<(String, u32, u32, String)> = self.held.iter().map(row).collect();
        rows.sort_unstable();
        let json = |rows: &[_]| serde_json::to_string(rows).unwrap_or_else(|_| "[]".into());
        if rows.is_empty() { vec![json(&[])] } else { rows.chunks(CHUNK).map(json).collect() }
    }
}

/// Ascending numbers as their differences, each in LEB128.
fn packed(places: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(places.len());
    let mut last = 0;
    for place in places {
        let mut rest = place - last;
        last = *place;
        while rest >= 0x80 {
            bytes.push(0x80 | u8::try_from(rest & 0x7f).unwrap_or(0));
            rest >>= 7;
        }
        bytes.push(u8::try_from(rest).unwrap_or(0));
    }
    bytes
}

/// Reads what [`packed`] wrote, from hexadecimal digits.
pub(crate) fn unpacked(digits: &str) -> Option<Vec<u32>> {
    let (mut places, mut last, mut rest, mut shift) = (vec![], 0_u32, 0_u32, 0);
    for pair in digits.as_bytes().chunks(2) {
        let byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        rest |= u32::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte < 0x80 {
            last = last.checked_add(rest)?;
            places.push(last);
            (rest, shift) = (0, 0);
        }
    }
    Some(places)
}

/// The range of the index in which a term of a query is: from the first on, up to but without the second.
pub(crate) fn range(cipher: &mut Cipher, term: &Term, prefix: bool) -> (String, String) {
    let first = cipher.encode(term.as_str());
    let mut end = first.clone();
    if prefix {
        while end.last() == Some(&u8::MAX) {
            end.pop();
        }
        match end.last_mut() {
            Some(last) => *last += 1,
            // No byte is left to count up: longer than any term is beyond all of them.
            None => end = vec![u8::MAX; 512],
        }
    } else {
        end.push(0);
    }
    (hex(&first), hex(&end))
}

/// Turns terms into bytes of the same length, under a namespace's secret, such that terms that begin alike do so
/// still: ranges of the index work, and nothing in it is text. It is to keep text out of what SQLite leaves behind;
/// confidentiality is the encryption's business.
pub(crate) struct Cipher {
    /// The state before each byte of the last term, and before any.
    states: Vec<u64>,
    last: Vec<u8>,
}

impl Cipher {
    pub(crate) fn new(secret: &[u8]) -> Self {
        let seed = Sha256::new().chain_update(b"agentstack index v1").chain_update(secret).finalize();
        let seed = seed.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte));
        Self { states: vec![seed], last: vec![] }
    }

    /// Each byte moved by a number that depends on the secret and the bytes before it. Quickest if the last term
    /// began alike.
    fn encode(&mut self, term: &str) -> Vec<u8> {
        let shared = self.last.iter().zip(term.bytes()).take_while(|(a, b)| **a == *b).count();
        self.states.truncate(shared + 1);
        // The last byte is moved by the state before it; none is needed after it.
        let known = self.states.len();
        for byte in term.bytes().skip(known - 1).take(term.len().saturating_sub(known)) {
            let next = self.states.last().map(|state| step(*state, byte));
            self.states.extend(next);
        }
        self.last = term.as_bytes().to_vec();
        let moved = |(byte, state): (u8, &u64)| byte.wrapping_add(state.to_be_bytes()[0]);
        term.bytes().zip(&self.states).map(moved).collect()
    }
}

/// One step of `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014), with the
/// byte mixed into the state: some nanoseconds, where a hash for each byte of each term took longer than the rest of
/// a store.
fn step(state: u64, byte: u8) -> u64 {
    let mut mixed = (state ^ u64::from(byte)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// By what an entry is looked up: its key would be text in one more place.
pub(crate) fn key_hash(key: &MemoryKey) -> Vec<u8> {
    Sha256::digest(key.as_str().as_bytes()).iter().take(16).copied().collect()
}

#[cfg(test)]
mod tests {
    use agentstack_storage::text::{Match, TextQuery};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn s08_no_piece_of_a_term_is_in_its_code() {
        let terms = ["password", "passwords", "hunter2", "東京", "aaaaaaaaaaaaaaaa"];
        for (secret, term) in [[1; 16], [2; 16]].iter().flat_map(|secret| terms.map(|term| (secret, term))) {
            let code = Cipher::new(secret).encode(term);
            assert_eq!(code.len(), term.len());
            assert!(
                !code.windows(3).any(|window| term.as_bytes().windows(3).any(|piece| piece == window)),
                "{term}"
            );
        }
        assert_ne!(Cipher::new(&[1; 16]).encode("password"), Cipher::new(&[2; 16]).encode("password"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn terms_that_begin_alike_have_codes_that_do(terms in proptest::collection::vec("[a-c東]{1,6}", 1..20)) {
            let fresh: Vec<_> = terms.iter().map(|term| Cipher::new(b"secret").encode(term)).collect();
            let mut cipher = Cipher::new(b"secret");
            let codes: Vec<_> = terms.iter().map(|term| cipher.encode(term)).collect();
            prop_assert_eq!(&codes, &fresh, "the order of encoding is of no matter");
            for (one, code) in terms.iter().zip(&codes) {
                for (other, other_code) in terms.iter().zip(&codes) {
                    prop_assert_eq!(one.starts_with(other.as_str()), code.starts_with(other_code));
                }
            }
        }

        #[test]
        fn places_read_back(mut places in proptest::collection::vec(any::<u32>(), 0..20)) {
            places.sort_unstable();
            prop_assert_eq!(unpacked(&hex(&packed(&places))), Some(places));
        }
    }

    #[test]
    fn a_range_holds_a_term_or_all_that_begin_with_it() {
        let mut cipher = Cipher::new(b"secret");
        let codes = ["fo", "foo", "foobar", "fop", "g"].map(|term| (term, hex(&cipher.encode(term))));
        for (how, expected) in [(Match::Any, vec!["foo"]), (Match::Prefix, vec!["foo", "foobar"])] {
            let query = TextQuery::parse("foo", how);
            let (first, end) = range(&mut cipher, &query.terms()[0].term, query.terms()[0].prefix);
            let within = codes.iter().filter(|(_, code)| (&first..&end).contains(&code));
            assert_eq!(within.map(|(term, _)| *term).collect::<Vec<_>>(), expected);
        }
    }
}
