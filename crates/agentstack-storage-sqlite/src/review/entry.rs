//! Moving versions out of their entries and back.

use agentstack_core::limits::VERSIONS_KEPT;
use agentstack_core::{EntryId, Timestamp, Trust, VersionId};
use agentstack_storage::StorageError;
use sqlx::Row;

use crate::IndexBounds;
use crate::briefly::analyze;
use crate::error::storage;
use crate::facts::{Known, tag_hashes};
use crate::index::Terms;
use crate::memory::entry::{Existing, Space, fresh_columns, layers, remove, remove_empty, unindex};
use crate::memory::statements::OPEN_ROW;
use crate::row::{Columns, small};
use crate::vectors;
use crate::write::Write;

const APPROVE_CURRENT: &str = "UPDATE entries SET trust = 'trusted' WHERE version = $2 \
     AND id = (SELECT o.id FROM entries o INDEXED BY entries_recent WHERE o.uuid = $1)";

const APPROVE_PAST: &str = "UPDATE entry_versions SET trust = 'trusted' WHERE version = $2 \
     AND entry = (SELECT o.id FROM entries o INDEXED BY entries_recent WHERE o.uuid = $1)";

const HOLD_OTHERWISE: &str = "UPDATE held_versions SET trust = $3 WHERE uuid = $1 AND version = $2";

const ROW_OF: &str = "SELECT o.id FROM entries o INDEXED BY entries_recent WHERE o.uuid = $1";

/// Holds the version $2 of the entry $1 back, in the state $3, at $4: the current one, and a past one.
const HOLD_CURRENT: &str = "INSERT INTO held_versions (namespace, uuid, version, trust, held_at, key_hash, created_at, \
     stored_at, agent, writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content) \
     SELECT namespace, uuid, version, $3, $4, key_hash, created_at, updated_at, agent, writer, had_read, \
     origin_principal, origin_agent, origin_tool, chars, facts, content FROM entries WHERE id = $1 AND version = $2";

const HOLD_PAST: &str = "INSERT INTO held_versions (namespace, uuid, version, trust, held_at, key_hash, created_at, \
     stored_at, agent, writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content) \
     SELECT e.namespace, e.uuid, v.version, $3, $4, e.key_hash, e.created_at, v.stored_at, v.agent, v.writer, \
     v.had_read, v.origin_principal, v.origin_agent, v.origin_tool, v.chars, v.facts, v.content \
     FROM entry_versions v JOIN entries e ON e.id = v.entry WHERE v.entry = $1 AND v.version = $2; \
     DELETE FROM entry_versions WHERE entry = $1 AND version = $2";

/// The newest past version of the entry $1.
const NEWEST_PAST: &str =
    "SELECT version, facts, content FROM entry_versions WHERE entry = $1 ORDER BY version DESC LIMIT 1";

/// Makes the past version $2 of the entry $1 its current one, with so many terms ($3) and these tags ($4).
const PROMOTE: &str = "UPDATE entries SET length = $3, tags = $4, (version, updated_at, agent, trust, writer, had_read, \
     origin_principal, origin_agent, origin_tool, chars, facts, content) = (SELECT version, stored_at, agent, trust, \
     writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content FROM entry_versions \
     WHERE entry = $1 AND version = $2) WHERE id = $1; \
     DELETE FROM entry_versions WHERE entry = $1 AND version = $2";

const FORGET_FRESH: &str = "DELETE FROM index_fresh WHERE id = $1";

const ADD_FRESH: &str =
    "INSERT INTO index_fresh (id, entry, filled, terms) SELECT $1, $2, $3, $4 WHERE $1 IS NOT NULL";

/// Where the held version $2 of $1 belongs, and the entry that is there.
const PLACE: &str = "SELECT h.id, h.facts, h.content, n.secret, e.id, e.version, n.id FROM held_versions h \
     JOIN namespaces n ON n.id = h.namespace \
     LEFT JOIN entries e ON e.namespace = h.namespace AND e.key_hash = h.key_hash \
     WHERE h.uuid = $1 AND h.version = $2";

