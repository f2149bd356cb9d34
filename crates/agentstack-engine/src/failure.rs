//! Why a call failed: what the caller is told, and what the operator's log is.

mod code_host;
mod plugin;

use std::borrow::Cow;

use agentstack_access::Denial;
use agentstack_api::{ErrorBody, ErrorCode, InputError};
use agentstack_audit::{Decision, Outcome};
use agentstack_core::RequestId;
use agentstack_core::random::RandomnessUnavailable;
use agentstack_github::CodeHostError;
use agentstack_guard::Redactor;
use agentstack_plugins::{CallProblem, Mismatch};
use agentstack_providers::ProviderError;
use agentstack_storage::StorageError;

use crate::plugin::LoadProblem;

/// A failure inside a use case.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The store did not.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no such thing for this caller.
    #[error("there is no such thing for this caller")]
    Absent,
    /// The call asks for something that it cannot have.
    #[error("{0}")]
    Input(InputError),
    /// The guard found what may not be kept.
    #[error("the guard found {kind} in {field}")]
    Unfit {
        /// Where.
        field: &'static str,
        /// The word for what.
        kind: Cow<'static, str>,
    },
    /// The operating system has no randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessUnavailable),
    /// Records of earlier calls could not be written; nothing is answered unrecorded.
    #[error("the audit log cannot be written")]
    Unrecorded,
    /// The installation is not configured for it.
    #[error("the installation is not configured for it")]
    NotConfigured,
    /// The task is one of its ancestors again.
    #[error("the task is too much like one of its ancestors")]
    Drift,
    /// No model can be asked.
    #[error("no provider is configured")]
    NoProvider,
    /// The provider did not answer.
    #[error("a provider was asked")]
    Provider(#[from] ProviderError),
    /// No host of code can be asked.
    #[error("no host of code is configured")]
    NoCodeHost,
    /// The repository is none that may be named.
    #[error("the configuration does not permit the repository")]
    Repository,
    /// The host of code did not answer.
    #[error("a host of code was asked")]
    CodeHost {
        /// Why.
        #[source]
        error: CodeHostError,
        /// Whether something was to be made, which may be there all the same.
        creates: bool,
    },
    /// A plugin could not be loaded.
    #[error("a plugin could not be loaded")]
    PluginNotLoaded(#[source] LoadProblem),
    /// A plugin has not answered.
    #[error("a plugin was called")]
    Plugin(#[source] CallProblem),
    /// A plugin has answered something else than it says it does.
    #[error("a plugin has answered something else than it says it does")]
    PluginAnswer(#[source] Mismatch),
    /// A run took longer than it may.
    #[error("the run took longer than it may")]
    RanOutOfTime,
    /// The caller asks too much (S33).
    #[error("the caller asks too much")]
    TooMuch {
        /// When to come again.
        retry_after_seconds: u32,
    },
}

impl Failure {
    /// What the caller is told: where every error of the engine leaves it, so here it is scrubbed (S40).
    pub(crate) fn body(&self, request: RequestId, redactor: &Redactor) -> ErrorBody {
        self.sentence(request).scrubbed(|text| redactor.scrub(text).into_owned())
    }

    fn sentence(&self, request: RequestId) -> ErrorBody {
        match self {
            Self::Denied(Denial::Forbidden { permission } | Denial::PolicyFailed { permission, .. }) => {
                ErrorBody::forbidden(permission, request)
            }
            Self::Denied(Denial::OtherAgent) => ErrorBody::forbidden("agent", request),
            Self::Denied(Denial::NoSession) => {
                ErrorBody::invalid_input(InputError::new("sessionId", "is required"), request)
            }
            Self::Input(error) => ErrorBody::invalid_input(error.clone(), request),
            Self::Unfit { field, kind } => {
                let rule = format!("must not hold what looks like `{kind}`");
                ErrorBody::invalid_input(InputError::new(*field, rule), request)
            }
            Self::TooMuch { retry_after_seconds } => ErrorBody::rate_limited(*retry_after_seconds, request),
            Self::Storage(StorageError::State { what, is, to }) => {
                ErrorBody::conflict(format!("The {what} is `{is}` and cannot become `{to}`."), request)
            }
            Self::Storage(StorageError::NameTaken) => {
                ErrorBody::conflict("Something else has the name.".to_owned(), request)
            }
            Self::Storage(StorageError::TooMany { what }) => {
                ErrorBody::conflict(format!("There are as many {what} as there may be."), request)
            }
            Self::Drift => {
                ErrorBody::conflict("The task is too much like one of its ancestors.".to_owned(), request)
            }
            Self::NoProvider => ErrorBody::conflict(NO_PROVIDER.to_owned(), request),
            Self::NoCodeHost => ErrorBody::saying(ErrorCode::Conflict, code_host::NONE, request),
            Self::Repository => ErrorBody::saying(ErrorCode::Forbidden, code_host::NOT_PERMITTED, request),
            Self::CodeHost { error, creates } => code_host::body(error, *creates, request),
            Self::PluginNotLoaded(_) => ErrorBody::saying(self.code(), plugin::NOT_LOADED, request),
            Self::Plugin(problem) => plugin::body(problem, request),
            Self::PluginAnswer(_) => ErrorBody::saying(self.code(), plugin::ANSWER, request),
            Self::Provider(error) => provider_body(error, self.code(), request),
            _ => ErrorBody::new(self.code(), request),
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            // The same answer for what is foreign, ended, expired and unknown (S02).
            Self::Absent
            | Self::Denied(Denial::NotYours)
            | Self::Storage(StorageError::SessionGone | StorageError::Missing) => ErrorCode::NotFound,
            Self::Denied(Denial::Forbidden { .. } | Denial::PolicyFailed { .. } | Denial::OtherAgent) => {
                ErrorCode::Forbidden
            }
            Self::Storage(
                StorageError::VersionConflict { .. }
                | StorageError::KeyTaken
                | StorageError::State { .. }
                | StorageError::NameTaken
                | StorageError::TooMany { .. },
            )
            | Self::Drift
            | Self::NoProvider
            | Self::NoCodeHost => ErrorCode::Conflict,
            Self::Repository => ErrorCode::Forbidden,
            Self::Plugin(problem) => plugin::code(problem),
            Self::CodeHost { error, .. } => code_host::code(error),
            Self::Input(_) | Self::Unfit { .. } | Self::Denied(Denial::NoSession) => ErrorCode::InvalidInput,
            Self::TooMuch { .. } => ErrorCode::RateLimited,
            Self::Provider(error) => provider_code(error),
            Self::Storage(StorageError::Damaged(_)) | Self::Randomness(_) => ErrorCode::Internal,
            Self::Storage(_)
            | Self::Unrecorded
            | Self::NotConfigured
            | Self::RanOutOfTime
            | Self::PluginNotLoaded(_)
            | Self::PluginAnswer(_)
            | Self::Denied(_) => ErrorCode::Unavailable,
        }
    }

    /// How the audit log keeps it.
    pub(crate) fn verdict(&self) -> (Decision, &'static str, Outcome) {
        match self {
            Self::Denied(Denial::Unavailable(_)) => (Decision::Deny, "unavailable", Outcome::Unavailable),
            Self::Denied(denial) => (Decision::Deny, denial.reason(), outcome(self.code())),
            Self::Storage(StorageError::SessionGone) => {
                (Decision::Deny, Denial::NotYours.reason(), Outcome::NotFound)
            }
            // Nothing was authorized: it never came to that.
            Self::Input(_) => (Decision::Deny, "input", Outcome::InvalidInput),
            Self::Unfit { .. } => (Decision::Deny, "guard", Outcome::InvalidInput),
            Self::Repository => (Decision::Deny, "repository", Outcome::Forbidden),
            Self::Plugin(problem) => (Decision::Allow, crate::plugin::reason(problem), outcome(self.code())),
            Self::PluginAnswer(_) => (Decision::Allow, "plugin_answer", outcome(self.code())),
            Self::PluginNotLoaded(_) => (Decision::Allow, "plugin_not_loaded", outcome(self.code())),
            Self::TooMuch { .. } => (Decision::Deny, "limit", Outcome::RateLimited),
            _ => (Decision::Allow, "permitted", outcome(self.code())),
        }
    }

    /// Whether an operator should look at the cause: a policy that fails denies and alarms (S36).
    pub(crate) fn is_fault(&self) -> bool {
        match self {
            Self::Denied(Denial::PolicyFailed { .. }) => true,
            Self::NotConfigured | Self::RanOutOfTime | Self::Plugin(_) | Self::PluginAnswer(_) => false,
            _ => matches!(self.code(), ErrorCode::Internal | ErrorCode::Unavailable),
        }
    }
}

/// What to tell whoever wants to ask a model where there is none. To ask again does not help.
const NO_PROVIDER: &str =
    "No provider is configured. The operator names one under `providers` in the configuration.";
/// When to ask a provider again that does not say.
const PROVIDER_SECONDS: u32 = 10;

/// What the error of a provider is to the caller. That a key is not accepted, an account is empty or a connection is not
/// permitted is not the caller's fault, and nothing that it can mend.
fn provider_code(error: &ProviderError) -> ErrorCode {
    match error.at_heart() {
        ProviderError::RateLimited { .. } => ErrorCode::RateLimited,
        ProviderError::TooLarge { .. } => ErrorCode::TooLarge,
        ProviderError::BadRequest { kind: Some("insufficient_quota" | "billing_error"), .. } => {
            ErrorCode::Unavailable
        }
        ProviderError::BadRequest { .. } => ErrorCode::InvalidInput,
        _ => ErrorCode::Unavailable,
    }
}

fn provider_body(error: &ProviderError, code: ErrorCode, request: RequestId) -> ErrorBody {
    match error.at_heart() {
        ProviderError::RateLimited { retry_after } => {
            let seconds = retry_after.map(|after| after.as_secs().saturating_add(1));
            let seconds = seconds.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
            ErrorBody::rate_limited(seconds.unwrap_or(PROVIDER_SECONDS), request)
        }
        ProviderError::BadRequest { kind, .. } if code == ErrorCode::InvalidInput => {
            // One of the types that providers document, and nothing that was sent.
            let why = kind.map(|kind| format!(" (`{kind}`)")).unwrap_or_default();
            let rule = format!("The provider does not take this request{why}.");
            ErrorBody::invalid_input(InputError { field: None, rule }, request)
        }
        _ => ErrorBody::new(code, request),
    }
}

/// An error code as the audit log has it.
pub(crate) fn outcome(code: ErrorCode) -> Outcome {
    match code {
        ErrorCode::InvalidInput => Outcome::InvalidInput,
        ErrorCode::Unauthenticated => Outcome::Unauthenticated,
        ErrorCode::Forbidden => Outcome::Forbidden,
        ErrorCode::NotFound => Outcome::NotFound,
        ErrorCode::Conflict => Outcome::Conflict,
        ErrorCode::TooLarge => Outcome::TooLarge,
        ErrorCode::RateLimited => Outcome::RateLimited,
        ErrorCode::Unavailable => Outcome::Unavailable,
        ErrorCode::Internal => Outcome::Internal,
    }
}
