//! What is done to the store as a whole. The work is the backend's; the permission and the record are here.

use std::sync::Arc;
use std::time::Instant;

use agentstack_access::{Caller, Operation, Principal};
use agentstack_api::ErrorBody;
use agentstack_api::operations::DB_REKEY;
use agentstack_audit::{Outcome, VerifyingKey};
use agentstack_storage::Pending;

use crate::Engine;
use crate::failure::Failure;

/// What was done, and how much of what it touched.
pub type Maintained<T> = (T, Vec<(&'static str, u64)>);

impl Engine {
    /// Does something to the store as a whole: asks for the permission first, and writes one record of what came of it.
    ///
    /// # Errors
    /// When the principal may not, the work fails, or it cannot be recorded.
    pub async fn maintain<T, E: From<ErrorBody>>(
        &self,
        principal: Arc<Principal>,
        operation: &'static Operation,
        work: impl Future<Output = Result<Maintained<T>, E>>,
    ) -> Result<T, E> {
        let caller = Caller::new(principal);
        let pending = Pending::new(self.draft(&caller, operation.name, None), Instant::now());
        self.authorize_unclaimed(&caller, operation).await?;
        let (done, outcome, counts) = match work.await {
            Ok((done, counts)) => (Ok(done), Outcome::Ok, counts),
            Err(error) => (Err(error), Outcome::Internal, vec![]),
        };
        let draft = pending.close(outcome, counts);
        self.tell(&draft);
        self.journal().record(draft).await.map_err(|error| self.said(&caller, &error.into()))?;
        done
    }

    /// Lets the key that signs the audit log follow the one that has signed so far. Says whether there was anything to do.
    ///
    /// # Errors
    /// When the principal may not, or the log was signed by another key than that.
    pub async fn succeed_key(
        &self,
        principal: Arc<Principal>,
        former: &VerifyingKey,
    ) -> Result<bool, ErrorBody> {
        let caller = Caller::new(principal);
        let pending = Pending::new(self.draft(&caller, DB_REKEY.name, None), Instant::now());
        let scope = self.authorize_unclaimed(&caller, &DB_REKEY).await?;
        self.journal().flush().await.map_err(|error| self.said(&caller, &error.into()))?;
        let done = self.store().succeed(&scope, former, pending.clone()).await;
        match done {
            Ok(done) => Ok(done),
            Err(error) => Err(self.fail(pending, &error.into()).await),
        }
    }

    /// Whether a principal may do something to the store as a whole. That it may not is recorded.
    ///
    /// # Errors
    /// When it may not.
    pub async fn may(
        &self,
        principal: Arc<Principal>,
        operation: &'static Operation,
    ) -> Result<(), ErrorBody> {
        self.authorize_unclaimed(&Caller::new(principal), operation).await.map(drop)
    }

    /// What a caller is told of a failure.
    fn said(&self, caller: &Caller, failure: &Failure) -> ErrorBody {
        failure.body(caller.request, &self.settings().redactor)
    }
}
