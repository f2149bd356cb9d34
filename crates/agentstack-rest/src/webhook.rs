//! Signals by webhook: each is posted to the operator's one address (S49).
//!
//! **Invariant:** no call waits for it. What cannot be delivered is logged and forgotten; the audit log has it in any
//! case.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agentstack_core::{Secret, hex};
use agentstack_engine::{Observer, Signal};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use ring::hmac;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::outbound::{Endpoint, EndpointProblem, OutboundProblem, TIME, WebAddress, chain};

/// The header with the signature of the body.
pub const SIGNATURE: &str = "x-agentstack-signature";
/// How many signals wait at most.
const WAITING: usize = 256;
/// How long to wait before each further try.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25)];
/// How long the end of the process waits for what is still to be delivered.
const LAST: Duration = Duration::from_millis(500);
/// How much of an answer is read, so that whoever sends it is not cut off. It is not looked at.
const ANSWER_BYTES: usize = 64 * 1024;

/// Where signals are posted.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// The address. Its path and query are often all that protects it.
    pub url: Secret<String>,
    /// What bodies are signed with, if they are.
    pub secret: Option<Secret<String>>,
}

impl WebhookSettings {
    /// Whether a text can be the address: `https://`, or `http://` of this machine, without user name and fragment.
    #[must_use]
    pub fn is_address(text: &str) -> bool {
        WebAddress::parse_with_query(text).is_some()
    }
}

/// Why there can be no webhook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookProblem {
    /// The address is not safe, or none.
    #[error(
        "the webhook's `url` must be an https:// address, or an http:// one of this machine, without user name and fragment"
    )]
    Address,
    /// It could not be believed that the address is the one.
    #[error(transparent)]
    Endpoint(#[from] EndpointProblem),
}

/// Why a signal was not delivered. For the log: without the path of the address, and without anything that came in.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    #[error(transparent)]
    Outbound(#[from] OutboundProblem),
    #[error("it was answered with status {}; redirects are not followed", .0.as_u16())]
    Status(StatusCode),
}

impl Undelivered {
    /// Whether it may go better in a while.
    fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Outbound(problem) => matches!(
                problem,
                OutboundProblem::Lookup(_)
                    | OutboundProblem::Connect(_)
                    | OutboundProblem::Http(_)
                    | OutboundProblem::Time
            ),
        }
    }
}

/// Posts signals.
pub struct Webhook {
    queue: mpsc::Sender<Item>,
    /// How many found no place in the queue since that was last logged.
    dropped: Arc<AtomicU64>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

enum Item {
    Signal(Signal),
    /// Told when all that came before is done with.
    Reached(oneshot::Sender<()>),
}

impl Webhook {
    /// A webhook whose signals are posted by a task of the current tokio runtime.
    ///
    /// # Errors
    /// When the address is not one, or this machine trusts nobody.
    pub fn start(settings: &WebhookSettings) -> Result<Self, WebhookProblem> {
        let address = WebAddress::parse_with_query(settings.url.expose()).ok_or(WebhookProblem::Address)?;
        let key = |secret: &Secret<String>| hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        Ok(Self::over(Endpoint::new(address)?, settings.secret.as_ref().map(key), PAUSES))
    }

    fn over(endpoint: Endpoint, key: Option<hmac::Key>, pauses: [Duration; 3]) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        tokio::spawn(Postman { endpoint, key, pauses, dropped: Arc::clone(&dropped) }.work(waiting));
        Self { queue, dropped }
    }

    /// Waits until all that was said so far is delivered or given up, but not for long.
    pub async fn finish(&self) {
        if tokio::time::timeout(LAST, self.reach()).await.is_err() {
            tracing::warn!("the last signals may not have been delivered");
        }
    }

    async fn reach(&self) {
        let (told, reached) = oneshot::channel();
        if self.queue.send(Item::Reached(told)).await.is_ok() {
            let _ = reached.await;
        }
    }
}

impl Observer for Webhook {
    fn signal(&self, signal: &Signal) {
        if self.queue.try_send(Item::Signal(signal.clone())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Delivers one signal after the other.
struct Postman {
    endpoint: Endpoint,
    key: Option<hmac::Key>,
    pauses: [Duration; 3],
    dropped: Arc<AtomicU64>,
}

impl Postman {
    async fn work(self, mut waiting: mpsc::Receiver<Item>) {
        while let Some(item) = waiting.recv().await {
            let signal = match item {
                Item::Signal(signal) => signal,
                Item::Reached(told) => {
                    let _ = told.send(());
                    continue;
                }
            };
            if let Err(error) = self.deliver(&signal).await {
                tracing::warn!(
                    host = self.endpoint.authority(),
                    rule = signal.rule.as_str(),
                    error = chain(&error),
                    "a signal was not delivered"
                );
            }
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                tracing::warn!(
                    host = self.endpoint.authority(),
                    dropped,
                    "signals were not delivered, because too many waited"
                );
            }
        }
    }

    async fn deliver(&self, signal: &Signal) -> Result<(), Undelivered> {
        let body = body(signal);
        for pause in self.pauses {
            match self.post(body.clone()).await {
                Err(error) if error.may_pass() => tokio::time::sleep(pause).await,
                done => return done,
            }
        }
        self.post(body).await
    }

    async fn post(&self, body: Bytes) -> Result<(), Undelivered> {
        let mut request =
            Request::post(self.endpoint.target()).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(SIGNATURE, signature(key, &body));
        }
        let posted = async {
            let answer = self.endpoint.send(request.body(Full::new(body))).await?;
            let status = answer.status();
            let _ = answer.read(ANSWER_BYTES).await;
            Ok(status)
        };
        let status = tokio::time::timeout(TIME, posted).await.unwrap_or(Err(OutboundProblem::Time))?;
        if status.is_success() { Ok(()) } else { Err(Undelivered::Status(status)) }
    }
}

fn body(signal: &Signal) -> Bytes {
    let mut body = json!({
        "rule": signal.rule.as_str(),
        "explanation": signal.rule.explanation(),
        "principal": signal.principal,
        "observed": signal.observed,
        "threshold": signal.threshold,
        "at": signal.at,
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let (Some(session), Some(fields)) = (signal.session, body.as_object_mut()) {
        fields.insert("session".to_owned(), session.to_string().into());
    }
    body.to_string().into()
}

/// `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits, as GitHub's webhooks have it.
fn signature(key: &hmac::Key, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac::sign(key, body).as_ref()))
}

#[cfg(test)]
mod tests;
