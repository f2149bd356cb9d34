//! Agents: spawn, list, status, stop, types; and whether one may still act.

use agentstack_access::{Effect, Scope};
use agentstack_api::InputError;
use agentstack_api::command::{AgentName, SpawnAgent, UpdateAgentStatus};
use agentstack_api::view::{
    AgentDetailView, AgentStatusView, AgentTypeView, AgentTypesView, AgentView, AllowancePhase,
    ListAgentsView, SpawnAgentView, StopAgentView, UpdateAgentStatusView, UsageView,
};
use agentstack_core::{Agent, AgentId, AgentInstanceId, AgentStatus, AgentType};
use agentstack_storage::text::cut::json_escaped_len;
use agentstack_storage::{AgentChange, AgentRef, NewAgent, Pending, StorageError};

use crate::Engine;
use crate::answer::Room;
use crate::coordination::{AgentKind, Phase};
use crate::failure::Failure;

/// Most agents that one answer lists.
const AGENTS_LISTED: u32 = 100;
/// What an agent takes in an answer besides its name, in bytes.
const AGENT_BYTES: usize = 420;

impl Engine {
    /// The kind of agent with this name.
    pub(crate) fn known_kind(&self, field: &str, agent_type: &AgentType) -> Result<&AgentKind, Failure> {
        let kind = self.settings().coordination.kind(agent_type);
        kind.ok_or_else(|| Failure::Input(InputError::new(field, "must be one that agent_types lists")))
    }

    pub(crate) async fn spawn_agent(
        &self,
        scope: &Scope,
        command: SpawnAgent,
        pending: Pending,
    ) -> Result<SpawnAgentView, Failure> {
        self.known_kind("type", &command.agent_type)?;
        let id = AgentInstanceId::generate();
        let agent = NewAgent {
            id,
            name: command.name.map_or_else(|| made_name(&command.agent_type, id), Ok)?,
            agent_type: command.agent_type,
            identity: command.identity,
            metadata: self.screened_object(scope, command.metadata)?,
            most: self.settings().coordination.agents_concurrent,
        };
        let pending = pending.of_identity(agent.identity);
        Ok((&self.store().spawn(scope, agent, pending).await?).into())
    }

    pub(crate) async fn list_agents(&self, scope: &Scope) -> Result<ListAgentsView, Failure> {
        let found = self.store().agents(scope, AGENTS_LISTED).await?;
        let mut room = Room::new();
        let fits = |agent: &&Agent| room.take(AGENT_BYTES + json_escaped_len(agent.name.as_str()));
        let agents: Vec<AgentView> = found.agents.iter().take_while(fits).map(Into::into).collect();
        Ok(ListAgentsView { total: found.total, count: agents.len(), agents })
    }

    pub(crate) async fn agent_status(
        &self,
        scope: &Scope,
        which: AgentName,
    ) -> Result<AgentStatusView, Failure> {
        let agent = self.named_agent(scope, which).await?;
        let coordination = &self.settings().coordination;
        let phase = coordination.allowance.map(|allowance| allowance.phase(&agent.usage, scope.at()));
        let kind = coordination.kind(&agent.agent_type);
        let detail = AgentDetailView {
            agent: (&agent).into(),
            // A kind that the configuration no longer has says nothing.
            capabilities: kind.map(|kind| kind.capabilities.clone()).unwrap_or_default(),
            system_prompt: kind.map(|kind| kind.system_prompt.clone()).unwrap_or_default(),
            usage: UsageView {
                operations: agent.usage.operations,
                tokens: agent.usage.tokens,
                subtasks: agent.usage.subtasks,
                last_result_at: agent.usage.result_at,
                phase: phase.map(shown),
            },
            metadata: agent.metadata,
        };
        Ok(AgentStatusView { agent: detail })
    }

    pub(crate) async fn stop_agent(
        &self,
        scope: &Scope,
        which: AgentName,
        pending: Pending,
    ) -> Result<StopAgentView, Failure> {
        let which = match which {
            AgentName::Name(name) => AgentRef::Name(name),
            AgentName::Id(id, None) => AgentRef::Id(id),
            // A name never changes, so it does not matter when it is looked at.
            named @ AgentName::Id(..) => AgentRef::Id(self.named_agent(scope, named).await?.id),
        };
        let change = AgentChange::to(AgentStatus::Stopped);
        self.store().change_agent(scope, &which, change, pending).await?.ok_or(Failure::Absent)?;
        Ok(StopAgentView { success: true })
    }

