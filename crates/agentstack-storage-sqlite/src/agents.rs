//! Agents of sessions.

use agentstack_access::Scope;
use agentstack_core::limits::AGENTS_PER_SESSION;
use agentstack_core::{Agent, AgentInstanceId, AgentStatus, AgentUsage, IdentityId, IdentityStatus};
use agentstack_storage::{AgentChange, AgentRef, AgentStore, Agents, NewAgent, Pending, StorageError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::briefly::briefly;
use crate::error::storage;
use crate::index::text_hash;
use crate::row::{Columns, count, metadata_json, parse_metadata};
use crate::write::{Held, Statement, Write, held, scoped};

/// What [`Found`] and [`agent`] read.
macro_rules! columns {
    () => {
        "held.id, held.secret, a.id, a.uuid, a.agent_type, a.name, a.status, a.identity, a.metadata, a.created_at, \
         a.updated_at, a.operations, a.tokens, a.subtasks, a.result_at"
    };
}

pub(crate) const BY_ID: &str = concat!(
    held!(),
    " SELECT ",
    columns!(),
    " FROM held LEFT JOIN agents a ON a.namespace = held.id AND a.uuid = $4"
);

/// The one that has not stopped, else the one that was spawned last.
pub(crate) const BY_NAME: &str = concat!(
    held!(),
    " SELECT ",
    columns!(),
    " FROM held LEFT JOIN agents a ON a.id = coalesce(",
    "(SELECT l.id FROM agents l WHERE l.namespace = held.id AND l.name_hash = $4 AND l.status <> 'stopped'), ",
    "(SELECT max(l.id) FROM agents l WHERE l.namespace = held.id AND l.name_hash = $4))"
);

pub(crate) const LIST: &str = concat!(
    held!(),
    " SELECT ",
    columns!(),
    ", (SELECT count(*) FROM agents WHERE namespace = (SELECT id FROM held)) FROM held LEFT JOIN ",
    "(SELECT id FROM agents WHERE namespace = (SELECT id FROM held) ORDER BY id DESC LIMIT $4) page ",
    "LEFT JOIN agents a ON a.id = page.id ORDER BY page.id DESC"
);

/// Whether the name `$4` is taken, how many agents have not stopped, and how many there are.
pub(crate) const CROWD: &str = concat!(
    held!(),
    " SELECT held.id, held.secret, EXISTS (SELECT 1 FROM agents a WHERE a.namespace = held.id AND a.name_hash = $4 ",
    "AND a.status <> 'stopped'), ",
    "(SELECT count(*) FROM agents a WHERE a.namespace = held.id AND a.status <> 'stopped'), ",
    "(SELECT count(*) FROM agents a WHERE a.namespace = held.id) FROM held"
);

const SPAWN: &str = "INSERT INTO agents (namespace, uuid, status, operations, tokens, subtasks, result_at, created_at, \
     updated_at, identity, name_hash, name, agent_type, metadata) \
     VALUES ($1, $2, $3, 0, 0, 0, $4, $4, $4, $5, $6, $7, $8, $9)";

pub(crate) const IDENTITY: &str = "SELECT status FROM identities WHERE uuid = $1 AND owner = $2";

const USE_IDENTITY: &str = "UPDATE identities SET last_active_at = $2 WHERE uuid = $1";

const CHANGE: &str = "UPDATE agents SET status = $2, updated_at = $3, operations = $4, tokens = $5, subtasks = $6, \
     result_at = $7 WHERE id = $1";

#[async_trait]
impl AgentStore for SqliteStore {
    async fn spawn(&self, scope: &Scope, new: NewAgent, pending: Pending) -> Result<Agent, StorageError> {
        let mut write = self.write().await?;
        let spawned = spawn(&mut write, scope, new).await.map(Some);
        let spawned = write.finish(spawned, pending).await?;
        spawned.ok_or_else(|| StorageError::damaged("an agent that was spawned"))
    }

    async fn agent(&self, scope: &Scope, which: &AgentRef) -> Result<Option<Agent>, StorageError> {
        let question = find(scope, which);
        let mut reader = self.reader().await?;
        let row = briefly(question.fetch_optional(reader.connection()?)).await.map_err(storage)?;
        Ok(Found::read(&row.ok_or(StorageError::SessionGone)?)?.map(|found| found.agent))
    }

    async fn agents(&self, scope: &Scope, limit: u32) -> Result<Agents, StorageError> {
        let question = scoped(LIST, scope).bind(limit);
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        let total = rows.first().ok_or(StorageError::SessionGone)?;
        let total = count(Columns::from(total, 15).take()?)?;
        // Without any there is a row all the same, which says so.
        let found: Result<Vec<_>, _> = rows.iter().map(Found::read).collect();
        Ok(Agents { total, agents: found?.into_iter().flatten().map(|found| found.agent).collect() })
    }

    async fn change_agent(
        &self,
        scope: &Scope,
        which: &AgentRef,
        change: AgentChange,
        pending: Pending,
    ) -> Result<Option<Agent>, StorageError> {
        let mut write = self.write().await?;
        let changed = change_agent(&mut write, scope, which, change).await;
        write.finish(changed, pending).await
    }
}

fn find(scope: &Scope, which: &AgentRef) -> Statement {
    match which {
        AgentRef::Id(id) => scoped(BY_ID, scope).bind(id.as_bytes().to_vec()),
        AgentRef::Name(name) => scoped(BY_NAME, scope).bind(text_hash(name.as_str())),
    }
}

/// An agent and its place.
pub(crate) struct Found {
    row: i64,
    pub(crate) agent: Agent,
}

impl Found {
    /// [`columns!`].
    fn read(row: &SqliteRow) -> Result<Option<Self>, StorageError> {
        let mut columns = Columns::from(row, 0);
        let held = Held::read(&mut columns)?;
        let Some(row) = columns.take::<Option<i64>>()? else { return Ok(None) };
        Ok(Some(Self { row, agent: agent(&mut columns, &held)? }))
    }
}

/// [`columns!`] after the first three.
fn agent(columns: &mut Columns<'_>, held: &Held) -> Result<Agent, StorageError> {
    Ok(Agent {
        id: columns.id(AgentInstanceId::from_bytes)?,
        agent_type: columns.covered("an agent's type", &held.veil, |text| text.parse().ok())?,
        name: columns.covered("an agent's name", &held.veil, |text| text.parse().ok())?,
        status: columns.word("an agent's state")?,
        identity: columns.optional_id(IdentityId::from_bytes)?,
        metadata: columns.covered("a metadata object", &held.veil, |text| parse_metadata(&text))?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        usage: AgentUsage {
            operations: count(columns.take()?)?,
            tokens: count(columns.take()?)?,
            subtasks: count(columns.take()?)?,
            result_at: columns.time()?,
        },
    })
}

/// An agent of the scope's session, in the transaction.
pub(crate) async fn find_agent(
    write: &mut Write<'_>,
    scope: &Scope,
    which: &AgentRef,
) -> Result<Option<Found>, StorageError> {
    let question = find(scope, which);
    let row = briefly(question.fetch_optional(write.connection()?)).await.map_err(storage)?;
    Found::read(&row.ok_or(StorageError::SessionGone)?)
}

async fn spawn(write: &mut Write<'_>, scope: &Scope, new: NewAgent) -> Result<Agent, StorageError> {
    let name_hash = text_hash(new.name.as_str());
    let question = scoped(CROWD, scope).bind(name_hash.clone());
    let row = briefly(question.fetch_optional(write.connection()?)).await.map_err(storage)?;
    let row = row.ok_or(StorageError::SessionGone)?;
    let mut columns = Columns::from(&row, 0);
    let held = Held::read(&mut columns)?;
    if columns.take()? {
        return Err(StorageError::NameTaken);
    }
    let (live, all) = (count(columns.take()?)?, count(columns.take()?)?);
    if live >= u64::from(new.most) || all >= u64::from(AGENTS_PER_SESSION) {
        return Err(StorageError::TooMany { what: "agents" });
    }
    if let Some(identity) = new.identity {
        use_identity(write, scope, identity).await?;
    }
    let agent = Agent {
        id: new.id,
        agent_type: new.agent_type,
        name: new.name,
        status: AgentStatus::Idle,
        identity: new.identity,
        metadata: new.metadata,
        created_at: scope.at(),
        updated_at: scope.at(),
        usage: AgentUsage::none(scope.at()),
    };
    let spawning = sqlx::query(SPAWN)
        .bind(held.namespace)
        .bind(agent.id.as_bytes().to_vec())
        .bind(agent.status.as_str())
        .bind(scope.at().as_millis())
        .bind(agent.identity.map(|id| id.as_bytes().to_vec()))
        .bind(name_hash)
        .bind(held.veil.cover(agent.name.as_str())?)
        .bind(held.veil.cover(agent.agent_type.as_str())?)
        .bind(held.veil.cover(&metadata_json(&agent.metadata))?);
    write.run(spawning).await?;
    Ok(agent)
}

/// Notes that an agent is spawned with an identity, if that may be.
async fn use_identity(write: &mut Write<'_>, scope: &Scope, id: IdentityId) -> Result<(), StorageError> {
    let bytes = id.as_bytes().to_vec();
    let question = sqlx::query(IDENTITY).bind(bytes.clone()).bind(scope.principal().name().to_owned());
    let row = briefly(question.fetch_optional(write.connection()?)).await.map_err(storage)?;
    let row = row.ok_or(StorageError::Missing)?;
    let status: IdentityStatus = Columns::from(&row, 0).word("an identity's state")?;
    if status != IdentityStatus::Active {
        let (is, to) = (status.as_str(), IdentityStatus::Active.as_str());
        return Err(StorageError::State { what: "identity", is, to });
    }
    write.run(sqlx::query(USE_IDENTITY).bind(bytes).bind(scope.at().as_millis())).await.map(drop)
}

async fn change_agent(
    write: &mut Write<'_>,
    scope: &Scope,
    which: &AgentRef,
    change: AgentChange,
) -> Result<Option<Agent>, StorageError> {
    let Some(Found { row, mut agent }) = find_agent(write, scope, which).await? else { return Ok(None) };
    if !agent.status.can_become(change.to) {
        let (is, to) = (agent.status.as_str(), change.to.as_str());
        return Err(StorageError::State { what: "agent", is, to });
    }
    if agent.status != change.to {
        (agent.status, agent.updated_at) = (change.to, scope.at());
    }
    if change.renew {
        agent.usage = AgentUsage::none(scope.at());
    }
    agent.usage.tokens = agent.usage.tokens.saturating_add(change.tokens);
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let changing = sqlx::query(CHANGE)
        .bind(row)
        .bind(agent.status.as_str())
        .bind(agent.updated_at.as_millis())
        .bind(number(agent.usage.operations))
        .bind(number(agent.usage.tokens))
        .bind(number(agent.usage.subtasks))
        .bind(agent.usage.result_at.as_millis());
    write.run(changing).await?;
    Ok(Some(agent))
}
