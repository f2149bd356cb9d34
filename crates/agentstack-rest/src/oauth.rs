//! Tokens of an OAuth issuer: JSON Web Tokens by RFC 9068, verified with the issuer's keys, and the metadata by which a
//! client finds the issuer (RFC 9728), as MCP's authorization specification asks.
//!
//! **Invariant:** a token is only ever held against the issuer, the audience and the keys of the configuration. Nothing
//! in it is an address that is asked, and nothing of it is logged (S40).

mod claims;
mod fetch;
mod jws;
mod key_cache;
mod key_set;
mod metadata;

use std::path::PathBuf;
use std::sync::Arc;

use agentstack_access::{Principal, Unauthenticated};
use agentstack_api::{ErrorBody, ErrorCode};
use agentstack_core::Timestamp;
use axum::response::Response;
use bytes::Bytes;
use http::header;
use tokio::time::Instant;

use self::fetch::Source;
use self::jws::Jws;
use self::key_cache::{KeyCache, Unavailable};
use self::metadata::Challenges;
use crate::outbound::{Endpoint, EndpointProblem, WebAddress};
use crate::problem::problem;

pub(crate) use self::metadata::{MCP_PATH, PATH};

/// The issuer whose tokens are accepted.
#[derive(Debug, Clone)]
pub struct OAuthSettings {
    /// What its tokens must have as `iss`, to the letter.
    pub issuer: String,
    /// What they must have in `aud`: the address by which clients know this server.
    pub audience: String,
    /// Where its keys are.
    pub keys: OAuthKeys,
}

/// Where the keys of an issuer are, as a JWK set.
#[derive(Debug, Clone)]
pub enum OAuthKeys {
    /// They are fetched from this address.
    Uri(String),
    /// They are in this file of the user or of root, which nobody else may be able to write to.
    File(PathBuf),
}

impl OAuthSettings {
    /// Whether a text can stand for issuer, audience or the address of keys: `https://`, or `http://` of this machine,
    /// without user name, query and fragment.
    #[must_use]
    pub fn is_address(text: &str) -> bool {
        WebAddress::parse(text).is_some()
    }
}

/// Why the issuer's tokens cannot be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthProblem {
    /// An address is not safe, or none.
    #[error(
        "`{field}` must be an https:// address, or an http:// one of this machine, without user name, query and fragment"
    )]
    Address {
        /// Of what.
        field: &'static str,
    },
    /// The file of keys.
    #[error("{} holds no keys of an issuer", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is nobody to believe that the issuer is the issuer.
    #[error(transparent)]
    Endpoint(#[from] EndpointProblem),
}

/// What verifies an issuer's tokens.
#[derive(Debug)]
pub(crate) struct ResourceServer {
    issuer: String,
    audience: String,
    keys: Arc<KeyCache>,
    pub(crate) metadata: Bytes,
    challenges: Challenges,
}

impl ResourceServer {
    /// Reads a file of keys now, so that a start with a wrong one fails. An issuer that does not answer now may do so
    /// when it is needed.
    pub(crate) fn new(settings: &OAuthSettings) -> Result<Self, OAuthProblem> {
        let parsed = |text: &str, field| WebAddress::parse(text).ok_or(OAuthProblem::Address { field });
        parsed(&settings.issuer, "issuer")?;
        let resource = parsed(&settings.audience, "audience")?;
        let challenges = Challenges::new(&resource).ok_or(OAuthProblem::Address { field: "audience" })?;
        let source = match &settings.keys {
            OAuthKeys::File(path) => {
                let problem = |source| OAuthProblem::File { path: path.clone(), source: Box::new(source) };
                fetch::read(path, None).map_err(problem)?;
                Source::File(path.clone())
            }
            OAuthKeys::Uri(uri) => {
                let address = parsed(uri, "jwksUri")?;
                Source::Web(Endpoint::new(address)?)
            }
        };
        let metadata = metadata::document(&settings.issuer, &settings.audience);
        let (issuer, audience) = (settings.issuer.clone(), settings.audience.clone());
        Ok(Self { issuer, audience, keys: KeyCache::new(source), metadata, challenges })
    }

    /// The answer to who was not let in: it says where tokens are to be had, or which one would do.
    pub(crate) fn refusal(&self, error: &ErrorBody) -> Response {
        let mut response = problem(error);
        let challenge = match error.code() {
            ErrorCode::Unauthenticated => &self.challenges.unauthenticated,
            ErrorCode::Forbidden => &self.challenges.insufficient,
            _ => return response,
        };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.clone());
        response
    }

    /// Who a token stands for at `now`.
    ///
    /// # Errors
    /// When it stands for nobody, or grants nothing, or there are no keys to tell.
    pub(crate) async fn principal(&self, token: &str, now: Timestamp) -> Result<Principal, Unauthenticated> {
        let token = Jws::read(token).map_err(Unauthenticated::Refused)?;
        let keys = self.keys.with(&token.key_id, token.algorithm, Instant::now()).await;
        let keys = keys.map_err(|Unavailable| Unauthenticated::IssuerUnavailable)?;
        let claims = token.verified(&keys).map_err(Unauthenticated::Refused)?;
        let subject =
            claims::check(&claims, &self.issuer, &self.audience, now).map_err(Unauthenticated::Refused)?;
        let role = subject.role.ok_or(Unauthenticated::NoRole)?;
        Ok(Principal::oauth(&self.issuer, subject.name, role))
    }
}

#[cfg(test)]
mod tests;
