//! Write transactions. Each carries its audit record, or does not happen (S45).

use agentstack_access::Scope;
use agentstack_audit::{self as chain, Decision, Draft, Hash, Head, Line, Outcome};
use agentstack_core::{AgentInstanceId, SessionId};
use agentstack_storage::{Pending, Recorded, StorageError};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Executor, Row, Sqlite};
use tokio::sync::MutexGuard;

use crate::SqliteStore;
use crate::briefly::{briefly, briefly_while};
use crate::error::storage;
use crate::row::Columns;
use crate::store::Primary;
use crate::veil::Veil;

pub(crate) type Statement = Query<'static, Sqlite, SqliteArguments>;

/// True if the session `$1` (or none) is alive at `$3` and `$2` holds it. Every statement on behalf of
/// a scope binds these three first: see [`scoped`].
macro_rules! alive {
    () => {
        "($1 IS NULL OR EXISTS (SELECT 1 FROM sessions s JOIN session_holders h ON h.session = s.id \
          WHERE s.id = $1 AND h.holder = $2 AND s.expires_at > $3 AND s.last_used_at + s.idle_ms > $3))"
    };
}
pub(crate) use alive;

/// What a statement about a scope's session begins with: `held`, the session's namespace and its secret; nothing if the
/// session is not alive and held.
macro_rules! held {
    () => {
        concat!(
            "WITH held AS MATERIALIZED (SELECT n.id, n.secret FROM sessions o JOIN namespaces n ON n.id = o.namespace ",
            "WHERE o.id = $1 AND ",
            crate::write::alive!(),
            ")"
        )
    };
}
pub(crate) use held;

pub(crate) const HELD: &str = concat!(held!(), " SELECT held.id, held.secret FROM held");

/// Counts `$3` operations of the agent `$2` of the session `$1`, if it has one.
pub(crate) const COUNT: &str = "UPDATE agents SET operations = operations + $3 \
     WHERE uuid = $2 AND namespace = (SELECT namespace FROM sessions WHERE id = $1)";

/// A statement whose `$1` to `$3` are the scope's session, holder and time.
pub(crate) fn scoped(sql: &'static str, scope: &Scope) -> Statement {
    sqlx::query(sql)
        .bind(scope.session().map(|id| id.as_bytes().to_vec()))
        .bind(scope.holder().as_str().to_owned())
        .bind(scope.at().as_millis())
}

/// The namespace of a session, and what its texts are kept under.
pub(crate) struct Held {
    pub(crate) namespace: i64,
    pub(crate) veil: Veil,
}

impl Held {
    /// The first two columns of a row about a scope's session. Without a row the session is gone.
    pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Self, StorageError> {
        Ok(Self { namespace: columns.take()?, veil: Veil::new(columns.take()?) })
    }
}

/// Whose operation a record is: an agent's, if it names one by its id. What was denied is nobody's: the session that it
/// names may be another's.
pub(crate) fn acting(draft: &Draft) -> Option<(SessionId, AgentInstanceId)> {
    if draft.decision == Decision::Deny {
        return None;
    }
    Some((draft.session?, draft.agent.as_ref()?.as_str().parse().ok()?))
}

/// An open write transaction.
pub(crate) struct Write<'a> {
    primary: MutexGuard<'a, Primary>,
    head: Head,
}

impl SqliteStore {
    /// Opens a write transaction; waits for that of any other process.
    pub(crate) async fn write(&self) -> Result<Write<'_>, StorageError> {
        let mut primary = self.primary().await?;
        primary.unfinished = true;
        let sql = "BEGIN IMMEDIATE; SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1";
        let opened = briefly(sqlx::query(sql).fetch_optional(primary.connection()?)).await.map_err(storage);
        let mut write = Write { primary, head: Head::EMPTY };
        let head =
            opened.and_then(|row| row.map_or(Ok(Head::EMPTY), |row| head(row.try_get(0), row.try_get(1))));
        match head {
            Ok(head) => {
                write.head = head;
                Ok(write)
            }
            Err(error) => write.undo(error).await,
        }
    }

    /// Opens a write transaction with the answer to a first question: `sql` is `BEGIN IMMEDIATE` and a
    /// query for one row whose first columns are the sequence and the hash of the log's last record. The work that
    /// needs no answer is done `meanwhile`: SQLite is on a thread of its own.
    pub(crate) async fn write_after<T>(
        &self,
        question: Statement,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<(Write<'_>, SqliteRow, T), StorageError> {
        let mut primary = self.primary().await?;
        primary.unfinished = true;
        let (asked, made) = briefly_while(question.fetch_one(primary.connection()?), meanwhile).await;
        let asked = asked.map_err(storage);
        let mut write = Write { primary, head: Head::EMPTY };
        let answered = asked.and_then(|row| Ok((head(row.try_get(0), row.try_get(1))?, row)));
        match answered {
            Ok((head, row)) => {
                write.head = head;
                Ok((write, row, made))
            }
            Err(error) => write.undo(error).await,
        }
    }
}

