//! API tokens.

use agentstack_access::{DirectoryUnavailable, Grant, Scope, TokenDirectory};
use agentstack_audit::Outcome;
use agentstack_core::{Timestamp, TokenHash, TokenId};
use async_trait::async_trait;

use super::ReferenceStore;
use crate::{Pending, StorageError, TokenStore};

#[async_trait]
impl TokenStore for ReferenceStore {
    async fn grant_token(
        &self,
        _: &Scope,
        hash: TokenHash,
        grant: Grant,
        pending: Pending,
    ) -> Result<(), StorageError> {
        let mut state = self.state()?;
        state.tokens.push((hash, grant));
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(())
    }

    async fn revoke_token(&self, _: &Scope, id: TokenId, pending: Pending) -> Result<bool, StorageError> {
        let mut state = self.state()?;
        let before = state.tokens.len();
        state.tokens.retain(|(_, grant)| grant.id != id);
        let revoked = state.tokens.len() < before;
        if revoked {
            state.append(&pending.close(Outcome::Ok, vec![]));
        }
        Ok(revoked)
    }

    async fn tokens(
        &self,
        _: &Scope,
        before: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<Grant>, StorageError> {
        let state = self.state()?;
        let older = state.tokens.iter().filter(|(_, grant)| before.is_none_or(|before| grant.id < before));
        let mut grants: Vec<Grant> = older.map(|(_, grant)| grant.clone()).collect();
        grants.sort_by_key(|grant| std::cmp::Reverse(grant.id));
        grants.truncate(limit as usize);
        Ok(grants)
    }
}

#[async_trait]
impl TokenDirectory for ReferenceStore {
    async fn grant(&self, token: &TokenHash, now: Timestamp) -> Result<Option<Grant>, DirectoryUnavailable> {
        let state = self.state().map_err(|error| DirectoryUnavailable(Box::new(error)))?;
        let known = state.tokens.iter().find(|(hash, _)| token.matches(hash.as_bytes()));
        let alive = known.filter(|(_, grant)| grant.expires_at.is_none_or(|end| end > now));
        Ok(alive.map(|(_, grant)| grant.clone()))
    }
}