/// Makes the held version $1 an entry with the number $2, so many terms ($3) and these tags ($4); its row in the index
/// comes with it.
const INSERT_HELD: &str = "INSERT INTO entries (id, namespace, length, version, last_version, updated_at, created_at, \
     uuid, key_hash, agent, tags, trust, writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, \
     content) SELECT $2, namespace, $3, version, (SELECT max(version) FROM held_versions o WHERE o.uuid = h.uuid), \
     stored_at, created_at, uuid, key_hash, agent, $4, 'trusted', writer, had_read, origin_principal, origin_agent, \
     origin_tool, chars, facts, content FROM held_versions h WHERE id = $1";

/// Makes the held version $1 a past one of the entry $2.
const INSERT_PAST: &str = "INSERT INTO entry_versions (entry, version, stored_at, agent, trust, writer, had_read, \
     origin_principal, origin_agent, origin_tool, chars, facts, content) SELECT $2, version, stored_at, agent, 'trusted', \
     writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content FROM held_versions \
     WHERE id = $1; DELETE FROM held_versions WHERE id = $1";

/// The current version of the entry $1 becomes a past one.
const TO_PAST: &str = "INSERT INTO entry_versions (entry, version, stored_at, agent, trust, writer, had_read, \
     origin_principal, origin_agent, origin_tool, chars, facts, content) SELECT id, version, updated_at, agent, trust, \
     writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content FROM entries WHERE id = $1";

const FORGET_OLD: &str = "DELETE FROM entry_versions WHERE entry = $1 \
     AND version <= (SELECT version FROM entries WHERE id = $1) - $2 - 1 AND version <> $3";

/// A version that an operator has looked at is trusted.
pub(super) async fn approve(write: &mut Write<'_>, id: VersionId, current: bool) -> Result<(), StorageError> {
    let sql = if current { APPROVE_CURRENT } else { APPROVE_PAST };
    let approving = sqlx::query(sql).bind(id.entry.as_bytes().to_vec()).bind(id.version);
    write.run(approving).await.map(drop)
}

/// What is held back stays so, in another state.
pub(super) async fn hold_otherwise(
    write: &mut Write<'_>,
    id: VersionId,
    to: Trust,
) -> Result<(), StorageError> {
    let holding =
        sqlx::query(HOLD_OTHERWISE).bind(id.entry.as_bytes().to_vec()).bind(id.version).bind(to.as_str());
    write.run(holding).await.map(drop)
}

/// Takes one version out of its entry.
pub(super) async fn take_out_one(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    at: Timestamp,
    id: VersionId,
    to: Trust,
) -> Result<(), StorageError> {
    let row = row_of(write, id.entry).await?;
    take_out(write, bounds, at, row, &[(id.version, to)]).await
}

async fn row_of(write: &mut Write<'_>, entry: EntryId) -> Result<i64, StorageError> {
    let asked = sqlx::query(ROW_OF).bind(entry.as_bytes().to_vec());
    let row = asked.fetch_one(write.connection()?).await.map_err(storage)?;
    row.try_get(0).map_err(storage)
}

/// Takes versions out of an entry, each into its state. The newest that is left is current; if none is, the entry goes.
pub(super) async fn take_out(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    at: Timestamp,
    row: i64,
    taken: &[(u32, Trust)],
) -> Result<(), StorageError> {
    let (space, entry) = open(write, row).await?;
    for (version, trust) in taken {
        let sql = if *version == entry.version { HOLD_CURRENT } else { HOLD_PAST };
        let holding = sqlx::query(sql).bind(row).bind(*version).bind(trust.as_str()).bind(at.as_millis());
        write.run(holding).await?;
    }
    if taken.iter().any(|(version, _)| *version == entry.version) {
        promote(write, bounds, &space, &entry).await?;
    }
    Ok(())
}

/// The entry with this row and its namespace.
pub(super) async fn open(write: &mut Write<'_>, row: i64) -> Result<(Space, Existing), StorageError> {
    let opened = sqlx::query(OPEN_ROW).bind(row).fetch_one(write.connection()?).await.map_err(storage)?;
    let mut columns = Columns::from(&opened, 0);
    let (space, entry) = (Space::read(&mut columns)?, Existing::read(&mut columns)?);
    space.zip(entry).ok_or_else(|| StorageError::damaged("an entry without a namespace"))
}

