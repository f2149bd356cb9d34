//! What callers are answered.
//!
//! Views carry content, so they have no `Debug`: they stay out of logs and panics. Cutting content to
//! what an answer may carry is the engine's work; a view says that it was done.

use agentstack_core::Metadata;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

mod agent;
mod identity;
mod memory;
mod session;
mod system;
mod task;
mod token;

pub use agent::{
    AgentChangedView, AgentDetailView, AgentStatusView, AgentTypeView, AgentTypesView, AgentView,
    AllowancePhase, ListAgentsView, SpawnAgentView, StopAgentView, UpdateAgentStatusView, UsageView,
};
pub use identity::{
    ActivateIdentityView, CapabilityView, CreateIdentityView, DeactivateIdentityView, GetIdentityView,
    IdentityAuditView, IdentityChangedView, IdentitySummaryView, IdentityView, ListIdentitiesView,
    RecordView, RetireIdentityView, UpdateIdentityView,
};
pub use memory::{
    DeleteMemoryView, EntryView, GetMemoryView, HistoryView, LabelView, ListMemoryView, OriginView,
    RestoreMemoryView, SearchMemoryView, SearchResultView, StoreMemoryView, StoredEntryView, SummaryView,
    VersionView,
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

/// What the exact schema says of a part that the brief one leaves at "an object": a model sees the answer itself.
fn brief<T: JsonSchema>() -> Value {
    let mut schema = crate::schema::exact_output::<T>();
    if let Some(object) = schema.as_object_mut() {
        object.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    schema
}

/// The same for a list of such parts.
fn brief_list<T: JsonSchema>() -> Value {
    json!({ "items": brief::<T>() })
}

fn object<S: Serializer>(metadata: &Metadata, serializer: S) -> Result<S::Ok, S::Error> {
    metadata.as_object().serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
