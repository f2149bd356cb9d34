//! What a caller is told when a host of code has not done what was asked for. Of what came from there nothing is repeated.

use agentstack_api::{ErrorBody, ErrorCode, InputError};
use agentstack_core::RequestId;
use agentstack_github::CodeHostError;

/// Where none is configured. To ask again does not help.
pub(super) const NONE: &str =
    "GitHub is not turned on. The operator does that with `github.enabled` in the configuration.";
/// Of a repository that is not on the list.
pub(super) const NOT_PERMITTED: &str =
    "The configuration does not permit this repository: `github.repositories` names those that it does.";
/// Where something was to be made and nobody knows whether it was.
const UNKNOWN: &str = "GitHub's answer did not come or cannot be used. What was to be created may be there all the \
                       same: look before you try again.";

/// When to ask a host again that does not say.
const SECONDS: u32 = 60;

/// The code of an error.
pub(super) fn code(error: &CodeHostError) -> ErrorCode {
    match error {
        CodeHostError::NoAccess => ErrorCode::Forbidden,
        CodeHostError::NotFound => ErrorCode::NotFound,
        CodeHostError::IsPullRequest
        | CodeHostError::Refused { reason: Some("already_exists" | "no_commits" | "no_drafts"), .. } => {
            ErrorCode::Conflict
        }
        CodeHostError::Refused { .. } => ErrorCode::InvalidInput,
        CodeHostError::RateLimited { .. } => ErrorCode::RateLimited,
        CodeHostError::TooLarge { .. } => ErrorCode::TooLarge,
        _ => ErrorCode::Unavailable,
    }
}

/// The whole error.
pub(super) fn body(error: &CodeHostError, creates: bool, request: RequestId) -> ErrorBody {
    let saying = |sentence| ErrorBody::saying(code(error), sentence, request);
    match error {
        CodeHostError::NotInstalled => saying(
            "The program `gh` is not installed where the service runs. The operator installs it as \
             https://cli.github.com says, or names it in `github.program`.",
        ),
        CodeHostError::NotLoggedIn => saying(
            "GitHub does not accept the login of the service, or there is none. The operator sets `github.token`, or \
             runs `gh auth login` as the user that the service runs as.",
        ),
        CodeHostError::NoAccess => saying("The login of the service may not do this on GitHub."),
        CodeHostError::IsPullRequest => saying("The number is that of a pull request: use github_pr_get."),
        CodeHostError::Refused { field, reason } => refused(*field, *reason, request),
        CodeHostError::RateLimited { retry_after } => {
            let seconds = retry_after.map(|after| after.as_secs().saturating_add(1));
            let seconds = seconds.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
            ErrorBody::rate_limited(seconds.unwrap_or(SECONDS), request)
        }
        CodeHostError::TooLarge { .. } if !creates => {
            saying("GitHub's answer is larger than the service takes.")
        }
        CodeHostError::TimedOut(_)
        | CodeHostError::Unreachable { .. }
        | CodeHostError::TooLarge { .. }
        | CodeHostError::Malformed(_)
        | CodeHostError::Failed { .. }
            if creates =>
        {
            saying(UNKNOWN)
        }
        CodeHostError::TimedOut(_) => saying("GitHub did not answer in time."),
        _ => ErrorBody::new(code(error), request),
    }
}

/// What GitHub does not take, by a field of ours and a word that it documents.
fn refused(field: Option<&'static str>, reason: Option<&'static str>, request: RequestId) -> ErrorBody {
    let conflict = |sentence| ErrorBody::saying(ErrorCode::Conflict, sentence, request);
    match reason {
        Some("already_exists") => conflict("There is one already."),
        Some("no_commits") => conflict("There are no commits between the two branches."),
        Some("no_drafts") => conflict("The repository has no drafts of pull requests."),
        _ => {
            let why = reason.map(|reason| format!(" (`{reason}`)")).unwrap_or_default();
            let error = match field {
                Some(field) => InputError::new(field, format_args!("is not taken by GitHub{why}")),
                None => InputError { field: None, rule: format!("GitHub does not take this request{why}.") },
            };
            ErrorBody::invalid_input(error, request)
        }
    }
}
