//! A transaction on one entry.

use agentstack_access::Scope;
use agentstack_audit::{Draft, Outcome};
use agentstack_core::limits::{HELD_PER_NAMESPACE, VERSIONS_KEPT};
use agentstack_core::{
    AgentId, EntryId, EntrySummary, Label, MemoryKey, Metadata, Namespace, Tag, Timestamp, Trust,
};
use agentstack_storage::model::owner;
use agentstack_storage::{NewEntry, Pending, Reading, StorageError, Stored, Wish};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::readings::{self, Reader};
use super::statements::{
    COUNT_HELD, HOLD, INSERT, NOTE_SHARED, NOTE_WRITER, OPEN, REMOVE, REMOVE_EMPTY, REMOVE_HELD, RETIRE,
    SPACE, TEXT, UPDATE,
};
use super::{in_session, namespace};
use crate::briefly::analyze;
use crate::error::storage;
use crate::facts::{Facts, Known, agent_hash, tag_hashes};
use crate::index::{FreshRow, Layers, Tail, Terms, key_hash};
use crate::row::{Columns, small, uuid};
use crate::vectors;
use crate::veil::Veil;
use crate::write::{Write, bind_line, scoped};
use crate::{IndexBounds, SqliteStore};

/// A transaction on one key.
pub(crate) struct Opened<'a> {
    pub(crate) write: Write<'a>,
    pub(super) entry: Option<Existing>,
    space: Option<Space>,
    /// What is held back under the key.
    held: Option<Earlier>,
    /// The session that writes.
    reader: Reader,
    /// The number that a new entry gets.
    next: i64,
    bounds: IndexBounds,
}

/// A namespace.
#[derive(Clone)]
pub(crate) struct Space {
    pub(crate) id: i64,
    secret: Vec<u8>,
    is_shared: bool,
    /// Where its fresh entries end.
    tail: Tail,
}

pub(crate) struct Existing {
    pub(crate) row: i64,
    pub(crate) id: EntryId,
    pub(crate) version: u32,
    /// The highest number that a version of it has ever had.
    last_version: u32,
    /// The hash of the agent that it belongs to.
    pub(super) agent: Option<Vec<u8>>,
    created_at: i64,
    /// The row of its terms, if they are in no segment.
    pub(crate) fresh: Option<i64>,
}

/// A version whose number is taken.
struct Earlier {
    id: EntryId,
    version: u32,
}

impl Space {
    pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Option<Self>, StorageError> {
        let (id, secret): (Option<i64>, Option<Vec<u8>>) = (columns.take()?, columns.take()?);
        let is_shared = columns.take::<Option<bool>>()?.unwrap_or_default();
        let (last, filled): (Option<i64>, Option<i64>) = (columns.take()?, columns.take()?);
        let tail = Tail::after(last.zip(filled));
        Ok(id.zip(secret).map(|(id, secret)| Self { id, secret, is_shared, tail }))
    }

    /// The namespace of this number.
    pub(crate) async fn of_namespace(write: &mut Write<'_>, id: i64) -> Result<Self, StorageError> {
        let row = sqlx::query(SPACE).bind(id).fetch_one(write.connection()?).await.map_err(storage)?;
        let space = Self::read(&mut Columns::from(&row, 0))?;
        space.ok_or_else(|| StorageError::damaged("a namespace"))
    }

    pub(crate) fn veil(&self) -> Veil {
        Veil::new(&self.secret)
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    pub(crate) fn tail(&self) -> Tail {
        self.tail
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }
}

impl Existing {
    pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Option<Self>, StorageError> {
        let row: Option<i64> = columns.take()?;
        let (id, version): (Option<&[u8]>, Option<i64>) = (columns.take()?, columns.take()?);
        let last_version = columns.take::<Option<i64>>()?.map(small).transpose()?.unwrap_or_default();
        let (agent, created_at): (_, Option<i64>) = (columns.take()?, columns.take()?);
        let fresh = columns.take()?;
        let (Some(row), Some(id), Some(version)) = (row, id, version) else { return Ok(None) };
        let (id, version) = (EntryId::from_bytes(uuid(id)?), small(version)?);
        Ok(Some(Self {
            row,
            id,
            version,
            last_version,
            agent,
            created_at: created_at.unwrap_or_default(),
            fresh,
        }))
    }

