//! Sessions: start, resume, end, status, active, expiry.

use std::sync::Arc;

use agentstack_access::{Caller, Claim, Denial, Principal, Scope};
use agentstack_api::Command;
use agentstack_api::command::{EndSession, StartSession};
use agentstack_api::view::{
    ActiveSessionsView, EndSessionView, RemovedView, SessionDetailView, SessionStatusView, SessionView,
    StartSessionView,
};
use agentstack_audit::Outcome;
use agentstack_core::{ResumeToken, SessionId};
use agentstack_storage::{Ends, NewSession, Pending, Session};

use crate::Engine;
use crate::failure::Failure;
use crate::quota::RETRY_SECONDS;

/// Most sessions that one answer lists, so that it stays within the limit of answers.
const SESSIONS_LISTED: usize = 500;

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
            // Reaching for a session with a token is reaching for a session: it is recorded as denied (S02).
            return Ok(StartSessionView::new(view(&resumed.ok_or(Denial::NotYours)?), token));
        }
        let settings = self.settings();
        // A soft limit: calls that are under way at the same time may each bring one more.
        if self.store().counts(scope).await?.sessions >= settings.sessions_per_principal {
            return Err(Failure::TooMuch { retry_after_seconds: RETRY_SECONDS });
        }
        let token = ResumeToken::generate()?;
        let asked = command.ttl_seconds.map_or(i64::MAX, |seconds| i64::from(seconds) * 1_000);
        let session = NewSession {
            id: SessionId::generate(),
            metadata: self.screened_object(scope, command.metadata)?,
            resume: token.hash(),
            idle_ms: settings.session_idle_ms.min(asked),
            expires_at: scope.at().plus_millis(settings.session_age_ms.min(asked)),
        };
        let session = self.store().start(scope, session, pending).await?;
        Ok(StartSessionView::new(view(&session), token))
    }

    pub(crate) async fn end_session(
        &self,
        scope: &Scope,
        pending: Pending,
    ) -> Result<EndSessionView, Failure> {
        let ending = pending.clone();
        let record = |ends: Ends| {
            let (operation, resource) = match ends {
                Ends::Agent(id) => ("agent_stop", self.hash_of(scope, "agent", id)),
                Ends::Task(id) => ("task_complete", self.hash_of(scope, "task", id)),
            };
            ending.clone().in_operation(operation, "session_ended", resource).close(Outcome::Ok, vec![])
        };
        let removed = self.store().end(scope, &record, pending).await?;
        let removed = RemovedView { entries: removed.entries, agents: removed.agents, tasks: removed.tasks };
        Ok(EndSessionView::new(removed))
    }

    pub(crate) async fn session_status(&self, scope: &Scope) -> Result<SessionStatusView, Failure> {
        let status = self.store().status(scope).await?;
        let session = view(&status.session);
        let detail = SessionDetailView {
            session,
            entries: status.entries,
            agents: status.agents,
            tasks: status.tasks,
            metadata: status.session.metadata,
        };
        Ok(SessionStatusView { session: detail })
    }

    pub(crate) async fn active_sessions(&self, scope: &Scope) -> Result<ActiveSessionsView, Failure> {
        let newest = self.store().active(scope).await?;
        let sessions: Vec<SessionView> = newest.iter().take(SESSIONS_LISTED).map(view).collect();
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
        let expired =
            expired.map_err(|error| Failure::from(error).body(caller.request, &self.settings().redactor))?;
        let mut ended = 0;
        for session in expired {
            let caller = Caller::new(housekeeper());
            let command = Command::EndSession(EndSession { claim: Claim::session(session) });
            // Somebody may have been faster; what fails otherwise is logged by the call and tried again.
            ended += usize::from(self.call(&caller, command).await.is_ok());
        }
        Ok(ended)
    }
}

pub(crate) fn housekeeper() -> Arc<Principal> {
    Arc::new(Principal::housekeeping())
}
