//! Sessions: who holds them, when they expire, and how they end.

use std::sync::PoisonError;

use agentstack_access::{DirectoryUnavailable, Holder, Scope, SessionDirectory, Standing};
use agentstack_audit::{Draft, Outcome};
use agentstack_core::{AgentInstanceId, SessionId, SharedName, TaskId, Timestamp, TokenHash, random};
use agentstack_storage::model::used_is_stale;
use agentstack_storage::{
    Ends, NewSession, Pending, Removed, Session, SessionStatus, SessionStore, StorageError,
};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::audit::commit_all;
use crate::error::storage;
use crate::facts::agent_hash;
use crate::index::entries_of_namespace;
use crate::memory::readings::bring;
use crate::row::{Columns, count, metadata_json, session, uuid};
use crate::veil::Veil;
use crate::write::{Write, alive, scoped};

/// How long a standing is taken for granted. What rests on it is proved again in each transaction.
const STANDING_FRESH_MS: i64 = 1_000;

const START: &str = "INSERT INTO namespaces (name, shared, secret) VALUES ($1, 0, $9); \
     INSERT INTO sessions (id, namespace, started_at, last_used_at, idle_ms, expires_at, resume, about) \
     VALUES ($2, last_insert_rowid(), $3, $3, $4, $5, $6, $7); \
     INSERT INTO session_holders (holder, session) VALUES ($8, $2)";

pub(crate) const RESUME: &str = "SELECT s.id, s.started_at, min(s.expires_at, $2 + s.idle_ms), n.secret, s.about FROM sessions s \
     JOIN namespaces n ON n.id = s.namespace \
     WHERE s.resume = $1 AND s.expires_at > $2 AND s.last_used_at + s.idle_ms > $2";

const ENTER: &str = "INSERT INTO session_holders (holder, session) VALUES ($1, $2) ON CONFLICT DO NOTHING; \
     UPDATE sessions SET last_used_at = max(last_used_at, $3) WHERE id = $2";

/// The session `$1` if it is alive and held, or if `$4` (an operator may end what has expired), how many entries it has
/// for a caller bound to the agent `$5`, or for one who is not, and how many agents and tasks that go on.
pub(crate) const STATUS: &str = concat!(
    "SELECT s.id, s.started_at, min(s.expires_at, s.last_used_at + s.idle_ms), n.secret, s.about, ",
    "CASE WHEN $5 IS NULL THEN ",
    entries_of_namespace!(),
    " ELSE (SELECT count(*) FROM entries e WHERE e.namespace = n.id ",
    "AND (e.agent IS NULL OR e.agent = $5)) END, ",
    "(SELECT count(*) FROM agents a WHERE a.namespace = n.id AND a.status <> 'stopped'), ",
    "(SELECT count(*) FROM tasks k WHERE k.namespace = n.id AND k.status IN ('pending', 'assigned')), n.id ",
    "FROM sessions s JOIN namespaces n ON n.id = s.namespace WHERE s.id = $1 AND ($4 OR ",
    alive!(),
    ")"
);

/// How many agents and tasks the namespace `$1` has, and the ids of those that have not ended. One blob of many costs a
/// fraction of as many rows.
pub(crate) const HOLDS: &str = "SELECT (SELECT count(*) FROM agents WHERE namespace = $1), \
     (SELECT count(*) FROM tasks WHERE namespace = $1), \
     (SELECT CAST(coalesce(group_concat(uuid, '' ORDER BY uuid), '') AS BLOB) FROM agents \
      WHERE namespace = $1 AND status <> 'stopped'), \
     (SELECT CAST(coalesce(group_concat(uuid, '' ORDER BY uuid), '') AS BLOB) FROM tasks \
      WHERE namespace = $1 AND status IN ('pending', 'assigned'))";

