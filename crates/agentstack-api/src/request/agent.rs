//! The requests about agents.

use agentstack_access::Claim;
use agentstack_core::{AgentId, AgentInstanceId, AgentStatus, limits};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exact;
use super::fields::{metadata, session_claim, text, value};
use crate::InputError;
use crate::command::{
    AgentName, AgentStatusOf, AgentTypes, ListAgents, Recall, RunAgent, SpawnAgent, StopAgent, StoreAnswer,
    UpdateAgentStatus,
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

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct RunAgentRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(extend("x-exact" = exact::id()))]
    id: String,
    #[schemars(length(min = 1, max = limits::PROMPT_CHARS))]
    #[schemars(extend("x-exact" = exact::task()))]
    prompt: String,
    #[schemars(extend("x-exact" = exact::provider()))]
    provider: Option<String>,
    #[schemars(extend("x-exact" = exact::model()))]
    model: Option<String>,
    #[garde(range(min = 1, max = limits::RUN_TOKENS_MAX))]
    #[schemars(extend("x-exact" = exact::max_tokens()))]
    max_tokens: Option<u32>,
    #[garde(range(min = 0.0, max = 2.0))]
    temperature: Option<f64>,
    /// What to look up in memory for the model
    #[schemars(extend("x-exact" = exact::recall()))]
    recall: Option<String>,
    #[garde(range(min = 1, max = limits::RECALL_ITEMS))]
    #[schemars(extend("default" = limits::RECALL_ITEMS_USUAL))]
    recall_limit: Option<u32>,
    /// Key for the answer
    #[schemars(extend("x-exact" = exact::stored_key()))]
    store_as: Option<String>,
    #[schemars(extend("x-exact" = exact::namespace()))]
    store_namespace: Option<String>,
    /// Also as fenced text
    as_text: Option<bool>,
}

impl TryFrom<RunAgentRequest> for RunAgent {
    type Error = InputError;

    fn try_from(request: RunAgentRequest) -> Result<Self, InputError> {
        for (field, is_given, needed, is_there) in [
            ("recallLimit", request.recall_limit.is_some(), "recall", request.recall.is_some()),
            ("storeNamespace", request.store_namespace.is_some(), "storeAs", request.store_as.is_some()),
        ] {
            if is_given && !is_there {
                return Err(InputError::new(field, format_args!("is given without `{needed}`")));
            }
        }
        let id: AgentInstanceId = text("id", &request.id)?;
        let query = request.recall.map(|query| value("recall", query)).transpose()?;
        let limit = request.recall_limit.unwrap_or(limits::RECALL_ITEMS_USUAL);
        let key = request.store_as.map(|key| value("storeAs", key)).transpose()?;
        let namespace = request.store_namespace.map(|name| text("storeNamespace", &name)).transpose()?;
        Ok(Self {
            // Who runs an agent speaks for it.
            claim: Claim { agent: Some(id.into()), ..session_claim(&request.session_id)? },
            id,
            prompt: value("prompt", request.prompt)?,
            provider: request.provider.map(|name| text("provider", &name)).transpose()?,
            model: request.model.map(|name| text("model", &name)).transpose()?,
            max_tokens: request.max_tokens,
            #[expect(clippy::cast_possible_truncation, reason = "it is from 0 to 2")]
            temperature: request.temperature.map(|temperature| temperature as f32),
            recall: query.map(|query| Recall { query, limit }),
            store: key.map(|key| StoreAnswer { key, namespace }),
            as_text: request.as_text.unwrap_or(false),
        })
    }
}
