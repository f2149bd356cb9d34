//! Terms as the index keeps them: under a secret of their namespace, so that what SQLite leaves behind is no text.

use agentstack_storage::text::Term;
use sha2::{Digest, Sha256};

/// The range of the index in which a term of a query is: from the first on, up to but without the second.
pub(crate) fn range(cipher: &mut Cipher, term: &Term, prefix: bool) -> (Vec<u8>, Vec<u8>) {
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
    (first, end)
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
        Self { states: vec![seed(b"agentstack index v1", secret)], last: vec![] }
    }

    /// Each byte moved by a number that depends on the secret and the bytes before it. Quickest if the last term
    /// began alike.
    pub(super) fn encode(&mut self, term: &str) -> Vec<u8> {
        let shared = self.last.iter().zip(term.bytes()).take_while(|(a, b)| **a == *b).count();
        self.states.truncate(shared + 1);
        // The last byte is moved by the state before it; none is needed after it.
        let known = self.states.len();
        for byte in term.bytes().skip(known - 1).take(term.len().saturating_sub(known)) {
            let next = self.states.last().map(|state| step(*state, byte));
            self.states.extend(next);
        }
        self.last = term.as_bytes().to_vec();
        term.bytes().zip(&self.states).map(|(byte, state)| moved(byte, *state)).collect()
    }
}

/// The state before the first byte.
fn seed(purpose: &[u8], secret: &[u8]) -> u64 {
    let seed = Sha256::new().chain_update(purpose).chain_update(secret).finalize();
    seed.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// A byte as it is kept after this state.
fn moved(byte: u8, state: u64) -> u8 {
    let [first, ..] = state.to_be_bytes();
    byte.wrapping_add(first)
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
    }

    #[test]
    fn a_range_holds_a_term_or_all_that_begin_with_it() {
        let mut cipher = Cipher::new(b"secret");
        let codes = ["fo", "foo", "foobar", "fop", "g"].map(|term| (term, cipher.encode(term)));
        for (how, expected) in [(Match::Any, vec!["foo"]), (Match::Prefix, vec!["foo", "foobar"])] {
            let query = TextQuery::parse("foo", how);
            let (first, end) = range(&mut cipher, &query.terms()[0].term, query.terms()[0].prefix);
            let within = codes.iter().filter(|(_, code)| (&first..&end).contains(&code));
            assert_eq!(within.map(|(term, _)| *term).collect::<Vec<_>>(), expected);
        }
    }
}