/// What has written nothing that stays leaves no trace of what it has read.
const CLOSE: &str = "DELETE FROM reads WHERE reader = $2 \
     AND NOT (SELECT wrote_shared FROM sessions WHERE id = $1); \
     DELETE FROM session_holders WHERE session = $1; DELETE FROM sessions WHERE id = $1; \
     INSERT INTO ended_namespaces (namespace) VALUES ($2)";

pub(crate) const ACTIVE: &str = "SELECT s.id, s.started_at, min(s.expires_at, s.last_used_at + s.idle_ms), n.secret, s.about \
     FROM sessions s JOIN namespaces n ON n.id = s.namespace WHERE s.expires_at > $3 AND s.last_used_at + s.idle_ms > $3 \
     AND ($4 OR s.id IN (SELECT session FROM session_holders WHERE holder = $2)) ORDER BY s.id DESC LIMIT 1000";

const EXPIRED: &str =
    "SELECT id FROM sessions WHERE expires_at <= $1 OR last_used_at + idle_ms <= $1 LIMIT 100";

pub(crate) const STANDING: &str = "SELECT min(s.expires_at, s.last_used_at + s.idle_ms), s.last_used_at, s.idle_ms FROM sessions s \
     WHERE s.id = $1 AND ($2 IS NULL OR EXISTS \
     (SELECT 1 FROM session_holders h WHERE h.session = s.id AND h.holder = $2))";

pub(crate) const SHARED: &str = "SELECT name FROM namespaces WHERE shared = 1";

#[async_trait]
impl SessionStore for SqliteStore {
    async fn start(&self, scope: &Scope, new: NewSession, pending: Pending) -> Result<Session, StorageError> {
        let secret: [u8; 16] = random::bytes().map_err(|error| StorageError::Unavailable(Box::new(error)))?;
        let statement = sqlx::query(START)
            .bind(format!("session:{}", new.id))
            .bind(new.id.as_bytes().to_vec())
            .bind(scope.at().as_millis())
            .bind(new.idle_ms)
            .bind(new.expires_at.as_millis())
            .bind(new.resume.as_bytes().to_vec())
            .bind(Veil::new(&secret).cover(&metadata_json(&new.metadata))?)
            .bind(scope.holder().as_str().to_owned())
            .bind(secret.to_vec());
        let mut write = self.write().await?;
        let started = match write.run(statement).await {
            Ok(_) => bring_to(&mut write, scope, new.id).await,
            Err(error) => Err(error),
        };
        if let Err(error) = started {
            return write.undo(error).await;
        }
        write.commit(&pending.in_session(new.id).close(Outcome::Ok, vec![])).await?;
        let expires_at = new.expires_at.min(scope.at().plus_millis(new.idle_ms));
        Ok(Session { id: new.id, started_at: scope.at(), expires_at, metadata: new.metadata })
    }

    async fn resume(
        &self,
        scope: &Scope,
        token: TokenHash,
        pending: Pending,
    ) -> Result<Option<Session>, StorageError> {
        let mut write = self.write().await?;
        match enter(&mut write, scope, token).await {
            Ok(Some(session)) => {
                write.commit(&pending.in_session(session.id).close(Outcome::Ok, vec![])).await?;
                Ok(Some(session))
            }
            Ok(None) => {
                write.rollback().await;
                Ok(None)
            }
            Err(error) => write.undo(error).await,
        }
    }

    async fn end(
        &self,
        scope: &Scope,
        record: &(dyn Fn(Ends) -> Draft + Send + Sync),
        pending: Pending,
    ) -> Result<Removed, StorageError> {
        let mut write = self.write().await?;
        // From its commit on nothing reaches what the session has: its namespace has no session.
        let closed = close(&mut write, scope, record, pending).await;
        let removed = match closed {
            Ok(removed) => removed,
            Err(error) => return write.undo(error).await,
        };
        write.committed();
        self.forget_standing(scope);
        // So what is left can be removed later too: at the next end of a session or the next start.
        if let Err(error) = self.reclaim().await {
            tracing::warn!(error = %error, "removing what is left of an ended session");
        }
        Ok(removed)
    }

