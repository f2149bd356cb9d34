//! What operators decide about the trust of what is stored.

use agentstack_access::{Caller, Claim, Scope};
use agentstack_api::command::{
    ApproveQuarantine, EndSession, ForgetOrigin, ListQuarantine, RejectQuarantine, ReviewState, RevokeOrigin,
    ShowQuarantine,
};
use agentstack_api::view::{
    DecidedView, ForgetOriginView, ListQuarantineView, ReaderView, ReceiptView, ReviewView, RevokeOriginView,
    ShowQuarantineView,
};
use agentstack_api::{Command, ErrorCode};
use agentstack_core::{Timestamp, Trust, VersionId};
use agentstack_storage::{OriginFilter, Pending, Review, ReviewFilter, StorageError};

use crate::Engine;
use crate::answer::{Piece, Room};
use crate::cursor;
use crate::failure::Failure;
use crate::session::housekeeper;

impl Engine {
    pub(crate) async fn list_quarantine(
        &self,
        scope: &Scope,
        command: ListQuarantine,
    ) -> Result<ListQuarantineView, Failure> {
        let trust = match command.state {
            ReviewState::Quarantined => Trust::Quarantined,
            ReviewState::Revoked => Trust::Revoked,
            ReviewState::Unverified => Trust::Unverified,
            ReviewState::Trusted => Trust::Trusted,
        };
        let after = command.cursor.as_ref().map(cursor::review).transpose().map_err(Failure::Input)?;
        let filter = ReviewFilter { trust, limit: command.limit, after };
        let found = self.store().reviews(scope, filter).await?;
        let versions: Vec<ReviewView> = found.reviews.into_iter().map(view).collect();
        let next_cursor = found.next.map(cursor::of_review);
        Ok(ListQuarantineView { count: versions.len(), versions, next_cursor })
    }

    pub(crate) async fn show_quarantine(
        &self,
        scope: &Scope,
        command: ShowQuarantine,
    ) -> Result<ShowQuarantineView, Failure> {
        let found = self.store().review(scope, command.id).await?;
        let (mut review, content) = found.ok_or(Failure::Absent)?;
        let metadata = std::mem::take(&mut review.metadata);
        let mut room = Room::new();
        room.take_object(&metadata);
        room.spare_content();
        let piece = Piece::of(&content, command.offset, command.length, &mut room);
        Ok(ShowQuarantineView {
            version: view(review),
            content: piece.text.to_owned(),
            metadata,
            truncated: piece.next.is_some(),
            next_offset: piece.next,
        })
    }

    pub(crate) async fn approve_quarantine(
        &self,
        scope: &Scope,
        command: &ApproveQuarantine,
        pending: Pending,
    ) -> Result<DecidedView, Failure> {
        self.decide(scope, command.id, Trust::Trusted, pending).await
    }

    pub(crate) async fn reject_quarantine(
        &self,
        scope: &Scope,
        command: &RejectQuarantine,
        pending: Pending,
    ) -> Result<DecidedView, Failure> {
        self.decide(scope, command.id, Trust::Revoked, pending).await
    }

    async fn decide(
        &self,
        scope: &Scope,
        id: VersionId,
        to: Trust,
        pending: Pending,
    ) -> Result<DecidedView, Failure> {
        let decided = self.store().decide(scope, id, to, pending).await?;
        Ok(DecidedView { success: true, version: view(decided.ok_or(Failure::Absent)?) })
    }

    pub(crate) async fn revoke_origin(
        &self,
        scope: &Scope,
        command: RevokeOrigin,
        pending: Pending,
    ) -> Result<RevokeOriginView, Failure> {
        let RevokeOrigin { principal, agent, tool, since, dry_run, .. } = command;
        let origin = OriginFilter { principal, agent, tool, since };
        let pending = (!dry_run).then_some(pending);
        let readers = self.store().readers(scope, &origin).await?;
        let done = self.store().revoke_origin(scope, &origin, pending).await?;
        let session = |(session_id, holder)| ReaderView { session_id, holder };
        Ok(RevokeOriginView {
            success: true,
            dry_run,
            revoked: done.revoked,
            quarantined: done.quarantined,
            readers: readers.sessions.into_iter().map(session).collect(),
            ended_readers: readers.ended,
            reading_holders: readers.holders,
        })
    }

    pub(crate) async fn forget_origin(
        &self,
        scope: &Scope,
        command: ForgetOrigin,
        pending: Pending,
    ) -> Result<ForgetOriginView, Failure> {
        let ForgetOrigin { principal, agent, tool, since, dry_run, .. } = command;
        let origin = OriginFilter { principal, agent, tool, since };
        // Sessions end as they always do, each with its record: what is interrupted here goes on when it is asked for again.
        let whole = origin.principal.as_deref().filter(|_| origin.is_whole_principal());
        let sessions = match whole {
            Some(principal) => self.store().sessions_of(scope, principal).await?,
            None => vec![],
        };
        for session in sessions.iter().filter(|_| !dry_run) {
            let caller = Caller::new(housekeeper());
            let ending = Command::EndSession(EndSession { claim: Claim::session(*session) });
            match Box::pin(self.call(&caller, ending)).await {
                // One that has expired since, or that somebody else has ended, is gone as well.
                Err(error) if error.code() != ErrorCode::NotFound => {
                    return Err(StorageError::Unavailable("a session could not be ended".into()).into());
                }
                _ => {}
            }
        }
        let (done, recorded) = self.store().forget(scope, &origin, (!dry_run).then_some(pending)).await?;
        let receipt = match recorded {
            Some(recorded) => {
                // It is done, and what proves that is the record: one that is not signed yet is so later.
                let checkpoint = self.store().checkpoint(scope).await.unwrap_or_else(|error| {
                    tracing::error!(%error, "the audit log was not signed");
                    None
                });
                Some(ReceiptView {
                    form: ReceiptView::FORM,
                    record: recorded.line.body,
                    previous: recorded.previous.to_string(),
                    hash: recorded.line.hash.to_string(),
                    checkpoint: checkpoint.map(|it| it.to_string()).unwrap_or_default(),
                })
            }
            None => None,
        };
        Ok(ForgetOriginView {
            success: true,
            dry_run,
            versions: done.versions,
            sessions: sessions.len() as u64,
            identities: done.identities,
            tokens: done.tokens,
            agents: done.agents,
            tasks: done.tasks,
            receipt,
        })
    }

    /// Removes what nobody has verified in time, as the product itself (S20). Returns how many versions.
    ///
    /// # Errors
    /// When the store cannot do it.
    pub async fn expire_unverified(&self) -> Result<u64, agentstack_api::ErrorBody> {
        let caller = Caller::new(housekeeper());
        let scope = self.housekeeping_scope(&caller).await?;
        let before = before(scope.at(), self.settings().unverified_days);
        let mut removed = 0;
        loop {
            let draft = self.draft(&caller, scope.operation().name, None);
            let pending = Pending::new(draft, std::time::Instant::now());
            let some = self.store().expire(&scope, before, pending).await;
            match some
                .map_err(|error| Failure::from(error).body(caller.request, &self.settings().redactor))?
            {
                0 => return Ok(removed),
                some => removed += some,
            }
        }
    }
}

fn before(now: Timestamp, days: u32) -> Timestamp {
    now.plus_millis(-i64::from(days) * 24 * 60 * 60 * 1_000)
}

fn view(review: Review) -> ReviewView {
    ReviewView {
        id: review.id,
        key: review.key,
        namespace: review.namespace,
        agent_id: review.agent_id,
        tags: review.tags,
        chars: review.chars,
        label: review.label.into(),
        since: review.since,
    }
}