    /// Whether the scope may know it.
    pub(super) fn is_visible(&self, scope: &Scope) -> bool {
        let is_own = |bound| self.agent.as_ref().is_none_or(|agent| *agent == agent_hash(bound));
        !in_session(scope) || scope.bound_agent().is_none_or(is_own)
    }
}

impl Earlier {
    fn read(columns: &mut Columns<'_>) -> Result<Option<Self>, StorageError> {
        let (id, version): (Option<&[u8]>, Option<i64>) = (columns.take()?, columns.take()?);
        let (Some(id), Some(version)) = (id, version) else { return Ok(None) };
        Ok(Some(Self { id: EntryId::from_bytes(uuid(id)?), version: small(version)? }))
    }
}

/// What a new version is made of.
pub(super) struct NewVersion<'a> {
    pub(super) key: &'a MemoryKey,
    pub(super) content: &'a str,
    pub(super) metadata: &'a Metadata,
    pub(super) tags: &'a [Tag],
    pub(super) agent: Option<&'a AgentId>,
    pub(super) label: Label,
    pub(super) wish: Wish,
}

impl SqliteStore {
    /// Opens a transaction on the entry of a key in the scope's namespace.
    pub(crate) async fn open_entry(
        &self,
        scope: &Scope,
        key: &MemoryKey,
    ) -> Result<Opened<'_>, StorageError> {
        Ok(self.open_entry_while(scope, key, || ()).await?.0)
    }

    /// The same, with something that is done while SQLite opens it.
    pub(super) async fn open_entry_while<T>(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<(Opened<'_>, T), StorageError> {
        let question = scoped(OPEN, scope).bind(namespace(scope)?.to_string()).bind(key_hash(key));
        let (write, row, made) = self.write_after(question, meanwhile).await?;
        let read = |row: &SqliteRow| {
            if !row.try_get::<bool, _>(2).map_err(storage)? {
                return Err(StorageError::SessionGone);
            }
            let mut columns = Columns::from(row, 3);
            let (reader, next) = (Reader::read(&mut columns)?, columns.take()?);
            let (space, entry) = (Space::read(&mut columns)?, Existing::read(&mut columns)?);
            Ok((reader, next, space, entry, Earlier::read(&mut columns)?))
        };
        match read(&row) {
            Ok((reader, next, space, entry, held)) => {
                Ok((Opened { write, entry, space, held, reader, next, bounds: self.index }, made))
            }
            Err(error) => write.undo(error).await,
        }
    }
}