    async fn status(&self, scope: &Scope) -> Result<SessionStatus, StorageError> {
        let question =
            scoped(STATUS, scope).bind(scope.is_overseer()).bind(scope.bound_agent().map(agent_hash));
        let mut reader = self.reader().await?;
        let row = question.fetch_optional(reader.connection()?).await.map_err(storage)?;
        let row = row.ok_or(StorageError::SessionGone)?;
        let number = |column| count(row.try_get(column).map_err(storage)?);
        Ok(SessionStatus {
            session: session(&row, 0)?,
            entries: number(5)?,
            agents: number(6)?,
            tasks: number(7)?,
        })
    }

    async fn active(&self, scope: &Scope) -> Result<Vec<Session>, StorageError> {
        let question = scoped(ACTIVE, scope).bind(scope.principal().is_operator());
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        rows.iter().map(|row| session(row, 0)).collect()
    }

    async fn expired(&self, scope: &Scope) -> Result<Vec<SessionId>, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let mut reader = self.reader().await?;
        let question = sqlx::query(EXPIRED).bind(scope.at().as_millis());
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        let id =
            |row: &SqliteRow| Ok(SessionId::from_bytes(uuid(row.try_get::<&[u8], _>(0).map_err(storage)?)?));
        rows.iter().map(id).collect()
    }
}

async fn enter(
    write: &mut Write<'_>,
    scope: &Scope,
    token: TokenHash,
) -> Result<Option<Session>, StorageError> {
    let now = scope.at().as_millis();
    let question = sqlx::query(RESUME).bind(token.as_bytes().to_vec()).bind(now);
    let Some(row) = question.fetch_optional(write.connection()?).await.map_err(storage)? else {
        return Ok(None);
    };
    let session = session(&row, 0)?;
    let entering = sqlx::query(ENTER)
        .bind(scope.holder().as_str().to_owned())
        .bind(session.id.as_bytes().to_vec())
        .bind(now);
    write.run(entering).await?;
    bring_to(write, scope, session.id).await?;
    Ok(Some(session))
}

/// What its new holder has been shown outside of any session, the session has been shown (S12).
async fn bring_to(write: &mut Write<'_>, scope: &Scope, session: SessionId) -> Result<(), StorageError> {
    let question =
        sqlx::query("SELECT namespace FROM sessions WHERE id = $1").bind(session.as_bytes().to_vec());
    let row = question.fetch_one(write.connection()?).await.map_err(storage)?;
    bring(write, scope, row.try_get(0).map_err(storage)?).await
}

/// Takes a session away from its holders, with a record of each agent and task that ends with it, and commits.
async fn close(
    write: &mut Write<'_>,
    scope: &Scope,
    record: &(dyn Fn(Ends) -> Draft + Send + Sync),
    pending: Pending,
) -> Result<Removed, StorageError> {
    let question = scoped(STATUS, scope).bind(scope.is_overseer()).bind(None::<Vec<u8>>);
    let row = question.fetch_optional(write.connection()?).await.map_err(storage)?;
    let row = row.ok_or(StorageError::SessionGone)?;
    let namespace: i64 = row.try_get(8).map_err(storage)?;
    let held = sqlx::query(HOLDS).bind(namespace).fetch_one(write.connection()?).await.map_err(storage)?;
    let mut columns = Columns::from(&held, 0);
    let removed = Removed {
        entries: count(row.try_get(5).map_err(storage)?)?,
        agents: count(columns.take()?)?,
        tasks: count(columns.take()?)?,
    };
    let agents = ids(columns.take()?).map(|id| Ends::Agent(AgentInstanceId::from_bytes(id)));
    let tasks = ids(columns.take()?).map(|id| Ends::Task(TaskId::from_bytes(id)));
    let mut drafts: Vec<Draft> = agents.chain(tasks).map(record).collect();
    drafts.push(pending.close(Outcome::Ok, removed.counts()));
    let closing = sqlx::query(CLOSE).bind(scope.session().map(|id| id.as_bytes().to_vec())).bind(namespace);
    write.run(closing).await?;
    commit_all(write, &drafts).await?;
    Ok(removed)
}

