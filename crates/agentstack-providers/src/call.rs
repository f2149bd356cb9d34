//! One call of a provider: the request, the tries, and the answer up to where it can be read.

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request, StatusCode};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::backoff::{chance, pause, retry_after};
use crate::error::kind_in;
use crate::reply::{Reply, within};
use crate::stream::Lines;
use crate::{EgressProblem, KeySlot, Outlet, Phase, ProviderError};

/// How much of an answer that is an error is looked at.
const ERROR_BYTES: usize = 64 * 1024;

/// The key, and the header that it goes into.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) slot: KeySlot,
    pub(crate) header: HeaderName,
    pub(crate) prefix: &'static str,
}

impl Credential {
    /// As RFC 6750 has it.
    pub(crate) fn bearer(slot: KeySlot) -> Self {
        Self { slot, header: AUTHORIZATION, prefix: "Bearer " }
    }
}

/// What to ask, as bytes.
pub(crate) struct Call<'a> {
    path: &'static str,
    body: Bytes,
    credential: Option<&'a Credential>,
    header: Option<(&'static str, &'static str)>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        path: &'static str,
        body: &impl Serialize,
        credential: Option<&'a Credential>,
    ) -> Result<Self, ProviderError> {
        // Only a number that is none can fail here.
        let body =
            serde_json::to_vec(body).map_err(|_| ProviderError::BadRequest { status: 0, kind: None })?;
        Ok(Self { path, body: body.into(), credential, header: None })
    }

    /// With one more header.
    pub(crate) fn with_header(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

impl Outlet {
    /// Sends it, and waits for the whole answer.
    pub(crate) async fn ask(&self, call: &Call<'_>) -> Result<Vec<u8>, ProviderError> {
        let until = Instant::now() + self.limits.total;
        self.retrying(until, || async move { self.attempt(call, until).await?.whole().await }).await
    }

    /// Sends it, and waits for the beginning of the answer. There is no further try from then on.
    pub(crate) async fn ask_streaming(&self, call: &Call<'_>) -> Result<Lines, ProviderError> {
        let until = Instant::now() + self.limits.total;
        let begin = || async move {
            let mut reply = self.attempt(call, until).await?;
            let first = reply.chunk().await?;
            Ok(Lines::new(reply, first, self.limits.line_bytes))
        };
        self.retrying(until, begin).await
    }

    async fn retrying<T, F>(&self, until: Instant, attempt: impl Fn() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let (mut tried, mut begun) = (0, false);
        loop {
            let problem = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            tried += 1;
            begun |= problem.may_have_used();
            let left = until.saturating_duration_since(Instant::now());
            let Some(pause) = pause(&self.limits, tried, &problem, left, chance()) else {
                return Err(if begun { problem.after_a_beginning() } else { problem });
            };
            tracing::debug!(provider = self.base.authority(), tried, ?pause, %problem, "asking again");
            sleep(pause).await;
        }
    }

    async fn attempt(&self, call: &Call<'_>, until: Instant) -> Result<Reply, ProviderError> {
        let sent = self.client().await?.execute(self.request(call)?);
        let response = within(until, self.limits.first_byte, Phase::FirstByte, sent).await?;
        let response = response.map_err(ProviderError::from_client)?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(Reply::new(response, &self.limits, until));
        }
        if status.is_redirection() {
            return Err(EgressProblem::Redirect.into());
        }
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = after.and_then(|value| retry_after(value, self.clock.now()));
        let body = Reply::new(response, &self.limits, until).beginning(ERROR_BYTES).await;
        Err(ProviderError::of(status.as_u16(), kind_in(&body), after))
    }

    fn request(&self, call: &Call<'_>) -> Result<Request, ProviderError> {
        let mut request = Request::new(Method::POST, self.base.join(call.path)?);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // The client would say that it takes everything.
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream, application/x-ndjson"),
        );
        if let Some((name, value)) = call.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(Credential { slot, header, prefix }) = call.credential {
            headers.insert(header, slot.header(prefix)?);
        }
        *request.body_mut() = Some(call.body.clone().into());
        Ok(request)
    }
}
