//! Identities.

use agentstack_access::Scope;
use agentstack_audit::{Line, Outcome};
use agentstack_core::limits::IDENTITIES_PER_PRINCIPAL;
use agentstack_core::{AgentId, AgentType, Capability, Identity, IdentityId, IdentityStatus, Timestamp};
use agentstack_storage::{
    Identities, IdentityChange, IdentityFilter, IdentityRef, IdentityStore, Pending, StorageError,
};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::audit::line;
use crate::briefly::briefly;
use crate::error::storage;
use crate::row::{Columns, count, metadata_json, small};
use crate::write::{Statement, Write};

macro_rules! columns {
    () => {
        "i.uuid, i.owner, i.agent_type, i.status, i.version, i.display_name, i.description, i.capabilities, \
         i.metadata, i.created_at, i.updated_at, i.last_active_at, i.reason"
    };
}

/// Whether an identity is the caller's, `$1`, or the caller, if `$2`, may know all.
pub(crate) const BY_ID: &str =
    concat!("SELECT ", columns!(), " FROM identities i WHERE i.uuid = $3 AND ($2 OR i.owner = $1)");

/// The one that is not retired, else the one that was made last.
pub(crate) const BY_NAME: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM identities i WHERE i.id = coalesce(",
    "(SELECT l.id FROM identities l WHERE l.owner = $1 AND l.display_name = $2 AND l.status <> 'retired'), ",
    "(SELECT max(l.id) FROM identities l WHERE l.owner = $1 AND l.display_name = $2))"
);

/// Whether an identity is among those that are asked for.
macro_rules! passes {
    () => {
        "l.owner = $1 AND ($2 IS NULL OR l.status = $2) AND ($3 IS NULL OR l.agent_type = $3)"
    };
}

pub(crate) const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    ", (SELECT count(*) FROM identities l WHERE ",
    passes!(),
    ") FROM (SELECT 1) LEFT JOIN (SELECT l.id FROM identities l WHERE ",
    passes!(),
    " ORDER BY l.id DESC LIMIT $4 OFFSET $5) page LEFT JOIN identities i ON i.id = page.id ORDER BY page.id DESC"
);

/// Whether the name `$2` is taken by another than `$3`.
pub(crate) const TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM identities WHERE owner = $1 AND display_name = $2 \
     AND status <> 'retired' AND uuid <> $3)";

pub(crate) const LIVE: &str = "SELECT count(*) FROM identities WHERE owner = $1 AND status <> 'retired'";

const CREATE: &str = "INSERT INTO identities (uuid, owner, agent_type, status, version, created_at, updated_at, \
     last_active_at, display_name, description, capabilities, metadata, reason) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const CHANGE: &str = "UPDATE identities SET status = $2, version = $3, updated_at = $4, display_name = $5, description = $6, \
     capabilities = $7, metadata = $8, reason = $9 WHERE uuid = $1";

pub(crate) const LINES: &str = "SELECT sequence, body, hash FROM audit WHERE instr(body, '\"identityId\"') > 0 \
     AND body ->> 'identityId' = $1 ORDER BY sequence DESC LIMIT $2";

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn create_identity(
        &self,
        scope: &Scope,
        identity: Identity,
        pending: Pending,
    ) -> Result<(), StorageError> {
        let mut write = self.write().await?;
        match create(&mut write, scope, &identity).await {
            Ok(()) => write.commit(&pending.close(Outcome::Ok, vec![])).await,
            Err(error) => write.undo(error).await,
        }
    }

    async fn identity(&self, scope: &Scope, which: &IdentityRef) -> Result<Option<Identity>, StorageError> {
        let question = find(scope, which);
        let mut reader = self.reader().await?;
        let row = briefly(question.fetch_optional(reader.connection()?)).await.map_err(storage)?;
        row.as_ref().map(identity).transpose()
    }

    async fn identities(&self, scope: &Scope, filter: IdentityFilter) -> Result<Identities, StorageError> {
        let question = sqlx::query(LIST)
            .bind(scope.principal().name().to_owned())
            .bind(filter.status.map(IdentityStatus::as_str))
            .bind(filter.agent_type.as_ref().map(AgentType::to_string))
            .bind(filter.limit)
            .bind(filter.offset);
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        let mut listed = Identities::default();
        for row in &rows {
            listed.total = count(row.try_get(13).map_err(storage)?)?;
            // Without any there is a row all the same, which has the total.
            if row.try_get::<Option<&[u8]>, _>(0).map_err(storage)?.is_some() {
                listed.identities.push(identity(row)?);
            }
        }
        Ok(listed)
    }

    async fn change_identity(
        &self,
        scope: &Scope,
        id: IdentityId,
        change: IdentityChange,
        pending: Pending,
    ) -> Result<Option<Identity>, StorageError> {
        let mut write = self.write().await?;
        let changed = change_identity(&mut write, scope, id, change).await;
        write.finish(changed, pending).await
    }

    async fn identity_lines(
        &self,
        scope: &Scope,
        id: IdentityId,
        limit: u32,
    ) -> Result<Option<Vec<Line>>, StorageError> {
        let known = find(scope, &IdentityRef::Id(id));
        let mut reader = self.reader().await?;
        let known = known.fetch_optional(reader.connection()?).await.map_err(storage)?;
        if known.is_none() {
            return Ok(None);
        }
        // An identity never goes and never changes hands, so this needs no transaction.
        let lines = sqlx::query(LINES).bind(id.to_string()).bind(limit);
        let rows = lines.fetch_all(reader.connection()?).await.map_err(storage)?;
        rows.iter().map(line).collect::<Result<_, _>>().map(Some)
    }
}

