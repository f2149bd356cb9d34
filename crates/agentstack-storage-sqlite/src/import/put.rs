//! Writing an item that is taken.

use agentstack_access::Scope;
use agentstack_core::{AgentId, EntryId, Identity, Relation, Timestamp, Trust};
use agentstack_storage::import::{
    ImportItem, ImportedEntry, ImportedSession, ImportedTask, ImportedVersion, VersionData,
};
use agentstack_storage::{StorageError, Wish};
use sqlx::Row;

use super::look::Seen;
use crate::briefly::analyze;
use crate::error::storage;
use crate::facts::{Facts, agent_hash, tag_hashes};
use crate::index::key_hash;
use crate::memory::entry::{Space, fresh_columns, layers};
use crate::memory::statements::{ADD, ADD_HELD, ADD_PAST, NOTE_WRITER};
use crate::row::metadata_json;
use crate::veil::Veil;
use crate::write::{Statement, Write, scoped};
use crate::{IndexBounds, identities, vectors};

const SESSION: &str = "INSERT INTO namespaces (name, shared) VALUES ($1, 0) RETURNING id, secret";
/// Nobody holds it.
const OPEN_SESSION: &str = "INSERT INTO sessions (id, namespace, started_at, last_used_at, idle_ms, expires_at, resume, about) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const SHARED: &str = "INSERT INTO namespaces (name, shared) VALUES ($1, 1) RETURNING id, secret";
const TASK: &str = "INSERT INTO tasks (namespace, uuid, status, risk, depth, parent, created_at, updated_at, completed_at, \
     agent_type, input, output) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const PART: &str = "INSERT INTO task_relations (namespace, source, relation, target) VALUES ($1, $2, $3, $4) \
     ON CONFLICT DO NOTHING";

pub(super) async fn put(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    scope: &Scope,
    item: ImportItem,
    seen: Seen,
) -> Result<(), StorageError> {
    match item {
        ImportItem::Session(session) => put_session(write, scope, session).await,
        ImportItem::Identity(identity) => put_identity(write, &identity).await,
        ImportItem::Task(task) => put_task(write, *task, seen).await,
        ImportItem::Entry(entry) => put_entry(write, bounds, scope, *entry, seen).await,
        ImportItem::Version(version) => put_version(write, scope, *version, seen).await,
    }
}

async fn put_session(
    write: &mut Write<'_>,
    scope: &Scope,
    session: ImportedSession,
) -> Result<(), StorageError> {
    let made = sqlx::query(SESSION).bind(format!("session:{}", session.id));
    let row = made.fetch_one(write.connection()?).await.map_err(storage)?;
    let (id, secret): (i64, Vec<u8>) = (row.try_get(0).map_err(storage)?, row.try_get(1).map_err(storage)?);
    let opening = sqlx::query(OPEN_SESSION)
        .bind(session.id.as_bytes().to_vec())
        .bind(id)
        .bind(session.started_at.as_millis())
        .bind(scope.at().as_millis())
        .bind(session.idle_ms)
        .bind(session.expires_at.as_millis())
        .bind(session.resume.as_bytes().to_vec())
        .bind(Veil::new(&secret).cover(&metadata_json(&session.metadata))?);
    write.run(opening).await.map(drop)
}

async fn put_identity(write: &mut Write<'_>, identity: &Identity) -> Result<(), StorageError> {
    write.run(identities::insertion(identity, &identity.owner)).await.map(drop)
}

async fn put_task(write: &mut Write<'_>, task: ImportedTask, seen: Seen) -> Result<(), StorageError> {
    let (namespace, secret) = seen.session.ok_or(StorageError::SessionGone)?;
    let (veil, task) = (Veil::new(&secret), task.task);
    let text =
        |text: Option<&agentstack_core::TaskText>| text.map(|text| veil.cover(text.as_str())).transpose();
    let depth = seen.there.parent.map_or(0, |(depth, _)| depth + 1);
    let making = sqlx::query(TASK)
        .bind(namespace)
        .bind(task.id.as_bytes().to_vec())
        .bind(task.status.as_str())
        .bind(task.risk.as_str())
        .bind(depth)
        .bind(task.parent.map(|parent| parent.as_bytes().to_vec()))
        .bind(task.created_at.as_millis())
        .bind(task.updated_at.as_millis())
        .bind(task.completed_at.map(Timestamp::as_millis))
        .bind(veil.cover(task.agent_type.as_str())?)
        .bind(text(task.input.as_ref())?)
        .bind(text(task.output.as_ref())?);
    write.run(making).await?;
    let Some(parent) = task.parent else { return Ok(()) };
    let relating = sqlx::query(PART)
        .bind(namespace)
        .bind(parent.as_bytes().to_vec())
        .bind(Relation::ParentOf.as_str())
        .bind(task.id.as_bytes().to_vec());
    write.run(relating).await.map(drop)
}

