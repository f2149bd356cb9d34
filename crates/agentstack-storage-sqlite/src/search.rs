//! Searching and listing.
//!
//! Each namespace has its own range of the index, so a search reads the postings of its own namespaces
//! and nothing else, whatever else is stored (S05).

mod candidates;
pub(crate) mod vectors;

use std::collections::HashMap;

use agentstack_access::{Scope, SharedNamespaces};
use agentstack_core::{Entry, Hit, MatchType, Namespace, SharedName, Tag, hex};
use agentstack_storage::model::SEARCHED_CHARS;
use agentstack_storage::text::rank::Scored;
use agentstack_storage::{AgentFilter, Found, ListPosition, Listed, Listing, Page, Search, StorageError};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use self::candidates::Candidates;
use crate::SqliteStore;
use crate::briefly::briefly;
use crate::error::storage;
use crate::facts::{agent_hash, tag_hashes};
use crate::index::{entries_of_namespace, in_namespace};
use crate::known::Known;
use crate::row::{SUMMARY_COLUMNS, count, summary, summary_columns};
use crate::store::Reader;
use crate::veil::kept_len;
use crate::write::{Statement, alive, scoped};

/// The namespaces of a scope: the one named `$4` and of the shared ones those in the JSON array `$5`, or all of them if
/// it is `true`.
macro_rules! namespaces {
    () => {
        "(SELECT id FROM namespaces WHERE name = $4 UNION SELECT id FROM namespaces WHERE shared = 1 \
          AND ($5 = 'true' OR name IN (SELECT value FROM json_each($5))))"
    };
}

/// Whether `e` in `n` may be seen by a caller who is bound to the agent `$6`, if it is one.
macro_rules! seen {
    () => {
        "($6 IS NULL OR n.shared = 1 OR e.agent IS NULL OR e.agent = $6)"
    };
}

/// Whether `e` in `n` may be seen and passes the filters: `$6` the agent that the caller is bound to,
/// `$7` and `$8` the agent asked for and whether entries of none count, `$9` tags, `$10` whether only what is trusted counts.
macro_rules! passes {
    () => {
        concat!(
            seen!(),
            " AND ($7 IS NULL OR e.agent = $7 OR ($8 AND e.agent IS NULL)) \
         AND (NOT $10 OR e.trust = 'trusted') \
         AND ($9 IS NULL OR NOT EXISTS (SELECT 1 FROM json_each($9) t WHERE instr(e.tags, unhex(t.value)) = 0))"
        )
    };
}
use {namespaces, seen};

/// A figure of what the caller may see of `n`, if that is less than all: it is a session's and the caller is bound to
/// an agent.
macro_rules! visible {
    ($counted:literal) => {
        concat!(
            "CASE WHEN $6 IS NOT NULL AND n.shared = 0 THEN (SELECT ",
            $counted,
            " FROM entries o WHERE o.namespace = n.id AND (o.agent IS NULL OR o.agent = $6)) END"
        )
    };
}

/// A figure of all segments of `n`.
macro_rules! of_segments {
    ($figure:literal) => {
        concat!("(SELECT ", $figure, " FROM index_segments s WHERE ", in_namespace!("s"), ")")
    };
}

/// For each namespace: the statistics of what the caller may see of it, what it takes to find its postings, and its
/// fresh ones. One blob of many costs a fraction of as many rows.
pub(crate) const SPACES: &str = concat!(
    "BEGIN; SELECT ",
    alive!(),
    ", n.id, n.secret, ",
    visible!("count(*)"),
    ", ",
    visible!("coalesce(sum(o.length), 0)"),
    ", ",
    of_segments!("coalesce(sum(s.entries), 0)"),
    ", ",
    of_segments!("coalesce(sum(s.terms), 0)"),
    ", ",
    of_segments!("CAST(coalesce(group_concat(s.map, ''), '') AS BLOB)"),
    ", (SELECT CAST(coalesce(group_concat(f.terms, ''), '') AS BLOB) FROM index_fresh f WHERE ",
    in_namespace!("f"),
    ") FROM (SELECT 1) LEFT JOIN namespaces n ON n.id IN ",
    namespaces!()
);

/// The blocks whose numbers are in the JSON array `$1`.
pub(crate) const BLOCKS: &str =
    "SELECT b.id, b.terms FROM json_each($1) q CROSS JOIN index_blocks b ON b.id = q.value";

