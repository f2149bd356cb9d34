//! Tasks.

use agentstack_access::Scope;
use agentstack_audit::{Draft, Outcome};
use agentstack_core::{
    AgentInstanceId, AgentStatus, DriftAction, Relation, Relationship, SessionId, Task, TaskId, TaskStatus,
    Timestamp,
};
use async_trait::async_trait;

use super::{ReferenceStore, State};
use crate::{
    Direction, Drift, DriftFigures, NewTask, Pending, StorageError, TaskEnd, TaskFilter, TaskStore, Tasks,
};

impl State {
    pub(super) fn tasks_of(&self, session: SessionId) -> impl DoubleEndedIterator<Item = &Task> {
        self.tasks.iter().filter(move |(of, _)| *of == session).map(|(_, task)| task)
    }

    fn find_task(&self, session: SessionId, id: TaskId) -> Option<&Task> {
        self.tasks_of(session).find(|task| task.id == id)
    }

    fn replace_task(&mut self, changed: &Task) {
        for (_, task) in self.tasks.iter_mut().filter(|(_, task)| task.id == changed.id) {
            task.clone_from(changed);
        }
    }

    fn count_subtask(&mut self, session: SessionId, agent: Option<AgentInstanceId>) {
        let its = self.agents.iter_mut().filter(|(of, one)| *of == session && Some(one.id) == agent);
        its.for_each(|(_, agent)| agent.usage.subtasks += 1);
    }

    /// How many ancestors a part of this task has, and the agent it is assigned to.
    fn below(
        &self,
        session: SessionId,
        parent: Option<TaskId>,
        new: &NewTask,
    ) -> Result<(u32, Option<AgentInstanceId>), StorageError> {
        let Some(parent) = parent else { return Ok((0, None)) };
        let parent = self.find_task(session, parent).ok_or(StorageError::Missing)?;
        let parts = self.tasks_of(session).filter(|task| task.parent == Some(parent.id)).count();
        if parent.depth >= new.bounds.depth {
            return Err(StorageError::TooMany { what: "levels of tasks" });
        }
        if parts >= new.bounds.parts as usize {
            return Err(StorageError::TooMany { what: "parts of a task" });
        }
        let assigned = parent.agent.filter(|_| parent.status == TaskStatus::Assigned);
        Ok((parent.depth + 1, assigned))
    }
}

