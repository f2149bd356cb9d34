//! What can go wrong between us and a host of code.

use std::time::Duration;

/// Why there is no answer. None of its texts quotes what was sent or what came in (S40).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeHostError {
    /// There is no `gh` program.
    #[error("there is no `gh` program: neither the one that is configured nor one on the PATH")]
    NotInstalled,
    /// It does not start.
    #[error("`gh` cannot be started")]
    Start(#[source] std::io::Error),
    /// Nobody is logged in, or the token is not accepted.
    #[error("the host does not accept the login of `gh`, or there is none")]
    NotLoggedIn,
    /// The login may not.
    #[error("the login may not do this")]
    NoAccess,
    /// It is not there, or the login does not see it.
    #[error("it is not there, or the login does not see it")]
    NotFound,
    /// What was asked for as an issue is a pull request.
    #[error("it is a pull request and no issue")]
    IsPullRequest,
    /// The host does not take what was sent.
    #[error("the host does not take the request")]
    Refused {
        /// The field that it names, when it is one that we send.
        field: Option<&'static str>,
        /// Its word for why, when it is one that it documents.
        reason: Option<&'static str>,
    },
    /// The host is asked too much.
    #[error("the host limits how much may be asked of it")]
    RateLimited {
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It took too long.
    #[error("`gh` did not end within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// No connection, or the host has a problem of its own.
    #[error("the host cannot be reached, or has a problem of its own")]
    Unreachable {
        /// The status of its answer, if there was one.
        status: Option<u16>,
    },
    /// More came than is taken.
    #[error("`gh` printed more than {most} bytes")]
    TooLarge {
        /// The most that is taken.
        most: usize,
    },
    /// What came is not what the documentation says.
    #[error("the answer is not understood: {0}")]
    Malformed(&'static str),
    /// `gh` failed in a way that it does not document.
    #[error("`gh` failed ({})", exit.map_or_else(|| "killed by a signal".to_owned(), |code| format!("exit code {code}")))]
    Failed {
        /// Its exit code, if it came to its end.
        exit: Option<i32>,
    },
}
