//! Tasks: create, assign, complete, list, get, relationships.

use agentstack_access::{Claim, Scope};
use agentstack_api::command::{
    AssignTask, CompleteTask, CreateTask, ListTasks, TaskDirection, TaskRelationships,
};
use agentstack_api::operations;
use agentstack_api::view::{
    AssignTaskView, CompleteTaskView, CreateTaskView, GetTaskView, ListTasksView, RelationshipView,
    TaskRelationshipsView, TaskSummaryView, TaskView,
};
use agentstack_core::{Agent, Content, DriftAction, Metadata, TaskId, TaskText};
use agentstack_storage::{Direction, NewEntry, NewTask, Pending, TaskEnd, TaskFilter};

use crate::Engine;
use crate::answer::Room;
use crate::failure::Failure;
use crate::{drift, memory};

/// Most relationships that one answer shows.
const RELATIONSHIPS_SHOWN: usize = 300;

impl Engine {
    pub(crate) async fn create_task(
        &self,
        scope: &Scope,
        command: CreateTask,
        pending: Pending,
    ) -> Result<CreateTaskView, Failure> {
        self.known_kind("agentType", &command.agent_type)?;
        let command = CreateTask { input: self.screened_text(scope, "input", command.input)?, ..command };
        let input = command.input.as_ref().map(TaskText::as_str);
        let drift = match &self.settings().coordination.drift {
            Some(rule) => self.compare(scope, rule, input, command.parent).await?,
            None => None,
        };
        if let Some(drift) = drift.filter(|drift| drift.action == DriftAction::Prevented) {
            let failure = Failure::Drift;
            self.store().note_drift(scope, drift, pending.refused(failure.verdict())).await?;
            return Err(failure);
        }
        let task = NewTask {
            id: TaskId::generate(),
            agent_type: command.agent_type,
            input: command.input,
            risk: command.risk,
            parent: command.parent,
            relations: command.relations,
            drift,
            bounds: self.settings().coordination.tasks,
        };
        let task = self.store().create_task(scope, task, pending).await?;
        Ok(CreateTaskView { success: true, task: (&task).into(), drift: drift.map(drift::view) })
    }

    pub(crate) async fn assign_task(
        &self,
        scope: &Scope,
        command: AssignTask,
        pending: Pending,
    ) -> Result<AssignTaskView, Failure> {
        let task = self.store().assign_task(scope, command.id, command.agent, pending).await?;
        Ok((&task.ok_or(Failure::Absent)?).into())
    }

    pub(crate) async fn complete_task(
        &self,
        scope: &Scope,
        command: CompleteTask,
        acting: Option<&Agent>,
        pending: Pending,
    ) -> Result<CompleteTaskView, Failure> {
        if scope.bound_agent().is_some() {
            // Once it is assigned, it stays with that agent.
            let task = self.store().task(scope, command.id).await?.ok_or(Failure::Absent)?;
            task.agent.map_or(Ok(()), |agent| scope.speak_for(&agent.into()))?;
        }
        let output = self.screened_text(scope, "output", command.output)?;
        let mut end = TaskEnd { to: command.to, output, entry: None };
        let task = match (command.store_as, &end.output) {
            (Some(key), Some(output)) => {
                // To store is a permission of its own, and the entry goes where any other of the session does.
                let claim = scope.session().map_or_else(Claim::none, Claim::session);
                let storing = operations::find("memory_store").ok_or(Failure::Absent)?;
                let scope = self.authorizer().authorize(&scope.caller(), &storing.operation, claim).await?;
                self.make_room(&scope, &key).await?;
                let mut origin = memory::origin(&scope, acting);
                "task_complete".clone_into(&mut origin.tool);
                let entry = NewEntry {
                    key,
                    content: Content::try_from(output.as_str().to_owned()).map_err(|_| Failure::Absent)?,
                    metadata: Metadata::default(),
                    tags: vec![],
                    if_version: None,
                    origin,
                    findings: vec![],
                    held: false,
                    wish: self.wish(true),
                };
                end.entry = Some(self.screened(&scope, entry).await.map_err(as_sent)?);
                self.store().end_task(&scope, command.id, end, pending).await?
            }
            _ => self.store().end_task(scope, command.id, end, pending).await?,
        };
        self.wake_embedder();
        Ok((&task.ok_or(Failure::Absent)?).into())
    }

    pub(crate) async fn list_tasks(
        &self,
        scope: &Scope,
        command: &ListTasks,
    ) -> Result<ListTasksView, Failure> {
        let filter = TaskFilter { status: command.status, limit: command.limit + 1, before: command.before };
        let mut found = self.store().tasks(scope, filter).await?;
        let more = found.tasks.len() > command.limit as usize;
        found.tasks.truncate(command.limit as usize);
        let next_cursor = found.tasks.last().filter(|_| more).map(|task| task.id);
        let tasks: Vec<TaskSummaryView> = found.tasks.iter().map(Into::into).collect();
        Ok(ListTasksView { total: found.total, count: tasks.len(), tasks, next_cursor })
    }

    pub(crate) async fn get_task(&self, scope: &Scope, id: TaskId) -> Result<GetTaskView, Failure> {
        let task = self.store().task(scope, id).await?.ok_or(Failure::Absent)?;
        let mut room = Room::new();
        let mut truncated = false;
        let mut shown = |text: Option<&TaskText>| {
            let text = text?.as_str();
            let fits = room.take_text(text, usize::MAX);
            truncated |= fits.len() < text.len();
            Some(fits.to_owned())
        };
        let (input, output) = (shown(task.input.as_ref()), shown(task.output.as_ref()));
        Ok(GetTaskView { task: TaskView { summary: (&task).into(), input, output, truncated } })
    }

    pub(crate) async fn task_relationships(
        &self,
        scope: &Scope,
        command: &TaskRelationships,
    ) -> Result<TaskRelationshipsView, Failure> {
        let direction = match command.direction {
            TaskDirection::Outgoing => Direction::Outgoing,
            TaskDirection::Incoming => Direction::Incoming,
            TaskDirection::Both => Direction::Both,
        };
        let found = self.store().relationships(scope, command.id, direction).await?.ok_or(Failure::Absent)?;
        let truncated = found.len() > RELATIONSHIPS_SHOWN;
        let relationships: Vec<RelationshipView> =
            found.into_iter().take(RELATIONSHIPS_SHOWN).map(Into::into).collect();
        Ok(TaskRelationshipsView { count: relationships.len(), truncated, relationships })
    }
}

/// What was found in the entry of a result, by the names that the caller gave its fields.
fn as_sent(failure: Failure) -> Failure {
    match failure {
        Failure::Unfit { field: "key", kind } => Failure::Unfit { field: "storeAs", kind },
        Failure::Unfit { field: "content", kind } => Failure::Unfit { field: "output", kind },
        other => other,
    }
}
