//! What can go wrong between us and a provider.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::EgressProblem;

/// Why there is no answer. None of its texts quotes what was sent or what came in (S40).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// Where the key comes from there was none.
    #[error("there is no key for the provider; the log says why")]
    NoKey,
    /// The key is wrong, revoked, or not for this.
    #[error("the provider does not accept the key")]
    Unauthorized,
    /// Too many requests, or too many tokens.
    #[error("the provider limits how much may be asked of it")]
    RateLimited {
        /// When the provider wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It is overloaded, or has a problem of its own.
    #[error("the provider is not available (status {status})")]
    Unavailable {
        /// The status of the answer.
        status: u16,
        /// When the provider wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// No connection, or one that broke off.
    #[error("there is no connection to the provider, or it broke off")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request is not one that the provider answers.
    #[error("the provider refuses the request (status {status}, {})", kind.unwrap_or("it does not say why"))]
    BadRequest {
        /// The status of the answer.
        status: u16,
        /// The type of the error, when it is one of those that a provider documents.
        kind: Option<&'static str>,
    },
    /// More came than may come.
    #[error("the answer is larger than {most} bytes")]
    TooLarge {
        /// The most that is taken.
        most: usize,
    },
    /// It took too long.
    #[error("the provider took too long {0}")]
    TimedOut(Phase),
    /// The answer, or the address, leads to where we do not go.
    #[error("this is not a connection that may be made")]
    NotPermitted(#[from] EgressProblem),
    /// The answer is not what the provider's documentation says.
    #[error("the provider's answer is not understood: {0}")]
    Malformed(&'static str),
    /// A model of our own cannot be used, or stopped.
    #[error("the model cannot be used")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The same as another one, when an answer may have been begun before: in the middle of an answer, or at a try that
    /// came after one whose connection broke off.
    #[error(transparent)]
    Midway(Box<Self>),
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Looking up the name, connecting and TLS.
    Connect,
    /// From the request to the head of the answer.
    FirstByte,
    /// Between two pieces of the answer.
    Silence,
    /// All of it, with every try.
    Total,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "to be connected to",
            Self::FirstByte => "to begin its answer",
            Self::Silence => "to go on with its answer",
            Self::Total => "with everything",
        })
    }
}

impl ProviderError {
    /// What an answer with this status means. `kind` is the type of the error, if it is a known one.
    pub(crate) fn of(status: u16, kind: Option<&'static str>, retry_after: Option<Duration>) -> Self {
        match (status, kind) {
            // Asking again does not fill an account.
            (429, Some("insufficient_quota")) => Self::BadRequest { status, kind },
            (401 | 403, _) => Self::Unauthorized,
            (429, _) => Self::RateLimited { retry_after },
            (500..=599, _) => Self::Unavailable { status, retry_after },
            _ => Self::BadRequest { status, kind },
        }
    }

    /// The same for an error that comes in the middle of an answer, after its status.
    pub(crate) fn midway(told: &Told) -> Self {
        Self::Midway(Box::new(Self::told(told)))
    }

    fn told(told: &Told) -> Self {
        let kind = told.kind();
        let status = match kind {
            Some("authentication_error" | "permission_error" | "invalid_api_key") => 401,
            Some("rate_limit_error" | "rate_limit_exceeded") => 429,
            Some("overloaded_error") => 529,
            Some("api_error" | "timeout_error" | "server_error") | None => 500,
            Some(_) => 400,
        };
        Self::of(status, kind, None)
    }

    /// What it is, whenever it came.
    #[must_use]
    pub fn at_heart(&self) -> &Self {
        match self {
            Self::Midway(error) => error.at_heart(),
            error => error,
        }
    }

