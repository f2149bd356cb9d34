//! What calls about a host of code ask for.

use agentstack_access::Claim;
use agentstack_core::{
    BranchName, HeadBranch, IssueBody, IssueFilter, IssueLabel, IssueNumber, IssueTitle, Login,
    PullRequestFilter, Repository,
};

/// `github_issue_create`
#[derive(Debug, Clone)]
pub struct CreateIssue {
    /// Whose call it is about.
    pub claim: Claim,
    /// Where.
    pub repository: Repository,
    /// Its title.
    pub title: IssueTitle,
    /// What it says.
    pub body: Option<IssueBody>,
    /// Its labels, each once.
    pub labels: Vec<IssueLabel>,
    /// Who is to see to it, each once.
    pub assignees: Vec<Login>,
}

/// `github_issue_list`
#[derive(Debug, Clone)]
pub struct ListIssues {
    /// Whose call it is about.
    pub claim: Claim,
    /// Where.
    pub repository: Repository,
    /// Which.
    pub filter: IssueFilter,
    /// At most how many.
    pub limit: u32,
}

/// `github_issue_get`
#[derive(Debug, Clone)]
pub struct GetIssue {
    /// Whose call it is about.
    pub claim: Claim,
    /// Where.
    pub repository: Repository,
    /// Which.
    pub number: IssueNumber,
}

/// `github_pr_create`
#[derive(Debug, Clone)]
pub struct CreatePullRequest {
    /// Whose call it is about.
    pub claim: Claim,
    /// Where.
    pub repository: Repository,
    /// Its title.
    pub title: IssueTitle,
    /// What is to be merged.
    pub head: HeadBranch,
    /// Into what.
    pub base: BranchName,
    /// What it says.
    pub body: Option<IssueBody>,
    /// Whether it is not ready to be looked at.
    pub draft: bool,
}

/// `github_pr_list`
#[derive(Debug, Clone)]
pub struct ListPullRequests {
    /// Whose call it is about.
    pub claim: Claim,
    /// Where.
    pub repository: Repository,
    /// Which.
    pub filter: PullRequestFilter,
    /// At most how many.
    pub limit: u32,
}

/// `github_pr_get`
#[derive(Debug, Clone)]
pub struct GetPullRequest {
    /// Whose call it is about.
    pub claim: Claim,
    /// Where.
    pub repository: Repository,
    /// Which.
    pub number: IssueNumber,
}

/// `github_repo_info`
#[derive(Debug, Clone)]
pub struct RepositoryInfo {
    /// Whose call it is about.
    pub claim: Claim,
    /// Which.
    pub repository: Repository,
}

impl crate::Command {
    /// The repository that a call about a host of code names.
    #[must_use]
    pub fn repository(&self) -> Option<&Repository> {
        Some(match self {
            Self::CreateIssue(command) => &command.repository,
            Self::ListIssues(command) => &command.repository,
            Self::GetIssue(command) => &command.repository,
            Self::CreatePullRequest(command) => &command.repository,
            Self::ListPullRequests(command) => &command.repository,
            Self::GetPullRequest(command) => &command.repository,
            Self::RepositoryInfo(command) => &command.repository,
            _ => return None,
        })
    }
}
