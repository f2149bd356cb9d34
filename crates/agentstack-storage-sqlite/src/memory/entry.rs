//! A transaction on one entry.

use agentstack_access::Scope;
use agentstack_audit::Draft;
use agentstack_core::limits::VERSIONS_KEPT;
use agentstack_core::{
    AgentId, EntryId, EntrySummary, Label, MemoryKey, Metadata, Namespace, Tag, Timestamp,
};
use agentstack_storage::StorageError;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::namespace;
use crate::SqliteStore;
use crate::error::storage;
use crate::index::{RUN, Terms, key_hash};
use crate::row::{Columns, metadata_json, small, tags_json, trust_word, uuid};
use crate::write::{Write, alive, bind_line, scoped};

/// Opens a transaction on one entry: the log's head, whether the session lives, the namespace, the entry, and the
/// number that a new one would have.
pub(crate) const OPEN: &str = concat!(
    "BEGIN IMMEDIATE; ",
    "SELECT a.sequence, a.hash, ",
    alive!(),
    ", (SELECT coalesce(max(id), 0) + 1 FROM entries), ",
    "n.id, n.secret, n.run, n.filled, e.id, e.uuid, e.version, e.agent, e.created_at, e.length, e.run ",
    "FROM (SELECT 1) LEFT JOIN (SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1) a ",
    "LEFT JOIN namespaces n ON n.name = $4 LEFT JOIN entries e ON e.namespace = n.id AND e.key_hash = $5"
);

macro_rules! add_postings {
    () => {
        "INSERT INTO postings (namespace, run, term, entry, head, body, places) \
         SELECT $4, $6, unhex(value ->> 0), $7, value ->> 1, value ->> 2, unhex(value ->> 3) FROM json_each($5)"
    };
}

const ADD_POSTINGS: &str = add_postings!();

/// $4 namespace $5 postings $6 run $7 entry $8 length $9 key $10 id $11 version $12 agent $13 tags $14 to $17 label
/// $18 chars $19 metadata $20 content $21 created $22 to $24 the record $25 the key's hash $26 number of postings.
const INSERT: &str = concat!(
    "INSERT INTO entries (id, namespace, run, length, version, updated_at, created_at, uuid, key_hash, agent, key, ",
    "tags, trust, origin_principal, origin_agent, origin_tool, chars, metadata, content) ",
    "VALUES ($7, $4, $6, $8, $11, $3, $21, $10, $25, $12, $9, $13, $14, $15, $16, $17, $18, $19, $20); ",
    add_postings!(),
    "; ",
    "UPDATE namespaces SET entries = entries + 1, terms = terms + $8, ",
    "filled = iif(run = $6, filled, 0) + $26, run = $6 WHERE id = $4; ",
    "INSERT INTO audit (sequence, body, hash) VALUES ($22, $23, $24); COMMIT"
);

const UPDATE: &str = concat!(
    "UPDATE namespaces SET terms = terms + $8 - (SELECT length FROM entries WHERE id = $7) WHERE id = $4; ",
    "UPDATE entries SET length = $8, version = $11, updated_at = $3, agent = $12, tags = $13, trust = $14, ",
    "origin_principal = $15, origin_agent = $16, origin_tool = $17, chars = $18, metadata = $19, content = $20 ",
    "WHERE id = $7; ",
    add_postings!(),
    "; ",
    "INSERT INTO audit (sequence, body, hash) VALUES ($22, $23, $24); COMMIT"
);

/// Puts the current version of the entry $1 into the history, and its terms out of the index.
const RETIRE: &str = concat!(
    "INSERT INTO entry_versions (entry, version, stored_at, agent, tags, trust, origin_principal, origin_agent, ",
    "origin_tool, metadata, content) SELECT id, version, updated_at, agent, tags, trust, origin_principal, ",
    "origin_agent, origin_tool, metadata, content FROM entries WHERE id = $1; ",
    "DELETE FROM entry_versions WHERE entry = $1 AND version <= $4; ",
    "DELETE FROM postings WHERE namespace = $2 AND run = $3 AND entry = $1"
);

const REMOVE: &str = concat!(
    "DELETE FROM postings WHERE namespace = $2 AND run = $3 AND entry = $1; ",
    "DELETE FROM entry_versions WHERE entry = $1; DELETE FROM entries WHERE id = $1; ",
    "UPDATE namespaces SET entries = entries - 1, terms = terms - $4 WHERE id = $2; ",
    "DELETE FROM namespaces WHERE id = $2 AND shared = 1 AND entries = 0"
);

