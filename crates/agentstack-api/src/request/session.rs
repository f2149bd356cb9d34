//! The requests about sessions.

use agentstack_access::Claim;
use agentstack_core::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exact;
use super::fields::{metadata, session_claim, text};
use crate::InputError;
use crate::command::{ActiveSessions, EndSession, SessionStatus, StartSession};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct StartSessionRequest {
    #[schemars(extend("x-exact" = exact::metadata()))]
    metadata: Option<Map<String, Value>>,
    /// To enter a session of yours again
    #[schemars(extend("x-exact" = exact::resume_token()))]
    resume_token: Option<String>,
    #[garde(range(min = limits::SESSION_TTL_MIN_SECONDS, max = limits::SESSION_TTL_MAX_SECONDS))]
    ttl_seconds: Option<u32>,
}

impl TryFrom<StartSessionRequest> for StartSession {
    type Error = InputError;

    fn try_from(request: StartSessionRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: Claim::none(),
            metadata: metadata(request.metadata)?,
            resume_token: request.resume_token.map(|token| text("resumeToken", &token)).transpose()?,
            ttl_seconds: request.ttl_seconds,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct EndSessionRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
}

impl TryFrom<EndSessionRequest> for EndSession {
    type Error = InputError;

    fn try_from(request: EndSessionRequest) -> Result<Self, InputError> {
        Ok(Self { claim: session_claim(&request.session_id)? })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct SessionStatusRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
}

impl TryFrom<SessionStatusRequest> for SessionStatus {
    type Error = InputError;

    fn try_from(request: SessionStatusRequest) -> Result<Self, InputError> {
        Ok(Self { claim: session_claim(&request.session_id)? })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ActiveSessionsRequest {}

impl From<ActiveSessionsRequest> for ActiveSessions {
    fn from(_: ActiveSessionsRequest) -> Self {
        Self { claim: Claim::none() }
    }
}
