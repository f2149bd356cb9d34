//! Making tasks.

use agentstack_access::Scope;
use agentstack_core::{AgentInstanceId, Relation, Task, TaskId, TaskStatus};
use agentstack_storage::{Drift, NewTask, StorageError};
use sqlx::Row;

use super::{Found, find};
use crate::briefly::briefly;
use crate::error::storage;
use crate::write::{Held, Statement, Write};

/// How many parts the task `$2` has.
pub(crate) const PARTS: &str = "SELECT count(*) FROM tasks WHERE namespace = $1 AND parent = $2";
pub(crate) const EXISTS: &str = "SELECT count(*) FROM tasks WHERE namespace = $1 AND uuid = $2";
pub(crate) const ALL: &str = "SELECT count(*) FROM tasks WHERE namespace = $1";

const CREATE: &str = "INSERT INTO tasks (namespace, uuid, status, risk, depth, parent, created_at, updated_at, agent_type, input) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)";

const RELATE: &str = "INSERT INTO task_relations (namespace, source, relation, target) VALUES ($1, $2, $3, $4) \
     ON CONFLICT DO NOTHING";

pub(crate) const COUNT_SUBTASK: &str =
    "UPDATE agents SET subtasks = subtasks + 1 WHERE namespace = $1 AND uuid = $2";

const KEEP_DRIFT: &str =
    "INSERT INTO drift_events (namespace, at, similarity, action) VALUES ($1, $2, $3, $4)";

/// Makes a task in the transaction.
pub(super) async fn create(write: &mut Write<'_>, scope: &Scope, new: NewTask) -> Result<Task, StorageError> {
    let held = write.held(scope).await?;
    let (depth, assigned) = below(write, scope, &new).await?;
    for (_, other) in &new.relations {
        if number(write, sqlx::query(EXISTS).bind(held.namespace).bind(bytes(*other))).await? == 0 {
            return Err(StorageError::Missing);
        }
    }
    if number(write, sqlx::query(ALL).bind(held.namespace)).await? >= i64::from(new.bounds.tasks) {
        return Err(StorageError::TooMany { what: "tasks" });
    }
    let task = Task {
        id: new.id,
        agent_type: new.agent_type,
        status: TaskStatus::Pending,
        risk: new.risk,
        parent: new.parent,
        depth,
        agent: None,
        input: new.input,
        output: None,
        created_at: scope.at(),
        updated_at: scope.at(),
        completed_at: None,
    };
    keep(write, &held, &task).await?;
    if let Some(parent) = task.parent {
        relate(write, &held, parent, Relation::ParentOf, task.id).await?;
    }
    for (relation, other) in new.relations {
        relate(write, &held, task.id, relation, other).await?;
    }
    if let Some(drift) = new.drift {
        keep_drift(write, &held, scope, drift).await?;
    }
    if let Some(agent) = assigned {
        let counting = sqlx::query(COUNT_SUBTASK).bind(held.namespace).bind(agent.as_bytes().to_vec());
        write.run(counting).await?;
    }
    Ok(task)
}

/// How many ancestors the new task has, and the agent its parent is assigned to.
async fn below(
    write: &mut Write<'_>,
    scope: &Scope,
    new: &NewTask,
) -> Result<(u32, Option<AgentInstanceId>), StorageError> {
    let Some(parent) = new.parent else { return Ok((0, None)) };
    let Found { held, task: parent, .. } = find(write, scope, parent).await?.ok_or(StorageError::Missing)?;
    if parent.depth >= new.bounds.depth {
        return Err(StorageError::TooMany { what: "levels of tasks" });
    }
    let parts = sqlx::query(PARTS).bind(held.namespace).bind(bytes(parent.id));
    if number(write, parts).await? >= i64::from(new.bounds.parts) {
        return Err(StorageError::TooMany { what: "parts of a task" });
    }
    Ok((parent.depth + 1, parent.agent.filter(|_| parent.status == TaskStatus::Assigned)))
}

fn bytes(id: TaskId) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// The one number that a question is answered with.
async fn number(write: &mut Write<'_>, question: Statement) -> Result<i64, StorageError> {
    let row = briefly(question.fetch_one(write.connection()?)).await.map_err(storage)?;
    row.try_get(0).map_err(storage)
}

async fn keep(write: &mut Write<'_>, held: &Held, task: &Task) -> Result<(), StorageError> {
    let keeping = sqlx::query(CREATE)
        .bind(held.namespace)
        .bind(bytes(task.id))
        .bind(task.status.as_str())
        .bind(task.risk.as_str())
        .bind(task.depth)
        .bind(task.parent.map(bytes))
        .bind(task.created_at.as_millis())
        .bind(held.veil.cover(task.agent_type.as_str())?)
        .bind(task.input.as_ref().map(|input| held.veil.cover(input.as_str())).transpose()?);
    write.run(keeping).await.map(drop)
}

async fn relate(
    write: &mut Write<'_>,
    held: &Held,
    from: TaskId,
    relation: Relation,
    to: TaskId,
) -> Result<(), StorageError> {
    let relating =
        sqlx::query(RELATE).bind(held.namespace).bind(bytes(from)).bind(relation.as_str()).bind(bytes(to));
    write.run(relating).await.map(drop)
}

/// Counts a comparison in the transaction.
pub(super) async fn keep_drift(
    write: &mut Write<'_>,
    held: &Held,
    scope: &Scope,
    drift: Drift,
) -> Result<(), StorageError> {
    let keeping = sqlx::query(KEEP_DRIFT)
        .bind(held.namespace)
        .bind(scope.at().as_millis())
        .bind(drift.similarity)
        .bind(drift.action.as_str());
    write.run(keeping).await.map(drop)
}
