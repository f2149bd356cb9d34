//! Telling a client how far its call is.

use std::convert::Infallible;
use std::time::Duration;

use agentstack_engine::Progress;
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use tokio::sync::watch;

/// How often a client is told at most.
const PAUSE: Duration = Duration::from_millis(250);

/// What the engine tells, and what sends that to the client as long as it is polled: how many characters of an answer have
/// come, if the client gave a token for it.
pub(crate) fn channel(
    context: &RequestContext<RoleServer>,
) -> (Progress, impl Future<Output = Infallible> + use<>) {
    let (sender, receiver) = watch::channel(0);
    let token = context.meta.get_progress_token();
    let progress = match token {
        Some(_) => Progress::new(move |characters| {
            sender.send_replace(characters);
        }),
        None => Progress::default(),
    };
    (progress, telling(context.peer.clone(), token, receiver))
}

async fn telling(
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    mut characters: watch::Receiver<u64>,
) -> Infallible {
    while let Some(token) = &token
        && characters.changed().await.is_ok()
    {
        let come = *characters.borrow_and_update();
        #[expect(clippy::cast_precision_loss, reason = "no answer is that long")]
        let told = ProgressNotificationParam::new(token.clone(), come as f64);
        let told = told.with_message(format!("{come} characters"));
        if peer.notify_progress(told).await.is_err() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    std::future::pending().await
}
