//! How much one session may hold (S33).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use agentstack_access::Scope;
use agentstack_core::{AgentId, MemoryKey, Namespace, SessionId};
use agentstack_storage::Target;

use crate::Engine;
use crate::failure::Failure;

/// How many sessions are remembered; beyond that all are counted anew.
const REMEMBERED: usize = 10_000;
/// When whoever has as much as it may should try again: something may have been deleted by then.
pub(crate) const RETRY_SECONDS: u32 = 60;

/// How many stores each session may still make before its entries are counted again. To count them for each store would
/// cost as much as the store.
#[derive(Debug, Default)]
pub(crate) struct Quota(Mutex<HashMap<Holder, u64>>);

/// A session, and the agent that the caller is bound to.
type Holder = (SessionId, Option<AgentId>);

impl Quota {
    /// Takes one store from what is left. Returns whether there was one.
    fn take(&self, holder: &Holder) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match left.get_mut(holder).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                true
            }
            None => false,
        }
    }

    /// Gives a session as many stores as surely fit, but no more than half of what is free: other processes store too.
    fn give(&self, holder: Holder, free: u64) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= REMEMBERED {
            left.clear();
        }
        left.insert(holder, free / 2);
    }
}

impl Engine {
    /// Makes sure that an entry fits into the session whose namespace the scope writes. One that is there may get a new
    /// version, however many there are. Shared namespaces are the policy's business.
    pub(crate) async fn make_room(&self, scope: &Scope, key: &MemoryKey) -> Result<(), Failure> {
        let Some(Namespace::Session(session)) = scope.namespace() else { return Ok(()) };
        let holder = (*session, scope.bound_agent().cloned());
        if self.quota().take(&holder) {
            return Ok(());
        }
        let most = self.settings().entries_per_session;
        // What a caller bound to an agent cannot see does not count for it: it would learn of it.
        let held = self.store().status(scope).await?.entries;
        if held < most {
            self.quota().give(holder, most - held - 1);
            return Ok(());
        }
        match self.store().get(scope, key, Target::Current).await? {
            Some(_) => Ok(()),
            None => Err(Failure::TooMuch { retry_after_seconds: RETRY_SECONDS }),
        }
    }
}
