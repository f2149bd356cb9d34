//! What calls about the audit log ask for.

use agentstack_access::Claim;
use agentstack_core::{AgentId, PluginName, RequestId, SessionId, Timestamp};

use super::Cursor;

/// What a record's `outcome` can be: `ok`, the code of an error, or that nobody waited for it.
pub const AUDIT_OUTCOMES: [&str; 11] = [
    "ok",
    "invalid_input",
    "unauthenticated",
    "forbidden",
    "not_found",
    "conflict",
    "too_large",
    "rate_limited",
    "unavailable",
    "internal",
    "cancelled",
];

/// Which records of the audit log are meant. What is not said is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Of this principal, as records name it.
    pub principal: Option<String>,
    /// On behalf of this agent.
    pub agent: Option<AgentId>,
    /// In this session, which need not be there any more.
    pub session: Option<SessionId>,
    /// Of this operation, or of all whose names begin with this and `_`: `memory` has `memory_store` in it.
    pub operation: Option<String>,
    /// With this outcome: one of [`AUDIT_OUTCOMES`].
    pub outcome: Option<String>,
    /// Whether the call was let in: `false` for those that were denied.
    pub allowed: Option<bool>,
    /// About this plugin: its calls, and what was decided about it.
    pub plugin: Option<PluginName>,
    /// Of runs of agents that this provider was asked for.
    pub provider: Option<String>,
    /// Of this call.
    pub request: Option<RequestId>,
}

/// `audit_query`
#[derive(Debug, Clone)]
pub struct QueryAudit {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which records.
    pub filter: AuditFilter,
    /// Most records.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}