/// Ids that were read as one blob.
fn ids(bytes: &[u8]) -> impl Iterator<Item = [u8; 16]> {
    let (ids, _) = bytes.as_chunks();
    ids.iter().copied()
}

impl SqliteStore {
    fn forget_standing(&self, scope: &Scope) {
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.retain(|(session, _), _| Some(*session) != scope.session());
    }
}

#[async_trait]
impl SessionDirectory for SqliteStore {
    async fn standing(
        &self,
        session: SessionId,
        holder: Option<&Holder>,
        now: Timestamp,
    ) -> Result<Option<Standing>, DirectoryUnavailable> {
        let key = (session, holder.cloned());
        let known = self.standings.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some((standing, since)) = known
            && (since..since.plus_millis(STANDING_FRESH_MS)).contains(&now)
            && standing.expires_at > now
        {
            return Ok(Some(standing));
        }
        let found = self.read_standing(session, holder, now).await;
        let found = found.map_err(|error| DirectoryUnavailable(Box::new(error)))?;
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(standing) => {
                if standings.len() >= 10_000 {
                    standings.clear();
                }
                standings.insert(key, (standing, now));
            }
            None => {
                standings.remove(&key);
            }
        }
        Ok(found)
    }

    async fn shared_namespaces(&self) -> Result<Vec<SharedName>, DirectoryUnavailable> {
        self.read_shared().await.map_err(|error| DirectoryUnavailable(Box::new(error)))
    }
}

impl SqliteStore {
    async fn read_shared(&self) -> Result<Vec<SharedName>, StorageError> {
        let mut reader = self.reader().await?;
        let rows = sqlx::query(SHARED).fetch_all(reader.connection()?).await.map_err(storage)?;
        let name = |row: &SqliteRow| {
            let name: &str = row.try_get(0).map_err(storage)?;
            name.parse().map_err(|_| StorageError::damaged("a namespace"))
        };
        rows.iter().map(name).collect()
    }

    async fn read_standing(
        &self,
        session: SessionId,
        holder: Option<&Holder>,
        now: Timestamp,
    ) -> Result<Option<Standing>, StorageError> {
        let question = sqlx::query(STANDING)
            .bind(session.as_bytes().to_vec())
            .bind(holder.map(|holder| holder.as_str().to_owned()));
        let row = {
            let mut reader = self.reader().await?;
            question.fetch_optional(reader.connection()?).await.map_err(storage)?
        };
        let Some(row) = row else { return Ok(None) };
        let expires_at = Timestamp::from_millis(row.try_get(0).map_err(storage)?);
        let last_used_at = Timestamp::from_millis(row.try_get(1).map_err(storage)?);
        // Without a holder it is an operator who asks, and may end what has expired.
        if holder.is_some() && expires_at <= now {
            return Ok(None);
        }
        if holder.is_some() && used_is_stale(last_used_at, now, row.try_get(2).map_err(storage)?) {
            self.note_use(session, now).await;
        }
        Ok(Some(Standing { expires_at }))
    }

    /// Writes down that a session was used. If that fails, the session may expire too early; a call
    /// that only reads need not fail for it.
    async fn note_use(&self, session: SessionId, now: Timestamp) {
        let noted = async {
            let used = sqlx::query("UPDATE sessions SET last_used_at = max(last_used_at, $2) WHERE id = $1")
                .bind(session.as_bytes().to_vec())
                .bind(now.as_millis());
            let mut primary = self.primary().await?;
            used.execute(primary.connection()?).await.map_err(storage)
        };
        if let Err(error) = noted.await {
            tracing::warn!(error = %error, "noting that a session was used");
        }
    }
}
