//! Searching and listing.
//!
//! A namespace's terms are tagged with its id, so a search reads the postings of its own namespaces
//! and nothing else, whatever else is stored (S05).

use std::collections::{HashMap, HashSet};

use agentstack_access::{Scope, SharedNamespaces};
use agentstack_core::{AgentId, Entry, Hit, MatchType, Namespace};
use agentstack_storage::model::SEARCHED_CHARS;
use agentstack_storage::text::rank::{Posting, Scored, Statistics, rank};
use agentstack_storage::text::{Term, TextQuery};
use agentstack_storage::{AgentFilter, Found, ListPosition, Listed, Listing, Page, Search, StorageError};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Row, query_scalar};

use crate::SqliteStore;
use crate::error::storage;
use crate::row::{SUMMARY_COLUMNS, count, summary, summary_columns, tags_json};
use crate::write::{Statement, alive, scoped};

/// The namespaces of a scope: the one named `$4` and, if `$5`, every shared one.
macro_rules! namespaces {
    () => {
        "(SELECT id FROM namespaces WHERE name = $4 UNION SELECT id FROM namespaces WHERE shared = 1 AND $5)"
    };
}

/// Whether `e` in `n` may be seen and passes the filters: `$6` the agent that the caller is bound to,
/// `$7` and `$8` the agent asked for and whether entries of none count, `$9` tags.
macro_rules! passes {
    () => {
        "($6 IS NULL OR n.shared = 1 OR e.agent IS NULL OR e.agent = $6) \
         AND ($7 IS NULL OR e.agent = $7 OR ($8 AND e.agent IS NULL)) \
         AND ($9 IS NULL OR NOT EXISTS (SELECT 1 FROM json_each($9) t \
              WHERE t.value NOT IN (SELECT value FROM json_each(e.tags))))"
    };
}

/// For each namespace: its statistics, and its postings of the terms `$10` (pairs of the first and the
/// last term of a range) as one text, which costs a fraction of as many rows.
const POSTINGS: &str = concat!(
    "SELECT ", alive!(), ", n.id, n.entries, n.terms, (",
    "SELECT group_concat(p.term || ' ' || p.entry || ' ' || p.body || ' ' || p.head || ' ' || p.length, ' ') FROM (",
    "SELECT q.key AS term, e.id AS entry, sum(v.col <> 'head') AS body, sum(v.col = 'head') AS head, e.length AS length ",
    "FROM json_each($10) q ",
    "CROSS JOIN entry_term_instances v ON v.term >= n.id || '·' || (q.value ->> 0) AND v.term <= n.id || '·' || (q.value ->> 1) ",
    "CROSS JOIN entries e ON e.id = v.doc WHERE ", passes!(), " GROUP BY q.key, e.id) p) ",
    "FROM (SELECT 1) LEFT JOIN namespaces n ON n.id IN ", namespaces!()
);

/// `substr` of a text stops at a NUL, that of bytes does not.
const HITS: &str = concat!(
    "SELECT e.id, ", summary_columns!(), ", substr(CAST(e.content AS BLOB), 1, $11) FROM json_each($10) q ",
    "CROSS JOIN entries e ON e.id = q.value ->> 0 AND e.namespace = q.value ->> 1 ",
    "CROSS JOIN namespaces n ON n.id = e.namespace WHERE ", alive!(), " AND n.id IN ", namespaces!(), " AND ", passes!()
);

const LIST: &str = concat!(
    "SELECT ", summary_columns!(), " FROM namespaces n CROSS JOIN entries e ON e.namespace = n.id ",
    "WHERE ", alive!(), " AND n.id IN ", namespaces!(), " AND ", passes!(),
    " AND ($10 IS NULL OR (e.updated_at, e.uuid) < ($10, $11)) ",
    "ORDER BY e.updated_at DESC, e.uuid DESC LIMIT $12 OFFSET $13"
);

/// Counts all entries of the namespaces, from their statistics.
const COUNT_ALL: &str = concat!(
    "SELECT ", alive!(), ", (SELECT coalesce(sum(entries), 0) FROM namespaces WHERE id IN ", namespaces!(), ")"
);