async fn put_entry(
    write: &mut Write<'_>,
    bounds: IndexBounds,
    scope: &Scope,
    entry: ImportedEntry,
    seen: Seen,
) -> Result<(), StorageError> {
    let space = if let Some(space) = seen.space {
        space
    } else {
        let made = sqlx::query(SHARED).bind(entry.namespace.to_string());
        let row = made.fetch_one(write.connection()?).await.map_err(storage)?;
        Space::of_namespace(write, row.try_get(0).map_err(storage)?).await?
    };
    note_writer(write, &space, &entry.version).await?;
    let row = seen.row;
    let terms = analyze(entry.version.key.as_str(), entry.version.content.as_str());
    let is_held = entry.version.held;
    let fresh = if is_held {
        None
    } else {
        let document = terms.document(space.secret(), row);
        layers(write, &space, bounds)?.admit(space.tail(), document).await?
    };
    let (fresh, filled, postings) = fresh_columns(fresh);
    let adding = scoped(if is_held { ADD_HELD } else { ADD }, scope)
        .bind(space.id)
        .bind(postings)
        .bind(fresh)
        .bind(row)
        .bind(filled)
        .bind(terms.length);
    let adding = bind_version(adding, &space, &entry.version, (entry.id, entry.created_at), entry.wish)?;
    // The record is written at the end of the transaction.
    let adding = adding.bind(None::<i64>).bind(None::<String>).bind(None::<Vec<u8>>);
    write.run(vectors::bind_wish(adding, entry.wish, is_held)).await.map(drop)
}

async fn put_version(
    write: &mut Write<'_>,
    scope: &Scope,
    past: ImportedVersion,
    seen: Seen,
) -> Result<(), StorageError> {
    let space = seen.space.ok_or_else(|| StorageError::damaged("an entry without a namespace"))?;
    note_writer(write, &space, &past.version).await?;
    let nothing = None::<Vec<u8>>;
    let adding = scoped(if past.version.held { ADD_HELD } else { ADD_PAST }, scope)
        .bind(space.id)
        .bind(nothing)
        .bind(None::<i64>)
        .bind(seen.row)
        .bind(None::<i64>)
        .bind(None::<i64>);
    let adding = bind_version(adding, &space, &past.version, (past.entry, scope.at()), Wish::None)?;
    write.run(adding).await.map(drop)
}

/// Binds $10 to $24 of [`ADD`] and its kin. No session has written it.
fn bind_version(
    statement: Statement,
    space: &Space,
    version: &VersionData,
    (id, created_at): (EntryId, Timestamp),
    wish: Wish,
) -> Result<Statement, StorageError> {
    let veil = space.veil();
    let trust = if version.held { Trust::Quarantined } else { Trust::Unverified };
    let (origin, content) = (&version.origin, version.content.as_str());
    let facts = Facts {
        key: &version.key,
        agent: version.agent.as_ref(),
        origin_agent: origin.agent_id.as_ref(),
        tags: &version.tags,
        metadata: version.metadata.as_object(),
        findings: &version.findings,
        declined: wish == Wish::Declined,
    };
    let hash = |agent: &Option<AgentId>| agent.as_ref().map(agent_hash);
    Ok(statement
        .bind(id.as_bytes().to_vec())
        .bind(version.number)
        .bind(created_at.as_millis())
        .bind(key_hash(&version.key))
        .bind(hash(&version.agent))
        .bind(tag_hashes(&version.tags))
        .bind(trust.as_str())
        .bind(0_i64)
        .bind(0_i64)
        .bind(origin.principal.clone())
        .bind(hash(&origin.agent_id))
        .bind(origin.tool.clone())
        .bind(u32::try_from(content.chars().count()).unwrap_or(u32::MAX))
        .bind(facts.cover(&veil)?)
        .bind(veil.cover(content)?))
}

/// Notes who has written to a shared namespace.
async fn note_writer(
    write: &mut Write<'_>,
    space: &Space,
    version: &VersionData,
) -> Result<(), StorageError> {
    if !space.is_shared() {
        return Ok(());
    }
    let origin = &version.origin;
    let noting = sqlx::query(NOTE_WRITER)
        .bind(space.id)
        .bind(origin.principal.clone())
        .bind(origin.agent_id.as_ref().map(agent_hash).unwrap_or_default());
    write.run(noting).await.map(drop)
}
