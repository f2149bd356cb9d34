//! What calls about agents, identities and tasks ask for.

use agentstack_access::Claim;
use agentstack_core::{
    AgentId, AgentInstanceId, AgentStatus, AgentType, Capability, IdentityId, IdentityStatus, MemoryKey,
    Metadata, ModelName, Namespace, Prompt, QueryText, Relation, RiskLevel, TaskId, TaskStatus, TaskText,
    Timestamp,
};

use super::TaskDirection;

/// `agent_spawn`
#[derive(Debug, Clone)]
pub struct SpawnAgent {
    /// Whose call it is about.
    pub claim: Claim,
    /// What kind of agent.
    pub agent_type: AgentType,
    /// Its name, if not one that is made for it.
    pub name: Option<AgentId>,
    /// The caller's own object.
    pub metadata: Metadata,
    /// The identity it is spawned with.
    pub identity: Option<IdentityId>,
}

/// By what a call names an agent of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentName {
    /// By its id; if its name is given, too, it has to be the one.
    Id(AgentInstanceId, Option<AgentId>),
    /// By its name.
    Name(AgentId),
}

/// `agent_stop`
#[derive(Debug, Clone)]
pub struct StopAgent {
    /// Whose call it is about.
    pub claim: Claim,
    /// Which.
    pub which: AgentName,
}

/// `agent_status`
#[derive(Debug, Clone)]
pub struct AgentStatusOf {
    /// Whose call it is about.
    pub claim: Claim,
    /// Which.
    pub which: AgentName,
}

/// `agent_update_status`
#[derive(Debug, Clone)]
pub struct UpdateAgentStatus {
    /// Whose call it is about.
    pub claim: Claim,
    /// Which.
    pub id: AgentInstanceId,
    /// Its new state.
    pub to: AgentStatus,
}

/// `agent_run`
#[derive(Debug, Clone)]
pub struct RunAgent {
    /// Whose call it is about. It names the agent.
    pub claim: Claim,
    /// Which.
    pub id: AgentInstanceId,
    /// What it is to answer.
    pub prompt: Prompt,
    /// The provider that is asked, by its name in the configuration.
    pub provider: Option<ModelName>,
    /// The model that is asked.
    pub model: Option<ModelName>,
    /// Most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// How much chance there is in the answer.
    pub temperature: Option<f32>,
    /// What is recalled for it.
    pub recall: Option<Recall>,
    /// Where the answer is stored.
    pub store: Option<StoreAnswer>,
    /// Whether as a text besides, in which the answer is fenced.
    pub as_text: bool,
}

/// What a run recalls from memory.
#[derive(Debug, Clone)]
pub struct Recall {
    /// What to look for.
    pub query: QueryText,
    /// Most entries.
    pub limit: u32,
}

/// Where the answer of a run is stored.
#[derive(Debug, Clone)]
pub struct StoreAnswer {
    /// Under which key.
    pub key: MemoryKey,
    /// In which namespace, if not the session's own.
    pub namespace: Option<Namespace>,
}

/// `identity_create`
#[derive(Debug, Clone)]
pub struct CreateIdentity {
    /// Nothing is claimed.
    pub claim: Claim,
    /// What kind of agent it is.
    pub agent_type: AgentType,
    /// Its name.
    pub display_name: Option<AgentId>,
    /// What it is for.
    pub description: Option<String>,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// The caller's own object.
    pub metadata: Metadata,
    /// Whether it is active from the start.
    pub is_active: bool,
}

/// By what a call names an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityName {
    /// By its id; if its name is given, too, it has to be the one.
    Id(IdentityId, Option<AgentId>),
    /// By its name.
    Name(AgentId),
}

/// `identity_get`
#[derive(Debug, Clone)]
pub struct GetIdentity {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which.
    pub which: IdentityName,
}

/// `identity_list`
#[derive(Debug, Clone)]
pub struct ListIdentities {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Only those in this state.
    pub status: Option<IdentityStatus>,
    /// Only those of this kind.
    pub agent_type: Option<AgentType>,
    /// Most identities.
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

/// `identity_update`. What is `None` stays.
#[derive(Debug, Clone)]
pub struct UpdateIdentity {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which.
    pub id: IdentityId,
    /// Its name.
    pub display_name: Option<AgentId>,
    /// What it is for.
    pub description: Option<String>,
    /// What it can do.
    pub capabilities: Option<Vec<Capability>>,
    /// The caller's own object.
    pub metadata: Option<Metadata>,
}

macro_rules! transitions {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            /// Nothing is claimed.
            pub claim: Claim,
            /// Which.
            pub id: IdentityId,
            /// Why, in the caller's words.
            pub reason: Option<String>,
        }
    )*};
}

transitions! {
    /// `identity_activate`
    ActivateIdentity;
    /// `identity_deactivate`
    DeactivateIdentity;
    /// `identity_retire`
    RetireIdentity;
}

/// `identity_audit`
#[derive(Debug, Clone)]
pub struct IdentityAudit {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which.
    pub id: IdentityId,
    /// Most records.
    pub limit: u32,
}

/// `task_create`
#[derive(Debug, Clone)]
pub struct CreateTask {
    /// Whose call it is about.
    pub claim: Claim,
    /// What kind of agent it is for.
    pub agent_type: AgentType,
    /// What is to be done.
    pub input: Option<TaskText>,
    /// The task it is a part of.
    pub parent: Option<TaskId>,
    /// How much can go wrong with it.
    pub risk: RiskLevel,
    /// How it stands to tasks that there are.
    pub relations: Vec<(Relation, TaskId)>,
}

/// `task_assign`
#[derive(Debug, Clone)]
pub struct AssignTask {
    /// Whose call it is about.
    pub claim: Claim,
    /// Which.
    pub id: TaskId,
    /// To whom.
    pub agent: AgentInstanceId,
}

/// `task_complete`
#[derive(Debug, Clone)]
pub struct CompleteTask {
    /// Whose call it is about.
    pub claim: Claim,
    /// Which.
    pub id: TaskId,
    /// Completed or failed.
    pub to: TaskStatus,
    /// What came of it.
    pub output: Option<TaskText>,
    /// The key under which the output is stored in the session's memory.
    pub store_as: Option<MemoryKey>,
}

/// `task_list`
#[derive(Debug, Clone)]
pub struct ListTasks {
    /// Whose call it is about.
    pub claim: Claim,
    /// Only those that are so far.
    pub status: Option<TaskStatus>,
    /// Most tasks.
    pub limit: u32,
    /// The last task of the page before.
    pub before: Option<TaskId>,
}

/// `task_get`
#[derive(Debug, Clone)]
pub struct GetTask {
    /// Whose call it is about.
    pub claim: Claim,
    /// Which.
    pub id: TaskId,
}

/// `task_check_drift`
#[derive(Debug, Clone)]
pub struct CheckDrift {
    /// Whose call it is about.
    pub claim: Claim,
    /// What is to be done.
    pub input: TaskText,
    /// What kind of agent it is for.
    pub agent_type: AgentType,
    /// The task it would be a part of.
    pub parent: Option<TaskId>,
}

/// `task_get_relationships`
#[derive(Debug, Clone)]
pub struct TaskRelationships {
    /// Whose call it is about.
    pub claim: Claim,
    /// Which.
    pub id: TaskId,
    /// Which of its relationships.
    pub direction: TaskDirection,
}

/// `task_drift_metrics`
#[derive(Debug, Clone)]
pub struct DriftMetrics {
    /// Whose call it is about.
    pub claim: Claim,
    /// Only what has happened since.
    pub since: Option<Timestamp>,
}
