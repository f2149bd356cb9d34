//! A host that says what a test wrote down for it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use agentstack_core::{IssueFilter, IssueNumber, PullRequestFilter, Repository, Timestamp};
use async_trait::async_trait;

use crate::{
    CodeHost, CodeHostError, Issue, IssueSummary, Listed, NewIssue, NewPullRequest, PullRequest,
    PullRequestSummary, RepositoryInfo, Visibility,
};

/// What a [`Recorded`] says.
#[derive(Debug)]
pub enum Answer {
    /// An issue.
    Issue(Issue),
    /// Issues.
    Issues(Listed<IssueSummary>),
    /// A pull request.
    PullRequest(PullRequest),
    /// Pull requests.
    PullRequests(Listed<PullRequestSummary>),
    /// A repository.
    Repository(RepositoryInfo),
    /// Nothing.
    Error(CodeHostError),
    /// Nothing, ever: until whoever asks goes away.
    Never,
}

/// Answers in the order in which it was told to, and remembers what it was asked. Beyond that it answers with the samples
/// of this module; where it was told to answer with something else, with [`CodeHostError::Malformed`].
#[derive(Debug, Default)]
pub struct Recorded {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<String>>,
}

impl Recorded {
    /// One with nothing to say.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that says this next.
    #[must_use]
    pub fn then(self, answer: Answer) -> Self {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(answer);
        self
    }

    /// What it was asked, oldest first, in words.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn answer(&self, asked: String, usual: impl FnOnce() -> Answer) -> Result<Answer, CodeHostError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match answer {
            Some(Answer::Error(error)) => Err(error),
            Some(Answer::Never) => std::future::pending().await,
            Some(answer) => Ok(answer),
            None => Ok(usual()),
        }
    }
}

macro_rules! answered {
    ($host:expr, $asked:expr, $kind:ident($usual:expr)) => {
        match $host.answer($asked, || Answer::$kind($usual)).await? {
            Answer::$kind(value) => Ok(value),
            _ => Err(CodeHostError::Malformed("something else was written down for this")),
        }
    };
}

/// An issue of `octo-org/tools`.
///
/// # Panics
/// Never.
#[must_use]
pub fn issue() -> Issue {
    let at = Timestamp::from_millis(1_780_000_000_000);
    #[expect(clippy::unwrap_used, reason = "a number that is one")]
    let number = IssueNumber::try_from(1347).unwrap();
    let summary = IssueSummary {
        number,
        title: "Found a bug".to_owned(),
        state: "open",
        url: "https://github.com/octo-org/tools/issues/1347".to_owned(),
        author: Some("octocat".to_owned()),
        labels: vec!["bug".to_owned()],
        assignees: vec!["hubot".to_owned()],
        comments: 3,
        created_at: at,
        updated_at: at,
        closed_at: None,
    };
    Issue { summary, body: "It happens when the queue is empty.".to_owned() }
}

/// A pull request of the same.
#[must_use]
pub fn pull_request() -> PullRequest {
    let Issue { summary, body } = issue();
    PullRequest {
        summary: PullRequestSummary {
            issue: IssueSummary { url: "https://github.com/octo-org/tools/pull/1347".to_owned(), ..summary },
            head: "mona:new-topic".to_owned(),
            base: "main".to_owned(),
            draft: false,
            merged_at: None,
        },
        body,
        mergeable: Some(true),
        commits: 3,
        additions: 100,
        deletions: 3,
        changed_files: 5,
    }
}

/// The repository itself.
#[must_use]
pub fn tools() -> RepositoryInfo {
    let at = Timestamp::from_millis(1_780_000_000_000);
    RepositoryInfo {
        full_name: "octo-org/tools".to_owned(),
        description: Some("Tools of ours".to_owned()),
        url: "https://github.com/octo-org/tools".to_owned(),
        default_branch: "main".to_owned(),
        visibility: Visibility::Private,
        archived: false,
        fork: false,
        has_issues: true,
        open_issues: 4,
        stars: 80,
        forks: 9,
        language: Some("Rust".to_owned()),
        license: Some("MIT".to_owned()),
        topics: vec!["memory".to_owned()],
        created_at: at,
        updated_at: at,
        pushed_at: Some(at),
    }
}

fn listed<T>(item: T) -> Listed<T> {
    Listed { items: vec![item], has_more: true }
}

#[async_trait]
impl CodeHost for Recorded {
    async fn create_issue(&self, repository: &Repository, new: &NewIssue) -> Result<Issue, CodeHostError> {
        let (title, body) = (new.title.as_str(), new.body.as_ref().map(agentstack_core::IssueBody::as_str));
        let labels: Vec<&str> = new.labels.iter().map(agentstack_core::IssueLabel::as_str).collect();
        let assignees: Vec<&str> = new.assignees.iter().map(agentstack_core::Login::as_str).collect();
        let asked = format!("create issue in {repository}: {title:?} {body:?} {labels:?} {assignees:?}");
        answered!(self, asked, Issue(issue()))
    }

    async fn issues(
        &self,
        repository: &Repository,
        filter: IssueFilter,
        limit: u32,
    ) -> Result<Listed<IssueSummary>, CodeHostError> {
        answered!(self, format!("{limit} {filter} issues of {repository}"), Issues(listed(issue().summary)))
    }

    async fn issue(&self, repository: &Repository, number: IssueNumber) -> Result<Issue, CodeHostError> {
        answered!(self, format!("issue {number} of {repository}"), Issue(issue()))
    }

    async fn create_pull_request(
        &self,
        repository: &Repository,
        new: &NewPullRequest,
    ) -> Result<PullRequest, CodeHostError> {
        let (title, body) = (new.title.as_str(), new.body.as_ref().map(agentstack_core::IssueBody::as_str));
        let NewPullRequest { head, base, draft, .. } = new;
        let asked = format!(
            "create pull request in {repository}: {title:?} {body:?} {head} -> {base}, draft {draft}"
        );
        answered!(self, asked, PullRequest(pull_request()))
    }

    async fn pull_requests(
        &self,
        repository: &Repository,
        filter: PullRequestFilter,
        limit: u32,
    ) -> Result<Listed<PullRequestSummary>, CodeHostError> {
        answered!(
            self,
            format!("{limit} {filter} pull requests of {repository}"),
            PullRequests(listed(pull_request().summary))
        )
    }

    async fn pull_request(
        &self,
        repository: &Repository,
        number: IssueNumber,
    ) -> Result<PullRequest, CodeHostError> {
        answered!(self, format!("pull request {number} of {repository}"), PullRequest(pull_request()))
    }

    async fn repository(&self, repository: &Repository) -> Result<RepositoryInfo, CodeHostError> {
        answered!(self, format!("repository {repository}"), Repository(tools()))
    }

    fn name(&self) -> &'static str {
        "github.com"
    }

    fn health(&self) -> (bool, &'static str) {
        (true, "recorded")
    }
}
