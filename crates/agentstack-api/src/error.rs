//! The errors that callers see.
//!
//! What an error says depends on its code alone, save the field and rule of bad input, the name of a missing permission
//! and the states of what is the caller's own: so it confirms nothing about what the caller may not know (S10).

use std::borrow::Cow;

use agentstack_core::RequestId;
use serde_json::{Map, Value, json};

use crate::InputError;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:literal, $title:literal, $message:literal;)*) => {
        /// What went wrong, as far as a caller may know.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as callers see it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The status of an HTTP answer with it.
            #[must_use]
            pub fn http_status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                }
            }

            /// A few words for it.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }

            /// The sentence for it.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $message,)*
                }
            }
        }
    };
}

codes! {
    /// The input breaks a rule.
    InvalidInput = "invalid_input", 400, "Invalid input", "The input breaks a rule of the operation.";
    /// No credential, or a bad one.
    Unauthenticated = "unauthenticated", 401, "Not authenticated", "A valid credential is required.";
    /// The policy says no.
    Forbidden = "forbidden", 403, "Forbidden", "The policy does not permit this.";
    /// Absent, or not the caller's.
    NotFound = "not_found", 404, "Not found", "There is no such thing, or it is not yours.";
    /// The version or the state is not the one that the call expects.
    Conflict = "conflict", 409, "Conflict",
        "The current version or state is not the one that the call expects. Read it again and retry.";
    /// The message is larger than the service takes.
    TooLarge = "too_large", 413, "Too large", "The message is larger than the service takes.";
    /// Too many calls.
    RateLimited = "rate_limited", 429, "Too many requests", "Too many calls. Wait a little and retry.";
    /// A dependency is down.
    Unavailable = "unavailable", 503, "Unavailable",
        "Something that this needs is not available now. Retry later.";
    /// A fault of the product.
    Internal = "internal", 500, "Internal error", "Something went wrong inside. The request id helps the operator.";
}

/// An error as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    code: ErrorCode,
    message: Cow<'static, str>,
    input: Option<InputError>,
    request_id: RequestId,
    retry_after_seconds: Option<u32>,
}

impl ErrorBody {
    /// The error that `code` stands for.
    #[must_use]
    pub fn new(code: ErrorCode, request_id: RequestId) -> Self {
        let message = Cow::Borrowed(code.message());
        Self { code, message, input: None, request_id, retry_after_seconds: None }
    }

    /// Input that breaks a rule.
    #[must_use]
    pub fn invalid_input(error: InputError, request_id: RequestId) -> Self {
        let message = Cow::Owned(error.to_string());
        Self { message, input: Some(error), ..Self::new(ErrorCode::InvalidInput, request_id) }
    }

    /// The policy says no. Names the missing permission only (S27).
    #[must_use]
    pub fn forbidden(permission: &'static str, request_id: RequestId) -> Self {
        let message = Cow::Owned(format!("The policy does not permit `{permission}`."));
        Self { message, ..Self::new(ErrorCode::Forbidden, request_id) }
    }

    /// A state that is not the one the call expects, in a sentence about the caller's own.
    #[must_use]
    pub fn conflict(sentence: String, request_id: RequestId) -> Self {
        Self { message: Cow::Owned(sentence), ..Self::new(ErrorCode::Conflict, request_id) }
    }

    /// The error with a sentence of its own, which quotes nobody.
    #[must_use]
    pub fn saying(code: ErrorCode, sentence: &'static str, request_id: RequestId) -> Self {
        Self { message: Cow::Borrowed(sentence), ..Self::new(code, request_id) }
    }

    /// Too many calls, and when to come again.
    #[must_use]
    pub fn rate_limited(seconds: u32, request_id: RequestId) -> Self {
        Self { retry_after_seconds: Some(seconds), ..Self::new(ErrorCode::RateLimited, request_id) }
    }

    /// The same with everything that is not constant put through `scrub` (S40). Its texts are chosen and quote nobody, but
    /// the name of a field that nobody knows.
    #[must_use]
    pub fn scrubbed(mut self, scrub: impl Fn(&str) -> String) -> Self {
        if let Cow::Owned(message) = &mut self.message {
            *message = scrub(message);
        }
        if let Some(InputError { field, rule }) = &mut self.input {
            *rule = scrub(rule);
            *field = field.take().map(|field| scrub(&field));
        }
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The sentence for a reader.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// When to come again, if that is known: the header `Retry-After`.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after_seconds
    }

    /// The call it happened to.
    #[must_use]
    pub fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// The body of an MCP tool error: `{"error": {"code", "message", "field"?, "requestId"}}`.
    #[must_use]
    pub fn to_mcp(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), self.code.as_str().into());
        error.insert("message".to_owned(), self.message().into());
        if let Some(field) = self.input.as_ref().and_then(|input| input.field.as_deref()) {
            error.insert("field".to_owned(), field.into());
        }
        error.insert("requestId".to_owned(), self.request_id.to_string().into());
        json!({ "error": error })
    }

    /// The body of a REST error: RFC 9457 `application/problem+json`.
    #[must_use]
    pub fn to_problem(&self) -> Value {
        let errors: Vec<Value> = self
            .input
            .iter()
            .map(|input| match &input.field {
                Some(field) => json!({ "field": field, "detail": input.rule }),
                None => json!({ "detail": input.rule }),
            })
            .collect();
        json!({
            "type": format!("urn:agentstack:problem:{}", self.code.as_str()),
            "title": self.code.title(),
            "status": self.code.http_status(),
            "code": self.code.as_str(),
            "detail": self.message(),
            "requestId": self.request_id.to_string(),
            "errors": errors,
        })
    }

    /// The schema of [`Self::to_problem`].
    pub(crate) fn problem_schema() -> Value {
        let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        json!({
            "description": "What went wrong, after RFC 9457.",
            "type": "object",
            "properties": {
                "type": {
                    "description": "`about:blank` if it is HTTP itself that refuses: the status says why",
                    "type": "string",
                    "pattern": "^(?:urn:agentstack:problem:[a-z_]+|about:blank)$",
                },
                "title": { "type": "string" },
                "status": { "type": "integer", "minimum": 400, "maximum": 599 },
                "code": { "type": "string", "enum": codes },
                "detail": { "type": "string" },
                "requestId": { "type": "string", "format": "uuid" },
                "errors": {
                    "description": "The fields that break a rule, and the rule.",
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": { "field": { "type": "string" }, "detail": { "type": "string" } },
                        "required": ["detail"],
                        "additionalProperties": false,
                    },
                },
            },
            "required": ["type", "title", "status", "code", "detail", "requestId", "errors"],
            "additionalProperties": false,
        })
    }
}
