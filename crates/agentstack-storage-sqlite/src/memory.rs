//! Entries and their versions.

pub(crate) mod entry;
pub(crate) mod readings;
pub(crate) mod statements;

use agentstack_access::Scope;
use agentstack_audit::{Draft, Outcome};
use agentstack_core::{Entry, EntrySummary, Label, MemoryKey, Namespace, Origin, Trust, Version, VersionId};
use agentstack_storage::{
    Found, Listed, Listing, MemoryStore, NewEntry, Pending, Reading, Search, StorageError, Stored, Target,
    Wish, model::visible,
};
use async_trait::async_trait;
use sqlx::Row;

use self::entry::{NewVersion, Opened};
use crate::SqliteStore;
use crate::briefly::{analyze, briefly, is_short};
use crate::error::storage;
use crate::facts::agent_hash;
use crate::index::key_hash;
use crate::row::{Columns, SUMMARY_COLUMNS, summary, summary_columns, version, version_and_wish};
use crate::write::{alive, scoped};

pub(crate) const GET: &str = concat!(
    "SELECT ",
    alive!(),
    ", ",
    summary_columns!(),
    ", e.content FROM (SELECT 1) ",
    "LEFT JOIN namespaces n ON n.name = $4 LEFT JOIN entries e ON e.namespace = n.id AND e.key_hash = $5"
);

/// The versions of an entry, from $6 down to $7; none of another agent than $9, if the caller is bound to one.
pub(crate) const VERSIONS: &str = concat!(
    "WITH e AS MATERIALIZED (SELECT e.id, e.uuid, n.secret FROM namespaces n JOIN entries e ON e.namespace = n.id ",
    "AND e.key_hash = $5 WHERE n.name = $4 AND ($9 IS NULL OR e.agent IS NULL OR e.agent = $9) AND ",
    alive!(),
    ") ",
    "SELECT (SELECT uuid FROM e), (SELECT secret FROM e), v.version, v.stored_at, v.trust, v.origin_principal, v.origin_tool, v.facts, ",
    "v.content FROM (",
    "SELECT c.version, c.updated_at AS stored_at, c.agent, c.trust, c.origin_principal, c.origin_tool, c.facts, ",
    "c.content FROM entries c WHERE c.id = (SELECT id FROM e) UNION ALL ",
    "SELECT p.version, p.stored_at, p.agent, p.trust, p.origin_principal, p.origin_tool, p.facts, p.content ",
    "FROM entry_versions p WHERE p.entry = (SELECT id FROM e)) v ",
    "WHERE v.version <= $6 AND v.version >= $7 AND ($9 IS NULL OR v.agent IS NULL OR v.agent = $9) ORDER BY v.version DESC LIMIT $8"
);

pub(crate) const ALIVE: &str = concat!("SELECT ", alive!());

fn namespace(scope: &Scope) -> Result<&Namespace, StorageError> {
    scope.namespace().ok_or(StorageError::SessionGone)
}

fn in_session(scope: &Scope) -> bool {
    matches!(scope.namespace(), Some(Namespace::Session(_)))
}

#[async_trait]
impl MemoryStore for SqliteStore {
    async fn store(&self, scope: &Scope, entry: NewEntry, pending: Pending) -> Result<Stored, StorageError> {
        let (key, content) = (entry.key.as_str(), entry.content.as_str());
        let (mut opened, terms) = if is_short(content) {
            // To take a text of 2 kB apart takes longer than to open the transaction.
            self.open_entry_while(scope, &entry.key, || analyze(key, content)).await?
        } else {
            // Nobody else should wait for this one.
            let terms = analyze(key, content);
            (self.open_entry(scope, &entry.key).await?, terms)
        };
        match opened.keep(scope, entry, &terms, pending).await {
            Ok(stored) => {
                opened.write.committed();
                Ok(stored)
            }
            Err(error) => opened.write.undo(error).await,
        }
    }