/// Puts the newest past version in the place of the current one, which is no longer wanted.
pub(super) async fn promote(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    space: &Space,
    entry: &Existing,
) -> Result<(), StorageError> {
    let asked = sqlx::query(NEWEST_PAST).bind(entry.row);
    let Some(past) = asked.fetch_optional(write.connection()?).await.map_err(storage)? else {
        remove(write, space, bounds, entry).await?;
        return remove_empty(write, space.id).await;
    };
    let mut columns = Columns::from(&past, 0);
    let version: i64 = columns.take()?;
    let (facts, terms) = terms(space, &mut columns)?;
    unindex(write, space, bounds, (entry.row, entry.fresh)).await?;
    let promoting =
        sqlx::query(PROMOTE).bind(entry.row).bind(version).bind(terms.length).bind(tag_hashes(&facts.tags));
    write.run(promoting).await?;
    if facts.declined {
        vectors::decline(write, space.id, entry.row).await?;
    }
    // Or it would become part of a segment with the next.
    write.run(sqlx::query(FORGET_FRESH).bind(entry.fresh)).await?;
    index(write, bounds, space, entry.row, &terms).await
}

fn terms(space: &Space, columns: &mut Columns<'_>) -> Result<(Known, Terms), StorageError> {
    let veil = space.veil();
    let facts = Known::uncover(&veil, columns.take()?)?;
    let content = columns.covered("a content", &veil, Some)?;
    let terms = analyze(facts.key.as_str(), &content);
    Ok((facts, terms))
}

/// Puts the terms of an entry into the index.
async fn index(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    space: &Space,
    row: i64,
    terms: &Terms,
) -> Result<(), StorageError> {
    let document = terms.document(space.secret(), row);
    let fresh = layers(write, space, bounds)?.admit(space.tail(), document).await?;
    let (fresh, filled, postings) = fresh_columns(fresh);
    let adding = sqlx::query(ADD_FRESH).bind(fresh).bind(row).bind(filled).bind(postings);
    write.run(adding).await.map(drop)
}

/// Puts a version that was held back where its number says.
pub(super) async fn put_back(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    id: VersionId,
) -> Result<(), StorageError> {
    let asked = sqlx::query(PLACE).bind(id.entry.as_bytes().to_vec()).bind(id.version);
    let place = asked.fetch_one(write.connection()?).await.map_err(storage)?;
    let held: i64 = place.try_get(0).map_err(storage)?;
    let existing: Option<i64> = place.try_get(4).map_err(storage)?;
    let current = place.try_get::<Option<i64>, _>(5).map_err(storage)?.map(small).transpose()?;
    let Some(row) = existing else {
        let space = Space::of_namespace(write, place.try_get(6).map_err(storage)?).await?;
        let (facts, terms) = terms(&space, &mut Columns::from(&place, 1))?;
        let next = sqlx::query("SELECT coalesce(max(id), 0) + 1 FROM entries");
        let next = next.fetch_one(write.connection()?).await.map_err(storage)?;
        let row: i64 = next.try_get(0).map_err(storage)?;
        let inserting =
            sqlx::query(INSERT_HELD).bind(held).bind(row).bind(terms.length).bind(tag_hashes(&facts.tags));
        write.run(inserting).await?;
        if facts.declined {
            vectors::decline(write, space.id, row).await?;
        }
        forget_held(write, held).await?;
        return index(write, bounds, &space, row, &terms).await;
    };
    if current.is_some_and(|current| id.version < current) {
        write.run(sqlx::query(INSERT_PAST).bind(held).bind(row)).await?;
    } else {
        // Among the past ones first, and then in the place of the current one, which becomes a past one itself.
        write.run(sqlx::query(TO_PAST).bind(row)).await?;
        write.run(sqlx::query(INSERT_PAST).bind(held).bind(row)).await?;
        let (space, entry) = open(write, row).await?;
        promote(write, bounds, &space, &entry).await?;
    }
    write.run(sqlx::query(FORGET_OLD).bind(row).bind(VERSIONS_KEPT).bind(id.version)).await.map(drop)
}

async fn forget_held(write: &mut Write<'_>, held: i64) -> Result<(), StorageError> {
    write.run(sqlx::query("DELETE FROM held_versions WHERE id = $1").bind(held)).await.map(drop)
}
