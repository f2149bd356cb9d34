//! What the namespaces of a search have for its query.

use std::collections::{BTreeMap, HashMap, HashSet};

use agentstack_core::MatchType;
use agentstack_storage::text::rank::{Posting, Scored, Statistics, rank};
use agentstack_storage::text::{Term, TextQuery};
use agentstack_storage::vector::fuse;
use agentstack_storage::{Search, StorageError};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::briefly::briefly;
use crate::error::storage;
use crate::index::{Bytes, Cipher, Cursor, Damaged, Fence, occurrences, overlapping, range, read_map};
use crate::known::Known;
use crate::row::{Columns, count};
use crate::search::BLOCKS;
use crate::veil::Veil;
use crate::version::Version;
use crate::write::Statement;

/// Where a term of a query is in an index: from the first on, up to but without the second.
type Range = (Vec<u8>, Vec<u8>);

/// All namespaces of a search.
pub(super) struct Candidates<'q> {
    query: &'q TextQuery,
    pub(super) spaces: Vec<Space>,
}

/// One namespace.
pub(super) struct Space {
    pub(super) id: i64,
    pub(super) statistics: Statistics,
    /// What the texts of the namespace are under.
    pub(super) veil: Veil,
    /// How alike its entries are to what is meant, by number.
    pub(super) cosines: Vec<(i64, f64)>,
    ranges: Vec<Range>,
    /// Which blocks are to be read, and for which of the ranges.
    blocks: BTreeMap<i64, Vec<usize>>,
    found: Held,
}

/// What was found in a namespace.
#[derive(Default)]
struct Held {
    postings: Vec<Posting>,
    lengths: HashMap<i64, u32>,
    /// Whether places are wanted, and where entries have the terms of a phrase, by entry and number of the term.
    in_order: bool,
    places: HashMap<(i64, u32), Vec<u32>>,
}

impl<'q> Candidates<'q> {
    /// Reads what the question says of each namespace, the fresh postings among it.
    pub(super) async fn read(
        question: Statement,
        connection: &mut SqliteConnection,
        query: &'q TextQuery,
    ) -> Result<Self, StorageError> {
        let rows = briefly(question.fetch_all(connection)).await.map_err(storage)?;
        let mut spaces = Vec::with_capacity(rows.len());
        for row in &rows {
            if !row.try_get::<bool, _>(0).map_err(storage)? {
                return Err(StorageError::SessionGone);
            }
            spaces.extend(Space::read(row, query)?);
        }
        Ok(Self { query, spaces })
    }

    /// Reads the blocks that may hold what is looked for.
    pub(super) async fn read_blocks(
        &mut self,
        connection: &mut SqliteConnection,
        known: &Known,
        version: Option<Version>,
    ) -> Result<(), StorageError> {
        let mut numbers: Vec<i64> = vec![];
        let wanted = self.spaces.iter().flat_map(|space| space.blocks.keys().copied());
        for number in wanted.collect::<Vec<_>>() {
            match version.and_then(|version| known.block(version, number)) {
                Some(bytes) => self.take_block(number, &bytes)?,
                None => numbers.push(number),
            }
        }
        if numbers.is_empty() {
            return Ok(());
        }
        let numbers = serde_json::to_string(&numbers).unwrap_or_else(|_| "[]".into());
        let question = sqlx::query(BLOCKS).bind(numbers);
        for row in briefly(question.fetch_all(connection)).await.map_err(storage)? {
            let mut columns = Columns::from(&row, 0);
            let (number, bytes): (i64, &[u8]) = (columns.take()?, columns.take()?);
            if let Some(version) = version {
                known.keep_block(version, number, bytes);
            }
            self.take_block(number, bytes)?;
        }
        Ok(())
    }

    /// Takes what is looked for from a block.
    fn take_block(&mut self, number: i64, bytes: &[u8]) -> Result<(), StorageError> {
        let space = self.spaces.iter_mut().find(|space| space.blocks.contains_key(&number));
        let Some(Space { ranges, blocks, found, .. }) = space else { return Ok(()) };
        let wanted = blocks.get(&number).map(Vec::as_slice).unwrap_or_default();
        Ok(found.take_from(Cursor::block(bytes), ranges, wanted)?)
    }

    /// Leaves out the entries that do not pass the filters, or that the caller may not see.
    pub(super) async fn keep_passing(
        &mut self,
        question: Statement,
        connection: &mut SqliteConnection,
    ) -> Result<(), StorageError> {
        let held = |space: &Space| space.found.lengths.keys().copied().collect::<Vec<_>>();
        let compared = |space: &Space| space.cosines.iter().map(|(entry, _)| *entry).collect::<Vec<_>>();
        let entries: HashSet<i64> =
            self.spaces.iter().flat_map(|space| [held(space), compared(space)]).flatten().collect();
        let entries = serde_json::to_string(&entries).unwrap_or_else(|_| "[]".into());
        let row = briefly(question.bind(entries).fetch_one(connection)).await.map_err(storage)?;
        let passing: HashSet<i64> = serde_json::from_str(row.try_get(0).map_err(storage)?)
            .map_err(|_| StorageError::damaged("a list of entries"))?;
        for space in &mut self.spaces {
            space.found.postings.retain(|posting| passing.contains(&posting.entry));
            space.cosines.retain(|(entry, _)| passing.contains(entry));
        }
        Ok(())
    }