impl Opened<'_> {
    /// Notes what the session has read in the course of this call.
    pub(super) async fn read_first(&mut self, reading: &Reading) -> Result<(), StorageError> {
        self.reader = readings::read_first(&mut self.write, self.reader, reading).await?;
        Ok(())
    }

    /// The namespace; makes a shared one with its first entry.
    async fn space(&mut self, scope: &Scope) -> Result<Space, StorageError> {
        if let Some(space) = &self.space {
            return Ok(space.clone());
        }
        let name = match namespace(scope)? {
            Namespace::Shared(name) => name.to_string(),
            // The session lives, so its namespace does.
            Namespace::Session(_) => return Err(StorageError::damaged("a session without its namespace")),
        };
        let made = sqlx::query("INSERT INTO namespaces (name, shared) VALUES ($1, 1) RETURNING id, secret")
            .bind(name);
        let row = made.fetch_one(self.write.connection()?).await.map_err(storage)?;
        let mut columns = Columns::from(&row, 0);
        let (id, secret) = (columns.take()?, columns.take()?);
        Ok(Space { id, secret, is_shared: true, tail: Tail::default() })
    }

    /// Puts the current version, if there is one, into the history, and its terms out of the index.
    async fn retire(&mut self, space: &Space, version: u32) -> Result<(), StorageError> {
        let Some(entry) = &self.entry else { return Ok(()) };
        let (row, fresh) = (entry.row, entry.fresh);
        unindex(&mut self.write, space, self.bounds, (row, fresh)).await?;
        let oldest = i64::from(version) - i64::from(VERSIONS_KEPT) - 1;
        self.write.run(sqlx::query(RETIRE).bind(row).bind(fresh).bind(oldest)).await.map(drop)
    }

    /// Stores an entry as the next version of what is there, if that may be. The transaction is committed with it.
    pub(crate) async fn keep(
        &mut self,
        scope: &Scope,
        entry: NewEntry,
        terms: &Terms,
        pending: Pending,
    ) -> Result<Stored, StorageError> {
        if self.entry.as_ref().is_some_and(|existing| !existing.is_visible(scope)) {
            return Err(StorageError::KeyTaken);
        }
        let current = self.entry.as_ref().map_or(0, |existing| existing.version);
        if entry.if_version.is_some_and(|expected| expected != current) {
            return Err(StorageError::VersionConflict { current });
        }
        let is_common = self.entry.as_ref().is_some_and(|existing| existing.agent.is_none());
        let trust = if entry.held { Trust::Quarantined } else { Trust::Unverified };
        let new = NewVersion {
            key: &entry.key,
            content: entry.content.as_str(),
            metadata: &entry.metadata,
            tags: &entry.tags,
            agent: owner(scope, in_session(scope), is_common),
            label: Label { trust, origin: entry.origin, findings: entry.findings },
            wish: entry.wish,
        };
        let counts = if entry.held { vec![("held", 1)] } else { vec![] };
        self.put(scope, new, terms, &pending.close(Outcome::Ok, counts)).await
    }

    /// Writes the next version and the record. The transaction is committed with the last statement.
    pub(super) async fn put(
        &mut self,
        scope: &Scope,
        new: NewVersion<'_>,
        terms: &Terms,
        draft: &Draft,
    ) -> Result<Stored, StorageError> {
        let has_others = self.space.is_some();
        let space = self.space(scope).await?;
        let is_new_origin = space.is_shared && self.note_writer(&space, &new.label).await? && has_others;
        let (id, version, created_at) = self.next_version(scope);
        let row = self.entry.as_ref().map_or(self.next, |entry| entry.row);
        let is_held = new.label.trust.is_held();
        let (sql, fresh) = if is_held {
            self.room_for_held(&space).await?;
            (HOLD, None)
        } else {
            self.retire(&space, version).await?;
            let document = terms.document(&space.secret, row);
            let fresh = layers(&mut self.write, &space, self.bounds)?.admit(space.tail, document).await?;
            (if self.entry.is_some() { UPDATE } else { INSERT }, fresh)
        };
        let (fresh, filled, postings) = fresh_columns(fresh);
        let veil = space.veil();
        let chars = u32::try_from(new.content.chars().count()).unwrap_or(u32::MAX);
        let origin = &new.label.origin;
        let statement = scoped(sql, scope)
            .bind(space.id)
            .bind(postings)
            .bind(fresh)
            .bind(row)
            .bind(filled)
            .bind(terms.length)
            .bind(id.as_bytes().to_vec())
            .bind(version)
            .bind(created_at)
            .bind(key_hash(new.key))
            .bind(new.agent.map(agent_hash))
            .bind(tag_hashes(new.tags))
            .bind(new.label.trust.as_str())
            .bind(self.reader.id)
            .bind(self.reader.had_read)
            .bind(origin.principal.clone())
            .bind(origin.agent_id.as_ref().map(agent_hash))
            .bind(origin.tool.clone())
            .bind(chars)
            .bind(new.facts().cover(&veil)?)
            .bind(veil.cover(new.content)?);
        let line = self.write.record(draft).await?;
        self.write.run(vectors::bind_wish(bind_line(statement, line), new.wish, is_held)).await?;
        let entry = EntrySummary {
            id,
            key: new.key.clone(),
            namespace: namespace(scope)?.clone(),
            version,
            agent_id: new.agent.cloned(),
            tags: new.tags.to_vec(),
            metadata: new.metadata.clone(),
            created_at: Timestamp::from_millis(created_at),
            updated_at: scope.at(),
            label: new.label,
            chars,
        };
        Ok(Stored { entry, is_new_origin })
    }

    /// The entry's id, the number of its next version, and when its first was stored. A number is never used twice, also
    /// if the version is held back.
    fn next_version(&self, scope: &Scope) -> (EntryId, u32, i64) {
        let current = self.entry.as_ref().map(|entry| (entry.id, entry.last_version, entry.created_at));
        // When what is held back began is nobody's business.
        let held = self.held.as_ref().map(|held| (held.id, held.version, scope.at().as_millis()));
        let taken = current.map_or(0, |(_, last, _)| last).max(held.map_or(0, |(_, last, _)| last));
        let (id, _, created_at) =
            current.or(held).unwrap_or_else(|| (EntryId::generate(), 0, scope.at().as_millis()));
        (id, taken.saturating_add(1), created_at)
    }

    async fn room_for_held(&mut self, space: &Space) -> Result<(), StorageError> {
        let counted = sqlx::query(COUNT_HELD).bind(space.id);
        let row = counted.fetch_one(self.write.connection()?).await.map_err(storage)?;
        let held: u32 = row.try_get(0).map_err(storage)?;
        if held < HELD_PER_NAMESPACE {
            Ok(())
        } else {
            Err(StorageError::TooMany { what: "versions held back" })
        }
    }

    /// Notes who writes to a shared namespace. Returns whether it is for the first time.
    async fn note_writer(&mut self, space: &Space, label: &Label) -> Result<bool, StorageError> {
        let noting = sqlx::query(NOTE_WRITER)
            .bind(space.id)
            .bind(label.origin.principal.clone())
            .bind(label.origin.agent_id.as_ref().map(agent_hash).unwrap_or_default());
        self.write.run(sqlx::query(NOTE_SHARED).bind(self.reader.id)).await?;
        Ok(self.write.run(noting).await? > 0)
    }

    /// Removes the entry with all its versions and terms.
    pub(super) async fn remove(&mut self, key: &MemoryKey, entry: &Existing) -> Result<(), StorageError> {
        let space =
            self.space.clone().ok_or_else(|| StorageError::damaged("an entry without a namespace"))?;
        self.write.run(sqlx::query(REMOVE_HELD).bind(space.id).bind(key_hash(key))).await?;
        remove(&mut self.write, &space, self.bounds, entry).await?;
        remove_empty(&mut self.write, space.id).await
    }
}

