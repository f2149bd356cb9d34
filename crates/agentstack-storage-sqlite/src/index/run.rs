//! Sorted runs: the terms of one entry, or of many in blocks, and how several become one.
//!
//! A list of postings is their bytes one after the other, in no order: so to merge runs is to put the lists of a term
//! together, without looking into them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::codec::{Bytes, Damaged, put, put_framed, put_term, read_term, size};

/// That an entry has a term.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Occurrence<'a> {
    pub(crate) entry: i64,
    /// How many terms the entry's content has.
    pub(crate) length: u32,
    /// How often the term is in the key, and how often in the content or besides.
    pub(crate) head: u32,
    pub(crate) body: u32,
    /// Where, as differences.
    places: &'a [u8],
}

impl<'a> Occurrence<'a> {
    fn read(bytes: &mut Bytes<'a>) -> Result<Self, Damaged> {
        let (entry, length) = (bytes.entry()?, bytes.small()?);
        let (head, body, places) = read_counts(bytes)?;
        Ok(Self { entry, length, head, body, places })
    }

    /// Where the term is, as it is kept.
    pub(super) fn packed_places(&self) -> &'a [u8] {
        self.places
    }

    /// Where the term is, ascending: key and content follow each other with a gap.
    pub(crate) fn places(&self) -> Result<Vec<u32>, Damaged> {
        let places = super::codec::unpacked(self.places)?;
        places.into_iter().map(|place| u32::try_from(place).map_err(|_| Damaged)).collect()
    }
}

/// Appends what a posting says of its term: counts and places.
pub(super) fn put_counts(out: &mut Vec<u8>, head: u32, body: u32, places: &[u8]) {
    put(out, u64::from(body) << 1 | u64::from(head > 0));
    if head > 0 {
        put(out, u64::from(head));
    }
    put_framed(out, places);
}

fn read_counts<'a>(bytes: &mut Bytes<'a>) -> Result<(u32, u32, &'a [u8]), Damaged> {
    let counts = bytes.number()?;
    let body = u32::try_from(counts >> 1).map_err(|_| Damaged)?;
    let head = if counts & 1 == 1 { bytes.small()? } else { 0 };
    Ok((head, body, bytes.framed()?))
}

/// Walks over the terms of a run, in ascending order.
pub(crate) struct Cursor<'a> {
    rest: Bytes<'a>,
    /// The blocks after this one.
    more: &'a [Vec<u8>],
    /// Of one entry's terms what each of its postings begins with: its number and its length.
    of: Option<Vec<u8>>,
    term: Vec<u8>,
    postings: &'a [u8],
}

/// What precedes the terms of one entry.
pub(crate) struct Heading {
    pub(crate) entry: i64,
    pub(crate) length: u32,
    pub(crate) postings: u32,
}

impl Heading {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put(out, u64::try_from(self.entry).unwrap_or(0));
        put(out, u64::from(self.length));
        put(out, u64::from(self.postings));
    }
}

impl<'a> Cursor<'a> {
    /// Over the terms in blocks that follow each other.
    pub(crate) fn over(blocks: &'a [Vec<u8>]) -> Self {
        let (first, more) = blocks.split_first().map_or((&[][..], &[][..]), |(first, more)| (first, more));
        Self { rest: Bytes(first), more, of: None, term: vec![], postings: &[] }
    }

    /// Over the terms in one block.
    pub(crate) fn block(bytes: &'a [u8]) -> Self {
        Self { rest: Bytes(bytes), more: &[], of: None, term: vec![], postings: &[] }
    }

    /// Over the terms of one entry, with what precedes them.
    pub(crate) fn entry(bytes: &'a [u8]) -> Result<(Heading, Self), Damaged> {
        let mut rest = Bytes(bytes);
        let (entry, length) = (rest.entry()?, rest.small()?);
        let of = rest.since(Bytes(bytes)).to_vec();
        let heading = Heading { entry, length, postings: rest.small()? };
        Ok((heading, Self { rest, more: &[], of: Some(of), term: vec![], postings: &[] }))
    }

    /// Goes to the next term. Says whether there is one.
    pub(crate) fn advance(&mut self) -> Result<bool, Damaged> {
        while self.rest.is_empty() {
            let Some((next, more)) = self.more.split_first() else { return Ok(false) };
            (self.rest, self.more) = (Bytes(next), more);
            self.term.clear();
        }
        read_term(&mut self.rest, &mut self.term)?;
        self.postings = if self.of.is_some() {
            let before = self.rest;
            read_counts(&mut self.rest)?;
            self.rest.since(before)
        } else {
            self.rest.framed()?
        };
        Ok(true)
    }

    /// The term it is at.
    pub(crate) fn term(&self) -> &[u8] {
        &self.term
    }

