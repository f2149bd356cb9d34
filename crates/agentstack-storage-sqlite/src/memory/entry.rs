//! A transaction on one entry.

use agentstack_access::Scope;
use agentstack_audit::{Draft, Outcome};
use agentstack_core::limits::VERSIONS_KEPT;
use agentstack_core::{
    AgentId, EntryId, EntrySummary, Label, MemoryKey, Metadata, Namespace, Tag, Timestamp,
};
use agentstack_storage::model::{owner, visible};
use agentstack_storage::{NewEntry, Pending, StorageError};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{in_session, namespace};
use crate::briefly::analyze;
use crate::error::storage;
use crate::index::{FreshRow, Layers, Tail, Terms, in_namespace, key_hash};
use crate::row::{Columns, metadata_json, small, tags_json, trust_word, uuid};
use crate::write::{Write, alive, bind_line, scoped};
use crate::{IndexBounds, SqliteStore};

/// Opens a transaction on one entry: the log's head, whether the session lives, the number that a new entry would have,
/// the namespace with the last of its fresh entries, the entry, and its row if it is fresh.
pub(crate) const OPEN: &str = concat!(
    "BEGIN IMMEDIATE; ",
    "SELECT a.sequence, a.hash, ",
    alive!(),
    ", (SELECT coalesce(max(id), 0) + 1 FROM entries), n.id, n.secret, t.id, t.filled, ",
    "e.id, e.uuid, e.version, e.agent, e.created_at, ",
    "CASE WHEN e.id IS NOT NULL THEN (SELECT f.id FROM index_fresh f WHERE ",
    in_namespace!("f"),
    " AND f.entry = e.id) END ",
    "FROM (SELECT 1) LEFT JOIN (SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1) a ",
    "LEFT JOIN namespaces n ON n.name = $4 ",
    "LEFT JOIN index_fresh t ON t.id = (SELECT max(f.id) FROM index_fresh f WHERE ",
    in_namespace!("f"),
    ") LEFT JOIN entries e ON e.namespace = n.id AND e.key_hash = $5"
);

/// Appends an entry to the fresh ones, unless it is in a segment already.
macro_rules! add_fresh {
    () => {
        "INSERT INTO index_fresh (id, entry, filled, terms) SELECT $6, $7, $26, $5 WHERE $6 IS NOT NULL; "
    };
}

/// $4 namespace $5 to $6 terms and number of the fresh row $7 entry $8 length $9 key $10 id $11 version $12 agent $13 tags
/// $14 to $17 label $18 chars $19 metadata $20 content $21 created $22 to $24 the record $25 the key's hash
/// $26 number of fresh postings.
const INSERT: &str = concat!(
    "INSERT INTO entries (id, namespace, length, version, updated_at, created_at, uuid, key_hash, agent, key, ",
    "tags, trust, origin_principal, origin_agent, origin_tool, chars, metadata, content) ",
    "VALUES ($7, $4, $8, $11, $3, $21, $10, $25, $12, $9, $13, $14, $15, $16, $17, $18, $19, $20); ",
    add_fresh!(),
    "INSERT INTO audit (sequence, body, hash) VALUES ($22, $23, $24); COMMIT"
);

const UPDATE: &str = concat!(
    "UPDATE entries SET length = $8, version = $11, updated_at = $3, agent = $12, tags = $13, trust = $14, ",
    "origin_principal = $15, origin_agent = $16, origin_tool = $17, chars = $18, metadata = $19, content = $20 ",
    "WHERE id = $7; ",
    add_fresh!(),
    "INSERT INTO audit (sequence, body, hash) VALUES ($22, $23, $24); COMMIT"
);

/// Puts the current version of the entry $1 into the history, and its terms out of what is fresh.
const RETIRE: &str = concat!(
    "INSERT INTO entry_versions (entry, version, stored_at, agent, tags, trust, origin_principal, origin_agent, ",
    "origin_tool, metadata, content) SELECT id, version, updated_at, agent, tags, trust, origin_principal, ",
    "origin_agent, origin_tool, metadata, content FROM entries WHERE id = $1; ",
    "DELETE FROM entry_versions WHERE entry = $1 AND version <= $3; ",
    "DELETE FROM index_fresh WHERE id = $2"
);

