//! The answers about the audit log.

use std::collections::BTreeMap;

use agentstack_core::{AgentId, IdentityId, RequestId, SessionId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::shown_each;

/// A record of the audit log, with all it says.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecordView {
    /// Its place in the log.
    pub sequence: u64,
    /// When the decision was taken.
    pub at: String,
    /// Who called.
    pub principal: String,
    /// The agent on whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub agent_id: Option<AgentId>,
    /// The identity that was spoken of, or that the agent was spawned with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub identity_id: Option<IdentityId>,
    /// The session it was in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub session_id: Option<SessionId>,
    /// What was called.
    pub operation: String,
    /// What it was about, as a keyed hash of its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Whether it was let in: `allow` or `deny`.
    pub decision: String,
    /// Why, in a word.
    pub reason: String,
    /// The version of the policy that was in force.
    pub policy: String,
    /// The call.
    #[schemars(with = "String")]
    pub request_id: RequestId,
    /// What came of it.
    pub outcome: String,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// How much of what it touched.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
}

/// Answer of `audit_query`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueryAuditView {
    /// How many are shown. Fewer than asked for does not mean that there are no more: `nextCursor` says.
    pub count: usize,
    /// This page, the newest first.
    #[schemars(with = "Vec<Map<String, Value>>", extend("x-exact" = shown_each("AuditRecordView")))]
    pub records: Vec<AuditRecordView>,
    /// Where the next page begins, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
