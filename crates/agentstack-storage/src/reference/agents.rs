//! Agents.

use agentstack_access::Scope;
use agentstack_audit::{Decision, Draft, Outcome};
use agentstack_core::limits::AGENTS_PER_SESSION;
use agentstack_core::{Agent, AgentId, AgentStatus, AgentUsage, Identity, IdentityStatus, SessionId};
use async_trait::async_trait;

use super::{ReferenceStore, State};
use crate::{AgentChange, AgentRef, AgentStore, Agents, NewAgent, Pending, StorageError};

impl State {
    /// The scope's session, which is alive and held.
    pub(super) fn held(&self, scope: &Scope) -> Result<SessionId, StorageError> {
        self.check(scope)?;
        scope.session().ok_or(StorageError::SessionGone)
    }

    pub(super) fn agents_of(&self, session: SessionId) -> impl DoubleEndedIterator<Item = &Agent> {
        self.agents.iter().filter(move |(of, _)| *of == session).map(|(_, agent)| agent)
    }

    fn find_agent(&mut self, session: SessionId, which: &AgentRef) -> Option<&mut Agent> {
        let fits = |agent: &Agent| match which {
            AgentRef::Id(id) => agent.id == *id,
            AgentRef::Name(name) => agent.name == *name,
        };
        // A stopped one only if there is no other; of several stopped ones the last.
        let newest_first = self.agents.iter_mut().rev().filter(|(of, _)| *of == session);
        let fitting = newest_first.map(|(_, agent)| agent).filter(|agent| fits(agent));
        fitting.min_by_key(|agent| agent.status == AgentStatus::Stopped)
    }

    pub(super) fn count_operation(&mut self, draft: &Draft) {
        let (Some(session), Some(named)) = (draft.session, &draft.agent) else { return };
        // What was denied is nobody's: the session that it names may be another's.
        if draft.decision == Decision::Deny {
            return;
        }
        for (of, agent) in &mut self.agents {
            if *of == session && AgentId::from(agent.id) == *named {
                agent.usage.operations += 1;
            }
        }
    }
}

#[async_trait]
impl AgentStore for ReferenceStore {
    async fn spawn(&self, scope: &Scope, new: NewAgent, pending: Pending) -> Result<Agent, StorageError> {
        let mut state = self.state()?;
        let session = state.held(scope)?;
        let live = |agent: &&Agent| agent.status != AgentStatus::Stopped;
        if state.agents_of(session).filter(live).any(|agent| agent.name == new.name) {
            return Err(StorageError::NameTaken);
        }
        let (all, live) = (state.agents_of(session).count(), state.agents_of(session).filter(live).count());
        if live >= new.most as usize || all >= AGENTS_PER_SESSION as usize {
            return Err(StorageError::TooMany { what: "agents" });
        }
        if let Some(id) = new.identity {
            let owner = scope.principal().name();
            let its = |one: &&mut Identity| one.id == id && one.owner == owner;
            let identity = state.identities.iter_mut().find(its).ok_or(StorageError::Missing)?;
            if identity.status != IdentityStatus::Active {
                let (is, to) = (identity.status.as_str(), IdentityStatus::Active.as_str());
                return Err(StorageError::State { what: "identity", is, to });
            }
            identity.last_active_at = Some(scope.at());
        }
        let agent = Agent {
            id: new.id,
            agent_type: new.agent_type,
            name: new.name,
            status: AgentStatus::Idle,
            identity: new.identity,
            metadata: new.metadata,
            created_at: scope.at(),
            updated_at: scope.at(),
            usage: AgentUsage::none(scope.at()),
        };
        state.agents.push((session, agent.clone()));
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(agent)
    }

    async fn agent(&self, scope: &Scope, which: &AgentRef) -> Result<Option<Agent>, StorageError> {
        let mut state = self.state()?;
        let session = state.held(scope)?;
        Ok(state.find_agent(session, which).cloned())
    }

    async fn agents(&self, scope: &Scope, limit: u32) -> Result<Agents, StorageError> {
        let state = self.state()?;
        let session = state.held(scope)?;
        Ok(Agents {
            total: state.agents_of(session).count() as u64,
            agents: state.agents_of(session).rev().take(limit as usize).cloned().collect(),
        })
    }

    async fn change_agent(
        &self,
        scope: &Scope,
        which: &AgentRef,
        change: AgentChange,
        pending: Pending,
    ) -> Result<Option<Agent>, StorageError> {
        let mut state = self.state()?;
        let session = state.held(scope)?;
        let Some(agent) = state.find_agent(session, which) else { return Ok(None) };
        if !agent.status.can_become(change.to) {
            let (is, to) = (agent.status.as_str(), change.to.as_str());
            return Err(StorageError::State { what: "agent", is, to });
        }
        if agent.status != change.to {
            (agent.status, agent.updated_at) = (change.to, scope.at());
        }
        if change.renew {
            agent.usage = AgentUsage::none(scope.at());
        }
        agent.usage.tokens = agent.usage.tokens.saturating_add(change.tokens);
        let agent = agent.clone();
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(Some(agent))
    }
}
