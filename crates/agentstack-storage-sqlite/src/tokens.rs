//! API tokens.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use agentstack_access::{DirectoryUnavailable, Grant, Limits, Scope, TokenDirectory};
use agentstack_audit::Outcome;
use agentstack_core::{Timestamp, TokenHash, TokenId};
use agentstack_storage::{Pending, StorageError, TokenStore};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::briefly::briefly;
use crate::error::storage;
use crate::row::{Columns, uuid};

macro_rules! columns {
    () => {
        "id, subject, role, agent, operations, namespaces, created_at, expires_at"
    };
}

const KEEP: &str =
    concat!("INSERT INTO tokens (hash, ", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");

/// The hash comes with the grant: it is compared again, in constant time.
pub(crate) const FIND: &str = concat!(
    "SELECT hash, ",
    columns!(),
    " FROM tokens WHERE hash = $1 AND (expires_at IS NULL OR expires_at > $2)"
);

pub(crate) const LIST: &str = concat!(
    "SELECT hash, ",
    columns!(),
    " FROM tokens WHERE ($1 IS NULL OR id < $1) ORDER BY id DESC LIMIT $2"
);

const FORGET: &str = "DELETE FROM tokens WHERE id = $1";

#[async_trait]
impl TokenStore for SqliteStore {
    async fn grant_token(
        &self,
        _: &Scope,
        hash: TokenHash,
        grant: Grant,
        pending: Pending,
    ) -> Result<(), StorageError> {
        let mut write = self.write().await?;
        let statement = sqlx::query(KEEP)
            .bind(hash.as_bytes().to_vec())
            .bind(grant.id.as_bytes().to_vec())
            .bind(grant.subject.to_string())
            .bind(grant.role.as_str())
            .bind(grant.agent.map(|agent| agent.to_string()))
            .bind(grant.limits.operations.as_deref().map(names_json))
            .bind(grant.limits.namespaces.as_deref().map(names_json))
            .bind(grant.created_at.as_millis())
            .bind(grant.expires_at.map(Timestamp::as_millis));
        if let Err(error) = write.run(statement).await {
            return write.undo(error).await;
        }
        write.commit(&pending.close(Outcome::Ok, vec![])).await
    }

    async fn revoke_token(&self, _: &Scope, id: TokenId, pending: Pending) -> Result<bool, StorageError> {
        let mut write = self.write().await?;
        match write.run(sqlx::query(FORGET).bind(id.as_bytes().to_vec())).await {
            Ok(0) => {
                write.rollback().await;
                Ok(false)
            }
            Ok(_) => write.commit(&pending.close(Outcome::Ok, vec![])).await.map(|()| true),
            Err(error) => write.undo(error).await,
        }
    }

    async fn tokens(
        &self,
        _: &Scope,
        before: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<Grant>, StorageError> {
        let question = sqlx::query(LIST).bind(before.map(|id| id.as_bytes().to_vec())).bind(limit);
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        rows.iter().map(grant).collect()
    }
}

#[async_trait]
impl TokenDirectory for SqliteStore {
    async fn grant(&self, token: &TokenHash, now: Timestamp) -> Result<Option<Grant>, DirectoryUnavailable> {
        self.find_grant(token, now).await.map_err(|error| DirectoryUnavailable(Box::new(error)))
    }
}

impl SqliteStore {
    async fn find_grant(&self, token: &TokenHash, now: Timestamp) -> Result<Option<Grant>, StorageError> {
        let version = self.known.version();
        if let Some(grant) = version.and_then(|version| self.known.grant(version, token)) {
            return Ok(Some(grant).filter(|grant| grant.expires_at.is_none_or(|end| end > now)));
        }
        let question = sqlx::query(FIND).bind(token.as_bytes().to_vec()).bind(now.as_millis());
        let row = {
            let mut reader = self.reader().await?;
            briefly(question.fetch_optional(reader.connection()?)).await.map_err(storage)?
        };
        let Some(row) = row else { return Ok(None) };
        let is_it = token.matches(row.try_get(0).map_err(storage)?);
        let found = is_it.then(|| grant(&row)).transpose()?;
        if let (Some(version), Some(grant)) = (version, &found) {
            self.known.keep_grant(version, token, grant);
        }
        Ok(found)
    }
}

/// hash, then [`columns!`].
fn grant(row: &SqliteRow) -> Result<Grant, StorageError> {
    let mut columns = Columns::from(row, 1);
    Ok(Grant {
        id: TokenId::from_bytes(uuid(columns.take()?)?),
        subject: columns.parsed("a token's subject", |text| text.parse().ok())?,
        role: columns.parsed("a token's role", |text| text.parse().ok())?,
        agent: columns.agent()?,
        limits: Limits { operations: names(&mut columns)?, namespaces: names(&mut columns)? },
        created_at: columns.time()?,
        expires_at: columns.take::<Option<i64>>()?.map(Timestamp::from_millis),
    })
}

fn names_json<T: ToString>(names: &BTreeSet<T>) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    serde_json::to_string(&names).unwrap_or_else(|_| "[]".into())
}

fn names<T: FromStr + Ord>(columns: &mut Columns<'_>) -> Result<Option<Arc<BTreeSet<T>>>, StorageError> {
    let Some(text) = columns.take::<Option<&str>>()? else { return Ok(None) };
    let parsed = serde_json::from_str::<Vec<String>>(text).ok();
    let parsed = parsed.and_then(|names| names.iter().map(|name| name.parse().ok()).collect());
    parsed.map(|names| Some(Arc::new(names))).ok_or_else(|| StorageError::damaged("what a token is good for"))
}
