//! The answers about agents.

use agentstack_core::{
    Agent, AgentId, AgentInstanceId, AgentStatus, AgentType, IdentityId, Metadata, Timestamp,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{LabelView, StoredEntryView, shown, shown_each};

/// An agent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// Its id.
    #[schemars(with = "String")]
    pub id: AgentInstanceId,
    /// What kind of agent it is.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub agent_type: AgentType,
    /// Its name.
    #[schemars(with = "String")]
    pub name: AgentId,
    /// What it is doing.
    #[schemars(with = "String", extend("enum" = ["idle", "running", "completed", "failed", "stopped"]))]
    pub status: AgentStatus,
    /// The identity it was spawned with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub identity_id: Option<IdentityId>,
    /// When it was spawned.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When its state last changed.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
}

impl From<&Agent> for AgentView {
    fn from(agent: &Agent) -> Self {
        Self {
            id: agent.id,
            agent_type: agent.agent_type.clone(),
            name: agent.name.clone(),
            status: agent.status,
            identity_id: agent.identity,
            created_at: agent.created_at,
            updated_at: agent.updated_at,
        }
    }
}

/// How much of its allowance an agent has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AllowancePhase {
    /// Some.
    Normal,
    /// Most.
    Warning,
    /// All: its calls are refused until it is given a new one.
    Paused,
}

/// What an agent has used, and how much of its allowance that is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    /// Calls that named it.
    pub operations: u64,
    /// Tokens of language models.
    pub tokens: u64,
    /// Tasks that were made under tasks assigned to it.
    pub subtasks: u64,
    /// Since when it has had no result.
    #[schemars(with = "String")]
    pub last_result_at: Timestamp,
    /// How much of its allowance that is, if agents have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = ["normal", "warning", "paused"]))]
    pub phase: Option<AllowancePhase>,
}

/// An agent, with what it is for and what it has used.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentDetailView {
    /// The agent.
    #[serde(flatten)]
    pub agent: AgentView,
    /// What its kind can do.
    pub capabilities: Vec<String>,
    /// How to instruct a model that is to be this agent.
    pub system_prompt: String,
    /// The object its spawner gave.
    #[serde(skip_serializing_if = "Metadata::is_empty", serialize_with = "super::object")]
    #[schemars(with = "Map<String, Value>")]
    pub metadata: Metadata,
    /// What it has used.
    pub usage: UsageView,
}

/// Answer of `agent_spawn` and `agent_update_status`.
#[derive(Serialize, JsonSchema)]
pub struct AgentChangedView {
    /// True.
    pub success: bool,
    /// The agent.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("AgentView")))]
    pub agent: AgentView,
}

/// Answer of `agent_spawn`.
pub type SpawnAgentView = AgentChangedView;
/// Answer of `agent_update_status`.
pub type UpdateAgentStatusView = AgentChangedView;

impl From<&Agent> for AgentChangedView {
    fn from(agent: &Agent) -> Self {
        Self { success: true, agent: agent.into() }
    }
}

/// Answer of `agent_stop`.
#[derive(Serialize, JsonSchema)]
pub struct StopAgentView {
    /// True.
    pub success: bool,
}

/// Answer of `agent_status`.
#[derive(Serialize, JsonSchema)]
pub struct AgentStatusView {
    /// The agent.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("AgentDetailView")))]
    pub agent: AgentDetailView,
}

/// Answer of `agent_list`.
#[derive(Serialize, JsonSchema)]
pub struct ListAgentsView {
    /// How many agents the session has had.
    pub total: u64,
    /// How many are listed.
    pub count: usize,
    /// The newest of them.
    #[schemars(with = "Vec<Map<String, Value>>", extend("x-exact" = shown_each("AgentView")))]
    pub agents: Vec<AgentView>,
}

/// A kind of agent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentTypeView {
    /// Its name.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub agent_type: AgentType,
    /// What it does.
    pub description: String,
    /// What it can do.
    pub capabilities: Vec<String>,
}

/// Answer of `agent_types`.
#[derive(Serialize, JsonSchema)]
pub struct AgentTypesView {
    /// How many.
    pub count: usize,
    /// All of them.
    #[schemars(with = "Vec<Map<String, Value>>", extend("x-exact" = shown_each("AgentTypeView")))]
    pub types: Vec<AgentTypeView>,
}

/// Why an answer ends where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerEnd {
    /// It is complete.
    Complete,
    /// There were no tokens left for more.
    Length,
    /// The model, or its provider, would not say more.
    Refused,
    /// For another reason.
    Other,
}

fn ends() -> Value {
    serde_json::json!({ "enum": ["complete", "length", "refused", "other"] })
}

/// Tokens that the provider has counted.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokensView {
    /// Of what was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
}

/// Answer of `agent_run`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunAgentView {
    /// The agent.
    #[schemars(with = "String")]
    pub agent_id: AgentInstanceId,
    /// What the model answered, as far as there is room.
    pub response: String,
    /// Whether the answer is cut for length.
    #[serde(skip_serializing_if = "super::is_false")]
    pub truncated: bool,
    /// Whether the answer is not shown because of what was found in it.
    #[serde(skip_serializing_if = "super::is_false")]
    pub withheld: bool,
    /// The provider.
    pub provider: String,
    /// The model, by its own account.
    pub model: String,
    /// Milliseconds that it took.
    pub duration: u64,
    /// Why the answer ends.
    #[schemars(with = "String", extend("x-exact" = ends()))]
    pub stop_reason: AnswerEnd,
    /// What was used.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("TokensView")))]
    pub tokens: TokensView,
    /// How many entries were recalled for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalled: Option<usize>,
    /// Where the answer comes from.
    pub label: LabelView,
    /// The entry that keeps the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>", extend("x-exact" = shown("StoredEntryView")))]
    pub entry: Option<StoredEntryView>,
    /// Why the answer could not be stored, although it was to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_stored: Option<String>,
    /// The answer as a text, fenced: if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}
