//! What callers are answered.
//!
//! Views carry content, so they have no `Debug`: they stay out of logs and panics. Cutting content to
//! what an answer may carry is the engine's work; a view says that it was done.

use agentstack_core::Metadata;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::schema;

mod agent;
mod audit;
mod github;
mod identity;
mod memory;
mod plugin;
mod quarantine;
mod session;
mod system;
mod task;
mod token;

pub use agent::{
    AgentChangedView, AgentDetailView, AgentStatusView, AgentTypeView, AgentTypesView, AgentView,
    AllowancePhase, AnswerEnd, ListAgentsView, RunAgentView, SpawnAgentView, StopAgentView, TokensView,
    UpdateAgentStatusView, UsageView,
};
pub use audit::{AuditRecordView, QueryAuditView};
pub use github::{
    CreateIssueView, CreatePullRequestView, GetIssueView, GetPullRequestView, IssueSummaryView, IssueView,
    ListIssuesView, ListPullRequestsView, PullRequestSummaryView, PullRequestView, RepositoryInfoView,
    RepositoryView,
};
pub use identity::{
    ActivateIdentityView, CapabilityView, CreateIdentityView, DeactivateIdentityView, GetIdentityView,
    IdentityAuditView, IdentityChangedView, IdentitySummaryView, IdentityView, ListIdentitiesView,
    RecordView, RetireIdentityView, UpdateIdentityView,
};
pub use memory::{
    DeleteMemoryView, EntryView, FindingView, GetMemoryView, HistoryView, LabelView, ListMemoryView,
    OriginView, RestoreMemoryView, SearchMemoryView, SearchResultView, SearchedView, StoreMemoryView,
    StoredEntryView, SummaryView, VersionView,
};
pub use plugin::{
    CallPluginView, DisablePluginView, EnablePluginView, ListPluginsView, PluginChangedView, PluginToolView,
    PluginView, RemovePluginView, ShowPluginView,
};
pub use quarantine::{
    ApproveQuarantineView, DecidedView, ListQuarantineView, RejectQuarantineView, ReviewView,
    RevokeOriginView, ShowQuarantineView,
};
pub use session::{
    ActiveSessionsView, EndSessionView, RemovedView, SessionDetailView, SessionState, SessionStatusView,
    SessionView, StartSessionView,
};
pub use system::{
    CheckView, FeaturesView, Health, StorageView, SystemConfigView, SystemHealthView, SystemStatusView,
};
pub use task::{
    AssignTaskView, CheckDriftView, CompleteTaskView, CreateTaskView, DriftMetricsView, DriftView,
    GetTaskView, ListTasksView, RelationshipView, TaskChangedView, TaskRelationshipsView, TaskSummaryView,
    TaskView,
};
pub use token::{CreateTokenView, ListTokensView, RevokeTokenView, TokenView};

/// What the exact schema says of a part that the brief one leaves at "an object", by the name of the view: a model sees
/// the answer itself. It is made only when the exact one is, which is not at every start.
fn shown(view: &'static str) -> Value {
    json!({ "view": view })
}

/// The same for each item of a list.
fn shown_each(view: &'static str) -> Value {
    json!({ "items": { "view": view } })
}

/// The exact schema of a view that [`shown`] names.
pub(crate) fn exact(view: &str) -> Value {
    let mut schema = match view {
        "AgentDetailView" => schema::exact_output::<AgentDetailView>(),
        "AuditRecordView" => schema::exact_output::<AuditRecordView>(),
        "AgentTypeView" => schema::exact_output::<AgentTypeView>(),
        "AgentView" => schema::exact_output::<AgentView>(),
        "FindingView" => schema::exact_output::<FindingView>(),
        "DriftView" => schema::exact_output::<DriftView>(),
        "IssueSummaryView" => schema::exact_output::<IssueSummaryView>(),
        "IssueView" => schema::exact_output::<IssueView>(),
        "PullRequestSummaryView" => schema::exact_output::<PullRequestSummaryView>(),
        "PullRequestView" => schema::exact_output::<PullRequestView>(),
        "RepositoryView" => schema::exact_output::<RepositoryView>(),
        "IdentitySummaryView" => schema::exact_output::<IdentitySummaryView>(),
        "IdentityView" => schema::exact_output::<IdentityView>(),
        "PluginToolView" => schema::exact_output::<PluginToolView>(),
        "PluginView" => schema::exact_output::<PluginView>(),
        "RecordView" => schema::exact_output::<RecordView>(),
        "RelationshipView" => schema::exact_output::<RelationshipView>(),
        "StoredEntryView" => schema::exact_output::<StoredEntryView>(),
        "TaskSummaryView" => schema::exact_output::<TaskSummaryView>(),
        "TokensView" => schema::exact_output::<TokensView>(),
        "TaskView" => schema::exact_output::<TaskView>(),
        _ => json!({}),
    };
    if let Some(object) = schema.as_object_mut() {
        object.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    schema
}

fn object<S: Serializer>(metadata: &Metadata, serializer: S) -> Result<S::Ok, S::Error> {
    metadata.as_object().serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