/// Counts those that pass.
const COUNT: &str = concat!(
    "SELECT ", alive!(), ", (SELECT count(*) FROM namespaces n CROSS JOIN entries e ON e.namespace = n.id ",
    "WHERE n.id IN ", namespaces!(), " AND ", passes!(), ")"
);

/// Binds `$4` to `$9`.
fn filtered(sql: &'static str, scope: &Scope, agent: Option<&AgentFilter>, tags: Option<&String>) -> Statement {
    scoped(sql, scope)
        .bind(scope.namespace().map(Namespace::to_string))
        .bind(scope.shared() == SharedNamespaces::Included)
        .bind(scope.bound_agent().map(AgentId::to_string))
        .bind(agent.map(|filter| filter.agent.to_string()))
        .bind(agent.is_some_and(|filter| filter.include_common))
        .bind(tags.cloned())
}

fn tags_filter(tags: &[agentstack_core::Tag]) -> Option<String> {
    (!tags.is_empty()).then(|| tags_json(tags))
}

/// What one namespace has for a query.
struct Candidates {
    namespace: i64,
    statistics: Statistics,
    postings: Vec<Posting>,
    lengths: HashMap<i64, u32>,
}

impl SqliteStore {
    pub(crate) async fn search_entries(&self, scope: &Scope, search: Search) -> Result<Found, StorageError> {
        let tags = tags_filter(&search.tags);
        let mut reader = self.reader().await?;
        let connection = reader.connection()?;
        let question = filtered(POSTINGS, scope, search.agent.as_ref(), tags.as_ref()).bind(ranges(&search.query));
        let candidates = candidates(question, connection).await?;
        let mut ranked: Vec<(Scored, i64)> = vec![];
        for candidate in &candidates {
            let in_phrase = phrase(connection, candidate.namespace, search.query.phrase()).await?;
            let length = |entry| candidate.lengths.get(&entry).copied().unwrap_or(1);
            let scored = rank(&search.query, candidate.statistics, length, &candidate.postings);
            let wanted = |hit: &Scored| {
                hit.score >= search.threshold && in_phrase.as_ref().is_none_or(|found| found.contains(&hit.entry))
            };
            ranked.extend(scored.into_iter().filter(wanted).map(|hit| (hit, candidate.namespace)));
        }
        // The order within a namespace is the ranking's; between equals of several, the newer first.
        ranked.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then(b.entry.cmp(&a.entry)));
        let (offset, limit) = (search.offset as usize, search.limit as usize);
        let more = ranked.len() > offset.saturating_add(limit);
        let best: Vec<(Scored, i64)> = ranked.into_iter().skip(offset).take(limit).collect();
        let question = filtered(HITS, scope, search.agent.as_ref(), tags.as_ref());
        Ok(Found { hits: hits(question, connection, &best).await?, more })
    }

    pub(crate) async fn list_entries(&self, scope: &Scope, listing: Listing) -> Result<Listed, StorageError> {
        let tags = tags_filter(&listing.tags);
        let agent = listing.agent.as_ref();
        let all = tags.is_none() && agent.is_none() && scope.bound_agent().is_none();
        let mut reader = self.reader().await?;
        let connection = reader.connection()?;
        let counted = filtered(if all { COUNT_ALL } else { COUNT }, scope, agent, tags.as_ref());
        let row = counted.fetch_one(&mut *connection).await.map_err(storage)?;
        if !row.try_get::<bool, _>(0).map_err(storage)? {
            return Err(StorageError::SessionGone);
        }
        let total = count(row.try_get(1).map_err(storage)?)?;
        let (after, offset) = match listing.page {
            Page::Offset(offset) => (None, offset),
            Page::After(position) => (Some(position), 0),
        };
        let question = filtered(LIST, scope, agent, tags.as_ref())
            .bind(after.map(|position| position.updated_at.as_millis()))
            .bind(after.map(|position| position.id.as_bytes().to_vec()))
            .bind(i64::from(listing.limit) + 1)
            .bind(offset);
        let rows = question.fetch_all(connection).await.map_err(storage)?;
        let mut entries = rows.iter().map(|row| summary(row, 0)).collect::<Result<Vec<_>, _>>()?;
        let limit = listing.limit as usize;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more);
        let next = next.map(|last| ListPosition { updated_at: last.updated_at, id: last.id });
        Ok(Listed { total, entries, next })
    }
}

