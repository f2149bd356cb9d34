//! Sessions: start, resume, end, status, active, expiry.

use std::sync::Arc;

use agentstack_access::{Caller, Claim, Principal, Scope};
use agentstack_api::Command;
use agentstack_api::command::{EndSession, StartSession};
use agentstack_api::view::{
    ActiveSessionsView, EndSessionView, RemovedView, SessionDetailView, SessionStatusView, SessionView,
    StartSessionView,
};
use agentstack_core::{ResumeToken, SessionId};
use agentstack_storage::{NewSession, Pending, Session};

use crate::Engine;
use crate::failure::Failure;

fn view(session: &Session) -> SessionView {
    SessionView::active(session.id, session.started_at, session.expires_at)
}

impl Engine {
    pub(crate) async fn start_session(
        &self,
        scope: &Scope,
        command: StartSession,
        pending: Pending,
    ) -> Result<StartSessionView, Failure> {
        if let Some(token) = command.resume_token {
            let resumed = self.store().resume(scope, token.hash(), pending).await?;
            return Ok(StartSessionView::new(view(&resumed.ok_or(Failure::Absent)?), token));
        }
        let token = ResumeToken::generate()?;
        let settings = self.settings();
        let asked = command.ttl_seconds.map_or(i64::MAX, |seconds| i64::from(seconds) * 1_000);
        let session = NewSession {
            id: SessionId::generate(),
            metadata: command.metadata,
            resume: token.hash(),
            idle_ms: settings.session_idle_ms.min(asked),
            expires_at: scope.at().plus_millis(settings.session_age_ms.min(asked)),
        };
        let session = self.store().start(scope, session, pending).await?;
        Ok(StartSessionView::new(view(&session), token))
    }

    pub(crate) async fn end_session(&self, scope: &Scope, pending: Pending) -> Result<EndSessionView, Failure> {
        let removed = self.store().end(scope, pending).await?;
        let removed = RemovedView { entries: removed.entries, agents: removed.agents, tasks: removed.tasks };
        Ok(EndSessionView::new(removed))
    }

    pub(crate) async fn session_status(&self, scope: &Scope) -> Result<SessionStatusView, Failure> {
        let status = self.store().status(scope).await?;
        let session = view(&status.session);
        let detail = SessionDetailView { session, entries: status.entries, metadata: status.session.metadata };
        Ok(SessionStatusView { session: detail })
    }

    pub(crate) async fn active_sessions(&self, scope: &Scope) -> Result<ActiveSessionsView, Failure> {
        let sessions: Vec<SessionView> = self.store().active(scope).await?.iter().map(view).collect();
        Ok(ActiveSessionsView { count: sessions.len(), sessions })
    }

    /// Ends the sessions that have expired, as any session ends (S09). Returns how many.
    ///
    /// # Errors
    /// When the store cannot say which they are.
    pub async fn end_expired_sessions(&self) -> Result<usize, agentstack_api::ErrorBody> {
        let caller = Caller::new(housekeeper());
        let scope = self.housekeeping_scope(&caller).await?;
        let expired = self.store().expired(&scope).await;
        let expired = expired.map_err(|error| Failure::from(error).body(caller.request))?;
        let mut ended = 0;
        for session in expired {
            let caller = Caller::new(housekeeper());
            let command = Command::EndSession(EndSession { claim: Claim::session(session) });
            // Somebody may have been faster; what fails otherwise is logged by the call and tried again.
            ended += usize::from(self.call(&caller, command).await.is_ok());
        }
        Ok(ended)
    }

    /// Does what time demands: ends expired sessions, signs the audit log when it is due. What fails has
    /// been logged, and is tried again next time.
    pub async fn keep_house(&self) {
        let _ = self.end_expired_sessions().await;
        if self.signature_is_due()
            && let Err(error) = self.checkpoint_audit(housekeeper()).await
        {
            tracing::warn!(code = error.code().as_str(), "the audit log was not signed");
        }
    }
}

fn housekeeper() -> Arc<Principal> {
    Arc::new(Principal::housekeeping())
}
