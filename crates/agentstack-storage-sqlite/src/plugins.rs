//! The registry of plugins.

use agentstack_access::Scope;
use agentstack_audit::Outcome;
use agentstack_core::{PluginName, Timestamp};
use agentstack_storage::plugin::PLUGINS;
use agentstack_storage::{Pending, PluginRecord, PluginState, PluginStore, StorageError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::briefly::briefly;
use crate::error::storage;
use crate::row::Columns;
use crate::write::Write;

macro_rules! columns {
    () => {
        "name, version, hash, signer, grants, state, installed_at, loaded_at"
    };
}

pub(crate) const FIND: &str = concat!("SELECT ", columns!(), " FROM plugins WHERE name = $1");
pub(crate) const LIST: &str = concat!("SELECT ", columns!(), " FROM plugins ORDER BY name");
const COUNT: &str = "SELECT count(*) FROM plugins";
const KEEP: &str = concat!(
    "INSERT INTO plugins (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO UPDATE SET version = excluded.version, ",
    "hash = excluded.hash, signer = excluded.signer, grants = excluded.grants, state = excluded.state, ",
    "installed_at = excluded.installed_at, loaded_at = excluded.loaded_at"
);
pub(crate) const LOADED: &str = "UPDATE plugins SET loaded_at = $3 WHERE name = $1 AND hash = $2";

#[async_trait]
impl PluginStore for SqliteStore {
    async fn plugin(&self, _: &Scope, name: &PluginName) -> Result<Option<PluginRecord>, StorageError> {
        let question = sqlx::query(FIND).bind(name.to_string());
        let row = {
            let mut reader = self.reader().await?;
            briefly(question.fetch_optional(reader.connection()?)).await.map_err(storage)?
        };
        row.as_ref().map(plugin).transpose()
    }

    async fn plugins(&self, _: &Scope) -> Result<Vec<PluginRecord>, StorageError> {
        let mut reader = self.reader().await?;
        let rows = sqlx::query(LIST).fetch_all(reader.connection()?).await.map_err(storage)?;
        rows.iter().map(plugin).collect()
    }

    async fn change_plugin(
        &self,
        _: &Scope,
        seen: Option<&PluginRecord>,
        next: PluginRecord,
        pending: Pending,
    ) -> Result<(), StorageError> {
        let mut write = self.write().await?;
        if let Err(error) = may_follow(&mut write, seen, &next).await {
            return write.undo(error).await;
        }
        let statement = sqlx::query(KEEP)
            .bind(next.name.to_string())
            .bind(next.version)
            .bind(next.hash.to_vec())
            .bind(next.signer.to_vec())
            .bind(next.grants)
            .bind(next.state.as_str())
            .bind(next.installed_at.as_millis())
            .bind(next.loaded_at.map(Timestamp::as_millis));
        if let Err(error) = write.run(statement).await {
            return write.undo(error).await;
        }
        write.commit(&pending.close(Outcome::Ok, vec![])).await
    }

    async fn note_plugin_load(
        &self,
        scope: &Scope,
        name: &PluginName,
        hash: &[u8; 32],
        pending: Pending,
    ) -> Result<(), StorageError> {
        let mut write = self.write().await?;
        let statement =
            sqlx::query(LOADED).bind(name.to_string()).bind(hash.to_vec()).bind(scope.at().as_millis());
        if let Err(error) = write.run(statement).await {
            return write.undo(error).await;
        }
        write.commit(&pending.close(Outcome::Ok, vec![])).await
    }
}

/// Proves in the transaction that the registry is as it was seen, and has room.
async fn may_follow(
    write: &mut Write<'_>,
    seen: Option<&PluginRecord>,
    next: &PluginRecord,
) -> Result<(), StorageError> {
    let question = sqlx::query(FIND).bind(next.name.to_string());
    let there = briefly(question.fetch_optional(write.connection()?)).await.map_err(storage)?;
    match (there.as_ref().map(plugin).transpose()?, seen) {
        (Some(there), Some(seen)) if there.says_the_same(seen) => return Ok(()),
        (None, None) => {}
        _ => return Err(StorageError::Changed),
    }
    let count = briefly(sqlx::query_scalar(COUNT).fetch_one(write.connection()?)).await;
    let count: i64 = count.map_err(storage)?;
    if usize::try_from(count).is_ok_and(|count| count < PLUGINS) {
        Ok(())
    } else {
        Err(StorageError::TooMany { what: "plugins" })
    }
}

/// [`columns!`].
fn plugin(row: &SqliteRow) -> Result<PluginRecord, StorageError> {
    let mut columns = Columns::from(row, 0);
    let state = |word: &str| PluginState::ALL.into_iter().find(|state| state.as_str() == word);
    Ok(PluginRecord {
        name: columns.word("a plugin's name")?,
        version: columns.take()?,
        hash: bytes(columns.take()?)?,
        signer: bytes(columns.take()?)?,
        grants: columns.take()?,
        state: columns.parsed("a plugin's state", state)?,
        installed_at: columns.time()?,
        loaded_at: columns.take::<Option<i64>>()?.map(Timestamp::from_millis),
    })
}

fn bytes<const N: usize>(bytes: &[u8]) -> Result<[u8; N], StorageError> {
    bytes.try_into().map_err(|_| StorageError::damaged("a plugin's hash or signer"))
}
