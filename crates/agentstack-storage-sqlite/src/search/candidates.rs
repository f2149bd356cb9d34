//! What the namespaces of a search have for its query.

use std::collections::HashMap;

use agentstack_storage::StorageError;
use agentstack_storage::text::rank::{Posting, Statistics};
use agentstack_storage::text::{Term, TextQuery};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::briefly::briefly;
use crate::error::storage;
use crate::index::{Cipher, range, unpacked};
use crate::row::{Columns, count};
use crate::write::Statement;

/// One namespace.
pub(super) struct Space {
    pub(super) id: i64,
    secret: Vec<u8>,
    /// How many runs its postings are in.
    runs: i64,
    pub(super) statistics: Statistics,
    pub(super) postings: Vec<Posting>,
    pub(super) lengths: HashMap<i64, u32>,
    /// Where entries have the terms of a phrase, by entry and number of the term.
    places: HashMap<(i64, u32), Vec<u32>>,
}

impl Space {
    /// Whether the terms of the query stand one after the other in the entry.
    pub(super) fn has_phrase(&self, entry: i64, query: &TextQuery) -> bool {
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

pub(super) async fn spaces(
    question: Statement,
    connection: &mut SqliteConnection,
) -> Result<Vec<Space>, StorageError> {
    let rows = briefly(question.fetch_all(connection)).await.map_err(storage)?;
    let mut spaces = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::from(row, 0);
        if !columns.take::<bool>()? {
            return Err(StorageError::SessionGone);
        }
        let Some(id) = columns.take::<Option<i64>>()? else { continue };
        let (secret, run): (_, i64) = (columns.take()?, columns.take()?);
        let statistics = Statistics { entries: count(columns.take()?)?, terms: count(columns.take()?)? };
        let runs = run + 1;
        let (postings, lengths, places) = (vec![], HashMap::new(), HashMap::new());
        spaces.push(Space { id, secret, runs, statistics, postings, lengths, places });
    }
    Ok(spaces)
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

/// The ranges of the index that a query needs: each term in each run of each namespace.
pub(super) fn ranges(spaces: &[Space], query: &TextQuery) -> String {
    let mut ranges = vec![];
    for space in spaces {
        let mut cipher = Cipher::new(&space.secret);
        let terms = looked_for(query).into_iter();
        let ends: Vec<_> = terms.map(|(term, prefix)| range(&mut cipher, term, prefix)).collect();
        for run in 0..space.runs {
            ranges.extend(
                ends.iter()
                    .enumerate()
                    .map(|(term, (first, end))| (term, space.id, run, first.clone(), end.clone())),
            );
        }
    }
    serde_json::to_string(&ranges).unwrap_or_else(|_| "[]".into())
}

pub(super) async fn read_postings(
    question: Statement,
    connection: &mut SqliteConnection,
    spaces: &mut [Space],
) -> Result<(), StorageError> {
    for row in briefly(question.fetch_all(connection)).await.map_err(storage)? {
        let text: &str = row.try_get(0).map_err(storage)?;
        parse(text, spaces).ok_or_else(|| StorageError::damaged("the postings of the index"))?;
    }
    Ok(())
}

/// Reads `namespace term entry body head length @places`, again and again.
fn parse(text: &str, spaces: &mut [Space]) -> Option<()> {
    let mut words = text.split_ascii_whitespace();
    while let Some(namespace) = words.next() {
        let namespace: i64 = namespace.parse().ok()?;
        let space = spaces.iter_mut().find(|space| space.id == namespace)?;
        let posting = Posting {
            term: words.next()?.parse().ok()?,
            entry: words.next()?.parse().ok()?,
            frequency: words.next()?.parse().ok()?,
            heading: words.next()?.parse().ok()?,
        };
        space.lengths.insert(posting.entry, words.next()?.parse().ok()?);
        let places = words.next()?.strip_prefix('@')?;
        if !places.is_empty() {
            space.places.insert((posting.entry, posting.term), unpacked(places)?);
        }
        space.postings.push(posting);
    }
    Some(())
}