fn head(
    sequence: Result<Option<i64>, sqlx::Error>,
    hash: Result<Option<Vec<u8>>, sqlx::Error>,
) -> Result<Head, StorageError> {
    let damaged = || StorageError::damaged("the head of the audit log");
    match (sequence.map_err(storage)?, hash.map_err(storage)?) {
        (None, None) => Ok(Head::EMPTY),
        (Some(sequence), Some(hash)) => Ok(Head {
            sequence: u64::try_from(sequence).map_err(|_| damaged())?,
            hash: Hash::from_bytes(hash.try_into().map_err(|_| damaged())?),
        }),
        _ => Err(damaged()),
    }
}

impl Write<'_> {
    /// The connection of the transaction.
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, StorageError> {
        self.primary.connection()
    }

    /// Runs a statement; returns how many rows it changed.
    pub(crate) async fn run(&mut self, statement: Statement) -> Result<u64, StorageError> {
        Ok(briefly(statement.execute(self.connection()?)).await.map_err(storage)?.rows_affected())
    }

    /// The head of the audit log in this transaction.
    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// The session of a scope, if it is alive and held.
    pub(crate) async fn held(&mut self, scope: &Scope) -> Result<Held, StorageError> {
        let question = scoped(HELD, scope);
        let row = briefly(question.fetch_optional(self.connection()?)).await.map_err(storage)?;
        Held::read(&mut Columns::from(&row.ok_or(StorageError::SessionGone)?, 0))
    }

    /// Counts operations of an agent.
    pub(crate) async fn count(
        &mut self,
        (session, agent): (SessionId, AgentInstanceId),
        operations: u32,
    ) -> Result<(), StorageError> {
        let counting = sqlx::query(COUNT)
            .bind(session.as_bytes().to_vec())
            .bind(agent.as_bytes().to_vec())
            .bind(operations);
        self.run(counting).await.map(drop)
    }

    /// The line that a record becomes. If it names an agent of the session, that is an operation of the agent.
    pub(crate) async fn record(&mut self, draft: &Draft) -> Result<Line, StorageError> {
        if let Some(acting) = acting(draft) {
            self.count(acting, 1).await?;
        }
        Ok(self.line(draft))
    }

    /// The line that a record becomes.
    pub(crate) fn line(&mut self, draft: &Draft) -> Line {
        let (line, head) = chain::append(&self.head, draft);
        self.head = head;
        line
    }

    /// Marks the transaction as closed by a statement that ended in `COMMIT`.
    pub(crate) fn committed(mut self) {
        self.primary.unfinished = false;
    }

    /// Appends the record and commits.
    pub(crate) async fn commit(mut self, draft: &Draft) -> Result<(), StorageError> {
        let done = self.commit_with(draft).await;
        self.close(done.map(Some)).await.map(drop)
    }

    /// The same, and says how the record came to stand in the log.
    pub(crate) async fn commit_showing(mut self, draft: &Draft) -> Result<Recorded, StorageError> {
        let previous = self.head.hash;
        let line = match self.record(draft).await {
            Ok(line) => line,
            Err(error) => return self.undo(error).await,
        };
        let done = self.keep(line.clone()).await;
        self.close(done.map(Some)).await?;
        Ok(Recorded { previous, line })
    }

    async fn commit_with(&mut self, draft: &Draft) -> Result<(), StorageError> {
        let line = self.record(draft).await?;
        self.keep(line).await
    }

    async fn keep(&mut self, line: Line) -> Result<(), StorageError> {
        let sql = "INSERT INTO audit (sequence, body, hash) VALUES ($1, $2, $3); COMMIT";
        self.run(bind_line(sqlx::query(sql), line)).await.map(drop)
    }

    /// Commits a change with its record; undoes all of it if there was nothing to change.
    pub(crate) async fn finish<T>(
        self,
        changed: Result<Option<T>, StorageError>,
        pending: Pending,
    ) -> Result<Option<T>, StorageError> {
        if let Ok(Some(_)) = &changed {
            self.commit(&pending.close(Outcome::Ok, vec![])).await?;
            return changed;
        }
        self.close(changed).await
    }

    /// Leaves a transaction whose last statement has committed it; undoes all of it if there was nothing to change.
    pub(crate) async fn close<T>(
        mut self,
        done: Result<Option<T>, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        match done {
            Ok(Some(done)) => {
                self.committed();
                Ok(Some(done))
            }
            other => {
                self.rollback().await;
                other
            }
        }
    }

    /// Undoes everything, for the reason given.
    pub(crate) async fn undo<T>(mut self, error: StorageError) -> Result<T, StorageError> {
        self.rollback().await;
        Err(error)
    }

    /// Undoes everything.
    pub(crate) async fn rollback(&mut self) {
        if let Ok(connection) = self.primary.connection() {
            // SQLite may have rolled back by itself (a full disk); then this is an error without meaning.
            let _ = connection.execute("ROLLBACK").await;
            self.primary.unfinished = false;
        }
    }
}

/// Binds the next three parameters to a line of the audit log.
pub(crate) fn bind_line(statement: Statement, line: Line) -> Statement {
    statement
        .bind(i64::try_from(line.sequence).unwrap_or(i64::MAX))
        .bind(line.body)
        .bind(line.hash.as_bytes().to_vec())
}
