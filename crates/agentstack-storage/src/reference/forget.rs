//! Forgetting what is of an origin.

use agentstack_access::Holder;
use agentstack_core::{Agent, AgentInstanceId, EntryId, SessionId, Task, TaskId, Timestamp, Trust};

use super::{Held, State, Written};
use crate::{Forgotten, OriginFilter};

/// Whether a holder is this principal. Holders of local users are of one process each.
pub(super) fn is_of(holder: &Holder, principal: &str) -> bool {
    let rest = holder.as_str().strip_prefix(principal);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Removes items; returns how many.
fn removed<T>(items: &mut Vec<T>, is_gone: impl Fn(&T) -> bool) -> u64 {
    let before = items.len();
    items.retain(|item| !is_gone(item));
    (before - items.len()) as u64
}

impl State {
    /// Deletes what is of an origin.
    pub(super) fn forget(&mut self, origin: &OriginFilter, now: Timestamp) -> Forgotten {
        let mut done = Forgotten::default();
        let of =
            |_: EntryId, one: &Written| origin.takes(&one.version.label.origin).then_some(Trust::Revoked);
        self.take_out(of, now);
        done.versions = removed(&mut self.held, |held| origin.takes(&held.written.version.label.origin));
        done.readings = removed(&mut self.reads, |(_, read)| origin.takes(&read.origin))
            + removed(&mut self.holder_reads, |(.., read)| origin.takes(&read.origin));
        if let (Some(principal), true) = (&origin.principal, origin.is_whole_principal()) {
            done.identities = removed(&mut self.identities, |identity| identity.owner == *principal);
            done.tokens =
                removed(&mut self.tokens, |(_, grant)| format!("token:{}", grant.subject) == *principal);
            done.readings += removed(&mut self.holder_reads, |(holder, ..)| is_of(holder, principal));
            self.writers.retain(|(_, writer, _)| writer != principal);
        }
        if let (Some(agent), true) = (&origin.agent, origin.is_whole_agent()) {
            let principal = origin.principal.as_deref();
            let sessions = &self.sessions;
            let is_meant = |session: &SessionId| {
                let held = sessions.get(session);
                let is_its =
                    |held: &Held| held.holders.iter().any(|it| principal.is_none_or(|who| is_of(it, who)));
                held.is_some_and(is_its)
            };
            let named =
                |one: &Agent| one.name.as_str() == agent.as_str() || one.id.to_string() == agent.as_str();
            let gone: Vec<(SessionId, AgentInstanceId)> = self
                .agents
                .iter()
                .filter(|(session, one)| named(one) && is_meant(session))
                .map(|(session, one)| (*session, one.id))
                .collect();
            done.agents = removed(&mut self.agents, |(session, one)| gone.contains(&(*session, one.id)));
            let theirs = |(session, task): &(SessionId, Task)| {
                task.agent.is_some_and(|agent| gone.contains(&(*session, agent)))
            };
            let tasks: Vec<TaskId> =
                self.tasks.iter().filter(|it| theirs(it)).map(|(_, task)| task.id).collect();
            done.tasks = removed(&mut self.tasks, theirs);
            self.relationships.retain(|it| !tasks.contains(&it.from) && !tasks.contains(&it.to));
        }
        self.forget_all_empty();
        done
    }
}
