//! The requests about agents.

use agentstack_access::Claim;
use agentstack_core::{AgentId, AgentStatus};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exact;
use super::fields::{metadata, session_claim, text};
use crate::InputError;
use crate::command::{
    AgentName, AgentStatusOf, AgentTypes, ListAgents, SpawnAgent, StopAgent, UpdateAgentStatus,
};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct SpawnAgentRequest {
    /// One that `agent_types` lists
    #[serde(rename = "type")]
    #[schemars(extend("x-exact" = exact::agent_type()))]
    agent_type: String,
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(extend("x-exact" = exact::agent()))]
    name: Option<String>,
    #[schemars(extend("x-exact" = exact::metadata()))]
    metadata: Option<Map<String, Value>>,
    /// `agentId` of an active identity
    #[schemars(extend("x-exact" = exact::id()))]
    identity_id: Option<String>,
}

impl TryFrom<SpawnAgentRequest> for SpawnAgent {
    type Error = InputError;

    fn try_from(request: SpawnAgentRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            agent_type: text("type", &request.agent_type)?,
            name: request.name.map(|name| text("name", &name)).transpose()?,
            metadata: metadata(request.metadata)?,
            identity: request.identity_id.map(|id| text("identityId", &id)).transpose()?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ListAgentsRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
}

impl TryFrom<ListAgentsRequest> for ListAgents {
    type Error = InputError;

    fn try_from(request: ListAgentsRequest) -> Result<Self, InputError> {
        Ok(Self { claim: session_claim(&request.session_id)? })
    }
}

/// The one agent that a call names, by its id or by its name.
fn which(id: Option<String>, name: Option<String>) -> Result<AgentName, InputError> {
    let name = name.map(|name| text::<AgentId>("name", &name)).transpose()?;
    match (id, name) {
        (Some(id), name) => Ok(AgentName::Id(text("id", &id)?, name)),
        (None, Some(name)) => Ok(AgentName::Name(name)),
        (None, None) => Err(InputError::new("id", "must be given, or else `name`")),
    }
}

macro_rules! of_one_agent {
    ($($request:ident => $command:ident;)*) => {$(
        #[derive(Deserialize, JsonSchema, Validate)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[garde(allow_unvalidated)]
        pub(crate) struct $request {
            #[schemars(extend("x-exact" = exact::id()))]
            session_id: String,
            #[schemars(extend("x-exact" = exact::id()))]
            id: Option<String>,
            #[schemars(extend("x-exact" = exact::agent()))]
            name: Option<String>,
        }

        impl TryFrom<$request> for $command {
            type Error = InputError;

            fn try_from(request: $request) -> Result<Self, InputError> {
                Ok(Self { claim: session_claim(&request.session_id)?, which: which(request.id, request.name)? })
            }
        }
    )*};
}

of_one_agent! {
    StopAgentRequest => StopAgent;
    AgentStatusRequest => AgentStatusOf;
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct AgentTypesRequest {}

impl From<AgentTypesRequest> for AgentTypes {
    fn from(_: AgentTypesRequest) -> Self {
        Self { claim: Claim::none() }
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct UpdateAgentStatusRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(extend("x-exact" = exact::id()))]
    id: String,
    #[schemars(extend("enum" = ["idle", "running", "completed", "failed", "stopped"]))]
    status: String,
}

impl TryFrom<UpdateAgentStatusRequest> for UpdateAgentStatus {
    type Error = InputError;

    fn try_from(request: UpdateAgentStatusRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            id: text("id", &request.id)?,
            to: text::<AgentStatus>("status", &request.status)?,
        })
    }
}
