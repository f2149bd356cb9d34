//! From a credential to a principal.

use agentstack_core::{AgentId, ApiToken, SharedName, Timestamp, TokenHash, TokenId};
use async_trait::async_trait;

use crate::{DirectoryUnavailable, Limits, Principal, Role};

/// What a token stands for, as it was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token's id.
    pub id: TokenId,
    /// Who shows it.
    pub subject: SharedName,
    /// Its role in the policy.
    pub role: Role,
    /// The one agent it speaks for, if it is bound to one.
    pub agent: Option<AgentId>,
    /// What it is good for.
    pub limits: Limits,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl Grant {
    /// Whether it gives nothing that the principal does not have. Only an operator grants another role than its own.
    #[must_use]
    pub fn is_within(&self, principal: &Principal) -> bool {
        (principal.is_operator() || self.role == principal.role())
            && principal.agent().is_none_or(|bound| self.agent.as_ref() == Some(bound))
            && self.limits.are_within(principal.limits())
    }

    /// Who calls with it.
    #[must_use]
    pub fn principal(&self) -> Principal {
        let principal = Principal::token(&self.subject, self.role).limited_to(self.limits.clone());
        match &self.agent {
            Some(agent) => principal.bound_to(agent.clone()),
            None => principal,
        }
    }
}

/// Where tokens are looked up.
#[async_trait]
pub trait TokenDirectory: Send + Sync {
    /// The grant of the token with this hash that is neither revoked nor expired at `now`. Never an old answer: a
    /// revocation that was acknowledged, in whatever process, holds from the next call on.
    ///
    /// # Errors
    /// When the tokens cannot be read.
    async fn grant(&self, token: &TokenHash, now: Timestamp) -> Result<Option<Grant>, DirectoryUnavailable>;
}

/// Why a credential was not accepted. The caller is told of all in the same words, save of what is not available and of
/// a good credential that grants nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unauthenticated {
    /// There is none.
    #[error("there is no credential")]
    Missing,
    /// It is not a token of ours: its form or its checksum is wrong.
    #[error("the credential is not a token of this product")]
    Malformed,
    /// No such token, or one that has expired or was revoked.
    #[error("the token is unknown, expired or revoked")]
    Unknown,
    /// A JSON Web Token that is not accepted. Holds the word for the audit log, and nothing of the token (S40).
    #[error("the issuer's token is not accepted: {0}")]
    Refused(&'static str),
    /// A good JSON Web Token in which the issuer grants no role here.
    #[error("the issuer's token grants no role")]
    NoRole,
    /// There are no keys by which to tell the issuer's tokens from others.
    #[error("the issuer's keys are not available")]
    IssuerUnavailable,
    /// The tokens could not be looked up.
    #[error(transparent)]
    Unavailable(#[from] DirectoryUnavailable),
}

impl Unauthenticated {
    /// The word under which the audit log keeps the reason.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Malformed => "token_malformed",
            Self::Unknown => "token_unknown",
            Self::Refused(reason) => reason,
            Self::NoRole => "jwt_scope",
            Self::IssuerUnavailable | Self::Unavailable(_) => "unavailable",
        }
    }
}

/// Turns a token into the principal it stands for.
///
/// # Errors
/// When it stands for none.
pub async fn authenticate(
    directory: &dyn TokenDirectory,
    token: &str,
    now: Timestamp,
) -> Result<Principal, Unauthenticated> {
    let token: ApiToken = token.parse().map_err(|_| Unauthenticated::Malformed)?;
    let hash = token.hash();
    let grant = directory.grant(&hash, now).await?;
    grant.map(|grant| grant.principal().showing(hash)).ok_or(Unauthenticated::Unknown)
}

/// Whether the token that a principal showed is still good; for calls that take long. Who showed none of ours, such as the
/// local user, is who it was.
///
/// # Errors
/// When the tokens cannot be read.
pub async fn is_still_authentic(
    directory: &dyn TokenDirectory,
    principal: &Principal,
    now: Timestamp,
) -> Result<bool, DirectoryUnavailable> {
    match principal.shown() {
        None => Ok(true),
        // A token that means something else now is not the one that was shown.
        Some(token) => {
            Ok(directory.grant(token, now).await?.is_some_and(|grant| grant.principal() == *principal))
        }
    }
}
