//! What there is on a host of code, and what can be asked of it.

use agentstack_core::{
    BranchName, HeadBranch, IssueBody, IssueFilter, IssueLabel, IssueNumber, IssueTitle, Login,
    PullRequestFilter, Repository, Timestamp,
};
use async_trait::async_trait;

use crate::CodeHostError;

/// A host of code. What is asked for ends when its future is dropped; what was already sent stays sent.
///
/// # Errors
/// Each call can fail as [`CodeHostError`] says. After [`CodeHostError::TimedOut`], [`CodeHostError::Unreachable`] and
/// [`CodeHostError::Malformed`] what was to be made may be there all the same.
#[async_trait]
pub trait CodeHost: Send + Sync + std::fmt::Debug {
    /// Makes an issue.
    async fn create_issue(&self, repository: &Repository, new: &NewIssue) -> Result<Issue, CodeHostError>;

    /// Lists issues, the newest first; pull requests are none.
    async fn issues(
        &self,
        repository: &Repository,
        filter: IssueFilter,
        limit: u32,
    ) -> Result<Listed<IssueSummary>, CodeHostError>;

    /// An issue with its text.
    async fn issue(&self, repository: &Repository, number: IssueNumber) -> Result<Issue, CodeHostError>;

    /// Makes a pull request.
    async fn create_pull_request(
        &self,
        repository: &Repository,
        new: &NewPullRequest,
    ) -> Result<PullRequest, CodeHostError>;

    /// Lists pull requests, the newest first.
    async fn pull_requests(
        &self,
        repository: &Repository,
        filter: PullRequestFilter,
        limit: u32,
    ) -> Result<Listed<PullRequestSummary>, CodeHostError>;

    /// A pull request with its text.
    async fn pull_request(
        &self,
        repository: &Repository,
        number: IssueNumber,
    ) -> Result<PullRequest, CodeHostError>;

    /// The repository itself.
    async fn repository(&self, repository: &Repository) -> Result<RepositoryInfo, CodeHostError>;

    /// Its name, such as `github.com`.
    fn name(&self) -> &str;

    /// Whether it could be asked, as far as that can be said without asking, and what is to be known about that.
    fn health(&self) -> (bool, &'static str);
}

/// An issue that is to be made.
#[derive(Debug, Clone)]
pub struct NewIssue {
    /// Its title.
    pub title: IssueTitle,
    /// What it says.
    pub body: Option<IssueBody>,
    /// Its labels. GitHub leaves them out where the login may not set them.
    pub labels: Vec<IssueLabel>,
    /// Who is to see to it. GitHub leaves out who cannot be assigned.
    pub assignees: Vec<Login>,
}

/// A pull request that is to be made.
#[derive(Debug, Clone)]
pub struct NewPullRequest {
    /// Its title.
    pub title: IssueTitle,
    /// What it says.
    pub body: Option<IssueBody>,
    /// What is to be merged.
    pub head: HeadBranch,
    /// Into what.
    pub base: BranchName,
    /// Whether it is not ready to be looked at.
    pub draft: bool,
}

/// What was found, and whether there is more.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The newest of them.
    pub items: Vec<T>,
    /// Whether there are more than were asked for.
    pub has_more: bool,
}

/// An issue without its text. All texts are those of people whom nobody has checked.
#[derive(Debug, Clone)]
pub struct IssueSummary {
    /// Its number.
    pub number: IssueNumber,
    /// Its title.
    pub title: String,
    /// `open` or `closed`; of a pull request also `merged`.
    pub state: &'static str,
    /// Where a person finds it.
    pub url: String,
    /// Who has made it. Nobody, if the account is gone.
    pub author: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Who sees to it.
    pub assignees: Vec<String>,
    /// How many comments there are.
    pub comments: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// An issue.
#[derive(Debug, Clone)]
pub struct Issue {
    /// What a list shows of it.
    pub summary: IssueSummary,
    /// What it says.
    pub body: String,
}

/// A pull request without its text.
#[derive(Debug, Clone)]
pub struct PullRequestSummary {
    /// What it has in common with an issue.
    pub issue: IssueSummary,
    /// What is to be merged: a branch, with `owner:` before it if it is in a fork.
    pub head: String,
    /// Into what.
    pub base: String,
    /// Whether it is not ready to be looked at.
    pub draft: bool,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
}

/// A pull request.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// What a list shows of it.
    pub summary: PullRequestSummary,
    /// What it says.
    pub body: String,
    /// Whether it can be merged without a conflict. The host takes its time to find out.
    pub mergeable: Option<bool>,
    /// How many commits it has.
    pub commits: u64,
    /// How many lines it adds.
    pub additions: u64,
    /// How many lines it removes.
    pub deletions: u64,
    /// How many files it changes.
    pub changed_files: u64,
}

/// Who sees a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Who was let in.
    Private,
    /// Everybody of the enterprise.
    Internal,
}

impl Visibility {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Internal => "internal",
        }
    }
}

/// A repository.
#[derive(Debug, Clone)]
pub struct RepositoryInfo {
    /// Whose it is, and its name.
    pub full_name: String,
    /// What it says of itself.
    pub description: Option<String>,
    /// Where a person finds it.
    pub url: String,
    /// The branch that pull requests are merged into.
    pub default_branch: String,
    /// Who sees it.
    pub visibility: Visibility,
    /// Whether nothing can be changed any more.
    pub archived: bool,
    /// Whether it is a fork of another.
    pub fork: bool,
    /// Whether it has issues.
    pub has_issues: bool,
    /// How many issues and pull requests are open.
    pub open_issues: u64,
    /// How many people have starred it.
    pub stars: u64,
    /// How many forks there are.
    pub forks: u64,
    /// The language that most of it is in.
    pub language: Option<String>,
    /// Its licence, as SPDX names it.
    pub license: Option<String>,
    /// What it is about.
    pub topics: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When something was last pushed.
    pub pushed_at: Option<Timestamp>,
}
