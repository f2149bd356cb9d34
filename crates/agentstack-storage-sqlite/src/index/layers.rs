//! How entries get into the index of a namespace and out of it, on the connection of a transaction.

use agentstack_storage::StorageError;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::codec::{Damaged, packed, unpacked};
use super::run::{Block, Cursor, Heading, merge};
use super::segment::{Fence, overlapping, put_map, read_map};
use super::{Document, IndexBounds, Terms};
use crate::briefly::briefly;
use crate::error::storage;
use crate::index::codec::Bytes;
use crate::row::Columns;
use crate::write::Statement;

/// Segments of these levels are merged however large they are; above, only into one that is not too large.
const ALWAYS_MERGED: i64 = 3;

/// Which of the rows of a table with numbers `id` are those of the namespace `$1`.
macro_rules! of_namespace {
    () => {
        "id >= $1 << 32 AND id < ($1 + 1) << 32"
    };
}

const FRESH: &str = concat!("SELECT terms FROM index_fresh WHERE ", of_namespace!(), " ORDER BY id");
const REMOVE_FRESH: &str = concat!("DELETE FROM index_fresh WHERE ", of_namespace!());
const SEGMENTS: &str =
    concat!("SELECT id, level, postings FROM index_segments WHERE ", of_namespace!(), " ORDER BY id");
const SEGMENT: &str = "SELECT entries, terms, postings, map, holds FROM index_segments WHERE id = $1";
const HOLDERS: &str = concat!("SELECT id, holds FROM index_segments WHERE ", of_namespace!());
const NEXT_BLOCK: &str =
    concat!("SELECT coalesce(max(id) + 1, $1 << 32) FROM index_blocks WHERE ", of_namespace!());
const ADD_BLOCK: &str = "INSERT INTO index_blocks (id, terms) VALUES ($1, $2)";
const ADD_SEGMENT: &str = concat!(
    "INSERT INTO index_segments (id, level, entries, terms, postings, map, holds) ",
    "SELECT coalesce(max(id) + 1, $1 << 32), $2, $3, $4, $5, $6, $7 FROM index_segments WHERE ",
    of_namespace!()
);
const BLOCKS: &str =
    "SELECT terms FROM index_blocks WHERE id IN (SELECT value FROM json_each($1)) ORDER BY id";
const REMOVE_SEGMENT: &str = "DELETE FROM index_blocks WHERE id IN (SELECT value FROM json_each($2)); \
     DELETE FROM index_segments WHERE id = $1";
const CHANGE_SEGMENT: &str =
    "UPDATE index_segments SET entries = $2, terms = $3, postings = $4, map = $5, holds = $6 WHERE id = $1";

/// The end of a namespace's fresh entries.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tail {
    /// How many places are taken.
    places: i64,
    /// How many postings there were when the last of them was.
    filled: i64,
}

impl Tail {
    /// From the last fresh row of a namespace, if it has one.
    pub(crate) fn after(last: Option<(i64, i64)>) -> Self {
        last.map_or_else(Self::default, |(id, filled)| Self { places: (id & 0xffff_ffff) + 1, filled })
    }
}

/// A row of fresh postings.
pub(crate) struct FreshRow {
    pub(crate) id: i64,
    pub(crate) filled: i64,
    pub(crate) terms: Vec<u8>,
}

/// What is known of a segment besides its blocks.
#[derive(Default)]
struct Contents {
    /// The numbers of its entries, ascending.
    holds: Vec<u64>,
    /// How many terms these have.
    terms: i64,
    postings: i64,
}

impl Contents {
    fn add(&mut self, heading: &Heading) {
        self.holds.push(u64::try_from(heading.entry).unwrap_or(0));
        self.terms = self.terms.saturating_add(i64::from(heading.length));
        self.postings = self.postings.saturating_add(i64::from(heading.postings));
    }
}

/// A segment as it is kept.
struct Segment {
    id: i64,
    fences: Vec<Fence>,
    contents: Contents,
}

/// The index of a namespace.
pub(crate) struct Layers<'c> {
    pub(crate) connection: &'c mut SqliteConnection,
    pub(crate) namespace: i64,
    pub(crate) bounds: IndexBounds,
}

