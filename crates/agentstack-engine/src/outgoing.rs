//! Calls that others answer, and that somebody may stop waiting for.

use agentstack_audit::{Decision, Outcome};
use agentstack_storage::Pending;

use crate::Engine;

/// A call that has gone out. If nobody waits for it any more, that is recorded: the client has cancelled it, or has gone.
pub(crate) struct Outgoing<'e> {
    engine: &'e Engine,
    /// Its record, while nobody else has it.
    pending: Option<Pending>,
}

impl<'e> Outgoing<'e> {
    pub(crate) fn new(engine: &'e Engine, pending: Pending) -> Self {
        Self { engine, pending: Some(pending) }
    }

    /// Waits for the answer.
    pub(crate) async fn of<T>(mut self, answer: impl Future<Output = T>) -> T {
        let answer = answer.await;
        self.pending = None;
        answer
    }
}

impl Drop for Outgoing<'_> {
    fn drop(&mut self) {
        if let Some(pending) = self.pending.take() {
            let draft = pending.refused((Decision::Allow, "permitted", Outcome::Cancelled));
            self.engine.tell(&draft);
            self.engine.journal().leave(draft);
        }
    }
}
