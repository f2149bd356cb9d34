//! Entries and their versions.

use agentstack_access::Scope;
use agentstack_audit::{Draft, Outcome};
use agentstack_core::limits::VERSIONS_KEPT;
use agentstack_core::{
    AgentId, Entry, EntryId, EntrySummary, Label, MemoryKey, Metadata, Namespace, Tag, Timestamp, Version,
};
use agentstack_storage::{
    Found, Listed, Listing, MemoryStore, NewEntry, Pending, Search, StorageError, Target, model::visible,
};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::error::storage;
use crate::row::{Columns, SUMMARY_COLUMNS, Terms, metadata_json, small, summary, summary_columns, tags_json, trust_word, uuid, version};
use crate::write::{Write, alive, bind_line, scoped};

/// Opens a transaction on one entry: the log's head, whether the session lives, the namespace, the entry.
const OPEN: &str = concat!(
    "BEGIN IMMEDIATE; ",
    "SELECT a.sequence, a.hash, ", alive!(), ", n.id, e.id, e.uuid, e.version, e.agent, e.created_at, e.length, e.content ",
    "FROM (SELECT 1) LEFT JOIN (SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1) a ",
    "LEFT JOIN namespaces n ON n.name = $4 LEFT JOIN entries e ON e.namespace = n.id AND e.key = $5"
);

/// $4 namespace $5 to $8 terms $9 key $10 id $11 version $12 agent $13 tags $14 to $17 label $18 chars
/// $19 metadata $20 content $21 created $22 to $24 the record $25 the entry.
const INSERT: &str = concat!(
    "INSERT INTO entries (namespace, length, version, updated_at, created_at, uuid, agent, key, tags, trust, ",
    "origin_principal, origin_agent, origin_tool, chars, metadata, content) ",
    "VALUES ($4, $8, $11, $3, $21, $10, $12, $9, $13, $14, $15, $16, $17, $18, $19, $20); ",
    "INSERT INTO entry_terms (rowid, head, body, extra) VALUES (last_insert_rowid(), $5, $6, $7); ",
    "UPDATE namespaces SET entries = entries + 1, terms = terms + $8 WHERE id = $4; ",
    "INSERT INTO audit (sequence, body, hash) VALUES ($22, $23, $24); COMMIT"
);

const UPDATE: &str = concat!(
    "UPDATE namespaces SET terms = terms + $8 - (SELECT length FROM entries WHERE id = $25) WHERE id = $4; ",
    "UPDATE entries SET length = $8, version = $11, updated_at = $3, agent = $12, tags = $13, trust = $14, ",
    "origin_principal = $15, origin_agent = $16, origin_tool = $17, chars = $18, metadata = $19, content = $20 ",
    "WHERE id = $25; ",
    "INSERT INTO entry_terms (rowid, head, body, extra) VALUES ($25, $5, $6, $7); ",
    "INSERT INTO audit (sequence, body, hash) VALUES ($22, $23, $24); COMMIT"
);

/// Puts the current version into the history, and its terms out of the index.
const RETIRE: &str = concat!(
    "INSERT INTO entry_versions (entry, version, stored_at, agent, tags, trust, origin_principal, origin_agent, ",
    "origin_tool, metadata, content) SELECT id, version, updated_at, agent, tags, trust, origin_principal, ",
    "origin_agent, origin_tool, metadata, content FROM entries WHERE id = $1; ",
    "DELETE FROM entry_versions WHERE entry = $1 AND version <= $5; ",
    "INSERT INTO entry_terms (entry_terms, rowid, head, body, extra) VALUES ('delete', $1, $2, $3, $4)"
);

const REMOVE: &str = concat!(
    "INSERT INTO entry_terms (entry_terms, rowid, head, body, extra) VALUES ('delete', $1, $2, $3, $4); ",
    "DELETE FROM entry_versions WHERE entry = $1; DELETE FROM entries WHERE id = $1; ",
    "UPDATE namespaces SET entries = entries - 1, terms = terms - $6 WHERE id = $5; ",
    "DELETE FROM namespaces WHERE id = $5 AND shared = 1 AND entries = 0"
);

const GET: &str = concat!(
    "SELECT ", alive!(), ", ", summary_columns!(), ", e.content FROM (SELECT 1) ",
    "LEFT JOIN namespaces n ON n.name = $4 LEFT JOIN entries e ON e.namespace = n.id AND e.key = $5"
);

