//! The requests of operators about the trust of what is stored.

use agentstack_access::Claim;
use agentstack_core::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::exact;
use super::fields::{agent, text, value};
use super::memory::LENGTH_MOST;
use crate::InputError;
use crate::command::{
    ApproveQuarantine, Cursor, ForgetOrigin, ListQuarantine, RejectQuarantine, ReviewState, RevokeOrigin,
    ShowQuarantine,
};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ListQuarantineRequest {
    #[schemars(extend("default" = "quarantined"))]
    state: Option<ReviewState>,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
    /// `nextCursor` of the answer before
    #[schemars(length(min = 1, max = Cursor::CHARS))]
    cursor: Option<String>,
}

impl TryFrom<ListQuarantineRequest> for ListQuarantine {
    type Error = InputError;

    fn try_from(request: ListQuarantineRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: Claim::none(),
            state: request.state.unwrap_or_default(),
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
            cursor: request.cursor.map(|cursor| value("cursor", cursor)).transpose()?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ShowQuarantineRequest {
    #[schemars(extend("x-exact" = exact::version_id()))]
    id: String,
    /// Characters to skip
    offset: Option<u32>,
    #[garde(range(min = 1, max = LENGTH_MOST))]
    length: Option<u32>,
}

impl TryFrom<ShowQuarantineRequest> for ShowQuarantine {
    type Error = InputError;

    fn try_from(request: ShowQuarantineRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: Claim::none(),
            id: text("id", &request.id)?,
            offset: request.offset.unwrap_or(0),
            length: request.length,
        })
    }
}

macro_rules! of_one_version {
    ($($request:ident => $command:ident;)*) => {$(
        #[derive(Deserialize, JsonSchema, Validate)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[garde(allow_unvalidated)]
        pub(crate) struct $request {
            #[schemars(extend("x-exact" = exact::version_id()))]
            id: String,
        }

        impl TryFrom<$request> for $command {
            type Error = InputError;

            fn try_from(request: $request) -> Result<Self, InputError> {
                Ok(Self { claim: Claim::none(), id: text("id", &request.id)? })
            }
        }
    )*};
}

of_one_version! {
    ApproveQuarantineRequest => ApproveQuarantine;
    RejectQuarantineRequest => RejectQuarantine;
}

macro_rules! of_an_origin {
    ($($request:ident => $command:ident;)*) => {$(
        #[derive(Deserialize, JsonSchema, Validate)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[garde(allow_unvalidated)]
        #[schemars(extend("x-exact" = exact::any_of(&["originPrincipal", "agentId", "originTool"])))]
        pub(crate) struct $request {
            /// As `label.origin` names it. At least one of this, `agentId` and `originTool` is needed
            #[garde(length(chars, min = 1, max = 512))]
            #[schemars(extend("x-exact" = exact::principal()))]
            origin_principal: Option<String>,
            /// As `label.origin` names it, if only what one agent wrote is meant
            #[schemars(extend("x-exact" = exact::agent()))]
            agent_id: Option<String>,
            /// As `label.origin` names it; the name of a plugin stands for all of its tools
            #[garde(length(chars, min = 1, max = 128))]
            #[schemars(length(min = 1, max = 128))]
            origin_tool: Option<String>,
            /// From when on
            #[schemars(extend("x-exact" = exact::time()))]
            since: Option<String>,
            /// Only say what would become of it
            #[schemars(extend("default" = false))]
            dry_run: Option<bool>,
        }

        impl TryFrom<$request> for $command {
            type Error = InputError;

            fn try_from(request: $request) -> Result<Self, InputError> {
                let named = [&request.origin_principal, &request.agent_id, &request.origin_tool];
                if named.iter().all(|name| name.is_none()) {
                    let rule = "must be given, or else `agentId` or `originTool`";
                    return Err(InputError::new("originPrincipal", rule));
                }
                Ok(Self {
                    claim: Claim::none(),
                    tool: request.origin_tool,
                    principal: request.origin_principal,
                    agent: agent(request.agent_id.as_deref())?,
                    since: request.since.map(|time| text("since", &time)).transpose()?,
                    dry_run: request.dry_run.unwrap_or(false),
                })
            }
        }
    )*};
}

of_an_origin! {
    RevokeOriginRequest => RevokeOrigin;
    ForgetOriginRequest => ForgetOrigin;
}