/// A transaction on one key.
pub(super) struct Opened<'a> {
    pub(super) write: Write<'a>,
    pub(super) entry: Option<Existing>,
    space: Option<Space>,
    /// The number that a new entry gets.
    next: i64,
}

/// A namespace.
#[derive(Clone)]
struct Space {
    id: i64,
    secret: Vec<u8>,
    /// The run that new entries go to.
    run: i64,
}

pub(super) struct Existing {
    row: i64,
    id: EntryId,
    pub(super) version: u32,
    pub(super) agent: Option<AgentId>,
    created_at: i64,
    length: i64,
    run: i64,
}

impl Space {
    fn read(columns: &mut Columns<'_>) -> Result<Option<Self>, StorageError> {
        let (id, secret): (Option<i64>, Option<Vec<u8>>) = (columns.take()?, columns.take()?);
        let (run, filled): (Option<i64>, Option<i64>) = (columns.take()?, columns.take()?);
        let run = run.zip(filled).map(|(run, filled)| if filled < RUN { run } else { run + 1 });
        Ok(id.zip(secret).zip(run).map(|((id, secret), run)| Self { id, secret, run }))
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
            length: columns.take()?,
            run: columns.take()?,
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
    pub(super) async fn open_entry(
        &self,
        scope: &Scope,
        key: &MemoryKey,
    ) -> Result<Opened<'_>, StorageError> {
        let question = scoped(OPEN, scope).bind(namespace(scope)?.to_string()).bind(key_hash(key));
        let (write, row) = self.write_after(question).await?;
        let read = |row: &SqliteRow| {
            if !row.try_get::<bool, _>(2).map_err(storage)? {
                return Err(StorageError::SessionGone);
            }
            let mut columns = Columns::from(row, 3);
            Ok((columns.take()?, Space::read(&mut columns)?, Existing::read(&mut columns)?))
        };
        match read(&row) {
            Ok((next, space, entry)) => Ok(Opened { write, entry, space, next }),
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
        Ok(Space { id: columns.take()?, secret: columns.take()?, run: 0 })
    }

    /// Puts the current version, if there is one, into the history, and all but the last of the new terms into
    /// the index. Returns the entry's number and run, and the terms that are left.
    async fn prepare(
        &mut self,
        space: &Space,
        version: u32,
        terms: &Terms,
    ) -> Result<(i64, i64, String), StorageError> {
        let (row, run) = match &self.entry {
            Some(entry) => (entry.row, entry.run),
            None => (self.next, space.run),
        };
        if self.entry.is_some() {
            let oldest = i64::from(version) - i64::from(VERSIONS_KEPT) - 1;
            self.write.run(sqlx::query(RETIRE).bind(row).bind(space.id).bind(run).bind(oldest)).await?;
        }
        let mut chunks = terms.rows(&space.secret);
        let last = chunks.pop().unwrap_or_default();
        let none = None::<i64>;
        for chunk in chunks {
            let statement = sqlx::query(ADD_POSTINGS).bind(none).bind(none).bind(none);
            self.write.run(statement.bind(space.id).bind(chunk).bind(run).bind(row)).await?;
        }
        Ok((row, run, last))
    }

    /// Writes the next version and the record. The transaction is committed with the last statement.
    pub(super) async fn put(
        &mut self,
        scope: &Scope,
        new: NewVersion<'_>,
        draft: &Draft,
    ) -> Result<EntrySummary, StorageError> {
        let space = self.space(scope).await?;
        let terms = Terms::of(new.key.as_str(), new.content);
        let version = self.entry.as_ref().map_or(1, |entry| entry.version.saturating_add(1));
        let (row, run, postings) = self.prepare(&space, version, &terms).await?;
        let (id, created_at) = match &self.entry {
            Some(entry) => (entry.id, entry.created_at),
            None => (EntryId::generate(), scope.at().as_millis()),
        };
        let chars = u32::try_from(new.content.chars().count()).unwrap_or(u32::MAX);
        let origin = &new.label.origin;
        let statement = scoped(if self.entry.is_some() { UPDATE } else { INSERT }, scope)
            .bind(space.id)
            .bind(postings)
            .bind(run)
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
        let line = self.write.line(draft);
        let statement = bind_line(statement, line).bind(key_hash(new.key)).bind(terms.postings());
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
        let space = self.space.as_ref().map(|space| space.id);
        let remove = sqlx::query(REMOVE).bind(entry.row).bind(space).bind(entry.run).bind(entry.length);
        self.write.run(remove).await.map(drop)
    }
}
