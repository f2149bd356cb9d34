//! Tokens: create, list, revoke.

use agentstack_access::{Denial, Grant, Scope};
use agentstack_api::command::{CreateToken, ListTokens, RevokeToken};
use agentstack_api::view::{CreateTokenView, ListTokensView, RevokeTokenView, TokenView};
use agentstack_core::{ApiToken, TokenId};
use agentstack_storage::Pending;

use crate::Engine;
use crate::failure::Failure;

impl Engine {
    pub(crate) async fn create_token(
        &self,
        scope: &Scope,
        command: CreateToken,
        pending: Pending,
    ) -> Result<CreateTokenView, Failure> {
        let expires_at =
            command.expires_in_seconds.map(|seconds| scope.at().plus_millis(i64::from(seconds) * 1_000));
        let grant = Grant {
            id: TokenId::generate(),
            subject: command.subject,
            role: command.role,
            agent: command.agent,
            limits: command.limits,
            created_at: scope.at(),
            expires_at,
        };
        // Or a credential that is good for little could get one that is good for more.
        if !grant.is_within(scope.principal()) {
            return Err(Denial::Forbidden { permission: scope.operation().name }.into());
        }
        let token = ApiToken::generate()?;
        self.store().grant_token(scope, token.hash(), grant.clone(), pending).await?;
        Ok(CreateTokenView::new(token, grant))
    }

    pub(crate) async fn list_tokens(
        &self,
        scope: &Scope,
        command: &ListTokens,
    ) -> Result<ListTokensView, Failure> {
        let mut grants = self.store().tokens(scope, command.before, command.limit + 1).await?;
        let more = grants.len() > command.limit as usize;
        grants.truncate(command.limit as usize);
        let next_cursor = grants.last().filter(|_| more).map(|grant| grant.id);
        let tokens: Vec<TokenView> = grants.into_iter().map(TokenView::from).collect();
        Ok(ListTokensView { count: tokens.len(), tokens, next_cursor })
    }

    pub(crate) async fn revoke_token(
        &self,
        scope: &Scope,
        command: &RevokeToken,
        pending: Pending,
    ) -> Result<RevokeTokenView, Failure> {
        // Who mistypes an id must not believe that the token is gone.
        let revoked = self.store().revoke_token(scope, command.id, pending).await?;
        if revoked { Ok(RevokeTokenView { success: true }) } else { Err(Failure::Absent) }
    }
}
