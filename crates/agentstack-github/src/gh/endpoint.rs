//! Everything that `gh` is ever asked: one subcommand, and a table of endpoints.

use agentstack_core::{IssueNumber, Repository};

use super::Host;

/// An endpoint of GitHub's API. Names and numbers are all that a caller adds to it, and each has a type that permits
/// nothing that could leave its place.
///
/// Source: <https://docs.github.com/en/rest> (version 2022-11-28) and <https://docs.github.com/en/graphql>.
#[derive(Debug, Clone, Copy)]
pub(super) enum Endpoint<'a> {
    /// Makes an issue.
    CreateIssue(&'a Repository),
    /// An issue.
    Issue(&'a Repository, IssueNumber),
    /// Makes a pull request.
    CreatePullRequest(&'a Repository),
    /// A pull request.
    PullRequest(&'a Repository, IssueNumber),
    /// A repository.
    Repository(&'a Repository),
    /// A query; it stands in the input with its variables.
    Query,
}

impl Endpoint<'_> {
    fn path(self) -> String {
        match self {
            Self::CreateIssue(repository) => format!("repos/{repository}/issues"),
            Self::Issue(repository, number) => format!("repos/{repository}/issues/{number}"),
            Self::CreatePullRequest(repository) => format!("repos/{repository}/pulls"),
            Self::PullRequest(repository, number) => format!("repos/{repository}/pulls/{number}"),
            Self::Repository(repository) => format!("repos/{repository}"),
            Self::Query => "graphql".to_owned(),
        }
    }

    /// What is asked, for the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CreateIssue(_) => "create issue",
            Self::Issue(..) => "issue",
            Self::CreatePullRequest(_) => "create pull request",
            Self::PullRequest(..) => "pull request",
            Self::Repository(_) => "repository",
            Self::Query => "query",
        }
    }

    fn has_input(self) -> bool {
        matches!(self, Self::CreateIssue(_) | Self::CreatePullRequest(_) | Self::Query)
    }

    /// The arguments of `gh`. The status and the headers of the answer are printed before its body.
    pub(super) fn arguments(self, host: &Host) -> Vec<String> {
        let mut arguments = vec![
            "api".to_owned(),
            "--include".to_owned(),
            format!("--hostname={host}"),
            format!("--method={}", if self.has_input() { "POST" } else { "GET" }),
            "--header=Accept: application/vnd.github+json".to_owned(),
            "--header=X-GitHub-Api-Version: 2022-11-28".to_owned(),
        ];
        if self.has_input() {
            arguments.push("--input=-".to_owned());
        }
        arguments.push(self.path());
        arguments
    }
}

/// The newest issues. Pull requests, which REST's list would have among them, are none.
pub(super) const ISSUES: &str = "query($owner:String!,$name:String!,$states:[IssueState!],$first:Int!){\
    repository(owner:$owner,name:$name){\
    found:issues(first:$first,states:$states,orderBy:{field:CREATED_AT,direction:DESC}){\
    pageInfo{hasNextPage} nodes{\
    number title state url author{login} labels(first:20){nodes{name}} assignees(first:10){nodes{login}} \
    comments{totalCount} createdAt updatedAt closedAt}}}}";

/// The newest pull requests. REST cannot list those that were merged.
pub(super) const PULL_REQUESTS: &str = "query($owner:String!,$name:String!,$states:[PullRequestState!],$first:Int!){\
    repository(owner:$owner,name:$name){\
    found:pullRequests(first:$first,states:$states,orderBy:{field:CREATED_AT,direction:DESC}){\
    pageInfo{hasNextPage} nodes{\
    number title state url author{login} labels(first:20){nodes{name}} assignees(first:10){nodes{login}} \
    comments{totalCount} createdAt updatedAt closedAt \
    isDraft mergedAt headRefName isCrossRepository headRepositoryOwner{login} baseRefName}}}}";
