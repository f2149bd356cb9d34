//! Calls about agents, identities and tasks.

use agentstack_access::{Operation, Scope};
use agentstack_core::{
    Agent, AgentInstanceId, AgentStatus, Identity, IdentityId, IdentityStatus, Relation, Relationship,
    RiskLevel, Task, TaskId, TaskStatus, TaskText,
};

use super::world::{
    AGENT_CHANGE, AGENT_SPAWN, AGENT_STATUS, Call, IDENTITY_CHANGE, IDENTITY_CREATE, IDENTITY_GET,
    SESSION_ACTIVE, SESSION_STATUS, TASK_ASSIGN, TASK_CREATE, TASK_END, TASK_GET, World, metadata,
    new_session, pending,
};
use crate::{
    AgentChange, AgentRef, Agents, Direction, Identities, IdentityChange, IdentityFilter, IdentityRef,
    NewAgent, NewTask, StorageError, TaskBounds, TaskEnd, TaskFilter, Tasks,
};

/// An agent to be spawned; up to twenty may be.
#[must_use]
pub fn new_agent(name: &str) -> NewAgent {
    NewAgent {
        id: AgentInstanceId::generate(),
        agent_type: "coder".parse().unwrap(),
        name: name.parse().unwrap(),
        identity: None,
        metadata: metadata("{}"),
        most: 20,
    }
}

/// An identity that is active. Its owner is a stranger until it is kept.
#[must_use]
pub fn new_identity(world: &World, name: Option<&str>) -> Identity {
    Identity {
        id: IdentityId::generate(),
        owner: "nobody".into(),
        agent_type: "coder".parse().unwrap(),
        status: IdentityStatus::Active,
        reason: None,
        version: 1,
        display_name: name.map(|name| name.parse().unwrap()),
        description: None,
        capabilities: vec![],
        metadata: metadata("{}"),
        created_at: world.now(),
        updated_at: world.now(),
        last_active_at: None,
    }
}

/// A task to be made, within generous bounds.
#[must_use]
pub fn new_task() -> NewTask {
    NewTask {
        id: TaskId::generate(),
        agent_type: "coder".parse().unwrap(),
        input: None,
        risk: RiskLevel::Low,
        parent: None,
        relations: vec![],
        drift: None,
        bounds: TaskBounds { depth: 10, parts: 100, tasks: 10_000 },
    }
}

/// One that is a part of another.
#[must_use]
pub fn part_of(parent: TaskId) -> NewTask {
    NewTask { parent: Some(parent), ..new_task() }
}

/// One that stands so to others.
#[must_use]
pub fn related(relations: &[(Relation, TaskId)]) -> NewTask {
    NewTask { relations: relations.to_vec(), ..new_task() }
}

#[must_use]
pub fn text(text: &str) -> TaskText {
    text.to_owned().try_into().unwrap()
}

/// An end without output.
#[must_use]
pub fn end(to: TaskStatus) -> TaskEnd {
    TaskEnd { to, output: None, entry: None }
}

/// All tasks.
#[must_use]
pub fn everything() -> TaskFilter {
    TaskFilter { status: None, limit: 1_000, before: None }
}

/// Fails unless it is that error of a state.
pub fn assert_state<T>(result: Result<T, StorageError>, state: (&str, &str, &str)) {
    let error = result.err();
    let found = match &error {
        Some(StorageError::State { what, is, to }) => Some((*what, *is, *to)),
        _ => None,
    };
    assert_eq!(found, Some(state), "{error:?}");
}

/// Fails unless the session was gone.
pub fn assert_gone<T>(result: Result<T, StorageError>) {
    let error = result.err();
    assert!(matches!(error, Some(StorageError::SessionGone)), "{error:?}");
}

/// Scopes in a session that has ended meanwhile, in one that somebody else holds, in one that has expired, and in none.
pub async fn gone(world: &World, operation: &'static Operation) -> [Scope; 4] {
    let ann = world.local("ann").start().await;
    ann.spawn("a").await;
    let ended = ann.scope(operation).await;
    ann.end().await;
    // An operator oversees sessions, which is to see that they are there and to end them.
    let foreign = world.operator().in_session(ann.start().await.session.unwrap());
    let foreign = foreign.scope(&SESSION_STATUS).await;
    let expired = world.operator().start_with(new_session(world, 1_000, 1_000).0).await;
    world.clock.advance_millis(1_000);
    let expired = expired.scope(&SESSION_STATUS).await;
    [ended, foreign, expired, world.local("ann").scope(&SESSION_ACTIVE).await]
}