impl NewVersion<'_> {
    fn facts(&self) -> Facts<'_> {
        Facts {
            key: self.key,
            agent: self.agent,
            origin_agent: self.label.origin.agent_id.as_ref(),
            tags: self.tags,
            metadata: self.metadata.as_object(),
            findings: &self.label.findings,
            declined: self.wish == Wish::Declined,
        }
    }
}

/// The index of a namespace.
pub(crate) fn layers<'a>(
    write: &'a mut Write<'_>,
    space: &Space,
    bounds: IndexBounds,
) -> Result<Layers<'a>, StorageError> {
    Ok(Layers { connection: write.connection()?, namespace: space.id, bounds })
}

/// Takes the terms of an entry out of the segment they are in. Those of a fresh one go with its row.
pub(crate) async fn unindex(
    write: &mut Write<'_>,
    space: &Space,
    bounds: IndexBounds,
    (row, fresh): (i64, Option<i64>),
) -> Result<(), StorageError> {
    if fresh.is_some() {
        return Ok(());
    }
    let text = sqlx::query(TEXT).bind(row).fetch_one(write.connection()?).await.map_err(storage)?;
    let mut columns = Columns::from(&text, 0);
    let veil = space.veil();
    let facts = Known::uncover(&veil, columns.take()?)?;
    let terms = analyze(facts.key.as_str(), &columns.covered("a content", &veil, Some)?);
    layers(write, space, bounds)?.remove(row, &terms, &space.secret).await
}

/// Removes an entry with all its versions and terms.
pub(crate) async fn remove(
    write: &mut Write<'_>,
    space: &Space,
    bounds: IndexBounds,
    entry: &Existing,
) -> Result<(), StorageError> {
    unindex(write, space, bounds, (entry.row, entry.fresh)).await?;
    write.run(sqlx::query(REMOVE).bind(entry.row).bind(entry.fresh)).await.map(drop)
}

/// Removes a shared namespace that has nothing left.
pub(crate) async fn remove_empty(write: &mut Write<'_>, namespace: i64) -> Result<(), StorageError> {
    write.run(sqlx::query(REMOVE_EMPTY).bind(namespace)).await.map(drop)
}

/// Number, postings so far and terms of a fresh row; all of them NULL if there is none.
pub(crate) fn fresh_columns(row: Option<FreshRow>) -> (Option<i64>, Option<i64>, Option<Vec<u8>>) {
    row.map_or((None, None, None), |row| (Some(row.id), Some(row.filled), Some(row.terms)))
}