/// The versions of an entry, from $6 down to $7; none of another agent than $9, if the caller is bound to one.
const VERSIONS: &str = concat!(
    "WITH e AS MATERIALIZED (SELECT e.id FROM namespaces n JOIN entries e ON e.namespace = n.id AND e.key = $5 ",
    "WHERE n.name = $4 AND ($9 IS NULL OR e.agent IS NULL OR e.agent = $9) AND ", alive!(), ") ",
    "SELECT v.version, v.stored_at, v.agent, v.tags, v.metadata, v.trust, v.origin_principal, ",
    "v.origin_agent, v.origin_tool, v.content FROM (",
    "SELECT c.version, c.updated_at AS stored_at, c.agent, c.tags, c.metadata, c.trust, c.origin_principal, ",
    "c.origin_agent, c.origin_tool, c.content FROM entries c WHERE c.id = (SELECT id FROM e) UNION ALL ",
    "SELECT p.version, p.stored_at, p.agent, p.tags, p.metadata, p.trust, p.origin_principal, p.origin_agent, ",
    "p.origin_tool, p.content FROM entry_versions p WHERE p.entry = (SELECT id FROM e)) v ",
    "WHERE v.version <= $6 AND v.version >= $7 AND ($9 IS NULL OR v.agent IS NULL OR v.agent = $9) ORDER BY v.version DESC LIMIT $8"
);

const ALIVE: &str = concat!("SELECT ", alive!());

/// A transaction on one key.
struct Opened<'a> {
    write: Write<'a>,
    namespace: Option<i64>,
    entry: Option<Existing>,
}

struct Existing {
    row: i64,
    id: EntryId,
    version: u32,
    agent: Option<AgentId>,
    created_at: i64,
    length: i64,
    content: String,
}

impl Existing {
    fn read(row: &SqliteRow) -> Result<Option<Self>, StorageError> {
        let mut columns = Columns::from(row, 4);
        let Some(id) = columns.take::<Option<i64>>()? else { return Ok(None) };
        let uuid = EntryId::from_bytes(uuid(columns.take()?)?);
        let version = small(columns.take()?)?;
        let agent: Option<&str> = columns.take()?;
        let agent =
            agent.map(|text| text.parse().map_err(|_| StorageError::damaged("an agent's id"))).transpose()?;
        let (created_at, length) = (columns.take()?, columns.take()?);
        Ok(Some(Self { row: id, id: uuid, version, agent, created_at, length, content: columns.take()? }))
    }
}

/// What a new version is made of.
struct NewVersion<'a> {
    key: &'a MemoryKey,
    content: &'a str,
    metadata: &'a Metadata,
    tags: &'a [Tag],
    agent: Option<&'a AgentId>,
    label: &'a Label,
}

fn namespace(scope: &Scope) -> Result<&Namespace, StorageError> {
    scope.namespace().ok_or(StorageError::SessionGone)
}

fn in_session(scope: &Scope) -> bool {
    matches!(scope.namespace(), Some(Namespace::Session(_)))
}

impl SqliteStore {
    async fn open_entry(&self, scope: &Scope, key: &MemoryKey) -> Result<Opened<'_>, StorageError> {
        let question =
            scoped(OPEN, scope).bind(namespace(scope)?.to_string()).bind(key.as_str().to_owned());
        let (write, row) = self.write_after(question).await?;
        let read = || {
            let alive: bool = row.try_get(2).map_err(storage)?;
            if !alive {
                return Err(StorageError::SessionGone);
            }
            Ok((row.try_get(3).map_err(storage)?, Existing::read(&row)?))
        };
        match read() {
            Ok((namespace, entry)) => Ok(Opened { write, namespace, entry }),
            Err(error) => write.undo(error).await,
        }
    }
}