impl Layers<'_> {
    /// Makes room for an entry. Returns the row to be inserted for it, or none if it went into a segment together with
    /// all that was fresh.
    pub(crate) async fn admit(
        &mut self,
        tail: Tail,
        document: Document,
    ) -> Result<Option<FreshRow>, StorageError> {
        let filled = tail.filled.saturating_add(document.postings);
        if tail.places < i64::from(self.bounds.fresh_entries)
            && filled <= i64::from(self.bounds.fresh_postings)
        {
            let id = self.namespace << 32 | tail.places;
            return Ok(Some(FreshRow { id, filled, terms: document.bytes }));
        }
        self.merge_fresh(document).await?;
        while self.merge_level().await? {}
        Ok(None)
    }

    /// Makes a segment of what is fresh and one more entry.
    async fn merge_fresh(&mut self, document: Document) -> Result<(), StorageError> {
        let mut kept = self.read_all(sqlx::query(FRESH).bind(self.namespace)).await?;
        kept.push(document.bytes);
        let (mut runs, mut contents) = (vec![], Contents::default());
        for framed in &kept {
            let (heading, run) = Cursor::entry(Bytes(framed).framed()?)?;
            contents.add(&heading);
            runs.push(run);
        }
        contents.holds.sort_unstable();
        let blocks = merge(runs, self.bounds.block_bytes as usize)?;
        let level = self.bounds.level(contents.postings);
        // First, so that the new rows get the pages of the old ones, and each is written once.
        self.run(sqlx::query(REMOVE_FRESH).bind(self.namespace)).await?;
        self.write_segment(level, &contents, blocks).await
    }

    /// Merges segments of one level if there are enough. Says whether there were.
    async fn merge_level(&mut self) -> Result<bool, StorageError> {
        let question = sqlx::query(SEGMENTS).bind(self.namespace);
        let rows = briefly(question.fetch_all(&mut *self.connection)).await.map_err(storage)?;
        let mut known = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut columns = Columns::from(row, 0);
            known.push((columns.take()?, columns.take()?, columns.take()?));
        }
        let Some((level, chosen)) = self.bounds.choose(&known) else { return Ok(false) };
        let (mut runs, mut contents) = (vec![], Contents::default());
        for id in chosen {
            let segment = self.read_segment(id).await?;
            let numbers = block_numbers(segment.fences.iter());
            runs.push(self.read_all(sqlx::query(BLOCKS).bind(numbers.clone())).await?);
            contents.holds.extend(segment.contents.holds);
            contents.terms = contents.terms.saturating_add(segment.contents.terms);
            contents.postings = contents.postings.saturating_add(segment.contents.postings);
            self.run(sqlx::query(REMOVE_SEGMENT).bind(id).bind(numbers)).await?;
        }
        contents.holds.sort_unstable();
        let runs = runs.iter().map(|blocks| Cursor::over(blocks)).collect();
        let blocks = merge(runs, self.bounds.block_bytes as usize)?;
        self.write_segment(level + 1, &contents, blocks).await?;
        Ok(true)
    }

    async fn write_segment(
        &mut self,
        level: i64,
        contents: &Contents,
        blocks: Vec<Block>,
    ) -> Result<(), StorageError> {
        let next = sqlx::query(NEXT_BLOCK).bind(self.namespace);
        let row = briefly(next.fetch_one(&mut *self.connection)).await.map_err(storage)?;
        let first: i64 = row.try_get(0).map_err(storage)?;
        let mut fences = Vec::with_capacity(blocks.len());
        for (number, block) in (first..).zip(blocks) {
            self.run(sqlx::query(ADD_BLOCK).bind(number).bind(block.bytes)).await?;
            fences.push(Fence { block: number, first: block.first });
        }
        let row = sqlx::query(ADD_SEGMENT)
            .bind(self.namespace)
            .bind(level)
            .bind(i64::try_from(contents.holds.len()).unwrap_or(i64::MAX))
            .bind(contents.terms)
            .bind(contents.postings)
            .bind(put_map(&fences))
            .bind(packed(contents.holds.iter().copied()));
        self.run(row).await
    }

    async fn read_segment(&mut self, id: i64) -> Result<Segment, StorageError> {
        let question = sqlx::query(SEGMENT).bind(id);
        let row = briefly(question.fetch_one(&mut *self.connection)).await.map_err(storage)?;
        let mut columns = Columns::from(&row, 1);
        let (terms, postings) = (columns.take()?, columns.take()?);
        let fences = read_map(&mut Bytes(columns.take()?))?;
        let holds = unpacked(columns.take()?)?;
        Ok(Segment { id, fences, contents: Contents { holds, terms, postings } })
    }

    /// Removes an entry that is not fresh: `terms` are those that it was put in with, under `secret`. That they are all
    /// found is checked: a posting left behind would be a trace (S08).
    pub(crate) async fn remove(
        &mut self,
        entry: i64,
        terms: &Terms,
        secret: &[u8],
    ) -> Result<(), StorageError> {
        let Some(mut segment) = self.holder(entry).await? else {
            return Err(Damaged.into());
        };
        let codes = terms.codes(secret);
        let removed = self.remove_postings(&mut segment, entry, &codes).await?;
        if removed != codes.len() as u64 {
            return Err(Damaged.into());
        }
        let Segment { id, fences, contents } = segment;
        let holds: Vec<u64> =
            contents.holds.into_iter().filter(|held| i64::try_from(*held) != Ok(entry)).collect();
        if holds.is_empty() {
            let numbers = block_numbers(fences.iter());
            return self.run(sqlx::query(REMOVE_SEGMENT).bind(id).bind(numbers)).await;
        }
        let change = sqlx::query(CHANGE_SEGMENT)
            .bind(id)
            .bind(i64::try_from(holds.len()).unwrap_or(i64::MAX))
            .bind(contents.terms.saturating_sub(terms.length))
            .bind(contents.postings.saturating_sub(terms.postings()))
            .bind(put_map(&fences))
            .bind(packed(holds));
        self.run(change).await
    }

    /// The segment that an entry is in.
    async fn holder(&mut self, entry: i64) -> Result<Option<Segment>, StorageError> {
        let question = sqlx::query(HOLDERS).bind(self.namespace);
        let rows = briefly(question.fetch_all(&mut *self.connection)).await.map_err(storage)?;
        for row in &rows {
            let mut columns = Columns::from(row, 0);
            let (id, holds): (i64, &[u8]) = (columns.take()?, columns.take()?);
            if u64::try_from(entry)
                .is_ok_and(|entry| unpacked(holds).is_ok_and(|holds| holds.contains(&entry)))
            {
                return self.read_segment(id).await.map(Some);
            }
        }
        Ok(None)
    }

    /// Removes an entry's postings from the blocks that may have them. Says how many there were.
    async fn remove_postings(
        &mut self,
        segment: &mut Segment,
        entry: i64,
        codes: &[(Vec<u8>, &super::Held)],
    ) -> Result<u64, StorageError> {
        let mut touched = vec![false; segment.fences.len()];
        for (code, _) in codes {
            let end = [code.as_slice(), &[0]].concat();
            for (place, _) in overlapping(&segment.fences, code, &end) {
                if let Some(touched) = touched.get_mut(place) {
                    *touched = true;
                }
            }
        }
        let (mut removed, mut kept) = (0, Vec::with_capacity(segment.fences.len()));
        for (mut fence, touched) in segment.fences.drain(..).zip(touched) {
            if touched {
                let question = sqlx::query("SELECT terms FROM index_blocks WHERE id = $1").bind(fence.block);
                let row = briefly(question.fetch_one(&mut *self.connection)).await.map_err(storage)?;
                let (block, here) = Block::without(row.try_get(0).map_err(storage)?, entry)?;
                removed += here;
                if block.bytes.is_empty() {
                    self.run(sqlx::query("DELETE FROM index_blocks WHERE id = $1").bind(fence.block)).await?;
                    continue;
                }
                if here > 0 {
                    let change = sqlx::query("UPDATE index_blocks SET terms = $2 WHERE id = $1");
                    self.run(change.bind(fence.block).bind(block.bytes)).await?;
                    fence.first = block.first;
                }
            }
            kept.push(fence);
        }
        segment.fences = kept;
        Ok(removed)
    }

    async fn run(&mut self, statement: Statement) -> Result<(), StorageError> {
        briefly(statement.execute(&mut *self.connection)).await.map_err(storage).map(drop)
    }

    async fn read_all(&mut self, question: Statement) -> Result<Vec<Vec<u8>>, StorageError> {
        let rows = briefly(question.fetch_all(&mut *self.connection)).await.map_err(storage)?;
        rows.iter().map(|row| row.try_get(0).map_err(storage)).collect()
    }
}

