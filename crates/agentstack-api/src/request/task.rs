//! The requests about tasks.

use agentstack_core::{Relation, RiskLevel, TaskId, TaskStatus, limits};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::exact;
use super::fields::{session_claim, text, value};
use crate::InputError;
use crate::command::{
    AssignTask, CheckDrift, CompleteTask, CreateTask, DriftMetrics, GetTask, ListTasks, TaskDirection,
    TaskRelationships,
};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct CreateTaskRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    /// One that `agent_types` lists
    #[schemars(extend("x-exact" = exact::agent_type()))]
    agent_type: String,
    #[schemars(length(min = 1, max = limits::TASK_CHARS))]
    input: Option<String>,
    #[schemars(extend("x-exact" = exact::id()))]
    parent_task_id: Option<String>,
    #[schemars(extend("enum" = ["low", "medium", "high"], "default" = "low"))]
    risk_level: Option<String>,
    /// Tasks to be completed before this one can be assigned
    #[garde(inner(length(max = limits::TASK_RELATIONS)))]
    #[schemars(length(max = limits::TASK_RELATIONS), extend("x-exact" = exact::ids()))]
    depends_on: Option<Vec<String>>,
    #[garde(inner(length(max = limits::TASK_RELATIONS)))]
    #[schemars(length(max = limits::TASK_RELATIONS), extend("x-exact" = exact::ids()))]
    derived_from: Option<Vec<String>>,
    #[garde(inner(length(max = limits::TASK_RELATIONS)))]
    #[schemars(length(max = limits::TASK_RELATIONS), extend("x-exact" = exact::ids()))]
    supersedes: Option<Vec<String>>,
}

/// Each task once.
fn related(
    field: &str,
    relation: Relation,
    ids: Option<Vec<String>>,
) -> Result<Vec<(Relation, TaskId)>, InputError> {
    let mut related = vec![];
    for (index, id) in ids.unwrap_or_default().iter().enumerate() {
        let one = (relation, text(&format!("{field}[{index}]"), id)?);
        if !related.contains(&one) {
            related.push(one);
        }
    }
    Ok(related)
}

impl TryFrom<CreateTaskRequest> for CreateTask {
    type Error = InputError;

    fn try_from(request: CreateTaskRequest) -> Result<Self, InputError> {
        let mut relations = related("dependsOn", Relation::DependsOn, request.depends_on)?;
        relations.extend(related("derivedFrom", Relation::DerivedFrom, request.derived_from)?);
        relations.extend(related("supersedes", Relation::Supersedes, request.supersedes)?);
        let risk = request.risk_level.map(|word| text("riskLevel", &word)).transpose()?;
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            agent_type: text("agentType", &request.agent_type)?,
            input: request.input.map(|input| value("input", input)).transpose()?,
            parent: request.parent_task_id.map(|id| text("parentTaskId", &id)).transpose()?,
            risk: risk.unwrap_or(RiskLevel::Low),
            relations,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[expect(clippy::struct_field_names, reason = "the names are the contract's")]
pub(crate) struct AssignTaskRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(extend("x-exact" = exact::id()))]
    task_id: String,
    /// `id` of an agent of the session
    #[schemars(extend("x-exact" = exact::id()))]
    agent_id: String,
}

impl TryFrom<AssignTaskRequest> for AssignTask {
    type Error = InputError;

    fn try_from(request: AssignTaskRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            id: text("taskId", &request.task_id)?,
            agent: text("agentId", &request.agent_id)?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct CompleteTaskRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(extend("x-exact" = exact::id()))]
    task_id: String,
    #[schemars(length(min = 1, max = limits::TASK_CHARS))]
    output: Option<String>,
    #[schemars(extend("enum" = ["completed", "failed"], "default" = "completed"))]
    status: Option<String>,
    /// Key under which `output` is stored in the session's memory, too
    #[schemars(length(min = 1, max = limits::KEY_CHARS))]
    store_as: Option<String>,
}

impl TryFrom<CompleteTaskRequest> for CompleteTask {
    type Error = InputError;

    fn try_from(request: CompleteTaskRequest) -> Result<Self, InputError> {
        let to = match request.status.as_deref() {
            None | Some("completed") => TaskStatus::Completed,
            Some("failed") => TaskStatus::Failed,
            Some(_) => return Err(InputError::new("status", "must be one of completed, failed")),
        };
        if request.store_as.is_some() && request.output.is_none() {
            return Err(InputError::new("output", "must be given when `storeAs` is"));
        }
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            id: text("taskId", &request.task_id)?,
            to,
            output: request.output.map(|output| value("output", output)).transpose()?,
            store_as: request.store_as.map(|key| value("storeAs", key)).transpose()?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ListTasksRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(extend("enum" = ["pending", "assigned", "completed", "failed"]))]
    status: Option<String>,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
    #[schemars(extend("x-exact" = exact::id()))]
    cursor: Option<String>,
}

impl TryFrom<ListTasksRequest> for ListTasks {
    type Error = InputError;

    fn try_from(request: ListTasksRequest) -> Result<Self, InputError> {
        let before = request.cursor.map(|cursor| {
            cursor.parse().map_err(|_| InputError::new("cursor", "must be the nextCursor of an answer"))
        });
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            status: request.status.map(|word| text("status", &word)).transpose()?,
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
            before: before.transpose()?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct GetTaskRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(extend("x-exact" = exact::id()))]
    task_id: String,
}

impl TryFrom<GetTaskRequest> for GetTask {
    type Error = InputError;

    fn try_from(request: GetTaskRequest) -> Result<Self, InputError> {
        Ok(Self { claim: session_claim(&request.session_id)?, id: text("taskId", &request.task_id)? })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct CheckDriftRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(length(min = 1, max = limits::TASK_CHARS))]
    #[schemars(extend("x-exact" = exact::task()))]
    task_input: String,
    /// One that `agent_types` lists
    #[schemars(extend("x-exact" = exact::agent_type()))]
    task_type: String,
    #[schemars(extend("x-exact" = exact::id()))]
    parent_task_id: Option<String>,
}

impl TryFrom<CheckDriftRequest> for CheckDrift {
    type Error = InputError;

    fn try_from(request: CheckDriftRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            input: value("taskInput", request.task_input)?,
            agent_type: text("taskType", &request.task_type)?,
            parent: request.parent_task_id.map(|id| text("parentTaskId", &id)).transpose()?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct TaskRelationshipsRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(extend("x-exact" = exact::id()))]
    task_id: String,
    #[schemars(extend("default" = "both"))]
    direction: Option<TaskDirection>,
}

impl TryFrom<TaskRelationshipsRequest> for TaskRelationships {
    type Error = InputError;

    fn try_from(request: TaskRelationshipsRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            id: text("taskId", &request.task_id)?,
            direction: request.direction.unwrap_or_default(),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct DriftMetricsRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    /// RFC 3339
    #[schemars(extend("x-exact" = exact::time()))]
    since: Option<String>,
}

impl TryFrom<DriftMetricsRequest> for DriftMetrics {
    type Error = InputError;

    fn try_from(request: DriftMetricsRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            since: request.since.map(|time| text("since", &time)).transpose()?,
        })
    }
}
