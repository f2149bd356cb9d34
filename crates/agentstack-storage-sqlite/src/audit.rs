//! The audit log, and what the store says of itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use agentstack_access::Scope;
use agentstack_audit::{Checkpoint, Draft, FormerKey, Hash, Head, Line, Outcome, SigningKey, VerifyingKey};
use agentstack_storage::{AuditLog, Counts, Figures, Health, Pending, StorageError, StoreHealth};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::storage;
use crate::index::entries_of_namespace;
use crate::row::count;
use crate::write::{Statement, Write, acting, bind_line, scoped};
use crate::{Encryption, SqliteStore};

const COUNTS: &str = concat!(
    "SELECT count(*), coalesce(sum(",
    entries_of_namespace!(),
    "), 0) FROM session_holders h JOIN sessions s ON s.id = h.session JOIN namespaces n ON n.id = s.namespace ",
    "WHERE h.holder = $2 AND s.expires_at > $3 AND s.last_used_at + s.idle_ms > $3"
);

const FIGURES: &str = "SELECT (SELECT count(*) FROM sessions WHERE expires_at > $1 AND last_used_at + idle_ms > $1), \
     (SELECT count(*) FROM entries), \
     (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size), \
     (SELECT coalesce(max(sequence), 0) FROM audit)";

/// The last checkpoint, and the hash that the log has in its place now.
const LAST_SIGNED: &str = "SELECT c.checkpoint, a.hash FROM audit_checkpoints c LEFT JOIN audit a ON a.sequence = c.sequence \
     ORDER BY c.sequence DESC LIMIT 1";

const LINES_BEFORE: &str =
    "SELECT sequence, body, hash FROM audit WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2";

/// Many lines at once: the sequence of the first, a list of where in $3 their bodies are, and in $4 their hashes.
/// Binding them one by one, or as text to be parsed, takes several times as long as all the rest of it.
const APPEND: &str = "INSERT INTO audit (sequence, body, hash) \
     SELECT $1 + key, CAST(substr($3, 1 + (value >> 20), value & 1048575) AS TEXT), substr($4, 1 + 32 * key, 32) \
     FROM json_each($2) ORDER BY key; COMMIT";

/// What [`APPEND`] is bound to.
struct Lines {
    first: u64,
    places: String,
    bodies: Vec<u8>,
    hashes: Vec<u8>,
}

impl Lines {
    fn of(write: &mut Write<'_>, drafts: &[Draft]) -> Self {
        let mut lines =
            Self { first: write.head().sequence + 1, places: "[".to_owned(), bodies: vec![], hashes: vec![] };
        for draft in drafts {
            let line = write.line(draft);
            let separator = if lines.bodies.is_empty() { "" } else { "," };
            let place = lines.bodies.len() << 20 | line.body.len();
            let _ = write!(lines.places, "{separator}{place}");
            lines.bodies.extend(line.body.as_bytes());
            lines.hashes.extend(line.hash.as_bytes());
        }
        lines.places.push(']');
        lines
    }
}

/// Appends records and commits, once the operations of their agents are counted.
pub(crate) async fn commit_all(write: &mut Write<'_>, drafts: &[Draft]) -> Result<(), StorageError> {
    let mut operations = BTreeMap::<_, u32>::new();
    for acting in drafts.iter().filter_map(acting) {
        *operations.entry(acting).or_default() += 1;
    }
    for (acting, operations) in operations {
        write.count(acting, operations).await?;
    }
    let lines = Lines::of(write, drafts);
    let statement = sqlx::query(APPEND)
        .bind(i64::try_from(lines.first).unwrap_or(i64::MAX))
        .bind(lines.places)
        .bind(lines.bodies)
        .bind(lines.hashes);
    write.run(statement).await.map(drop)
}

#[async_trait]
impl AuditLog for SqliteStore {
    async fn append(&self, drafts: &[Draft]) -> Result<(), StorageError> {
        if drafts.is_empty() {
            return Ok(());
        }
        let mut write = self.write().await?;
        // What agents have used is not among what is known.
        let unchanging = self.known.unchanging();
        let done = commit_all(&mut write, drafts).await;
        drop(unchanging);
        write.close(done.map(Some)).await.map(drop)
    }

    async fn checkpoint(&self, scope: &Scope) -> Result<Option<Checkpoint>, StorageError> {
        let mut write = self.write().await?;
        match sign(&mut write, &self.signing(), scope).await {
            Ok(checkpoint) => {
                write.committed();
                Ok(checkpoint)
            }
            Err(error) => write.undo(error).await,
        }
    }

