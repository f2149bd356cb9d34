//! Whether the index holds what the entries say, posting by posting.
//!
//! The index is in the order of terms and the entries are not, so neither is looked up in the other. Both are reduced to a sum
//! for each entry: of the hashes of its postings, in whatever order they come.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::codec::{Bytes, Damaged, packed};
use super::run::{Cursor, Occurrence, occurrences};
use super::{Fence, Terms, read_map};

/// What the postings of an entry come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// How many terms the content has.
    length: i64,
    postings: u32,
    hashes: u128,
}

impl Sum {
    fn add(&mut self, term: &[u8], head: u32, body: u32, places: &[u8]) {
        let digest = Sha256::new()
            .chain_update((term.len() as u64).to_be_bytes())
            .chain_update(term)
            .chain_update(head.to_be_bytes())
            .chain_update(body.to_be_bytes())
            .chain_update(places)
            .finalize();
        let first = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        self.hashes = self.hashes.wrapping_add(first);
        self.postings = self.postings.wrapping_add(1);
    }
}

impl Terms {
    /// What the postings of an entry with these terms have to come to.
    pub(crate) fn sum(&self, secret: &[u8]) -> Sum {
        let mut sum = Sum { length: self.length, ..Sum::default() };
        for (code, held) in self.codes(secret) {
            let places = packed(held.places.iter().map(|place| u64::from(*place)));
            sum.add(&code, held.head, held.body, &places);
        }
        sum
    }
}

/// What the postings of a namespace's index come to, by entry.
#[derive(Debug, Default)]
pub(crate) struct Sums(HashMap<i64, Sum>);

impl Sums {
    /// Takes the postings of a fresh entry.
    pub(crate) fn take_fresh(&mut self, framed: &[u8]) -> Result<(), Damaged> {
        let (heading, run) = Cursor::entry(Bytes(framed).framed()?)?;
        // One without any term is there all the same.
        self.0.entry(heading.entry).or_default().length = i64::from(heading.length);
        self.take(run)
    }

    /// Takes the postings of a block.
    pub(crate) fn take_block(&mut self, bytes: &[u8]) -> Result<(), Damaged> {
        self.take(Cursor::block(bytes))
    }

    fn take(&mut self, mut run: Cursor<'_>) -> Result<(), Damaged> {
        let mut postings = vec![];
        while run.advance()? {
            postings.clear();
            run.copy_postings(&mut postings);
            occurrences(&postings, |one: Occurrence<'_>| {
                let sum = self.0.entry(one.entry).or_default();
                sum.length = i64::from(one.length);
                sum.add(run.term(), one.head, one.body, one.packed_places());
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Takes away what there is of an entry, and says whether it is what it has to be. One without any term leaves no trace
    /// in a segment.
    pub(crate) fn settle(&mut self, entry: i64, expected: &Sum) -> bool {
        let found = self.0.remove(&entry);
        found.as_ref() == Some(expected) || (found.is_none() && expected.postings == 0)
    }

    /// How many entries are in the index and nowhere else.
    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }
}

/// The blocks of a segment, by its map.
pub(crate) fn blocks(map: &[u8]) -> Result<Vec<i64>, Damaged> {
    let fences: Vec<Fence> = read_map(&mut Bytes(map))?;
    Ok(fences.into_iter().map(|fence| fence.block).collect())
}
