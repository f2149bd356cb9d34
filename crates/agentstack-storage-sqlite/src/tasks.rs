//! Tasks of sessions.

pub(crate) mod create;
pub(crate) mod links;

use agentstack_access::Scope;
use agentstack_audit::Draft;
use agentstack_core::{
    AgentInstanceId, AgentStatus, Relationship, Task, TaskId, TaskStatus, TaskText, Timestamp,
};
use agentstack_storage::{
    AgentRef, Direction, Drift, DriftFigures, NewTask, Pending, StorageError, TaskEnd, TaskFilter, TaskStore,
    Tasks,
};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use self::create::{create, keep_drift};
use crate::SqliteStore;
use crate::agents::find_agent;
use crate::briefly::{analyze, briefly};
use crate::error::storage;
use crate::row::{Columns, count, small};
use crate::write::{Held, Write, held, scoped};

/// What [`Found`] and [`task`] read.
macro_rules! columns {
    () => {
        "held.id, held.secret, k.id, k.uuid, k.agent_type, k.status, k.risk, k.parent, k.depth, k.agent, k.input, k.output, \
         k.created_at, k.updated_at, k.completed_at"
    };
}

pub(crate) const FIND: &str = concat!(
    held!(),
    " SELECT ",
    columns!(),
    " FROM held LEFT JOIN tasks k ON k.namespace = held.id AND k.uuid = $4"
);

/// A page of the tasks before `$4`, and how many there are on all.
macro_rules! list {
    ($wanted:literal) => {
        concat!(
            held!(),
            " SELECT ",
            columns!(),
            ", (SELECT count(*) FROM tasks WHERE namespace = (SELECT id FROM held)",
            $wanted,
            ") FROM held LEFT JOIN (SELECT id, uuid FROM tasks WHERE namespace = (SELECT id FROM held) ",
            "AND uuid < $4",
            $wanted,
            " ORDER BY uuid DESC LIMIT $5) page LEFT JOIN tasks k ON k.id = page.id ORDER BY page.uuid DESC"
        )
    };
}

pub(crate) const LIST: &str = list!("");
pub(crate) const LIST_SO_FAR: &str = list!(" AND status = $6");

/// A task and its ancestors, the nearest first.
pub(crate) const LINEAGE: &str = concat!(
    held!(),
    ", line (id, parent, level) AS (",
    "SELECT k.id, k.parent, 0 FROM held CROSS JOIN tasks k ON k.namespace = held.id AND k.uuid = $4 UNION ALL ",
    "SELECT k.id, k.parent, line.level + 1 FROM line CROSS JOIN tasks k ",
    "ON k.namespace = (SELECT id FROM held) AND k.uuid = line.parent LIMIT $5) SELECT ",
    columns!(),
    " FROM held LEFT JOIN line LEFT JOIN tasks k ON k.id = line.id ORDER BY line.level"
);

/// The first task that this one depends on and that is not completed.
pub(crate) const WAITS_FOR: &str = "SELECT k.status FROM task_relations r \
     CROSS JOIN tasks k ON k.namespace = r.namespace AND k.uuid = r.target \
     WHERE r.namespace = $1 AND r.source = $2 AND r.relation = 'depends_on' AND k.status <> 'completed' \
     ORDER BY k.uuid LIMIT 1";

const ASSIGN: &str = "UPDATE tasks SET status = $2, agent = $3, updated_at = $4 WHERE id = $1";
const END: &str =
    "UPDATE tasks SET status = $2, output = $3, updated_at = $4, completed_at = $4 WHERE id = $1";
pub(crate) const NOTE_RESULT: &str = "UPDATE agents SET result_at = $3 WHERE namespace = $1 AND uuid = $2";

#[async_trait]
impl TaskStore for SqliteStore {
    async fn create_task(&self, scope: &Scope, new: NewTask, pending: Pending) -> Result<Task, StorageError> {
        let mut write = self.write().await?;
        let created = create(&mut write, scope, new).await.map(Some);
        let created = write.finish(created, pending).await?;
        created.ok_or_else(|| StorageError::damaged("a task that was made"))
    }