    async fn lines(&self, scope: &Scope, sequence: u64, limit: u32) -> Result<Vec<Line>, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let question = read_lines(sequence, limit);
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        rows.iter().map(line).collect()
    }

    async fn former_keys(&self, scope: &Scope) -> Result<Vec<FormerKey>, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let mut reader = self.reader().await?;
        former_keys(reader.connection()?).await
    }

    async fn succeed(
        &self,
        scope: &Scope,
        former: &VerifyingKey,
        pending: Pending,
    ) -> Result<bool, StorageError> {
        let mut write = self.write().await?;
        match follow(&mut write, &self.signing(), former, scope, pending).await {
            Ok(true) => {
                write.committed();
                Ok(true)
            }
            Ok(false) => {
                write.rollback().await;
                Ok(false)
            }
            Err(error) => write.undo(error).await,
        }
    }

    async fn lines_before(
        &self,
        scope: &Scope,
        sequence: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Line>, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let question = sqlx::query(LINES_BEFORE)
            .bind(sequence.map_or(i64::MAX, |sequence| i64::try_from(sequence).unwrap_or(i64::MAX)))
            .bind(limit);
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        rows.iter().map(line).collect()
    }

    async fn checkpoints(&self, scope: &Scope) -> Result<Vec<Checkpoint>, StorageError> {
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let question = sqlx::query("SELECT checkpoint FROM audit_checkpoints ORDER BY sequence");
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        rows.iter().map(checkpoint).collect()
    }
}

fn checkpoint(row: &SqliteRow) -> Result<Checkpoint, StorageError> {
    let text: &str = row.try_get(0).map_err(storage)?;
    text.parse().map_err(|_| StorageError::damaged("a checkpoint of the audit log"))
}

/// Up to `limit` lines after `sequence`.
fn read_lines(sequence: u64, limit: u32) -> Statement {
    let sql = "SELECT sequence, body, hash FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2";
    sqlx::query(sql).bind(i64::try_from(sequence).unwrap_or(i64::MAX)).bind(limit)
}

async fn former_keys(connection: &mut SqliteConnection) -> Result<Vec<FormerKey>, StorageError> {
    let asked = sqlx::query("SELECT statement FROM audit_former_keys ORDER BY sequence");
    let rows = asked.fetch_all(connection).await.map_err(storage)?;
    let statement = |row: &SqliteRow| {
        let text: &str = row.try_get(0).map_err(storage)?;
        text.parse().map_err(|_| StorageError::damaged("a statement about a key of the audit log"))
    };
    rows.iter().map(statement).collect()
}

/// Vouches for the key that has signed so far, and for those that it has vouched for, and signs. Commits, if there was
/// anything to do.
async fn follow(
    write: &mut Write<'_>,
    key: &SigningKey,
    former: &VerifyingKey,
    scope: &Scope,
    pending: Pending,
) -> Result<bool, StorageError> {
    let own = key.verifying_key();
    let known = former_keys(write.connection()?).await?;
    if *former == own || known.iter().any(|it| it.former == *former && it.key == own && it.is_genuine()) {
        return Ok(false);
    }
    let last = sqlx::query(LAST_SIGNED).fetch_optional(write.connection()?).await.map_err(storage)?;
    if let Some((last, hash)) = last.as_ref().map(signed).transpose()?
        && !((last.key == *former || last.key == own) && last.is_genuine() && hash == Some(last.hash))
    {
        return Err(StorageError::damaged(
            "the audit log does not go on from a checkpoint of the former key",
        ));
    }
    let vouched = known.iter().filter(|it| (it.key == *former || it.key == own) && it.is_genuine());
    let vouched = vouched.map(|it| (it.former.clone(), it.until));
    let statements: Vec<FormerKey> = vouched
        .chain([(former.clone(), write.head().sequence)])
        .map(|(former, until)| FormerKey::vouch(key, former, until))
        .collect();
    write.run(sqlx::query("DELETE FROM audit_former_keys")).await?;
    for statement in statements {
        let add = sqlx::query("INSERT INTO audit_former_keys (sequence, statement) VALUES ($1, $2)")
            .bind(i64::try_from(statement.until).unwrap_or(i64::MAX))
            .bind(statement.to_string());
        write.run(add).await?;
    }
    let line = write.record(&pending.close(Outcome::Ok, vec![])).await?;
    let add = sqlx::query("INSERT INTO audit (sequence, body, hash) VALUES ($1, $2, $3)");
    write.run(bind_line(add, line)).await?;
    let head = write.head();
    keep(write, &Checkpoint::sign(key, &head, scope.at())).await?;
    Ok(true)
}