    /// The entries that match, each with its namespace, best first. The order within a namespace is the ranking's;
    /// between equals of several, the newer is first.
    pub(super) fn ranked(&self, search: &Search) -> Vec<(Scored, MatchType, i64)> {
        let mut ranked: Vec<(Scored, MatchType, i64)> = vec![];
        for Space { id, statistics, cosines, found, .. } in &self.spaces {
            let length = |entry| found.lengths.get(&entry).copied().unwrap_or(1);
            let mut text = rank(self.query, *statistics, length, &found.postings);
            text.retain(|hit| !found.in_order || found.has_phrase(hit.entry, self.query));
            if let Some(meaning) = &search.meaning {
                let fused = fuse(&text, cosines, meaning.alone, search.threshold, search.reach());
                ranked.extend(fused.into_iter().map(|(hit, how)| (hit, how, *id)));
            } else {
                text.retain(|hit| hit.score >= search.threshold);
                ranked.extend(text.into_iter().map(|hit| (hit, MatchType::Text, *id)));
            }
        }
        if self.spaces.len() > 1 {
            ranked.sort_by(|(a, ..), (b, ..)| b.score.total_cmp(&a.score).then(b.entry.cmp(&a.entry)));
        }
        ranked
    }
}

impl Space {
    fn read(row: &SqliteRow, query: &TextQuery) -> Result<Option<Self>, StorageError> {
        let mut columns = Columns::from(row, 1);
        let Some(id) = columns.take::<Option<i64>>()? else { return Ok(None) };
        let secret: &[u8] = columns.take()?;
        let mut cipher = Cipher::new(secret);
        let terms = looked_for(query).into_iter();
        let ranges: Vec<Range> = terms.map(|(term, prefix)| range(&mut cipher, term, prefix)).collect();
        let visible: (Option<i64>, Option<i64>) = (columns.take()?, columns.take()?);
        let mut statistics = Statistics { entries: count(columns.take()?)?, terms: count(columns.take()?)? };
        let mut maps = Bytes(columns.take()?);
        let mut blocks = BTreeMap::new();
        while !maps.is_empty() {
            choose(&read_map(&mut maps)?, &ranges, &mut blocks);
        }
        let mut found = Held { in_order: query.phrase().len() > 1, ..Held::default() };
        let wanted: Vec<usize> = (0..ranges.len()).collect();
        let mut fresh = Bytes(columns.take()?);
        while !fresh.is_empty() {
            let (heading, cursor) = Cursor::entry(fresh.framed()?)?;
            statistics.entries += 1;
            statistics.terms = statistics.terms.saturating_add(u64::from(heading.length));
            found.take_from(cursor, &ranges, &wanted)?;
        }
        if let (Some(entries), Some(terms)) = visible {
            statistics = Statistics { entries: count(entries)?, terms: count(terms)? };
        }
        Ok(Some(Self { id, statistics, veil: Veil::new(secret), cosines: vec![], ranges, blocks, found }))
    }
}

/// Notes which blocks of a segment each of the ranges needs.
fn choose(fences: &[Fence], ranges: &[Range], blocks: &mut BTreeMap<i64, Vec<usize>>) {
    for (place, (first, end)) in ranges.iter().enumerate() {
        for (_, fence) in overlapping(fences, first, end) {
            blocks.entry(fence.block).or_default().push(place);
        }
    }
}

impl Held {
    /// Takes the postings of those terms that are in the wanted ranges.
    fn take_from(
        &mut self,
        mut cursor: Cursor<'_>,
        ranges: &[Range],
        wanted: &[usize],
    ) -> Result<(), Damaged> {
        let wanted: Vec<(usize, &Range)> =
            wanted.iter().filter_map(|place| Some((*place, ranges.get(*place)?))).collect();
        let Some(last) = wanted.iter().map(|(_, (_, end))| end.as_slice()).max() else { return Ok(()) };
        let mut postings = vec![];
        while cursor.advance()? && cursor.term() < last {
            for (place, (first, end)) in &wanted {
                if cursor.term() < first.as_slice() || cursor.term() >= end.as_slice() {
                    continue;
                }
                postings.clear();
                cursor.copy_postings(&mut postings);
                let term = u32::try_from(*place).map_err(|_| Damaged)?;
                self.take(&postings, term, cursor.term() == first)?;
            }
        }
        Ok(())
    }

    /// Takes a list of postings of a term of the query, and their places if the term is `exact`, as those of phrases are.
    fn take(&mut self, postings: &[u8], term: u32, exact: bool) -> Result<(), Damaged> {
        occurrences(postings, |held| {
            self.lengths.insert(held.entry, held.length);
            if self.in_order && exact {
                self.places.insert((held.entry, term), held.places()?);
            }
            self.postings.push(Posting { entry: held.entry, term, frequency: held.body, heading: held.head });
            Ok(())
        })
    }

    /// Whether the terms of the query stand one after the other in the entry.
    fn has_phrase(&self, entry: i64, query: &TextQuery) -> bool {
        let known = looked_for(query);
        let number = |term| known.iter().position(|(known, _)| *known == term);
        let places = |term| self.places.get(&(entry, u32::try_from(number(term)?).ok()?));
        let mut rows = Vec::with_capacity(query.phrase().len());
        for term in query.phrase() {
            let Some(places) = places(term) else { return false };
            rows.push(places);
        }
        let Some((first, rest)) = rows.split_first() else { return false };
        first.iter().any(|start| {
            let follows = |(row, place): (&&Vec<u32>, u32)| row.binary_search(&place).is_ok();
            rest.iter().zip(start + 1..).all(follows)
        })
    }
}

/// The terms to look for and whether as prefixes: those of the query, then what a phrase has besides, which ranks
/// nothing.
fn looked_for(query: &TextQuery) -> Vec<(&Term, bool)> {
    let mut terms: Vec<_> = query.terms().iter().map(|term| (&term.term, term.prefix)).collect();
    for term in query.phrase() {
        if !terms.iter().any(|(known, _)| *known == term) {
            terms.push((term, false));
        }
    }
    terms
}
