//! Issues and pull requests on a host of code.
//!
//! [`CodeHost`] is what the rest of the program knows. [`GhCli`] is one that runs GitHub's own program, `gh`, once a call
//! and without a shell (S47): the subcommand is always `gh api`, with an endpoint out of a table; what a caller names
//! stands in it only as an owner, a repository or a number, each a type of its own; everything else goes to its standard
//! input as JSON, where no other user of the machine sees it and nothing can become an option.
//!
//! **Invariant:** no text that came from the host is in an error or a log.

mod allow;
mod error;
mod gh;
mod model;

#[cfg(feature = "testing")]
pub mod testing;

pub use allow::{AllowedRepositories, RepositoryPattern};
pub use error::CodeHostError;
pub use gh::{Confinement, GhCli, GhProblem, GhSettings, Host};
pub use model::{
    CodeHost, Issue, IssueSummary, Listed, NewIssue, NewPullRequest, PullRequest, PullRequestSummary,
    RepositoryInfo, Visibility,
};