    async fn task(&self, scope: &Scope, id: TaskId) -> Result<Option<Task>, StorageError> {
        let question = scoped(FIND, scope).bind(id.as_bytes().to_vec());
        let mut reader = self.reader().await?;
        let row = briefly(question.fetch_optional(reader.connection()?)).await.map_err(storage)?;
        Ok(Found::read(&row.ok_or(StorageError::SessionGone)?)?.map(|found| found.task))
    }

    async fn tasks(&self, scope: &Scope, filter: TaskFilter) -> Result<Tasks, StorageError> {
        // No id comes after this.
        let before = filter.before.map_or(vec![u8::MAX; 17], |id| id.as_bytes().to_vec());
        let sql = if filter.status.is_some() { LIST_SO_FAR } else { LIST };
        let mut question = scoped(sql, scope).bind(before).bind(filter.limit);
        if let Some(status) = filter.status {
            question = question.bind(status.as_str());
        }
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        let total = rows.first().ok_or(StorageError::SessionGone)?;
        let total = count(total.try_get(15).map_err(storage)?)?;
        Ok(Tasks { total, tasks: all(&rows)? })
    }

    async fn assign_task(
        &self,
        scope: &Scope,
        id: TaskId,
        agent: AgentInstanceId,
        pending: Pending,
    ) -> Result<Option<Task>, StorageError> {
        let mut write = self.write().await?;
        let assigned = assign(&mut write, scope, id, agent).await;
        write.finish(assigned, pending).await
    }

    async fn end_task(
        &self,
        scope: &Scope,
        id: TaskId,
        end: TaskEnd,
        pending: Pending,
    ) -> Result<Option<Task>, StorageError> {
        let Some(entry) = &end.entry else {
            let mut write = self.write().await?;
            let ended = end_task(&mut write, scope, id, &end).await;
            return write.finish(ended, pending).await;
        };
        let terms = analyze(entry.key.as_str(), entry.content.as_str());
        let mut opened = self.open_entry(scope, &entry.key).await?;
        // The entry comes last, because the transaction is committed with it.
        let ended = match end_task(&mut opened.write, scope, id, &end).await {
            Ok(Some(task)) => opened.keep(scope, entry.clone(), &terms, pending).await.map(|_| Some(task)),
            other => other,
        };
        opened.write.close(ended).await
    }

    async fn relationships(
        &self,
        scope: &Scope,
        id: TaskId,
        direction: Direction,
    ) -> Result<Option<Vec<Relationship>>, StorageError> {
        self.read_relationships(scope, id, direction).await
    }

    async fn lineage(&self, scope: &Scope, id: TaskId, most: u32) -> Result<Vec<Task>, StorageError> {
        let question = scoped(LINEAGE, scope).bind(id.as_bytes().to_vec()).bind(most);
        let mut reader = self.reader().await?;
        let rows = question.fetch_all(reader.connection()?).await.map_err(storage)?;
        if rows.is_empty() { Err(StorageError::SessionGone) } else { all(&rows) }
    }

    async fn note_drift(&self, scope: &Scope, drift: Drift, record: Draft) -> Result<(), StorageError> {
        let mut write = self.write().await?;
        let noted = async {
            let held = write.held(scope).await?;
            keep_drift(&mut write, &held, scope, drift).await
        };
        match noted.await {
            Ok(()) => write.commit(&record).await,
            Err(error) => write.undo(error).await,
        }
    }

    async fn drift_figures(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
    ) -> Result<DriftFigures, StorageError> {
        self.read_drift(scope, since).await
    }
}

/// A task and its place.
pub(crate) struct Found {
    held: Held,
    row: i64,
    task: Task,
}

impl Found {
    /// [`columns!`].
    fn read(row: &SqliteRow) -> Result<Option<Self>, StorageError> {
        let mut columns = Columns::from(row, 0);
        let held = Held::read(&mut columns)?;
        let Some(row) = columns.take::<Option<i64>>()? else { return Ok(None) };
        let task = task(&mut columns, &held)?;
        Ok(Some(Self { held, row, task }))
    }
}

/// The tasks of rows. Without any there is a row all the same, which says so.
fn all(rows: &[SqliteRow]) -> Result<Vec<Task>, StorageError> {
    let found: Result<Vec<_>, _> = rows.iter().map(Found::read).collect();
    Ok(found?.into_iter().flatten().map(|found| found.task).collect())
}

