//! Sessions and who holds them.

use std::collections::BTreeSet;

use agentstack_access::{DirectoryUnavailable, Holder, Scope, SessionDirectory, Standing};
use agentstack_audit::{Draft, Outcome};
use agentstack_core::{Agent, AgentStatus, Namespace, SessionId, SharedName, Task, Timestamp, TokenHash};
use async_trait::async_trait;

use super::{Held, ReferenceStore, State};
use crate::{Ends, NewSession, Pending, Removed, Session, SessionStatus, SessionStore, StorageError};

impl Held {
    fn session(&self, id: SessionId) -> Session {
        Session {
            id,
            started_at: self.started_at,
            expires_at: self.ends_at(),
            metadata: self.metadata.clone(),
        }
    }
}

impl State {
    /// The scope's session; one that is not held or has expired, for an operator only.
    fn session_of(&self, scope: &Scope) -> Result<(SessionId, &Held), StorageError> {
        if !scope.is_overseer() {
            self.check(scope)?;
        }
        let id = scope.session().ok_or(StorageError::SessionGone)?;
        Ok((id, self.sessions.get(&id).ok_or(StorageError::SessionGone)?))
    }

    pub(super) fn size(&self, session: SessionId) -> u64 {
        self.entries.get(&Namespace::Session(session)).map_or(0, |entries| entries.len() as u64)
    }
}

#[async_trait]
impl SessionStore for ReferenceStore {
    async fn start(&self, scope: &Scope, new: NewSession, pending: Pending) -> Result<Session, StorageError> {
        let mut state = self.state()?;
        let held = Held {
            holders: vec![scope.holder().clone()],
            started_at: scope.at(),
            last_used_at: scope.at(),
            idle_ms: new.idle_ms,
            expires_at: new.expires_at,
            resume: new.resume,
            metadata: new.metadata,
        };
        let session = held.session(new.id);
        state.sessions.insert(new.id, held);
        state.bring(scope, new.id);
        state.append(&pending.in_session(new.id).close(Outcome::Ok, vec![]));
        Ok(session)
    }

    async fn resume(
        &self,
        scope: &Scope,
        token: TokenHash,
        pending: Pending,
    ) -> Result<Option<Session>, StorageError> {
        let mut state = self.state()?;
        let fits = |held: &Held| token.matches(held.resume.as_bytes()) && held.is_live(scope.at());
        let Some((id, held)) = state.sessions.iter_mut().find(|(_, held)| fits(held)) else {
            return Ok(None);
        };
        held.last_used_at = held.last_used_at.max(scope.at());
        if !held.is_held_by(scope.holder()) {
            held.holders.push(scope.holder().clone());
        }
        let session = held.session(*id);
        state.bring(scope, session.id);
        state.append(&pending.in_session(session.id).close(Outcome::Ok, vec![]));
        Ok(Some(session))
    }

    async fn end(
        &self,
        scope: &Scope,
        record: &(dyn Fn(Ends) -> Draft + Send + Sync),
        pending: Pending,
    ) -> Result<Removed, StorageError> {
        let mut state = self.state()?;
        let (id, _) = state.session_of(scope)?;
        let agents: Vec<Agent> = state.agents_of(id).cloned().collect();
        let tasks: Vec<Task> = state.tasks_of(id).cloned().collect();
        let removed =
            Removed { entries: state.size(id), agents: agents.len() as u64, tasks: tasks.len() as u64 };
        let live = agents.iter().filter(|agent| agent.status != AgentStatus::Stopped);
        let open = tasks.iter().filter(|task| task.completed_at.is_none());
        let live = live.map(|agent| agent.id).collect::<BTreeSet<_>>().into_iter().map(Ends::Agent);
        let open = open.map(|task| task.id).collect::<BTreeSet<_>>().into_iter().map(Ends::Task);
        live.chain(open).for_each(|one| state.append(&record(one)));
        state.sessions.remove(&id);
        state.entries.remove(&Namespace::Session(id));
        state.held.retain(|held| held.namespace != Namespace::Session(id));
        state.agents.retain(|(of, _)| *of != id);
        state.tasks.retain(|(of, _)| *of != id);
        state.relationships.retain(|one| tasks.iter().all(|task| task.id != one.from));
        state.drifts.retain(|(of, ..)| *of != id);
        state.append(&pending.close(Outcome::Ok, removed.counts()));
        Ok(removed)
    }

    async fn status(&self, scope: &Scope) -> Result<SessionStatus, StorageError> {
        let state = self.state()?;
        let (id, held) = state.session_of(scope)?;
        let own = Namespace::Session(id);
        let entries =
            state.entries.get(&own).into_iter().flatten().filter(|kept| kept.is_visible(scope, &own));
        let agents = state.agents_of(id).filter(|agent| agent.status != AgentStatus::Stopped);
        let tasks = state.tasks_of(id).filter(|task| task.completed_at.is_none());
        Ok(SessionStatus {
            session: held.session(id),
            entries: entries.count() as u64,
            agents: agents.count() as u64,
            tasks: tasks.count() as u64,
        })
    }

    async fn active(&self, scope: &Scope) -> Result<Vec<Session>, StorageError> {
        let state = self.state()?;
        let all = scope.principal().is_operator();
        let newest_first = state.sessions.iter().rev();
        let wanted = newest_first
            .filter(|(_, held)| held.is_live(scope.at()) && (all || held.is_held_by(scope.holder())));
        Ok(wanted.map(|(id, held)| held.session(*id)).collect())
    }

    async fn expired(&self, scope: &Scope) -> Result<Vec<SessionId>, StorageError> {
        let state = self.state()?;
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let expired = state.sessions.iter().filter(|(_, held)| !held.is_live(scope.at()));
        Ok(expired.map(|(id, _)| *id).collect())
    }
}

#[async_trait]
impl SessionDirectory for ReferenceStore {
    async fn standing(
        &self,
        session: SessionId,
        holder: Option<&Holder>,
        now: Timestamp,
    ) -> Result<Option<Standing>, DirectoryUnavailable> {
        let mut state = self.state().map_err(|error| DirectoryUnavailable(Box::new(error)))?;
        let Some(held) = state.sessions.get_mut(&session) else { return Ok(None) };
        if let Some(holder) = holder {
            if !held.is_held_by(holder) || !held.is_live(now) {
                return Ok(None);
            }
            held.touch(now);
        }
        Ok(Some(Standing { expires_at: held.ends_at() }))
    }

    async fn shared_namespaces(&self) -> Result<Vec<SharedName>, DirectoryUnavailable> {
        let state = self.state().map_err(|error| DirectoryUnavailable(Box::new(error)))?;
        let shared = |namespace: &Namespace| match namespace {
            Namespace::Session(_) => None,
            Namespace::Shared(name) => Some(name.clone()),
        };
        Ok(state.entries.keys().filter_map(shared).collect())
    }
}