/// Those of the entries `$11` that pass.
pub(crate) const PASSING: &str = concat!(
    "SELECT json_group_array(e.id) FROM json_each($11) q CROSS JOIN entries e ON e.id = q.value ",
    "CROSS JOIN namespaces n ON n.id = e.namespace WHERE ",
    passes!()
);

/// Of each content its first `$12` bytes.
pub(crate) const HITS: &str = concat!(
    "SELECT e.id, ",
    summary_columns!(),
    ", substr(e.content, 1, $12) FROM json_each($11) q ",
    "CROSS JOIN entries e ON e.id = q.value ->> 0 AND e.namespace = q.value ->> 1 ",
    "CROSS JOIN namespaces n ON n.id = e.namespace WHERE ",
    alive!(),
    " AND n.id IN ",
    namespaces!(),
    " AND ",
    passes!(),
    "; COMMIT"
);

pub(crate) const LIST: &str = concat!(
    "SELECT ",
    summary_columns!(),
    " FROM namespaces n CROSS JOIN entries e ON e.namespace = n.id ",
    "WHERE ",
    alive!(),
    " AND n.id IN ",
    namespaces!(),
    " AND ",
    passes!(),
    " AND ($11 IS NULL OR (e.updated_at, e.uuid) < ($11, $12)) ",
    "ORDER BY e.updated_at DESC, e.uuid DESC LIMIT $13 OFFSET $14"
);

/// Counts all entries of the namespaces, from their statistics.
pub(crate) const COUNT_ALL: &str = concat!(
    "SELECT ",
    alive!(),
    ", (SELECT coalesce(sum(",
    entries_of_namespace!(),
    "), 0) FROM namespaces n WHERE n.id IN ",
    namespaces!(),
    ")"
);

/// Counts those that pass.
pub(crate) const COUNT: &str = concat!(
    "SELECT ",
    alive!(),
    ", (SELECT count(*) FROM namespaces n CROSS JOIN entries e ON e.namespace = n.id ",
    "WHERE n.id IN ",
    namespaces!(),
    " AND ",
    passes!(),
    ")"
);

/// Binds `$4` to `$10`.
fn filtered(
    sql: &'static str,
    scope: &Scope,
    agent: Option<&AgentFilter>,
    tags: Option<&String>,
    trusted_only: bool,
) -> Statement {
    scoped(sql, scope)
        .bind(scope.namespace().map(Namespace::to_string))
        .bind(match scope.shared() {
            SharedNamespaces::Excluded => None,
            SharedNamespaces::Included => Some("true".to_owned()),
            SharedNamespaces::Only(names) => Some(names_json(names.iter())),
        })
        .bind(scope.bound_agent().map(agent_hash))
        .bind(agent.map(|filter| agent_hash(&filter.agent)))
        .bind(agent.is_some_and(|filter| filter.include_common))
        .bind(tags.cloned())
        .bind(trusted_only)
}

/// Nothing can go wrong with texts; if it did, there would be nothing to read.
fn names_json<'a>(names: impl Iterator<Item = &'a SharedName>) -> String {
    let names: Vec<&str> = names.map(SharedName::as_str).collect();
    serde_json::to_string(&names).unwrap_or_else(|_| "[]".into())
}

fn tags_filter(tags: &[Tag]) -> Option<String> {
    let hash = |tag: &Tag| hex::encode(&tag_hashes(std::slice::from_ref(tag)));
    let hashes: Vec<String> = tags.iter().map(hash).collect();
    (!tags.is_empty()).then(|| serde_json::to_string(&hashes).unwrap_or_else(|_| "[]".into()))
}

impl SqliteStore {
    pub(crate) async fn search_entries(&self, scope: &Scope, search: Search) -> Result<Found, StorageError> {
        let mut reader = self.reader().await?;
        // All statements see the same state: another process may merge segments at any time.
        reader.mark(true);
        let found = search_in(&mut reader, &self.known, scope, &search).await;
        reader.end().await;
        found
    }