fn find(scope: &Scope, which: &IdentityRef) -> Statement {
    let owner = scope.principal().name().to_owned();
    match which {
        IdentityRef::Id(id) => {
            sqlx::query(BY_ID).bind(owner).bind(scope.principal().is_operator()).bind(id.as_bytes().to_vec())
        }
        IdentityRef::Name(name) => sqlx::query(BY_NAME).bind(owner).bind(name.to_string()),
    }
}

/// [`columns!`].
fn identity(row: &SqliteRow) -> Result<Identity, StorageError> {
    let mut columns = Columns::from(row, 0);
    Ok(Identity {
        id: columns.id(IdentityId::from_bytes)?,
        owner: columns.take()?,
        agent_type: columns.word("an identity's type")?,
        status: columns.word("an identity's state")?,
        version: small(columns.take()?)?,
        display_name: columns.agent()?,
        description: columns.take()?,
        capabilities: columns.parsed("what an identity can do", |text| serde_json::from_str(text).ok())?,
        metadata: columns.metadata()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        last_active_at: columns.take::<Option<i64>>()?.map(Timestamp::from_millis),
        reason: columns.take()?,
    })
}

fn capabilities_json(capabilities: &[Capability]) -> String {
    serde_json::to_string(capabilities).unwrap_or_else(|_| "[]".into())
}

/// Fails if another identity of the owner, which is not retired, has the name.
async fn claim_name(
    write: &mut Write<'_>,
    owner: &str,
    name: Option<&AgentId>,
    id: IdentityId,
) -> Result<(), StorageError> {
    let question = sqlx::query(TAKEN)
        .bind(owner.to_owned())
        .bind(name.map(AgentId::to_string))
        .bind(id.as_bytes().to_vec());
    let row = briefly(question.fetch_one(write.connection()?)).await.map_err(storage)?;
    if row.try_get(0).map_err(storage)? { Err(StorageError::NameTaken) } else { Ok(()) }
}

async fn create(write: &mut Write<'_>, scope: &Scope, new: &Identity) -> Result<(), StorageError> {
    let owner = scope.principal().name();
    claim_name(write, owner, new.display_name.as_ref(), new.id).await?;
    let live = sqlx::query(LIVE).bind(owner.to_owned());
    let row = briefly(live.fetch_one(write.connection()?)).await.map_err(storage)?;
    if row.try_get::<i64, _>(0).map_err(storage)? >= i64::from(IDENTITIES_PER_PRINCIPAL) {
        return Err(StorageError::TooMany { what: "identities" });
    }
    write.run(insertion(new, owner)).await.map(drop)
}

/// What keeps a new identity.
pub(crate) fn insertion(new: &Identity, owner: &str) -> Statement {
    sqlx::query(CREATE)
        .bind(new.id.as_bytes().to_vec())
        .bind(owner.to_owned())
        .bind(new.agent_type.to_string())
        .bind(new.status.as_str())
        .bind(new.version)
        .bind(new.created_at.as_millis())
        .bind(new.updated_at.as_millis())
        .bind(new.last_active_at.map(Timestamp::as_millis))
        .bind(new.display_name.as_ref().map(AgentId::to_string))
        .bind(new.description.clone())
        .bind(capabilities_json(&new.capabilities))
        .bind(metadata_json(&new.metadata))
        .bind(new.reason.clone())
}

async fn change_identity(
    write: &mut Write<'_>,
    scope: &Scope,
    id: IdentityId,
    change: IdentityChange,
) -> Result<Option<Identity>, StorageError> {
    let question = find(scope, &IdentityRef::Id(id));
    let row = briefly(question.fetch_optional(write.connection()?)).await.map_err(storage)?;
    let Some(row) = row else { return Ok(None) };
    let mut changed = identity(&row)?;
    let is_final = changed.status == IdentityStatus::Retired && change.status.is_none();
    let (to, reason) = change.status.unwrap_or_else(|| (changed.status, changed.reason.clone()));
    if is_final || !changed.status.can_become(to) {
        let (is, to) = (changed.status.as_str(), to.as_str());
        return Err(StorageError::State { what: "identity", is, to });
    }
    changed.display_name = change.display_name.or(changed.display_name);
    // A retired one takes no name from others.
    if to != IdentityStatus::Retired {
        claim_name(write, &changed.owner, changed.display_name.as_ref(), id).await?;
    }
    changed.description = change.description.or(changed.description);
    changed.capabilities = change.capabilities.unwrap_or(changed.capabilities);
    changed.metadata = change.metadata.unwrap_or(changed.metadata);
    (changed.status, changed.reason) = (to, reason);
    changed.version = changed.version.saturating_add(1);
    changed.updated_at = scope.at();
    let changing = sqlx::query(CHANGE)
        .bind(id.as_bytes().to_vec())
        .bind(changed.status.as_str())
        .bind(changed.version)
        .bind(changed.updated_at.as_millis())
        .bind(changed.display_name.as_ref().map(AgentId::to_string))
        .bind(changed.description.clone())
        .bind(capabilities_json(&changed.capabilities))
        .bind(metadata_json(&changed.metadata))
        .bind(changed.reason.clone());
    write.run(changing).await?;
    Ok(Some(changed))
}