#[async_trait]
impl TaskStore for ReferenceStore {
    async fn create_task(&self, scope: &Scope, new: NewTask, pending: Pending) -> Result<Task, StorageError> {
        let mut state = self.state()?;
        let session = state.held(scope)?;
        let (depth, assigned) = state.below(session, new.parent, &new)?;
        if new.relations.iter().any(|(_, other)| state.find_task(session, *other).is_none()) {
            return Err(StorageError::Missing);
        }
        if state.tasks_of(session).count() >= new.bounds.tasks as usize {
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
        let parent = new.parent.map(|from| Relationship { from, relation: Relation::ParentOf, to: task.id });
        let others = new.relations.iter().map(|(relation, to)| Relationship {
            from: task.id,
            relation: *relation,
            to: *to,
        });
        state.relationships.extend(parent.into_iter().chain(others));
        state.relationships.sort_unstable();
        state.relationships.dedup();
        state.drifts.extend(new.drift.map(|drift| (session, scope.at(), drift)));
        state.count_subtask(session, assigned);
        state.tasks.push((session, task.clone()));
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(task)
    }

    async fn task(&self, scope: &Scope, id: TaskId) -> Result<Option<Task>, StorageError> {
        let state = self.state()?;
        let session = state.held(scope)?;
        Ok(state.find_task(session, id).cloned())
    }

    async fn tasks(&self, scope: &Scope, filter: TaskFilter) -> Result<Tasks, StorageError> {
        let state = self.state()?;
        let session = state.held(scope)?;
        let mut fitting: Vec<&Task> = state
            .tasks_of(session)
            .filter(|task| filter.status.is_none_or(|status| task.status == status))
            .collect();
        fitting.sort_by_key(|task| std::cmp::Reverse(task.id));
        let older = fitting.iter().filter(|task| filter.before.is_none_or(|before| task.id < before));
        let page = older.take(filter.limit as usize).map(|task| Task::clone(task)).collect();
        Ok(Tasks { total: fitting.len() as u64, tasks: page })
    }

    async fn assign_task(
        &self,
        scope: &Scope,
        id: TaskId,
        agent: AgentInstanceId,
        pending: Pending,
    ) -> Result<Option<Task>, StorageError> {
        let mut state = self.state()?;
        let session = state.held(scope)?;
        let Some(mut task) = state.find_task(session, id).cloned() else { return Ok(None) };
        let assignee = state.agents_of(session).find(|one| one.id == agent).ok_or(StorageError::Missing)?;
        if assignee.status == AgentStatus::Stopped {
            return Err(StorageError::State { what: "agent", is: "stopped", to: "running" });
        }
        let again = task.status == TaskStatus::Assigned && task.agent == Some(agent);
        let to = TaskStatus::Assigned;
        if !again && !task.status.can_become(to) {
            return Err(StorageError::State { what: "task", is: task.status.as_str(), to: to.as_str() });
        }
        let needed =
            state.relationships.iter().filter(|one| one.from == id && one.relation == Relation::DependsOn);
        let open = needed.filter_map(|one| state.find_task(session, one.to));
        if let Some(open) = open.filter(|one| one.status != TaskStatus::Completed).min_by_key(|one| one.id) {
            let (is, to) = (open.status.as_str(), TaskStatus::Completed.as_str());
            return Err(StorageError::State { what: "task it depends on", is, to });
        }
        if !again {
            (task.status, task.agent, task.updated_at) = (to, Some(agent), scope.at());
            state.replace_task(&task);
        }
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(Some(task))
    }

    async fn end_task(
        &self,
        scope: &Scope,
        id: TaskId,
        end: TaskEnd,
        pending: Pending,
    ) -> Result<Option<Task>, StorageError> {
        let mut state = self.state()?;
        let session = state.held(scope)?;
        let Some(mut task) = state.find_task(session, id).cloned() else { return Ok(None) };
        if !task.status.can_become(end.to) {
            return Err(StorageError::State { what: "task", is: task.status.as_str(), to: end.to.as_str() });
        }
        if let Some(entry) = end.entry {
            state.keep(scope, entry)?;
        }
        (task.status, task.output, task.updated_at) = (end.to, end.output, scope.at());
        task.completed_at = Some(scope.at());
        state.replace_task(&task);
        if end.to == TaskStatus::Completed {
            let its =
                state.agents.iter_mut().filter(|(of, one)| *of == session && Some(one.id) == task.agent);
            its.for_each(|(_, agent)| agent.usage.result_at = scope.at());
        }
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(Some(task))
    }

    async fn relationships(
        &self,
        scope: &Scope,
        id: TaskId,
        direction: Direction,
    ) -> Result<Option<Vec<Relationship>>, StorageError> {
        let state = self.state()?;
        let session = state.held(scope)?;
        if state.find_task(session, id).is_none() {
            return Ok(None);
        }
        let wanted = |one: &&Relationship| match direction {
            Direction::Outgoing => one.from == id,
            Direction::Incoming => one.to == id,
            Direction::Both => one.from == id || one.to == id,
        };
        Ok(Some(state.relationships.iter().filter(wanted).copied().collect()))
    }

    async fn lineage(&self, scope: &Scope, id: TaskId, most: u32) -> Result<Vec<Task>, StorageError> {
        let state = self.state()?;
        let session = state.held(scope)?;
        let up = |task: &&Task| task.parent.and_then(|parent| state.find_task(session, parent));
        let line = std::iter::successors(state.find_task(session, id), up);
        Ok(line.take(most as usize).cloned().collect())
    }

    async fn note_drift(&self, scope: &Scope, drift: Drift, record: Draft) -> Result<(), StorageError> {
        let mut state = self.state()?;
        let session = state.held(scope)?;
        state.drifts.push((session, scope.at(), drift));
        state.append(&record);
        Ok(())
    }

    async fn drift_figures(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
    ) -> Result<DriftFigures, StorageError> {
        let state = self.state()?;
        let session = state.held(scope)?;
        let mut figures = DriftFigures::default();
        let mut sum = 0.0;
        for (of, at, drift) in &state.drifts {
            if *of != session || since.is_some_and(|since| *at < since) {
                continue;
            }
            figures.checks += 1;
            figures.warned += u64::from(drift.action == DriftAction::Warned);
            figures.prevented += u64::from(drift.action == DriftAction::Prevented);
            if drift.action != DriftAction::Allowed {
                figures.last_at = figures.last_at.max(Some(*at));
            }
            sum += drift.similarity;
            let greatest = figures.greatest_similarity.unwrap_or(0.0).max(drift.similarity);
            figures.greatest_similarity = Some(greatest);
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 tasks")]
        let mean = sum / figures.checks as f64;
        figures.mean_similarity = (figures.checks > 0).then_some(mean);
        Ok(figures)
    }
}