    pub(crate) async fn update_agent_status(
        &self,
        scope: &Scope,
        command: UpdateAgentStatus,
        pending: Pending,
    ) -> Result<UpdateAgentStatusView, Failure> {
        scope.speak_for(&command.id.into())?;
        let which = AgentRef::Id(command.id);
        let renew = self.renews(scope, &which, command.to).await?;
        let change = AgentChange { renew, ..AgentChange::to(command.to) };
        let agent = self.store().change_agent(scope, &which, change, pending).await?;
        Ok((&agent.ok_or(Failure::Absent)?).into())
    }

    pub(crate) fn agent_types(&self) -> AgentTypesView {
        let view = |kind: &AgentKind| AgentTypeView {
            agent_type: kind.agent_type.clone(),
            description: kind.description.clone(),
            capabilities: kind.capabilities.clone(),
        };
        let types: Vec<AgentTypeView> = self.settings().coordination.kinds.iter().map(view).collect();
        AgentTypesView { count: types.len(), types }
    }

    /// Whether a change of state ends a pause: whoever owns the session says so, and never the agent itself.
    async fn renews(&self, scope: &Scope, which: &AgentRef, to: AgentStatus) -> Result<bool, Failure> {
        let Some(allowance) = self.settings().coordination.allowance else { return Ok(false) };
        if !matches!(to, AgentStatus::Idle | AgentStatus::Running) || scope.bound_agent().is_some() {
            return Ok(false);
        }
        let agent = self.store().agent(scope, which).await?;
        Ok(agent.is_some_and(|agent| allowance.phase(&agent.usage, scope.at()) >= Phase::Paused))
    }

    async fn named_agent(&self, scope: &Scope, which: AgentName) -> Result<Agent, Failure> {
        let (which, name) = match which {
            AgentName::Id(id, name) => (AgentRef::Id(id), name),
            AgentName::Name(name) => (AgentRef::Name(name), None),
        };
        let agent = self.store().agent(scope, &which).await?;
        agent.filter(|agent| name.is_none_or(|name| agent.name == name)).ok_or(Failure::Absent)
    }

    /// The agent of the session on whose behalf the call is made, if it is one that was spawned there.
    ///
    /// # Errors
    /// When it has stopped, or has used up its allowance; then it is stopped for good if it goes on and on.
    pub(crate) async fn acting(&self, scope: &Scope, pending: &Pending) -> Result<Option<Agent>, Failure> {
        // To look after agents and sessions is not to act as one.
        let looks_after = matches!(scope.operation().family(), Some("agent" | "session")) && !runs(scope);
        if looks_after || scope.session().is_none() {
            return Ok(None);
        }
        // Nor is it to read what one has stored.
        let reads = scope.operation().effect == Effect::Read;
        let agent = if reads { scope.bound_agent() } else { scope.agent() };
        let named = agent.and_then(|agent| agent.as_str().parse::<AgentInstanceId>().ok());
        let Some(id) = named else { return Ok(None) };
        let Some(agent) = self.store().agent(scope, &AgentRef::Id(id)).await? else { return Ok(None) };
        let stopped = || StorageError::State { what: "agent", is: "stopped", to: "running" };
        if agent.status == AgentStatus::Stopped {
            return Err(stopped().into());
        }
        let allowance = self.settings().coordination.allowance;
        match allowance.map_or(Phase::Normal, |allowance| allowance.phase(&agent.usage, scope.at())) {
            Phase::Normal | Phase::Warning => Ok(Some(agent)),
            Phase::Paused => Err(StorageError::State { what: "agent", is: "paused", to: "running" }.into()),
            Phase::Stopped => {
                let change = AgentChange::to(AgentStatus::Stopped);
                let pending =
                    pending.clone().in_operation("agent_stop", "allowance", self.hash_of(scope, "agent", id));
                self.store().change_agent(scope, &AgentRef::Id(id), change, pending).await?;
                Err(stopped().into())
            }
        }
    }
}

/// Whether an agent is run, which is to act as it.
fn runs(scope: &Scope) -> bool {
    scope.operation().name == "agent_run"
}

fn shown(phase: Phase) -> AllowancePhase {
    match phase {
        Phase::Normal => AllowancePhase::Normal,
        Phase::Warning => AllowancePhase::Warning,
        // It is stopped with its next call.
        Phase::Paused | Phase::Stopped => AllowancePhase::Paused,
    }
}

/// A name for an agent that was given none: its kind, and the random end of its id.
fn made_name(agent_type: &AgentType, id: AgentInstanceId) -> Result<AgentId, Failure> {
    let id = id.to_string();
    let end = id.rsplit('-').next().unwrap_or(&id);
    // A kind has at most 64 characters, and an end has 12.
    format!("{agent_type}-{end}").parse().map_err(|_| Failure::Absent)
}
