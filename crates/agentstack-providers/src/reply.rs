//! An answer of which the head has come: its body, within the limits.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::{Limits, Phase, ProviderError};

/// An answer that is being read.
pub(crate) struct Reply {
    response: Response,
    /// How many bytes have come.
    taken: usize,
    most: usize,
    silence: Duration,
    error_body: Duration,
    until: Instant,
}

impl Reply {
    pub(crate) fn new(response: Response, limits: &Limits, until: Instant) -> Self {
        let Limits { answer_bytes: most, silence, error_body, .. } = *limits;
        Self { response, taken: 0, most, silence, error_body, until }
    }

    /// The next piece of the body; nothing at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, ProviderError> {
        let too_large = ProviderError::TooLarge { most: self.most };
        if self.response.content_length().is_some_and(|length| length > self.most as u64) {
            return Err(too_large);
        }
        let chunk = within(self.until, self.silence, Phase::Silence, self.response.chunk()).await?;
        let chunk = chunk.map_err(ProviderError::from_client)?;
        self.taken = self.taken.saturating_add(chunk.as_ref().map_or(0, Bytes::len));
        if self.taken > self.most { Err(too_large) } else { Ok(chunk) }
    }

    /// All of the body.
    pub(crate) async fn whole(mut self) -> Result<Vec<u8>, ProviderError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The beginning of the body, as far as it comes soon.
    pub(crate) async fn beginning(mut self, most: usize) -> Vec<u8> {
        let mut body = Vec::new();
        let patience = self.error_body;
        let read = async {
            while let Ok(Some(chunk)) = self.chunk().await {
                body.extend_from_slice(&chunk);
                if body.len() > most {
                    break;
                }
            }
        };
        // What does not come is not needed.
        let _ = tokio::time::timeout(patience, read).await;
        body
    }
}

/// Waits for something, for so long at most and not beyond `until`.
pub(crate) async fn within<T>(
    until: Instant,
    most: Duration,
    phase: Phase,
    future: impl Future<Output = T>,
) -> Result<T, ProviderError> {
    let end = Instant::now() + most;
    let phase = if end < until { phase } else { Phase::Total };
    timeout_at(end.min(until), future).await.map_err(|_| ProviderError::TimedOut(phase))
}
