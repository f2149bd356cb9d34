//! What callers send, field by field, as it stands on the wire.
//!
//! A request is the JSON form of a command. Its types say what is required; serde, garde and schemars
//! read the same attributes; the comments on fields are published as their descriptions. Conversion to
//! the command parses each value once.

mod agent;
mod audit;
mod exact;
mod fields;
mod github;
mod identity;
mod memory;
mod plugin;
mod quarantine;
mod session;
mod system;
mod task;
mod token;

pub(crate) use agent::{
    AgentStatusRequest, AgentTypesRequest, ListAgentsRequest, RunAgentRequest, SpawnAgentRequest,
    StopAgentRequest, UpdateAgentStatusRequest,
};
pub(crate) use audit::QueryAuditRequest;
pub(crate) use github::{
    CreateIssueRequest, CreatePullRequestRequest, GetIssueRequest, GetPullRequestRequest, ListIssuesRequest,
    ListPullRequestsRequest, RepositoryInfoRequest,
};
pub(crate) use identity::{
    ActivateIdentityRequest, CreateIdentityRequest, DeactivateIdentityRequest, GetIdentityRequest,
    IdentityAuditRequest, ListIdentitiesRequest, RetireIdentityRequest, UpdateIdentityRequest,
};
pub(crate) use memory::{
    DeleteMemoryRequest, GetMemoryRequest, ListMemoryRequest, MemoryHistoryRequest, RestoreMemoryRequest,
    SearchMemoryRequest, StoreMemoryRequest,
};
pub(crate) use plugin::{
    CallPluginRequest, DisablePluginRequest, EnablePluginRequest, ListPluginsRequest, RemovePluginRequest,
    ShowPluginRequest,
};
pub(crate) use quarantine::{
    ApproveQuarantineRequest, ListQuarantineRequest, RejectQuarantineRequest, RevokeOriginRequest,
    ShowQuarantineRequest,
};
pub(crate) use session::{
    ActiveSessionsRequest, EndSessionRequest, SessionStatusRequest, StartSessionRequest,
};
pub(crate) use system::{SystemConfigRequest, SystemHealthRequest, SystemStatusRequest};
pub(crate) use task::{
    AssignTaskRequest, CheckDriftRequest, CompleteTaskRequest, CreateTaskRequest, DriftMetricsRequest,
    GetTaskRequest, ListTasksRequest, TaskRelationshipsRequest,
};
pub(crate) use token::{CreateTokenRequest, ListTokensRequest, RevokeTokenRequest};