    /// Whether the provider may have taken the request and worked on it, so that somebody has to pay for it. It has not
    /// if nothing went out, or if a status says that there is no answer.
    #[must_use]
    pub fn may_have_used(&self) -> bool {
        match self {
            Self::NoKey
            | Self::Unauthorized
            | Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::BadRequest { .. }
            | Self::NotPermitted(_)
            | Self::TimedOut(Phase::Connect)
            | Self::Unusable(_) => false,
            Self::Connection(error) => {
                !error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect)
            }
            Self::TooLarge { .. } | Self::TimedOut(_) | Self::Malformed(_) | Self::Midway(_) => true,
        }
    }

    /// The same, after a try at which an answer may have been begun.
    pub(crate) fn after_a_beginning(self) -> Self {
        if self.may_have_used() { self } else { Self::Midway(Box::new(self)) }
    }

    /// Whether it may go better in a while.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::Unavailable { .. }
                | Self::Connection(_)
                | Self::TimedOut(Phase::Connect)
        )
    }

    /// When the provider wants to be asked again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What the HTTP client reports. An address is taken out of it: the path can be the operator's secret.
    pub(crate) fn from_client(error: reqwest::Error) -> Self {
        if let Some(problem) = egress(&error) {
            return Self::NotPermitted(problem);
        }
        if error.is_timeout() {
            return Self::TimedOut(Phase::Connect);
        }
        Self::Connection(Box::new(error.without_url()))
    }
}

/// Our own problem, if that is what stopped the client.
fn egress(error: &reqwest::Error) -> Option<EgressProblem> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(problem) = error.downcast_ref::<EgressProblem>() {
            return Some(*problem);
        }
        cause = error.source();
    }
    None
}

/// The types of errors that the providers document. What is not among them is not repeated: an answer can put anything
/// there, a key that it was sent included.
const KINDS: [&str; 18] = [
    // Anthropic
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
    // OpenAI
    "context_length_exceeded",
    "insufficient_quota",
    "invalid_api_key",
    "model_not_found",
    "rate_limit_exceeded",
    "server_error",
    "string_above_max_length",
    "unsupported_parameter",
];

/// An error as the providers tell of it: `{"error": {"type": …, "code": …}}`, or `{"error": "text"}`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Told {
    Typed {
        #[serde(default)]
        code: serde_json::Value,
        #[serde(default)]
        r#type: serde_json::Value,
    },
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Body {
    error: Told,
}

impl Told {
    /// The narrower one of its code and its type, if it is known.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        let Self::Typed { code, r#type } = self else { return None };
        let known = |value: &serde_json::Value| KINDS.into_iter().find(|kind| value == kind);
        known(code).or_else(|| known(r#type))
    }
}

/// The type of the error in the body of an answer.
pub(crate) fn kind_in(body: &[u8]) -> Option<&'static str> {
    serde_json::from_slice::<Body>(body).ok()?.error.kind()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documented_types_are_repeated() {
        assert_eq!(
            kind_in(br#"{"error":{"type":"overloaded_error","message":"x"}}"#),
            Some("overloaded_error")
        );
        let narrow = br#"{"error":{"type":"invalid_request_error","code":"model_not_found"}}"#;
        assert_eq!(kind_in(narrow), Some("model_not_found"));
        let unknown = br#"{"error":{"type":"invalid_request_error","code":"sk-canary"}}"#;
        assert_eq!(kind_in(unknown), Some("invalid_request_error"));
        for none in [
            r#"{"error":{"type":"sk-canary"}}"#,
            r#"{"error":{"type":7,"code":[]}}"#,
            r#"{"error":"invalid_request_error"}"#,
            r#"{"type":"error"}"#,
            "<html>",
            "",
        ] {
            assert_eq!(kind_in(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn a_status_says_what_to_do() {
        let after = Some(Duration::from_secs(3));
        assert!(matches!(ProviderError::of(401, None, None), ProviderError::Unauthorized));
        assert!(matches!(ProviderError::of(403, None, None), ProviderError::Unauthorized));
        assert_eq!(ProviderError::of(429, None, after).retry_after(), after);
        assert_eq!(ProviderError::of(529, None, after).retry_after(), after);
        assert!(
            ProviderError::of(429, None, None).may_pass() && ProviderError::of(503, None, None).may_pass()
        );
        for status in [400, 402, 404, 413, 422, 204, 999] {
            assert!(!ProviderError::of(status, None, after).may_pass(), "{status}");
        }
        assert!(!ProviderError::of(429, Some("insufficient_quota"), after).may_pass());
        let text = ProviderError::of(404, Some("not_found_error"), None).to_string();
        assert_eq!(text, "the provider refuses the request (status 404, not_found_error)");
    }
}
