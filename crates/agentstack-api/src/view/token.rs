//! The answers about tokens.

use std::collections::BTreeSet;
use std::sync::Arc;

use agentstack_access::Grant;
use agentstack_core::{AgentId, ApiToken, SharedName, Timestamp, TokenId};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// A token, without the token.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// Its id.
    #[schemars(with = "String")]
    pub id: TokenId,
    /// Who shows it.
    #[schemars(with = "String")]
    pub subject: SharedName,
    /// Its role in the policy.
    #[schemars(extend("enum" = ["operator", "developer", "viewer", "agent"]))]
    pub role: &'static str,
    /// The one agent it speaks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub agent_id: Option<AgentId>,
    /// The operations it is good for; all that its role may do, if absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "names")]
    #[schemars(with = "Option<Vec<String>>")]
    pub operations: Option<Arc<BTreeSet<String>>>,
    /// The shared namespaces it reaches; all that its role may, if absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "names")]
    #[schemars(with = "Option<Vec<String>>")]
    pub namespaces: Option<Arc<BTreeSet<SharedName>>>,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<Timestamp>,
}

#[expect(clippy::ref_option, reason = "serde passes it so")]
fn names<T: Serialize, S: Serializer>(
    names: &Option<Arc<BTreeSet<T>>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    names.as_deref().serialize(serializer)
}

impl From<Grant> for TokenView {
    fn from(grant: Grant) -> Self {
        Self {
            id: grant.id,
            subject: grant.subject,
            role: grant.role.as_str(),
            agent_id: grant.agent,
            operations: grant.limits.operations,
            namespaces: grant.limits.namespaces,
            created_at: grant.created_at,
            expires_at: grant.expires_at,
        }
    }
}

/// Answer of `token_create`.
#[derive(Serialize, JsonSchema)]
pub struct CreateTokenView {
    /// True.
    pub success: bool,
    /// The token itself, which no other answer shows.
    #[serde(serialize_with = "reveal")]
    #[schemars(with = "String")]
    pub secret: ApiToken,
    /// What it stands for.
    pub token: TokenView,
}

/// The one answer that shows the token.
fn reveal<S: Serializer>(token: &ApiToken, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.reveal())
}

impl CreateTokenView {
    /// A token that has been made.
    #[must_use]
    pub fn new(secret: ApiToken, grant: Grant) -> Self {
        Self { success: true, secret, token: grant.into() }
    }
}

/// Answer of `token_list`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListTokensView {
    /// How many this answer shows.
    pub count: usize,
    /// The tokens.
    pub tokens: Vec<TokenView>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub next_cursor: Option<TokenId>,
}

/// Answer of `token_revoke`.
#[derive(Serialize, JsonSchema)]
pub struct RevokeTokenView {
    /// True.
    pub success: bool,
}
