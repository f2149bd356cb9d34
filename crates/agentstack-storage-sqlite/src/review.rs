//! What operators decide about the trust of versions.

mod entry;
mod revoke;

use agentstack_access::Scope;
use agentstack_audit::Outcome;
use agentstack_core::{EntryId, Label, Namespace, Origin, SessionId, Timestamp, Trust, VersionId};
use agentstack_storage::{
    Forgotten, OriginFilter, Pending, Readers, Recorded, Review, ReviewFilter, ReviewPosition, ReviewStore,
    Reviews, Revocation, StorageError,
};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::error::storage;
use crate::facts::Known;
use crate::row::{Columns, small, uuid};
use crate::veil::Veil;
use crate::write::Write;

/// The columns of [`read`], of a version `v` and its namespace `n`.
macro_rules! review_columns {
    ($uuid:literal, $trust:literal, $since:literal, $stored:literal) => {
        concat!(
            $uuid,
            ", n.name, n.secret, v.version, ",
            $trust,
            ", ",
            $since,
            ", ",
            $stored,
            ", v.origin_principal, v.origin_tool, v.chars, v.facts"
        )
    };
}

/// Holders of local users are of one process each.
const SESSIONS_OF: &str = "SELECT DISTINCT session FROM session_holders \
     WHERE holder = $1 OR substr(holder, 1, length($1) + 1) = $1 || '/' ORDER BY session";

/// How many columns that are.
const COLUMNS: usize = 11;

macro_rules! held_columns {
    () => {
        review_columns!("v.uuid", "v.trust", "v.held_at", "v.stored_at")
    };
}

macro_rules! current_columns {
    () => {
        review_columns!("v.uuid", "v.trust", "v.updated_at", "v.updated_at")
    };
}

/// Held versions of the state $1, before ($2, $3, $4).
pub(crate) const HELD: &str = concat!(
    "SELECT ",
    held_columns!(),
    " FROM held_versions v JOIN namespaces n ON n.id = v.namespace WHERE v.trust = $1 ",
    "AND v.namespace NOT IN (SELECT namespace FROM ended_namespaces) ",
    "AND ($2 IS NULL OR (v.held_at, v.uuid, v.version) < ($2, $3, $4)) ",
    "ORDER BY v.held_at DESC, v.uuid DESC, v.version DESC LIMIT $5"
);

/// Current versions of shared namespaces of the state $1, before ($2, $3, $4): an entry has one, so $4 says nothing.
pub(crate) const CURRENT: &str = concat!(
    "SELECT ",
    current_columns!(),
    " FROM namespaces n CROSS JOIN entries v ON v.namespace = n.id WHERE n.shared = 1 AND v.trust = $1 ",
    "AND ($2 IS NULL OR (v.updated_at, v.uuid) < ($2, $3)) AND $4 IS $4 ",
    "ORDER BY v.updated_at DESC, v.uuid DESC LIMIT $5"
);

/// A version that is held back.
const ONE_HELD: &str = concat!(
    "SELECT ",
    held_columns!(),
    ", v.content FROM held_versions v JOIN namespaces n ON n.id = v.namespace WHERE v.uuid = $1 AND v.version = $2 ",
    "AND v.namespace NOT IN (SELECT namespace FROM ended_namespaces)"
);

/// A current version. There is no index of ids; this one has them, and is a fraction of the table.
const ONE_CURRENT: &str = concat!(
    "SELECT ",
    current_columns!(),
    ", v.content FROM entries v JOIN namespaces n ON n.id = v.namespace ",
    "WHERE v.id = (SELECT o.id FROM entries o INDEXED BY entries_recent WHERE o.uuid = $1) AND v.version = $2 ",
    "AND v.namespace NOT IN (SELECT namespace FROM ended_namespaces)"
);

/// A past version.
const ONE_PAST: &str = concat!(
    "SELECT ",
    review_columns!("e.uuid", "v.trust", "v.stored_at", "v.stored_at"),
    ", v.content FROM entries e JOIN namespaces n ON n.id = e.namespace ",
    "JOIN entry_versions v ON v.entry = e.id ",
    "WHERE e.id = (SELECT o.id FROM entries o INDEXED BY entries_recent WHERE o.uuid = $1) AND v.version = $2 ",
    "AND e.namespace NOT IN (SELECT namespace FROM ended_namespaces)"
);

fn read(row: &SqliteRow) -> Result<(Review, Veil), StorageError> {
    let mut columns = Columns::from(row, 0);
    let entry = columns.id(EntryId::from_bytes)?;
    let namespace = columns.parsed("a namespace", |text| text.parse::<Namespace>().ok())?;
    let veil = Veil::new(columns.take()?);
    let id = VersionId { entry, version: small(columns.take()?)? };
    let trust = columns.trust()?;
    let (since, at) = (columns.time()?, columns.time()?);
    let (principal, tool) = (columns.take()?, columns.take()?);
    let chars = small(columns.take()?)?;
    let facts = Known::uncover(&veil, columns.take()?)?;
    let origin = Origin { principal, agent_id: facts.origin_agent, tool, at };
    let label = Label { trust, origin, findings: facts.findings };
    let (key, agent_id, tags, metadata) = (facts.key, facts.agent, facts.tags, facts.metadata);
    Ok((Review { id, key, namespace, agent_id, tags, metadata, label, chars, since }, veil))
}

/// Where a version is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Held,
    Current,
    Past,
}

async fn find(
    connection: &mut sqlx::SqliteConnection,
    id: VersionId,
) -> Result<Option<(Place, SqliteRow)>, StorageError> {
    for (place, sql) in [(Place::Held, ONE_HELD), (Place::Current, ONE_CURRENT), (Place::Past, ONE_PAST)] {
        let asked = sqlx::query(sql).bind(id.entry.as_bytes().to_vec()).bind(id.version);
        if let Some(row) = asked.fetch_optional(&mut *connection).await.map_err(storage)? {
            return Ok(Some((place, row)));
        }
    }
    Ok(None)
}