    /// Appends the postings of the term.
    pub(crate) fn copy_postings(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.of.as_deref().unwrap_or_default());
        out.extend_from_slice(self.postings);
    }
}

/// Reads a list of postings.
pub(crate) fn occurrences(
    postings: &[u8],
    mut each: impl FnMut(Occurrence<'_>) -> Result<(), Damaged>,
) -> Result<(), Damaged> {
    let mut rest = Bytes(postings);
    while !rest.is_empty() {
        each(Occurrence::read(&mut rest)?)?;
    }
    Ok(())
}

/// A cursor in a heap that gives the smallest term first.
struct Waiting<'a>(Cursor<'a>);

impl Ord for Waiting<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.term.cmp(&self.0.term)
    }
}

impl PartialOrd for Waiting<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting<'_> {}

/// Makes one run of several, in blocks of about so many bytes.
pub(super) fn merge(runs: Vec<Cursor<'_>>, block_bytes: usize) -> Result<Vec<Block>, Damaged> {
    let mut waiting = BinaryHeap::with_capacity(runs.len());
    for mut run in runs {
        if run.advance()? {
            waiting.push(Waiting(run));
        }
    }
    let mut blocks = Blocks::new(block_bytes);
    let (mut term, mut postings) = (vec![], vec![]);
    while let Some(mut next) = waiting.peek_mut() {
        if next.0.term != term {
            blocks.push(&term, &postings)?;
            term.clone_from(&next.0.term);
            postings.clear();
        }
        next.0.copy_postings(&mut postings);
        if !next.0.advance()? {
            PeekMut::pop(next);
        }
    }
    blocks.push(&term, &postings)?;
    Ok(blocks.done)
}

/// A piece of a run that can be read without the others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) first: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    last: Vec<u8>,
}

impl Block {
    fn push(&mut self, term: &[u8], postings: &[u8]) {
        if self.bytes.is_empty() {
            self.first = term.to_vec();
        }
        put_term(&mut self.bytes, &self.last, term);
        put_framed(&mut self.bytes, postings);
        self.last.clear();
        self.last.extend_from_slice(term);
    }

    /// The block without an entry's postings, and how many those were.
    pub(super) fn without(bytes: &[u8], entry: i64) -> Result<(Self, u64), Damaged> {
        let (mut block, mut removed, mut cursor) = (Self::default(), 0, Cursor::block(bytes));
        let mut kept = vec![];
        while cursor.advance()? {
            kept.clear();
            let mut rest = Bytes(cursor.postings);
            while !rest.is_empty() {
                let before = rest;
                if Occurrence::read(&mut rest)?.entry == entry {
                    removed += 1;
                } else {
                    kept.extend_from_slice(rest.since(before));
                }
            }
            if !kept.is_empty() {
                block.push(&cursor.term, &kept);
            }
        }
        Ok((block, removed))
    }
}

/// What a term takes in a block besides its own bytes and its postings, at most in all but strange cases.
const TERM_BYTES: usize = 4;

/// Fills blocks.
struct Blocks {
    room: usize,
    done: Vec<Block>,
}

impl Blocks {
    fn new(room: usize) -> Self {
        Self { room, done: vec![] }
    }

    /// Appends a term, in as many blocks as it takes. Each block has at least one posting, however long that is.
    fn push(&mut self, term: &[u8], postings: &[u8]) -> Result<(), Damaged> {
        let mut rest = Bytes(postings);
        while !rest.is_empty() {
            let taken = self.done.last().map_or(self.room, |block| block.bytes.len());
            let left = self.room.saturating_sub(taken + TERM_BYTES + term.len());
            let fitting = fitting(&mut rest, left)?;
            if let (Some(block), false) = (self.done.last_mut(), fitting.is_empty()) {
                block.push(term, fitting);
                continue;
            }
            let before = rest;
            Occurrence::read(&mut rest)?;
            let first = rest.since(before);
            let left = self.room.saturating_sub(TERM_BYTES + term.len() + first.len());
            let whole_length = first.len() + self::fitting(&mut rest, left)?.len();
            let whole = before.0.get(..whole_length).unwrap_or(first);
            let mut block = Block::default();
            block.push(term, whole);
            self.done.push(block);
        }
        Ok(())
    }
}

/// As many whole postings as fit.
fn fitting<'a>(rest: &mut Bytes<'a>, room: usize) -> Result<&'a [u8], Damaged> {
    let before = *rest;
    if size(before.0) <= u64::try_from(room).unwrap_or(u64::MAX) {
        *rest = Bytes(&[]);
        return Ok(before.0);
    }
    loop {
        let mut next = *rest;
        if next.is_empty() {
            break;
        }
        Occurrence::read(&mut next)?;
        if next.since(before).len() > room {
            break;
        }
        *rest = next;
    }
    Ok(rest.since(before))
}
