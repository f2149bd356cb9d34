//! How many runs there may be at one time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use agentstack_access::{Holder, Scope};
use agentstack_core::{Agent, AgentInstanceId};
use agentstack_storage::StorageError;

use crate::failure::Failure;

/// When whoever has as many runs as it may should try again.
const RETRY_SECONDS: u32 = 5;

/// The runs of this process.
#[derive(Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    holders: HashMap<Holder, u32>,
    agents: HashSet<AgentInstanceId>,
}

/// The place of one run. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    runs: Arc<Mutex<Taken>>,
    holder: Holder,
    agent: AgentInstanceId,
}

impl Runs {
    /// Takes a place for a run of the scope's holder, of at most so many.
    ///
    /// # Errors
    /// When there is none, or when the agent is run already.
    pub(super) fn take(&self, scope: &Scope, agent: &Agent, most: u32) -> Result<Place, Failure> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.agents.contains(&agent.id) {
            return Err(StorageError::State { what: "agent", is: "running", to: "running" }.into());
        }
        let holder = scope.holder().clone();
        let count = taken.holders.get(&holder).copied().unwrap_or(0);
        if count >= most {
            return Err(Failure::TooMuch { retry_after_seconds: RETRY_SECONDS });
        }
        taken.holders.insert(holder.clone(), count + 1);
        taken.agents.insert(agent.id);
        Ok(Place { runs: Arc::clone(&self.0), holder, agent: agent.id })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        taken.agents.remove(&self.agent);
        if let Some(count) = taken.holders.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                taken.holders.remove(&self.holder);
            }
        }
    }
}