    pub(crate) async fn list_entries(&self, scope: &Scope, listing: Listing) -> Result<Listed, StorageError> {
        let tags = tags_filter(&listing.tags);
        let agent = listing.agent.as_ref();
        let all = tags.is_none() && agent.is_none() && scope.bound_agent().is_none();
        let mut reader = self.reader().await?;
        let connection = reader.connection()?;
        let counted = filtered(if all { COUNT_ALL } else { COUNT }, scope, agent, tags.as_ref(), false);
        let row = briefly(counted.fetch_one(&mut *connection)).await.map_err(storage)?;
        if !row.try_get::<bool, _>(0).map_err(storage)? {
            return Err(StorageError::SessionGone);
        }
        let total = count(row.try_get(1).map_err(storage)?)?;
        let (after, offset) = match listing.page {
            Page::Offset(offset) => (None, offset),
            Page::After(position) => (Some(position), 0),
        };
        let question = filtered(LIST, scope, agent, tags.as_ref(), false)
            .bind(after.map(|position| position.updated_at.as_millis()))
            .bind(after.map(|position| position.id.as_bytes().to_vec()))
            .bind(i64::from(listing.limit) + 1)
            .bind(offset);
        let rows = briefly(question.fetch_all(connection)).await.map_err(storage)?;
        let mut entries =
            rows.iter().map(|row| Ok(summary(row, 0)?.0)).collect::<Result<Vec<_>, StorageError>>()?;
        let limit = listing.limit as usize;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more);
        let next = next.map(|last| ListPosition { updated_at: last.updated_at, id: last.id });
        Ok(Listed { total, entries, next })
    }
}

/// Searches in a transaction that begins with the first statement and ends, if something was found, with the last.
async fn search_in(
    reader: &mut Reader<'_>,
    known: &Known,
    scope: &Scope,
    search: &Search,
) -> Result<Found, StorageError> {
    let tags = tags_filter(&search.tags);
    let ask = |sql| filtered(sql, scope, search.agent.as_ref(), tags.as_ref(), search.trusted_only);
    let filters =
        search.trusted_only || tags.is_some() || search.agent.is_some() || scope.bound_agent().is_some();
    let connection = reader.connection()?;
    let before = known.version();
    let mut candidates = Candidates::read(ask(SPACES), connection, &search.query).await?;
    // If nothing was committed meanwhile, it is this version that the transaction sees.
    let version = before.filter(|version| known.version() == Some(*version));
    if search.meaning.as_ref().is_none_or(|meaning| !meaning.alone) {
        candidates.read_blocks(connection, known, version).await?;
    }
    let without_vector = match &search.meaning {
        Some(meaning) => candidates.compare(connection, meaning, scope, ask).await?,
        None => 0,
    };
    if filters {
        candidates.keep_passing(ask(PASSING), connection).await?;
    }
    let ranked = candidates.ranked(search);
    let (offset, limit) = (search.offset as usize, search.limit as usize);
    let more = ranked.len() > offset.saturating_add(limit);
    let best: Vec<(Scored, MatchType, i64)> = ranked.into_iter().skip(offset).take(limit).collect();
    if best.is_empty() {
        return Ok(Found { hits: vec![], more, without_vector });
    }
    let hits = hits(ask(HITS), connection, &best).await?;
    reader.mark(false);
    Ok(Found { hits, more, without_vector })
}

/// Reads the best entries, each with its namespace.
async fn hits(
    question: Statement,
    connection: &mut SqliteConnection,
    best: &[(Scored, MatchType, i64)],
) -> Result<Vec<Hit>, StorageError> {
    let wanted: Vec<[i64; 2]> = best.iter().map(|(hit, _, namespace)| [hit.entry, *namespace]).collect();
    let wanted = serde_json::to_string(&wanted).unwrap_or_else(|_| "[]".into());
    let rows = briefly(question.bind(wanted).bind(kept_len(SEARCHED_CHARS * 4)).fetch_all(connection))
        .await
        .map_err(storage)?;
    let mut entries = HashMap::with_capacity(rows.len());
    for row in &rows {
        let (summary, veil) = summary(row, 1)?;
        let content = veil.uncover_bytes(row.try_get(1 + SUMMARY_COLUMNS).map_err(storage)?);
        let content = content.ok_or_else(|| StorageError::damaged("a content"))?;
        let entry = Entry { summary, content: searched(&content)? };
        entries.insert(row.try_get::<i64, _>(0).map_err(storage)?, entry);
    }
    let hit = |(hit, how, _): &(Scored, MatchType, i64)| {
        let entry = entries.remove(&hit.entry)?;
        Some(Hit { entry, score: hit.score, match_type: *how })
    };
    Ok(best.iter().filter_map(hit).collect())
}

/// The beginning of a content, from its first bytes, of which the last may belong to half a character.
fn searched(bytes: &[u8]) -> Result<String, StorageError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return Err(StorageError::damaged("a content")),
    };
    let end = text.char_indices().nth(SEARCHED_CHARS as usize).map_or(text.len(), |(end, _)| end);
    Ok(text.get(..end).unwrap_or(text).to_owned())
}