const REMOVE: &str = concat!(
    "DELETE FROM index_fresh WHERE id = $2; ",
    "DELETE FROM entry_versions WHERE entry = $1; DELETE FROM entries WHERE id = $1; ",
    "DELETE FROM namespaces WHERE id = $3 AND shared = 1 AND NOT EXISTS (SELECT 1 FROM entries WHERE namespace = $3)"
);

const TEXT: &str = "SELECT key, content FROM entries WHERE id = $1";

/// A transaction on one key.
pub(crate) struct Opened<'a> {
    pub(crate) write: Write<'a>,
    pub(super) entry: Option<Existing>,
    space: Option<Space>,
    /// The number that a new entry gets.
    next: i64,
    bounds: IndexBounds,
}

/// A namespace.
#[derive(Clone)]
struct Space {
    id: i64,
    secret: Vec<u8>,
    /// Where its fresh entries end.
    tail: Tail,
}

pub(super) struct Existing {
    row: i64,
    id: EntryId,
    pub(super) version: u32,
    pub(super) agent: Option<AgentId>,
    created_at: i64,
    /// The row of its terms, if they are in no segment.
    fresh: Option<i64>,
}

impl Space {
    fn read(columns: &mut Columns<'_>) -> Result<Option<Self>, StorageError> {
        let (id, secret): (Option<i64>, Option<Vec<u8>>) = (columns.take()?, columns.take()?);
        let (last, filled): (Option<i64>, Option<i64>) = (columns.take()?, columns.take()?);
        let tail = Tail::after(last.zip(filled));
        Ok(id.zip(secret).map(|(id, secret)| Self { id, secret, tail }))
    }
}

impl Existing {
    fn read(columns: &mut Columns<'_>) -> Result<Option<Self>, StorageError> {
        let Some(row) = columns.take::<Option<i64>>()? else { return Ok(None) };
        Ok(Some(Self {
            row,
            id: EntryId::from_bytes(uuid(columns.take()?)?),
            version: small(columns.take()?)?,
            agent: columns.agent()?,
            created_at: columns.take()?,
            fresh: columns.take()?,
        }))
    }
}

/// What a new version is made of.
pub(super) struct NewVersion<'a> {
    pub(super) key: &'a MemoryKey,
    pub(super) content: &'a str,
    pub(super) metadata: &'a Metadata,
    pub(super) tags: &'a [Tag],
    pub(super) agent: Option<&'a AgentId>,
    pub(super) label: &'a Label,
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
            Ok((columns.take()?, Space::read(&mut columns)?, Existing::read(&mut columns)?))
        };
        match read(&row) {
            Ok((next, space, entry)) => Ok((Opened { write, entry, space, next, bounds: self.index }, made)),
            Err(error) => write.undo(error).await,
        }
    }
}

