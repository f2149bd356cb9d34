//! The inverted index: which terms stand in which entries, and where.
//!
//! Each namespace has its own, in layers. What a store adds is one row: all terms of the entry as one blob
//! (`index_fresh`). When a namespace has a bounded number of those, the transaction that would add one more makes a
//! segment of them instead: the postings of all, sorted by term, in blocks of about a page (`index_blocks`), with
//! a map that says which block begins with which term (`index_segments`). Several segments of a level become one of the
//! next (O'Neil et al., "The Log-Structured Merge-Tree", 1996). So a store writes one page of the index, and each
//! posting is written again a few times, in bulk; a search reads the maps, what is fresh, and a block or two of each
//! segment; and the end of a session is the removal of ranges.
//!
//! Deleting does not wait for a merge: an entry's postings are taken out of the blocks they are in (S08).
//!
//! When SQLite moves rows between pages it may leave copies of them in unused space, which `secure_delete` does
//! not reach. Terms are therefore kept under a [`Cipher`]: such a copy is no text (S08).

mod cipher;
mod codec;
mod layers;
mod proof;
mod rebuild;
mod run;
mod segment;

use std::collections::BTreeMap;

use agentstack_core::MemoryKey;
use agentstack_storage::text::{Term, analyze};
use sha2::{Digest, Sha256};

pub(crate) use self::cipher::{Cipher, range};
pub(crate) use self::codec::{Bytes, Damaged};
pub(crate) use self::layers::{FreshRow, Layers, Tail};
pub(crate) use self::proof::{Sums, blocks};
pub(crate) use self::rebuild::rebuild;
pub(crate) use self::run::{Cursor, occurrences};
pub(crate) use self::segment::{Fence, overlapping, read_map};

/// How large the pieces of the index are. Any bounds give the same answers; these decide what stores and searches cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexBounds {
    /// The most entries of a namespace that are not in a segment. A search looks at each of them.
    pub fresh_entries: u32,
    /// The most postings of such.
    pub fresh_postings: u32,
    /// How many segments of a level become one of the next.
    pub fan_in: u32,
    /// About how many bytes a block has. One that fits into a page costs one page to read.
    pub block_bytes: u32,
    /// The most postings of a segment above the third level: a merge holds up the store that causes it.
    pub segment_postings: u32,
}

impl Default for IndexBounds {
    fn default() -> Self {
        Self {
            fresh_entries: 64,
            fresh_postings: 2_048,
            fan_in: 8,
            block_bytes: 3_800,
            segment_postings: 131_072,
        }
    }
}

/// The tables of the index whose rows are numbered `namespace << 32 | place`: whether one is of the namespace `n`.
macro_rules! in_namespace {
    ($table:literal) => {
        concat!($table, ".id >= n.id << 32 AND ", $table, ".id < (n.id + 1) << 32")
    };
}
pub(crate) use in_namespace;

/// How many entries the namespace `n` has.
macro_rules! entries_of_namespace {
    () => {
        concat!(
            "((SELECT count(*) FROM index_fresh f WHERE ",
            crate::index::in_namespace!("f"),
            ") + (SELECT coalesce(sum(s.entries), 0) FROM index_segments s WHERE ",
            crate::index::in_namespace!("s"),
            "))"
        )
    };
}
pub(crate) use entries_of_namespace;

/// What the index holds of an entry.
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Terms {
    /// The number of terms in the body.
    pub(crate) length: i64,
    held: BTreeMap<Term, Held>,
}

/// How an entry holds a term.
#[derive(Default)]
#[cfg_attr(test, derive(Debug))]
struct Held {
    /// How often in the key.
    head: u32,
    /// How often in the content, or besides.
    body: u32,
    /// Where, in ascending order: key and content follow each other with a gap.
    places: Vec<u32>,
}

/// The postings of an entry as they are kept while it is fresh.
pub(crate) struct Document {
    postings: i64,
    /// With their length before them: a search reads those of a namespace as one blob.
    bytes: Vec<u8>,
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
    fn postings(&self) -> i64 {
        i64::try_from(self.held.len()).unwrap_or(i64::MAX)
    }

    /// The terms under the namespace's secret, ascending.
    fn codes(&self, secret: &[u8]) -> Vec<(Vec<u8>, &Held)> {
        let mut cipher = Cipher::new(secret);
        let code = |(term, held): (&Term, _)| (cipher.encode(term.as_str()), held);
        let mut codes: Vec<_> = self.held.iter().map(code).collect();
        codes.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        codes
    }

    /// What is kept of the terms under the namespace's secret, as those of an entry.
    pub(crate) fn document(&self, secret: &[u8], entry: i64) -> Document {
        let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        let heading = run::Heading { entry, length: small(self.length), postings: small(self.postings()) };
        let (mut terms, mut before) = (Vec::with_capacity(16 * self.held.len() + 16), vec![]);
        heading.put(&mut terms);
        for (code, held) in self.codes(secret) {
            codec::put_term(&mut terms, &before, &code);
            let places = codec::packed(held.places.iter().map(|place| u64::from(*place)));
            run::put_counts(&mut terms, held.head, held.body, &places);
            before = code;
        }
        let mut bytes = Vec::with_capacity(terms.len() + 4);
        codec::put_framed(&mut bytes, &terms);
        Document { postings: self.postings(), bytes }
    }
}

/// By what an entry is looked up: its key would be text in one more place.
pub(crate) fn key_hash(key: &MemoryKey) -> Vec<u8> {
    text_hash(key.as_str())
}

/// By what something with a name is looked up.
pub(crate) fn text_hash(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).iter().take(16).copied().collect()
}

#[cfg(test)]
mod tests;
