//! Another policy, while calls go on.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use agentstack_access::{Caller, Policy};
use agentstack_audit::{Decision, Outcome};
use agentstack_storage::Pending;

use crate::Engine;
use crate::engine::Chain;
use crate::session::housekeeper;

impl Engine {
    /// Puts the policy that was loaded into force, whole, for every call that comes after. If none could be loaded,
    /// nothing is permitted from now on: the old one is what somebody meant to change, perhaps because it permits too
    /// much (S36). Either is recorded and logged. Returns the version that is in force.
    ///
    /// # Errors
    /// The reason why none could be loaded.
    pub async fn reload_policy<E: Error + 'static>(&self, loaded: Result<Policy, E>) -> Result<Arc<str>, E> {
        let started = Instant::now();
        let (policy, failure) = match loaded {
            Ok(policy) => (policy, None),
            Err(error) => (Policy::unloadable(), Some(error)),
        };
        let version = Arc::clone(policy.version());
        self.authorizer().replace_policy(policy);
        let outcome = if failure.is_none() { Outcome::Ok } else { Outcome::Unavailable };
        let caller = Caller::new(housekeeper());
        let mut draft =
            Pending::new(self.draft(&caller, "policy_reload", None), started).close(outcome, vec![]);
        if failure.is_some() {
            (draft.decision, draft.reason) = (Decision::Deny, "policy_unloadable");
        }
        if let Err(error) = self.journal().record(draft).await {
            tracing::error!(error = %Chain(&error), "the change of the policy was not recorded yet");
        }
        match failure {
            None => {
                tracing::info!(policy = %version, "another policy is in force");
                Ok(version)
            }
            Some(error) => {
                let cause = Chain(&error);
                tracing::error!(error = %cause, "the policy could not be loaded: everything is denied until it can");
                Err(error)
            }
        }
    }
}