    async fn get(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        target: Target,
    ) -> Result<Option<Entry>, StorageError> {
        let name = namespace(scope)?.to_string();
        // The session was alive and the caller's at this version or an earlier one that was, and since then nobody
        // has ended it; that its time is not over, the scope says.
        let version = self.known.version().filter(|_| matches!(target, Target::Current));
        if let Some(entry) = version.and_then(|version| self.known.entry(version, &name, key)) {
            return Ok(Some(entry).filter(|e| visible(scope, in_session(scope), e.summary.agent_id.as_ref())));
        }
        let question = scoped(GET, scope).bind(name.clone()).bind(key_hash(key));
        let row = {
            let mut reader = self.reader().await?;
            briefly(question.fetch_one(reader.connection()?)).await.map_err(storage)?
        };
        if !row.try_get::<bool, _>(0).map_err(storage)? {
            return Err(StorageError::SessionGone);
        }
        if row.try_get::<Option<&[u8]>, _>(1).map_err(storage)?.is_none() {
            return Ok(None);
        }
        let (summary, veil) = summary(&row, 1)?;
        if !visible(scope, in_session(scope), summary.agent_id.as_ref()) {
            return Ok(None);
        }
        match target {
            Target::Version(number) if number != summary.version => {
                let past = self.versions(scope, key, Some(number), 1).await?.into_iter().next();
                Ok(past.map(|past| at_version(summary, past)))
            }
            _ => {
                let content = Columns::from(&row, 1 + SUMMARY_COLUMNS).covered("a content", &veil, Some)?;
                let entry = Entry { summary, content };
                if let Some(version) = version {
                    self.known.keep_entry(version, &name, &entry);
                }
                Ok(Some(entry))
            }
        }
    }

    async fn list(&self, scope: &Scope, listing: Listing) -> Result<Listed, StorageError> {
        self.list_entries(scope, listing).await
    }

    async fn delete(&self, scope: &Scope, key: &MemoryKey, pending: Pending) -> Result<bool, StorageError> {
        let mut opened = self.open_entry(scope, key).await?;
        let found = opened.entry.take().filter(|e| e.is_visible(scope));
        let Some(entry) = found else {
            opened.write.rollback().await;
            return Ok(false);
        };
        if let Err(error) = opened.remove(key, &entry).await {
            return opened.write.undo(error).await;
        }
        opened.write.commit(&pending.close(Outcome::Ok, vec![("entries", 1)])).await?;
        self.try_truncate_log().await;
        Ok(true)
    }

    async fn history(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        limit: u32,
    ) -> Result<Vec<Version>, StorageError> {
        self.versions(scope, key, None, limit).await
    }

    async fn restore(
        &self,
        scope: &Scope,
        key: &MemoryKey,
        number: u32,
        origin: Origin,
        pending: Pending,
    ) -> Result<Option<EntrySummary>, StorageError> {
        let mut opened = self.open_entry(scope, key).await?;
        let restored = restore_version(&mut opened, scope, key, number, origin, pending).await;
        opened.write.close(restored).await
    }

    async fn search(&self, scope: &Scope, search: Search) -> Result<Found, StorageError> {
        self.search_entries(scope, search).await
    }

    async fn note_readings(
        &self,
        scope: &Scope,
        readings: &[Reading],
        record: Draft,
    ) -> Result<(), StorageError> {
        self.note(scope, readings, &record).await
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
    origin: Origin,
    pending: Pending,
) -> Result<Option<EntrySummary>, StorageError> {
    let Some(entry) = opened.entry.as_ref().filter(|entry| entry.is_visible(scope)) else {
        return Ok(None);
    };
    let id = VersionId { entry: entry.id, version: number };
    let question = versions_question(scope, key, Some(number), 1)?;
    let row = question.fetch_optional(opened.write.connection()?).await.map_err(storage)?;
    let Some(row) = row else { return Ok(None) };
    let (past, declined) = version_and_wish(&row)?;
    // To restore it is to read it.
    if let Some(reading) = Reading::of(scope, namespace(scope)?, key, id, &past.label.origin) {
        opened.read_first(&reading).await?;
    }
    let label = Label { trust: Trust::Unverified, origin, findings: past.label.findings };
    let new = NewVersion {
        key,
        content: &past.content,
        metadata: &past.metadata,
        tags: &past.tags,
        agent: past.agent_id.as_ref(),
        label,
        wish: if declined { Wish::Declined } else { Wish::None },
    };
    let terms = analyze(key.as_str(), &past.content);
    opened.put(scope, new, &terms, &pending.close(Outcome::Ok, vec![])).await.map(|stored| Some(stored.entry))
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
        .bind(key_hash(key))
        .bind(number.map_or(i64::MAX, i64::from))
        .bind(number.map_or(0, i64::from))
        .bind(limit)
        .bind(scope.bound_agent().filter(|_| in_session(scope)).map(agent_hash)))
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