#[async_trait]
impl ReviewStore for SqliteStore {
    async fn reviews(&self, _: &Scope, filter: ReviewFilter) -> Result<Reviews, StorageError> {
        let sql = if filter.trust.is_held() { HELD } else { CURRENT };
        let question = sqlx::query(sql)
            .bind(filter.trust.as_str())
            .bind(filter.after.map(|after| after.since.as_millis()))
            .bind(filter.after.map(|after| after.id.entry.as_bytes().to_vec()))
            .bind(filter.after.map(|after| after.id.version))
            .bind(i64::from(filter.limit) + 1);
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        let reviews = rows.iter().map(|row| Ok(read(row)?.0)).collect::<Result<Vec<_>, StorageError>>();
        let mut reviews = reviews?;
        let more = reviews.len() > filter.limit as usize;
        reviews.truncate(filter.limit as usize);
        let next = reviews.last().filter(|_| more);
        let next = next.map(|last| ReviewPosition { since: last.since, id: last.id });
        Ok(Reviews { reviews, next })
    }

    async fn review(&self, _: &Scope, id: VersionId) -> Result<Option<(Review, String)>, StorageError> {
        let mut reader = self.reader().await?;
        let Some((_, row)) = find(reader.connection()?, id).await? else { return Ok(None) };
        let (review, veil) = read(&row)?;
        let content = Columns::from(&row, COLUMNS).covered("a content", &veil, Some)?;
        Ok(Some((review, content)))
    }

    async fn decide(
        &self,
        scope: &Scope,
        id: VersionId,
        to: Trust,
        pending: Pending,
    ) -> Result<Option<Review>, StorageError> {
        let mut write = self.write().await?;
        let decided = self.decide_in(&mut write, scope, id, to).await;
        write.finish(decided, pending).await
    }

    async fn revoke_origin(
        &self,
        scope: &Scope,
        origin: &OriginFilter,
        pending: Option<Pending>,
    ) -> Result<Revocation, StorageError> {
        let mut write = self.write().await?;
        let revoked = revoke::revoke(&mut write, self.index, scope, origin).await;
        let Some(pending) = pending else {
            write.rollback().await;
            return revoked;
        };
        match revoked {
            Ok(done) => {
                let counts = vec![("revoked", done.revoked), ("quarantined", done.quarantined)];
                write.commit(&pending.close(Outcome::Ok, counts)).await?;
                self.try_truncate_log().await;
                Ok(done)
            }
            Err(error) => write.undo(error).await,
        }
    }

    async fn readers(&self, _: &Scope, origin: &OriginFilter) -> Result<Readers, StorageError> {
        let mut reader = self.reader().await?;
        revoke::readers(reader.connection()?, origin).await
    }

    async fn sessions_of(&self, _: &Scope, principal: &str) -> Result<Vec<SessionId>, StorageError> {
        let mut reader = self.reader().await?;
        let asked = sqlx::query(SESSIONS_OF).bind(principal.to_owned());
        let rows = asked.fetch_all(reader.connection()?).await.map_err(storage)?;
        rows.iter().map(|row| Ok(SessionId::from_bytes(uuid(Columns::from(row, 0).take()?)?))).collect()
    }

    async fn forget(
        &self,
        _: &Scope,
        origin: &OriginFilter,
        pending: Option<Pending>,
    ) -> Result<(Forgotten, Option<Recorded>), StorageError> {
        let mut write = self.write().await?;
        let forgotten = revoke::forget(&mut write, self.index, origin).await;
        let Some(pending) = pending else {
            write.rollback().await;
            return Ok((forgotten?, None));
        };
        match forgotten {
            Ok(done) => {
                let recorded = write.commit_showing(&pending.close(Outcome::Ok, done.counts())).await?;
                self.try_truncate_log().await;
                Ok((done, Some(recorded)))
            }
            Err(error) => write.undo(error).await,
        }
    }

    async fn expire(&self, _: &Scope, before: Timestamp, pending: Pending) -> Result<u64, StorageError> {
        let mut write = self.write().await?;
        match revoke::expire(&mut write, self.index, before).await {
            Ok(0) => {
                write.rollback().await;
                Ok(0)
            }
            Ok(removed) => {
                write.commit(&pending.close(Outcome::Ok, vec![("entries", removed)])).await?;
                self.try_truncate_log().await;
                Ok(removed)
            }
            Err(error) => write.undo(error).await,
        }
    }
}

impl SqliteStore {
    async fn decide_in(
        &self,
        write: &mut Write<'_>,
        scope: &Scope,
        id: VersionId,
        to: Trust,
    ) -> Result<Option<Review>, StorageError> {
        let Some((place, row)) = find(write.connection()?, id).await? else { return Ok(None) };
        let (mut review, _) = read(&row)?;
        let is = review.label.trust;
        if !is.can_become(to) {
            return Err(StorageError::State { what: "version", is: is.as_str(), to: to.as_str() });
        }
        match (place, to.is_held()) {
            (Place::Held, true) => entry::hold_otherwise(write, id, to).await?,
            (Place::Held, false) => entry::put_back(write, self.index, id).await?,
            (Place::Current | Place::Past, false) => {
                entry::approve(write, id, place == Place::Current).await?;
            }
            (Place::Current | Place::Past, true) => {
                entry::take_out_one(write, self.index, scope.at(), id, to).await?;
                review.since = scope.at();
            }
        }
        review.label.trust = to;
        Ok(Some(review))
    }
}