fn block_numbers<'f>(fences: impl Iterator<Item = &'f Fence>) -> String {
    let numbers: Vec<i64> = fences.map(|fence| fence.block).collect();
    serde_json::to_string(&numbers).unwrap_or_else(|_| "[]".into())
}

impl IndexBounds {
    /// The level at which a segment begins: one as large as eight merged ones is not merged with small ones.
    pub(super) fn level(&self, postings: i64) -> i64 {
        let fan_in = i64::from(self.fan_in.max(2));
        let (mut level, mut bound) = (1, i64::from(self.fresh_postings).saturating_mul(fan_in) / 2);
        while level < ALWAYS_MERGED && postings > bound {
            level += 1;
            bound = bound.saturating_mul(fan_in);
        }
        level
    }

    /// Which segments (number, level, postings) are to be merged, and their level: the oldest of the lowest one that
    /// has enough.
    pub(super) fn choose(&self, known: &[(i64, i64, i64)]) -> Option<(i64, Vec<i64>)> {
        let mut levels: Vec<i64> = known.iter().map(|(_, level, _)| *level).collect();
        levels.sort_unstable();
        levels.dedup();
        let fan_in = self.fan_in.max(2) as usize;
        levels.into_iter().find_map(|level| {
            let of_level = known.iter().filter(|(_, known, _)| *known == level).take(fan_in);
            let (ids, postings): (Vec<i64>, Vec<i64>) =
                of_level.map(|(id, _, postings)| (*id, *postings)).unzip();
            let fits =
                level < ALWAYS_MERGED || postings.iter().sum::<i64>() <= i64::from(self.segment_postings);
            (ids.len() == fan_in && fits).then_some((level, ids))
        })
    }
}