impl Call<'_> {
    /// The same caller on behalf of an agent that was spawned.
    #[must_use]
    pub fn as_agent(&self, agent: &Agent) -> Self {
        self.for_agent(&agent.id.to_string())
    }

    pub async fn try_spawn(&self, agent: NewAgent) -> Result<Agent, StorageError> {
        let scope = self.scope(&AGENT_SPAWN).await;
        self.world.store.spawn(&scope, agent, pending(&scope)).await
    }

    pub async fn spawn(&self, name: &str) -> Agent {
        self.try_spawn(new_agent(name)).await.unwrap()
    }

    pub async fn agent(&self, which: &AgentRef) -> Option<Agent> {
        let scope = self.scope(&AGENT_STATUS).await;
        self.world.store.agent(&scope, which).await.unwrap()
    }

    pub async fn agent_named(&self, name: &str) -> Option<Agent> {
        self.agent(&AgentRef::Name(name.parse().unwrap())).await
    }

    /// The agent as it is now.
    pub async fn again(&self, agent: &Agent) -> Agent {
        self.agent(&AgentRef::Id(agent.id)).await.unwrap()
    }

    pub async fn agents(&self, limit: u32) -> Agents {
        let scope = self.scope(&AGENT_STATUS).await;
        self.world.store.agents(&scope, limit).await.unwrap()
    }

    pub async fn try_change(
        &self,
        which: &AgentRef,
        change: AgentChange,
    ) -> Result<Option<Agent>, StorageError> {
        let scope = self.scope(&AGENT_CHANGE).await;
        self.world.store.change_agent(&scope, which, change, pending(&scope)).await
    }

    pub async fn bring(&self, agent: &Agent, to: AgentStatus) -> Agent {
        let change = AgentChange::to(to);
        self.try_change(&AgentRef::Id(agent.id), change).await.unwrap().unwrap()
    }

    pub async fn stop(&self, agent: &Agent) -> Agent {
        self.bring(agent, AgentStatus::Stopped).await
    }

    pub async fn try_keep(&self, identity: Identity) -> Result<(), StorageError> {
        let scope = self.scope(&IDENTITY_CREATE).await;
        self.world.store.create_identity(&scope, identity, pending(&scope)).await
    }

    /// Keeps an identity and shows it.
    pub async fn keep(&self, identity: Identity) -> Identity {
        let id = identity.id;
        self.try_keep(identity).await.unwrap();
        self.identity(&IdentityRef::Id(id)).await.unwrap()
    }

    pub async fn identity(&self, which: &IdentityRef) -> Option<Identity> {
        let scope = self.scope(&IDENTITY_GET).await;
        self.world.store.identity(&scope, which).await.unwrap()
    }

    pub async fn identities(&self, filter: IdentityFilter) -> Identities {
        let scope = self.scope(&IDENTITY_GET).await;
        self.world.store.identities(&scope, filter).await.unwrap()
    }

    pub async fn try_alter(
        &self,
        id: IdentityId,
        change: IdentityChange,
    ) -> Result<Option<Identity>, StorageError> {
        let scope = self.scope(&IDENTITY_CHANGE).await;
        self.world.store.change_identity(&scope, id, change, pending(&scope)).await
    }

    pub async fn retire(&self, id: IdentityId) -> Result<Option<Identity>, StorageError> {
        let change =
            IdentityChange { status: Some((IdentityStatus::Retired, None)), ..IdentityChange::default() };
        self.try_alter(id, change).await
    }

    pub async fn try_make(&self, task: NewTask) -> Result<Task, StorageError> {
        let scope = self.scope(&TASK_CREATE).await;
        self.world.store.create_task(&scope, task, pending(&scope)).await
    }

    pub async fn make(&self, task: NewTask) -> Task {
        self.try_make(task).await.unwrap()
    }

    pub async fn task(&self, id: TaskId) -> Option<Task> {
        let scope = self.scope(&TASK_GET).await;
        self.world.store.task(&scope, id).await.unwrap()
    }

    pub async fn tasks(&self, filter: TaskFilter) -> Tasks {
        let scope = self.scope(&TASK_GET).await;
        self.world.store.tasks(&scope, filter).await.unwrap()
    }

    pub async fn try_assign(&self, id: TaskId, agent: AgentInstanceId) -> Result<Option<Task>, StorageError> {
        let scope = self.scope(&TASK_ASSIGN).await;
        self.world.store.assign_task(&scope, id, agent, pending(&scope)).await
    }

    pub async fn assign(&self, task: &Task, agent: &Agent) -> Task {
        self.try_assign(task.id, agent.id).await.unwrap().unwrap()
    }

    pub async fn try_end(&self, id: TaskId, end: TaskEnd) -> Result<Option<Task>, StorageError> {
        let scope = self.scope(&TASK_END).await;
        self.world.store.end_task(&scope, id, end, pending(&scope)).await
    }

    pub async fn complete(&self, task: &Task) -> Task {
        self.try_end(task.id, end(TaskStatus::Completed)).await.unwrap().unwrap()
    }

    pub async fn relationships(&self, id: TaskId, direction: Direction) -> Option<Vec<Relationship>> {
        let scope = self.scope(&TASK_GET).await;
        self.world.store.relationships(&scope, id, direction).await.unwrap()
    }

    pub async fn lineage(&self, id: TaskId, most: u32) -> Vec<Task> {
        let scope = self.scope(&TASK_GET).await;
        self.world.store.lineage(&scope, id, most).await.unwrap()
    }
}