/// Keeps a checkpoint, and commits.
async fn keep(write: &mut Write<'_>, checkpoint: &Checkpoint) -> Result<(), StorageError> {
    let sql = "INSERT INTO audit_checkpoints (sequence, checkpoint) VALUES ($1, $2); COMMIT";
    let sequence = i64::try_from(checkpoint.sequence).unwrap_or(i64::MAX);
    write.run(sqlx::query(sql).bind(sequence).bind(checkpoint.to_string())).await.map(drop)
}

/// Signs the head of the log, unless it is signed already, and commits.
async fn sign(
    write: &mut Write<'_>,
    key: &SigningKey,
    scope: &Scope,
) -> Result<Option<Checkpoint>, StorageError> {
    let head = write.head();
    let last = sqlx::query(LAST_SIGNED).fetch_optional(write.connection()?).await.map_err(storage)?;
    let last = last.as_ref().map(signed).transpose()?;
    // A log that was cut and has grown again must not get a signature that makes it whole.
    if last.as_ref().is_some_and(|(checkpoint, hash)| {
        checkpoint.key != key.verifying_key() || !checkpoint.is_genuine() || *hash != Some(checkpoint.hash)
    }) {
        return Err(StorageError::damaged("the audit log does not go on from its last checkpoint"));
    }
    let last = last.map(|(checkpoint, _)| checkpoint);
    if head.sequence == 0 || last.as_ref().is_some_and(|last| last.sequence == head.sequence) {
        write.run(sqlx::query("COMMIT")).await?;
        return Ok(last);
    }
    let checkpoint = Checkpoint::sign(key, &head, scope.at());
    keep(write, &checkpoint).await?;
    Ok(Some(checkpoint))
}

/// A checkpoint, and the hash that the log has in its place now.
fn signed(row: &SqliteRow) -> Result<(Checkpoint, Option<Hash>), StorageError> {
    let hash: Option<Vec<u8>> = row.try_get(1).map_err(storage)?;
    let hash = hash.and_then(|bytes| bytes.try_into().ok()).map(Hash::from_bytes);
    Ok((checkpoint(row)?, hash))
}

/// Where the log ends.
pub(crate) fn head(sequence: i64, hash: Vec<u8>) -> Result<Head, StorageError> {
    let hash = hash.try_into().map_err(|_| StorageError::damaged("the head of the audit log"))?;
    Ok(Head { sequence: count(sequence)?, hash: Hash::from_bytes(hash) })
}

/// sequence, body, hash.
pub(crate) fn line(row: &SqliteRow) -> Result<Line, StorageError> {
    let sequence = count(row.try_get(0).map_err(storage)?)?;
    let hash: Vec<u8> = row.try_get(2).map_err(storage)?;
    let hash = hash.try_into().map_err(|_| StorageError::damaged("a hash of the audit log"))?;
    Ok(Line { sequence, body: row.try_get(1).map_err(storage)?, hash: Hash::from_bytes(hash) })
}

#[async_trait]
impl StoreHealth for SqliteStore {
    async fn counts(&self, scope: &Scope) -> Result<Counts, StorageError> {
        let mut reader = self.reader().await?;
        let row = scoped(COUNTS, scope).fetch_one(reader.connection()?).await.map_err(storage)?;
        let number = |column| count(row.try_get(column).map_err(storage)?);
        Ok(Counts { sessions: number(0)?, entries: number(1)? })
    }

    async fn figures(&self, scope: &Scope) -> Result<Figures, StorageError> {
        let mut reader = self.reader().await?;
        let question = sqlx::query(FIGURES).bind(scope.at().as_millis());
        let row = question.fetch_one(reader.connection()?).await.map_err(storage)?;
        let number = |column| count(row.try_get(column).map_err(storage)?);
        Ok(Figures {
            sessions: number(0)?,
            entries: number(1)?,
            bytes: number(2)?,
            audit_sequence: number(3)?,
        })
    }

    async fn health(&self) -> Result<Health, StorageError> {
        let mut reader = self.reader().await?;
        let question = sqlx::query("SELECT sqlite_version(), (SELECT count(*) FROM sqlite_schema)");
        let row = question.fetch_one(reader.connection()?).await.map_err(storage)?;
        Ok(Health {
            backend: "sqlite",
            encrypted: self.encryption == Encryption::On,
            version: row.try_get(0).map_err(storage)?,
        })
    }

    async fn keep_house(&self) -> Result<(), StorageError> {
        self.reclaim().await?;
        if self.traces_may_be_left() {
            self.truncate_log().await?;
        }
        Ok(())
    }

    async fn close(&self) {
        self.shut().await;
    }
}
