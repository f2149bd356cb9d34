//! The requests about the audit log.

use agentstack_access::Claim;
use agentstack_core::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::exact;
use super::fields::{agent, text, value};
use crate::InputError;
use crate::command::{AUDIT_OUTCOMES, AuditFilter, Cursor, QueryAudit};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct QueryAuditRequest {
    /// From this time on
    #[schemars(extend("x-exact" = exact::time()))]
    since: Option<String>,
    /// Before this time
    #[schemars(extend("x-exact" = exact::time()))]
    until: Option<String>,
    /// The principal, as records name it
    #[garde(length(chars, min = 1, max = 512))]
    #[schemars(extend("x-exact" = exact::principal()))]
    caller: Option<String>,
    #[schemars(extend("x-exact" = exact::agent()))]
    agent_id: Option<String>,
    /// Whosever it is or was
    #[schemars(extend("x-exact" = exact::id()))]
    in_session: Option<String>,
    /// Its name, or what names of a family begin with: `memory`
    #[garde(length(chars, min = 1, max = 64))]
    #[schemars(length(min = 1, max = 64))]
    operation: Option<String>,
    #[schemars(extend("enum" = AUDIT_OUTCOMES))]
    outcome: Option<String>,
    /// Whether the call was let in
    #[schemars(extend("enum" = ["allow", "deny"]))]
    decision: Option<String>,
    /// About this plugin
    #[schemars(extend("x-exact" = exact::plugin_name()))]
    plugin: Option<String>,
    /// Of runs of agents that this provider was asked for
    #[schemars(extend("enum" = ["anthropic", "openai", "ollama"]))]
    provider: Option<String>,
    /// The call, as its caller was told it
    #[schemars(extend("x-exact" = exact::id()))]
    request_id: Option<String>,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
    /// `nextCursor` of the answer before
    #[schemars(length(min = 1, max = Cursor::CHARS))]
    cursor: Option<String>,
}

impl TryFrom<QueryAuditRequest> for QueryAudit {
    type Error = InputError;

    fn try_from(request: QueryAuditRequest) -> Result<Self, InputError> {
        let time = |field, at: Option<String>| at.map(|at| text(field, &at)).transpose();
        let outcome = request.outcome.map(|word| {
            let rule = || InputError::new("outcome", "must be an outcome of a record");
            AUDIT_OUTCOMES.contains(&word.as_str()).then_some(word).ok_or_else(rule)
        });
        let allowed = request.decision.map(|word| match word.as_str() {
            "allow" => Ok(true),
            "deny" => Ok(false),
            _ => Err(InputError::new("decision", "must be one of: allow, deny")),
        });
        let provider = request.provider.map(|word| {
            let rule = || InputError::new("provider", "must be one of: anthropic, openai, ollama");
            ["anthropic", "openai", "ollama"].contains(&word.as_str()).then_some(word).ok_or_else(rule)
        });
        Ok(Self {
            claim: Claim::none(),
            filter: AuditFilter {
                since: time("since", request.since)?,
                until: time("until", request.until)?,
                principal: request.caller,
                agent: agent(request.agent_id.as_deref())?,
                session: request.in_session.map(|id| text("inSession", &id)).transpose()?,
                operation: request.operation,
                outcome: outcome.transpose()?,
                allowed: allowed.transpose()?,
                plugin: request.plugin.map(|name| text("plugin", &name)).transpose()?,
                provider: provider.transpose()?,
                request: request.request_id.map(|id| text("requestId", &id)).transpose()?,
            },
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
            cursor: request.cursor.map(|cursor| value("cursor", cursor)).transpose()?,
        })
    }
}
