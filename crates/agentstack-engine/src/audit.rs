//! Looking after the audit log.

mod query;

use std::sync::Arc;

use agentstack_access::{Caller, Principal};
use agentstack_api::ErrorBody;
use agentstack_api::operations::{AUDIT_CHECKPOINT, AUDIT_VERIFY};
use agentstack_audit::{Checkpoint, Report, Trusted, Verifier, VerifyingKey};

use crate::Engine;
use crate::failure::Failure;
use crate::session::housekeeper;

/// How many lines are read at a time.
const LINES: u32 = 1_000;

impl Engine {
    /// Reads the whole audit log and reports what is wrong with it (S44). `kept` are checkpoints that
    /// were kept elsewhere; `progress` is told up to which record it has been read, and how many there are.
    ///
    /// # Errors
    /// When the principal may not, or the log cannot be read.
    pub async fn verify_audit(
        &self,
        principal: Arc<Principal>,
        trusted: &VerifyingKey,
        kept: Vec<Checkpoint>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Report, ErrorBody> {
        let caller = Caller::new(principal);
        let body = |failure: Failure| failure.body(caller.request, &self.settings().redactor);
        let scope = self.authorize_unclaimed(&caller, &AUDIT_VERIFY).await?;
        let mut checkpoints = self.store().checkpoints(&scope).await.map_err(|error| body(error.into()))?;
        checkpoints.extend(kept);
        let former = self.store().former_keys(&scope).await.map_err(|error| body(error.into()))?;
        let trusted = Trusted::new(trusted.clone(), former);
        let mut verifier = Verifier::new(Some(&trusted), checkpoints);
        let newest = self.store().lines_before(&scope, None, 1).await.map_err(|error| body(error.into()))?;
        let (mut read, end) = (0, newest.first().map_or(0, |line| line.sequence));
        loop {
            let lines = self.store().lines(&scope, read, LINES).await.map_err(|error| body(error.into()))?;
            let Some(last) = lines.last() else { break };
            read = last.sequence;
            for line in &lines {
                verifier.push(line);
            }
            progress(read, end);
        }
        Ok(verifier.finish())
    }

    /// The checkpoints that are kept beside the log, oldest first.
    ///
    /// # Errors
    /// When the principal may not, or the log cannot be read.
    pub async fn audit_checkpoints(&self, principal: Arc<Principal>) -> Result<Vec<Checkpoint>, ErrorBody> {
        let caller = Caller::new(principal);
        let scope = self.authorize_unclaimed(&caller, &AUDIT_VERIFY).await?;
        let kept = self.store().checkpoints(&scope).await;
        kept.map_err(|error| Failure::from(error).body(caller.request, &self.settings().redactor))
    }

    /// Does what time demands: ends expired sessions, finishes what was interrupted, signs the audit log when
    /// it is due. What fails is logged, and tried again next time.
    pub async fn keep_house(&self) {
        let _ = self.end_expired_sessions().await;
        if self.expiry_is_due() && self.expire_unverified().await.is_err() {
            tracing::warn!("what nobody has verified in time was not removed");
        }
        if let Err(error) = self.store().keep_house().await {
            tracing::warn!(error = %error, "the store was not put in order");
        }
        if self.signature_is_due() {
            self.sign().await;
        }
    }

    /// Signs the audit log, as the product itself.
    pub(crate) async fn sign(&self) {
        if let Err(error) = self.checkpoint_audit(housekeeper()).await {
            tracing::error!(code = error.code().as_str(), "the audit log was not signed");
        }
    }

    /// Signs the head of the audit log. `None` while it is empty.
    ///
    /// # Errors
    /// When the principal may not, or the log cannot be written.
    pub async fn checkpoint_audit(&self, principal: Arc<Principal>) -> Result<Option<Checkpoint>, ErrorBody> {
        let caller = Caller::new(principal);
        let body = |failure: Failure| failure.body(caller.request, &self.settings().redactor);
        let scope = self.authorize_unclaimed(&caller, &AUDIT_CHECKPOINT).await?;
        self.journal().flush().await.map_err(|error| body(error.into()))?;
        self.store().checkpoint(&scope).await.map_err(|error| body(error.into()))
    }
}
