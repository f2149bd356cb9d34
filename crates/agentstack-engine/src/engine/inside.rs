//! What the use cases find in the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use agentstack_access::{Authorizer, Caller, Claim, Operation, Scope};
use agentstack_api::{ErrorBody, operations};
use agentstack_storage::{Pending, Storage};
use tokio::sync::Semaphore;

use super::{Engine, Settings};
use crate::Watch;
use crate::embedding::Embedder;
use crate::journal::Journal;
use crate::plugin::Loaded;
use crate::quota::Quota;
use crate::readings::Noted;
use crate::run::Runs;

impl Engine {
    pub(crate) async fn housekeeping_scope(&self, caller: &Caller) -> Result<Scope, ErrorBody> {
        self.authorize_unclaimed(caller, &operations::HOUSEKEEPING).await
    }

    /// The scope of an operation that is not a row of the table and claims nothing. A denial is recorded.
    pub(crate) async fn authorize_unclaimed(
        &self,
        caller: &Caller,
        operation: &'static Operation,
    ) -> Result<Scope, ErrorBody> {
        let pending = Pending::new(self.draft(caller, operation.name, None), Instant::now());
        match self.authorizer.authorize(caller, operation, Claim::none()).await {
            Ok(scope) => Ok(scope),
            Err(denial) => Err(self.fail(pending, &denial.into()).await),
        }
    }

    pub(crate) fn noted(&self) -> &Noted {
        &self.noted
    }

    pub(crate) fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    pub(crate) fn store(&self) -> &dyn Storage {
        &*self.store
    }

    /// The store, for what goes on after a call.
    pub(crate) fn shared_store(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.store)
    }

    pub(crate) fn embedder(&self) -> Option<&Arc<Embedder>> {
        self.embedder.as_ref()
    }

    pub(crate) fn loaded_plugins(&self) -> &Loaded {
        &self.loaded
    }

    pub(crate) fn plugin_turns(&self) -> &Semaphore {
        &self.plugin_turns
    }

    /// Itself; `None` while it goes.
    pub(crate) fn shared(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Whether so many records have gone by since the last signature that it is time for one. Says so once.
    pub(crate) fn signature_is_due(&self) -> bool {
        let due = self.unsigned.load(Ordering::Relaxed) >= self.settings.checkpoint_every;
        if due {
            self.unsigned.store(0, Ordering::Relaxed);
        }
        due
    }

    /// Whether what nobody has verified is to be looked for again: once an hour.
    pub(crate) fn expiry_is_due(&self) -> bool {
        let hour = self.clock.now().as_millis() / (60 * 60 * 1_000);
        self.expired_in.swap(hour, Ordering::Relaxed) != hour
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(crate) fn quota(&self) -> &Quota {
        &self.quota
    }

    pub(crate) fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn uptime_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }
}