impl Opened<'_> {
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
        Ok(Space { id: columns.take()?, secret: columns.take()?, tail: Tail::default() })
    }

    /// Puts the current version, if there is one, into the history, and its terms out of the index.
    async fn retire(&mut self, space: &Space, version: u32) -> Result<(), StorageError> {
        let Some(entry) = &self.entry else { return Ok(()) };
        let (row, fresh) = (entry.row, entry.fresh);
        self.unindex(space, row, fresh).await?;
        let oldest = i64::from(version) - i64::from(VERSIONS_KEPT) - 1;
        self.write.run(sqlx::query(RETIRE).bind(row).bind(fresh).bind(oldest)).await.map(drop)
    }

    /// Takes the terms of an entry out of the segment they are in. Those of a fresh one go with its row.
    async fn unindex(&mut self, space: &Space, row: i64, fresh: Option<i64>) -> Result<(), StorageError> {
        if fresh.is_some() {
            return Ok(());
        }
        let text = sqlx::query(TEXT).bind(row).fetch_one(self.write.connection()?).await.map_err(storage)?;
        let mut columns = Columns::from(&text, 0);
        let terms = analyze(columns.take()?, columns.take()?);
        self.layers(space)?.remove(row, &terms, &space.secret).await
    }

    fn layers(&mut self, space: &Space) -> Result<Layers<'_>, StorageError> {
        let (namespace, bounds) = (space.id, self.bounds);
        Ok(Layers { connection: self.write.connection()?, namespace, bounds })
    }

    /// Stores an entry as the next version of what is there, if that may be. The transaction is committed with it.
    pub(crate) async fn keep(
        &mut self,
        scope: &Scope,
        entry: &NewEntry,
        terms: &Terms,
        pending: Pending,
    ) -> Result<EntrySummary, StorageError> {
        let existing = self.entry.as_ref().map(|existing| (existing.version, existing.agent.clone()));
        let (current, agent) = existing.clone().unwrap_or_default();
        if existing.is_some() && !visible(scope, in_session(scope), agent.as_ref()) {
            return Err(StorageError::KeyTaken);
        }
        if entry.if_version.is_some_and(|expected| expected != current) {
            return Err(StorageError::VersionConflict { current });
        }
        let new = NewVersion {
            key: &entry.key,
            content: entry.content.as_str(),
            metadata: &entry.metadata,
            tags: &entry.tags,
            agent: owner(scope, in_session(scope), existing.as_ref().map(|(_, agent)| agent.as_ref())),
            label: &entry.label,
        };
        self.put(scope, new, terms, &pending.close(Outcome::Ok, vec![])).await
    }

    /// Writes the next version and the record. The transaction is committed with the last statement.
    pub(super) async fn put(
        &mut self,
        scope: &Scope,
        new: NewVersion<'_>,
        terms: &Terms,
        draft: &Draft,
    ) -> Result<EntrySummary, StorageError> {
        let space = self.space(scope).await?;
        let version = self.entry.as_ref().map_or(1, |entry| entry.version.saturating_add(1));
        let row = self.entry.as_ref().map_or(self.next, |entry| entry.row);
        self.retire(&space, version).await?;
        let document = terms.document(&space.secret, row);
        let fresh = self.layers(&space)?.admit(space.tail, document).await?;
        let (fresh, filled, postings) = fresh_columns(fresh);
        let (id, created_at) = match &self.entry {
            Some(entry) => (entry.id, entry.created_at),
            None => (EntryId::generate(), scope.at().as_millis()),
        };
        let chars = u32::try_from(new.content.chars().count()).unwrap_or(u32::MAX);
        let origin = &new.label.origin;
        let statement = scoped(if self.entry.is_some() { UPDATE } else { INSERT }, scope)
            .bind(space.id)
            .bind(postings)
            .bind(fresh)
            .bind(row)
            .bind(terms.length)
            .bind(new.key.as_str().to_owned())
            .bind(id.as_bytes().to_vec())
            .bind(version)
            .bind(new.agent.map(AgentId::to_string))
            .bind(tags_json(new.tags))
            .bind(trust_word(new.label.trust))
            .bind(origin.principal.clone())
            .bind(origin.agent_id.as_ref().map(AgentId::to_string))
            .bind(origin.tool.clone())
            .bind(chars)
            .bind(metadata_json(new.metadata))
            .bind(new.content.to_owned())
            .bind(created_at);
        let line = self.write.record(draft).await?;
        let statement = bind_line(statement, line).bind(key_hash(new.key)).bind(filled);
        self.write.run(statement).await?;
        Ok(EntrySummary {
            id,
            key: new.key.clone(),
            namespace: namespace(scope)?.clone(),
            version,
            agent_id: new.agent.cloned(),
            tags: new.tags.to_vec(),
            metadata: new.metadata.clone(),
            created_at: Timestamp::from_millis(created_at),
            updated_at: scope.at(),
            label: new.label.clone(),
            chars,
        })
    }

    /// Removes the entry with all its versions and terms.
    pub(super) async fn remove(&mut self, entry: &Existing) -> Result<(), StorageError> {
        let space =
            self.space.clone().ok_or_else(|| StorageError::damaged("an entry without a namespace"))?;
        self.unindex(&space, entry.row, entry.fresh).await?;
        let remove = sqlx::query(REMOVE).bind(entry.row).bind(entry.fresh).bind(space.id);
        self.write.run(remove).await.map(drop)
    }
}

/// Number, postings so far and terms of a fresh row; all of them NULL if there is none.
fn fresh_columns(row: Option<FreshRow>) -> (Option<i64>, Option<i64>, Option<Vec<u8>>) {
    row.map_or((None, None, None), |row| (Some(row.id), Some(row.filled), Some(row.terms)))
}