/// [`columns!`] after the first three.
fn task(columns: &mut Columns<'_>, held: &Held) -> Result<Task, StorageError> {
    Ok(Task {
        id: columns.id(TaskId::from_bytes)?,
        agent_type: columns.covered("a task's type", &held.veil, |text| text.parse().ok())?,
        status: columns.word("a task's state")?,
        risk: columns.word("a task's risk")?,
        parent: columns.optional_id(TaskId::from_bytes)?,
        depth: small(columns.take()?)?,
        agent: columns.optional_id(AgentInstanceId::from_bytes)?,
        input: text(columns, held)?,
        output: text(columns, held)?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        completed_at: columns.take::<Option<i64>>()?.map(Timestamp::from_millis),
    })
}

fn text(columns: &mut Columns<'_>, held: &Held) -> Result<Option<TaskText>, StorageError> {
    let Some(covered) = columns.take::<Option<&[u8]>>()? else { return Ok(None) };
    let text = held.veil.uncover(covered).and_then(|text| TaskText::try_from(text).ok());
    text.map(Some).ok_or_else(|| StorageError::damaged("a task's text"))
}

/// A task of the scope's session, in the transaction.
async fn find(write: &mut Write<'_>, scope: &Scope, id: TaskId) -> Result<Option<Found>, StorageError> {
    let question = scoped(FIND, scope).bind(id.as_bytes().to_vec());
    let row = briefly(question.fetch_optional(write.connection()?)).await.map_err(storage)?;
    Found::read(&row.ok_or(StorageError::SessionGone)?)
}

async fn assign(
    write: &mut Write<'_>,
    scope: &Scope,
    id: TaskId,
    agent: AgentInstanceId,
) -> Result<Option<Task>, StorageError> {
    let Some(Found { held, row, mut task }) = find(write, scope, id).await? else { return Ok(None) };
    let assignee = find_agent(write, scope, &AgentRef::Id(agent)).await?.ok_or(StorageError::Missing)?;
    if assignee.agent.status == AgentStatus::Stopped {
        return Err(StorageError::State { what: "agent", is: "stopped", to: "running" });
    }
    let again = task.status == TaskStatus::Assigned && task.agent == Some(agent);
    let to = TaskStatus::Assigned;
    if !again && !task.status.can_become(to) {
        return Err(StorageError::State { what: "task", is: task.status.as_str(), to: to.as_str() });
    }
    let open = sqlx::query(WAITS_FOR).bind(held.namespace).bind(id.as_bytes().to_vec());
    let open = briefly(open.fetch_optional(write.connection()?)).await.map_err(storage)?;
    if let Some(open) = open {
        let is: TaskStatus = Columns::from(&open, 0).word("a task's state")?;
        let (is, to) = (is.as_str(), TaskStatus::Completed.as_str());
        return Err(StorageError::State { what: "task it depends on", is, to });
    }
    if !again {
        (task.status, task.agent, task.updated_at) = (to, Some(agent), scope.at());
        let assigning = sqlx::query(ASSIGN)
            .bind(row)
            .bind(to.as_str())
            .bind(agent.as_bytes().to_vec())
            .bind(scope.at().as_millis());
        write.run(assigning).await?;
    }
    Ok(Some(task))
}

async fn end_task(
    write: &mut Write<'_>,
    scope: &Scope,
    id: TaskId,
    end: &TaskEnd,
) -> Result<Option<Task>, StorageError> {
    let Some(Found { held, row, mut task }) = find(write, scope, id).await? else { return Ok(None) };
    if !task.status.can_become(end.to) {
        return Err(StorageError::State { what: "task", is: task.status.as_str(), to: end.to.as_str() });
    }
    (task.status, task.output, task.updated_at) = (end.to, end.output.clone(), scope.at());
    task.completed_at = Some(scope.at());
    let ending = sqlx::query(END)
        .bind(row)
        .bind(end.to.as_str())
        .bind(task.output.as_ref().map(|output| held.veil.cover(output.as_str())).transpose()?)
        .bind(scope.at().as_millis());
    write.run(ending).await?;
    if let (TaskStatus::Completed, Some(agent)) = (end.to, task.agent) {
        let noting = sqlx::query(NOTE_RESULT)
            .bind(held.namespace)
            .bind(agent.as_bytes().to_vec())
            .bind(scope.at().as_millis());
        write.run(noting).await?;
    }
    Ok(Some(task))
}