impl Opened<'_> {
    /// The id of the namespace; makes a shared one with its first entry.
    async fn namespace(&mut self, scope: &Scope) -> Result<i64, StorageError> {
        if let Some(id) = self.namespace {
            return Ok(id);
        }
        let name = match namespace(scope)? {
            Namespace::Shared(name) => name.to_string(),
            // The session lives, so its namespace does.
            Namespace::Session(_) => return Err(StorageError::damaged("a session without its namespace")),
        };
        let made = sqlx::query("INSERT INTO namespaces (name, shared) VALUES ($1, 1) RETURNING id").bind(name);
        let id = made.fetch_one(self.write.connection()?).await.map_err(storage)?.try_get(0).map_err(storage)?;
        self.namespace = Some(id);
        Ok(id)
    }

    /// Writes the next version and the record. The transaction is committed with the last statement.
    async fn put(
        &mut self,
        scope: &Scope,
        new: NewVersion<'_>,
        draft: &Draft,
    ) -> Result<EntrySummary, StorageError> {
        let namespace = self.namespace(scope).await?;
        let terms = Terms::of(namespace, new.key.as_str(), new.content);
        let version = self.entry.as_ref().map_or(1, |entry| entry.version.saturating_add(1));
        if let Some(entry) = &self.entry {
            let old = Terms::of(namespace, new.key.as_str(), &entry.content);
            let retire = sqlx::query(RETIRE).bind(entry.row).bind(old.head).bind(old.body).bind(old.extra);
            let oldest = i64::from(version) - i64::from(VERSIONS_KEPT) - 1;
            self.write.run(retire.bind(oldest)).await?;
        }
        let (id, created_at) = match &self.entry {
            Some(entry) => (entry.id, entry.created_at),
            None => (EntryId::generate(), scope.at().as_millis()),
        };
        let chars = u32::try_from(new.content.chars().count()).unwrap_or(u32::MAX);
        let origin = &new.label.origin;
        let statement = scoped(if self.entry.is_some() { UPDATE } else { INSERT }, scope)
            .bind(namespace)
            .bind(terms.head)
            .bind(terms.body)
            .bind(terms.extra)
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
        let statement = bind_line(statement, line).bind(self.entry.as_ref().map(|entry| entry.row));
        self.write.run(statement).await?;
        Ok(EntrySummary {
            id,
            key: new.key.clone(),
            namespace: scope.namespace().cloned().ok_or(StorageError::SessionGone)?,
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
}

#[async_trait]
impl MemoryStore for SqliteStore {
    async fn store(&self, scope: &Scope, entry: NewEntry, pending: Pending) -> Result<EntrySummary, StorageError> {
        let mut opened = self.open_entry(scope, &entry.key).await?;
        let existing = opened.entry.as_ref();
        if existing.is_some_and(|e| !visible(scope, in_session(scope), e.agent.as_ref())) {
            return opened.write.undo(StorageError::KeyTaken).await;
        }
        let current = existing.map_or(0, |entry| entry.version);
        if entry.if_version.is_some_and(|expected| expected != current) {
            return opened.write.undo(StorageError::VersionConflict { current }).await;
        }
        let new = NewVersion {
            key: &entry.key,
            content: entry.content.as_str(),
            metadata: &entry.metadata,
            tags: &entry.tags,
            agent: scope.agent(),
            label: &entry.label,
        };
        match opened.put(scope, new, &pending.close(Outcome::Ok, vec![])).await {
            Ok(summary) => {
                opened.write.committed();
                Ok(summary)
            }
            Err(error) => opened.write.undo(error).await,
        }
    }

    async fn get(&self, scope: &Scope, key: &MemoryKey, target: Target) -> Result<Option<Entry>, StorageError> {
        let question = scoped(GET, scope).bind(namespace(scope)?.to_string()).bind(key.as_str().to_owned());
        let row = {
            let mut reader = self.reader().await?;
            question.fetch_one(reader.connection()?).await.map_err(storage)?
        };
        if !row.try_get::<bool, _>(0).map_err(storage)? {
            return Err(StorageError::SessionGone);
        }
        if row.try_get::<Option<&[u8]>, _>(1).map_err(storage)?.is_none() {
            return Ok(None);
        }
        let summary = summary(&row, 1)?;
        if !visible(scope, in_session(scope), summary.agent_id.as_ref()) {
            return Ok(None);
        }
        match target {
            Target::Version(number) if number != summary.version => {
                let past = self.versions(scope, key, Some(number), 1).await?.into_iter().next();
                Ok(past.map(|past| at_version(summary, past)))
            }
            _ => {
                let content = row.try_get(1 + SUMMARY_COLUMNS).map_err(storage)?;
                Ok(Some(Entry { summary, content }))
            }
        }
    }

    async fn list(&self, scope: &Scope, listing: Listing) -> Result<Listed, StorageError> {
        self.list_entries(scope, listing).await
    }

    async fn delete(&self, scope: &Scope, key: &MemoryKey, pending: Pending) -> Result<bool, StorageError> {
        let mut opened = self.open_entry(scope, key).await?;
        let found = opened.entry.take().filter(|e| visible(scope, in_session(scope), e.agent.as_ref()));
        let (Some(entry), Some(namespace)) = (found, opened.namespace) else {
            opened.write.rollback().await;
            return Ok(false);
        };
        let terms = Terms::of(namespace, key.as_str(), &entry.content);
        let remove = sqlx::query(REMOVE)
            .bind(entry.row)
            .bind(terms.head)
            .bind(terms.body)
            .bind(terms.extra)
            .bind(namespace)
            .bind(entry.length);
        if let Err(error) = opened.write.run(remove).await {
            return opened.write.undo(error).await;
        }
        opened.write.commit(&pending.close(Outcome::Ok, vec![("entries", 1)])).await?;
        self.truncate_log().await;
        Ok(true)
    }

    async fn history(&self, scope: &Scope, key: &MemoryKey, limit: u32) -> Result<Vec<Version>, StorageError> {
        self.versions(scope, key, None, limit).await
    }

    async fn restore(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        number: u32,
        label: Label,
        pending: Pending,
    ) -> Result<Option<EntrySummary>, StorageError> {
        let mut opened = self.open_entry(scope, key).await?;
        let restored = restore_version(&mut opened, scope, key, number, &label, pending).await;
        match restored {
            Ok(Some(summary)) => {
                opened.write.committed();
                Ok(Some(summary))
            }
            Ok(None) => {
                opened.write.rollback().await;
                Ok(None)
            }
            Err(error) => opened.write.undo(error).await,
        }
    }

    async fn search(&self, scope: &Scope, search: Search) -> Result<Found, StorageError> {
        self.search_entries(scope, search).await
    }
}

/// The entry as it was in a past version.
fn at_version(mut summary: EntrySummary, past: Version) -> Entry {
    summary.version = past.version;
    summary.agent_id = past.agent_id;
    summary.tags = past.tags;
    summary.metadata = past.metadata;
    summary.updated_at = past.stored_at;
    summary.label = past.label;
    summary.chars = u32::try_from(past.content.chars().count()).unwrap_or(u32::MAX);
    Entry { summary, content: past.content }
}

async fn restore_version(
    opened: &mut Opened<'_>,
    scope: &Scope,
    key: &MemoryKey,
    number: u32,
    label: &Label,
    pending: Pending,
) -> Result<Option<EntrySummary>, StorageError> {
    let visible = opened.entry.as_ref().is_some_and(|e| visible(scope, in_session(scope), e.agent.as_ref()));
    if !visible {
        return Ok(None);
    }
    let question = versions_question(scope, key, Some(number), 1)?;
    let row = question.fetch_optional(opened.write.connection()?).await.map_err(storage)?;
    let Some(row) = row else { return Ok(None) };
    let past = version(&row)?;
    let new = NewVersion {
        key,
        content: &past.content,
        metadata: &past.metadata,
        tags: &past.tags,
        agent: past.agent_id.as_ref(),
        label,
    };
    opened.put(scope, new, &pending.close(Outcome::Ok, vec![])).await.map(Some)
}

/// One version by its number, or the newest `limit`.
fn versions_question(
    scope: &Scope,
    key: &MemoryKey,
    number: Option<u32>,
    limit: u32,
) -> Result<crate::write::Statement, StorageError> {
    Ok(scoped(VERSIONS, scope)
        .bind(namespace(scope)?.to_string())
        .bind(key.as_str().to_owned())
        .bind(number.map_or(i64::MAX, i64::from))
        .bind(number.map_or(0, i64::from))
        .bind(limit)
        .bind(scope.bound_agent().filter(|_| in_session(scope)).map(AgentId::to_string)))
}

impl SqliteStore {
    async fn versions(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        number: Option<u32>,
        limit: u32,
    ) -> Result<Vec<Version>, StorageError> {
        let question = versions_question(scope, key, number, limit)?;
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        if rows.is_empty() {
            // No rows may mean no entry or no session; the difference matters.
            let row = scoped(ALIVE, scope).fetch_one(reader.connection()?).await.map_err(storage)?;
            let alive: bool = row.try_get(0).map_err(storage)?;
            return if alive { Ok(vec![]) } else { Err(StorageError::SessionGone) };
        }
        rows.iter().map(version).collect()
    }
}