/// The query's terms as ranges of the index.
fn ranges(query: &TextQuery) -> String {
    let ranges: Vec<[String; 2]> = query
        .terms()
        .iter()
        .map(|term| {
            let first = term.term.as_str().to_owned();
            let last = if term.prefix { format!("{first}\u{10FFFF}") } else { first.clone() };
            [first, last]
        })
        .collect();
    serde_json::to_string(&ranges).unwrap_or_else(|_| "[]".into())
}

async fn candidates(question: Statement, connection: &mut SqliteConnection) -> Result<Vec<Candidates>, StorageError> {
    let rows = question.fetch_all(connection).await.map_err(storage)?;
    let mut candidates = Vec::with_capacity(rows.len());
    for row in rows {
        if !row.try_get::<bool, _>(0).map_err(storage)? {
            return Err(StorageError::SessionGone);
        }
        let Some(namespace) = row.try_get::<Option<i64>, _>(1).map_err(storage)? else { continue };
        let statistics = Statistics {
            entries: count(row.try_get(2).map_err(storage)?)?,
            terms: count(row.try_get(3).map_err(storage)?)?,
        };
        let text: Option<&str> = row.try_get(4).map_err(storage)?;
        let (postings, lengths) = parse_postings(text.unwrap_or_default())
            .ok_or_else(|| StorageError::damaged("the postings of the index"))?;
        candidates.push(Candidates { namespace, statistics, postings, lengths });
    }
    Ok(candidates)
}

/// Reads `term entry body head length`, again and again.
fn parse_postings(text: &str) -> Option<(Vec<Posting>, HashMap<i64, u32>)> {
    let mut numbers = text.split_ascii_whitespace();
    let mut postings = vec![];
    let mut lengths = HashMap::new();
    while let Some(term) = numbers.next() {
        let posting = Posting {
            term: term.parse().ok()?,
            entry: numbers.next()?.parse().ok()?,
            frequency: numbers.next()?.parse().ok()?,
            heading: numbers.next()?.parse().ok()?,
        };
        lengths.insert(posting.entry, numbers.next()?.parse().ok()?);
        postings.push(posting);
    }
    Some((postings, lengths))
}

/// The entries of a namespace in which the terms follow each other; `None` if there is no order to look at.
async fn phrase(
    connection: &mut SqliteConnection,
    namespace: i64,
    terms: &[Term],
) -> Result<Option<HashSet<i64>>, StorageError> {
    if terms.len() < 2 {
        return Ok(None);
    }
    // A term has letters, digits and symbols, never a quotation mark: nothing in it can be syntax (S31).
    let words: Vec<String> = terms.iter().map(|term| format!("{namespace}·{}", term.as_str())).collect();
    let query = query_scalar("SELECT rowid FROM entry_terms WHERE entry_terms MATCH $1")
        .bind(format!("{{head body}} : \"{}\"", words.join(" ")));
    let rows: Vec<i64> = query.fetch_all(connection).await.map_err(storage)?;
    Ok(Some(rows.into_iter().collect()))
}

/// Reads the best entries. Each is asked for with its namespace: a number of an entry that has gone in
/// the meantime may be another's by now, a namespace's never is.
async fn hits(
    question: Statement,
    connection: &mut SqliteConnection,
    best: &[(Scored, i64)],
) -> Result<Vec<Hit>, StorageError> {
    if best.is_empty() {
        return Ok(vec![]);
    }
    let wanted: Vec<[i64; 2]> = best.iter().map(|(hit, namespace)| [hit.entry, *namespace]).collect();
    let wanted = serde_json::to_string(&wanted).unwrap_or_else(|_| "[]".into());
    let rows = question.bind(wanted).bind(SEARCHED_CHARS * 4).fetch_all(connection).await.map_err(storage)?;
    let mut entries = HashMap::with_capacity(rows.len());
    for row in &rows {
        let entry = Entry { summary: summary(row, 1)?, content: searched(row.try_get(1 + SUMMARY_COLUMNS).map_err(storage)?)? };
        entries.insert(row.try_get::<i64, _>(0).map_err(storage)?, entry);
    }
    let hit = |(hit, _): &(Scored, i64)| {
        let entry = entries.remove(&hit.entry)?;
        Some(Hit { entry, score: hit.score, match_type: MatchType::Text })
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
