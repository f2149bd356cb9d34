//! What GitHub answers, as far as it is read: each field of its type, or the answer is not understood.

use agentstack_core::{IssueNumber, Repository, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::Host;
use crate::{
    CodeHostError, Issue, IssueSummary, Listed, PullRequest, PullRequestSummary, RepositoryInfo, Visibility,
};

/// Reads a body.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CodeHostError> {
    // Its own message quotes what it does not like.
    serde_json::from_slice(body)
        .map_err(|_| CodeHostError::Malformed("it is not the JSON that GitHub documents"))
}

/// Longest text, in bytes, that is not what somebody had to say: titles, names, addresses.
const SHORT: usize = 2_048;
/// Longest text that is, in bytes: GitHub takes 65,536 characters.
const LONG: usize = 4 * 65_536;
/// Most items of a list. The most that is asked for is half of that.
const MANY: usize = 200;

/// A text of a host that keeps to its own limits.
struct Text<const MOST: usize>(String);

impl<'de, const MOST: usize> Deserialize<'de> for Text<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() <= MOST { Ok(Self(text)) } else { Err(serde::de::Error::custom("a text is too long")) }
    }
}

type Short = Text<SHORT>;

/// A list of no more items than any has.
struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::deserialize(deserializer)?;
        if items.len() <= MANY {
            Ok(Self(items))
        } else {
            Err(serde::de::Error::custom("a list is too long"))
        }
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn time_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

#[derive(Deserialize)]
struct Account {
    login: Short,
}

#[derive(Deserialize)]
struct Label {
    name: Short,
}

fn login(account: Option<Account>) -> Option<String> {
    account.map(|account| account.login.0)
}

fn logins(accounts: Few<Account>) -> Vec<String> {
    accounts.0.into_iter().map(|account| account.login.0).collect()
}

fn names(labels: Few<Label>) -> Vec<String> {
    labels.0.into_iter().map(|label| label.name.0).collect()
}

fn number(number: u32) -> Result<IssueNumber, CodeHostError> {
    number.try_into().map_err(|_| CodeHostError::Malformed("a number that no issue has"))
}

/// The address, if it is one of the repository: one that has moved to another name is not the one that was permitted.
fn address(Text(url): Short, host: &Host, repository: &Repository) -> Result<String, CodeHostError> {
    let rest = url.strip_prefix("https://").and_then(|rest| rest.strip_prefix(host.as_str()));
    let rest = rest.and_then(|rest| rest.strip_prefix('/'));
    let path = repository.to_string();
    let is_within = rest.and_then(|rest| rest.split_at_checked(path.len())).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(&path)
            && (rest.is_empty() || rest.starts_with('/'))
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/')
    });
    if is_within { Ok(url) } else { Err(CodeHostError::NotFound) }
}

/// An issue of the REST API.
#[derive(Deserialize)]
pub(super) struct RestIssue {
    number: u32,
    title: Short,
    state: State,
    html_url: Short,
    user: Option<Account>,
    labels: Few<Label>,
    #[serde(default)]
    assignees: Few<Account>,
    comments: u64,
    body: Option<Text<LONG>>,
    #[serde(deserialize_with = "time")]
    created_at: Timestamp,
    #[serde(deserialize_with = "time")]
    updated_at: Timestamp,
    #[serde(deserialize_with = "time_or_none")]
    closed_at: Option<Timestamp>,
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Closed,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl RestIssue {
    pub(super) fn into_issue(self, host: &Host, repository: &Repository) -> Result<Issue, CodeHostError> {
        if self.pull_request.is_some() {
            return Err(CodeHostError::IsPullRequest);
        }
        Ok(Issue {
            summary: IssueSummary {
                number: number(self.number)?,
                title: self.title.0,
                state: self.state.as_str(),
                url: address(self.html_url, host, repository)?,
                author: login(self.user),
                labels: names(self.labels),
                assignees: logins(self.assignees),
                comments: self.comments,
                created_at: self.created_at,
                updated_at: self.updated_at,
                closed_at: self.closed_at,
            },
            body: self.body.map(|Text(body)| body).unwrap_or_default(),
        })
    }
}

/// A pull request of the REST API.
#[derive(Deserialize)]
pub(super) struct RestPullRequest {
    #[serde(flatten)]
    issue: RestIssue,
    #[serde(default)]
    draft: bool,
    #[serde(deserialize_with = "time_or_none")]
    merged_at: Option<Timestamp>,
    mergeable: Option<bool>,
    head: Branch,
    base: Branch,
    commits: u64,
    additions: u64,
    deletions: u64,
    changed_files: u64,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(rename = "ref")]
    name: Short,
    /// Whose repository it is in. Nobody, if that is gone.
    repo: Option<Full>,
}

#[derive(Deserialize)]
struct Full {
    full_name: Short,
}

impl Branch {
    /// Its name as seen from the repository.
    fn seen_from(self, repository: &Repository) -> String {
        let Text(name) = self.name;
        let full_name = self.repo.map(|repo| repo.full_name.0);
        let fork = full_name.filter(|full_name| !full_name.eq_ignore_ascii_case(&repository.to_string()));
        match fork.as_deref().and_then(|fork| fork.split('/').next()) {
            Some(owner) => format!("{owner}:{name}"),
            None => name,
        }
    }
}

impl RestPullRequest {
    pub(super) fn into_pull_request(
        self,
        host: &Host,
        repository: &Repository,
    ) -> Result<PullRequest, CodeHostError> {
        let mut issue = self.issue.into_issue(host, repository)?;
        if self.merged_at.is_some() {
            issue.summary.state = "merged";
        }
        Ok(PullRequest {
            summary: PullRequestSummary {
                issue: issue.summary,
                head: self.head.seen_from(repository),
                base: self.base.name.0,
                draft: self.draft,
                merged_at: self.merged_at,
            },
            body: issue.body,
            mergeable: self.mergeable,
            commits: self.commits,
            additions: self.additions,
            deletions: self.deletions,
            changed_files: self.changed_files,
        })
    }
}

/// A repository of the REST API.
#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the host has them")]
pub(super) struct RestRepository {
    full_name: Short,
    description: Option<Short>,
    html_url: Short,
    default_branch: Short,
    private: bool,
    visibility: Option<Seen>,
    archived: bool,
    fork: bool,
    has_issues: bool,
    open_issues_count: u64,
    stargazers_count: u64,
    forks_count: u64,
    language: Option<Short>,
    license: Option<License>,
    #[serde(default)]
    topics: Few<Short>,
    #[serde(deserialize_with = "time")]
    created_at: Timestamp,
    #[serde(deserialize_with = "time")]
    updated_at: Timestamp,
    #[serde(deserialize_with = "time_or_none")]
    pushed_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Seen {
    Public,
    Private,
    Internal,
}

#[derive(Deserialize)]
struct License {
    spdx_id: Option<Short>,
}

impl RestRepository {
    pub(super) fn into_info(
        self,
        host: &Host,
        repository: &Repository,
    ) -> Result<RepositoryInfo, CodeHostError> {
        let visibility = match self.visibility {
            Some(Seen::Public) => Visibility::Public,
            Some(Seen::Internal) => Visibility::Internal,
            // Older servers do not say more.
            None if !self.private => Visibility::Public,
            Some(Seen::Private) | None => Visibility::Private,
        };
        Ok(RepositoryInfo {
            // It was compared with the one that was asked for.
            url: address(self.html_url, host, repository)?,
            full_name: self.full_name.0,
            description: self.description.map(|Text(text)| text),
            default_branch: self.default_branch.0,
            visibility,
            archived: self.archived,
            fork: self.fork,
            has_issues: self.has_issues,
            open_issues: self.open_issues_count,
            stars: self.stargazers_count,
            forks: self.forks_count,
            language: self.language.map(|Text(text)| text),
            license: self.license.and_then(|license| license.spdx_id).map(|Text(text)| text),
            topics: self.topics.0.into_iter().map(|Text(text)| text).collect(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            pushed_at: self.pushed_at,
        })
    }
}

/// The answer to a query.
#[derive(Deserialize)]
pub(super) struct Answer<T> {
    data: Option<Data<T>>,
    #[serde(default)]
    errors: Vec<QueryError>,
}

#[derive(Deserialize)]
struct Data<T> {
    repository: Option<Found<T>>,
}

#[derive(Deserialize)]
struct Found<T> {
    found: Page<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    page_info: PageInfo,
    nodes: Few<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
}

#[derive(Deserialize)]
struct QueryError {
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl QueryError {
    fn error(&self) -> CodeHostError {
        match self.kind.as_deref() {
            Some("NOT_FOUND") => CodeHostError::NotFound,
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => CodeHostError::NoAccess,
            Some("RATE_LIMITED") => CodeHostError::RateLimited { retry_after: None },
            _ => {
                CodeHostError::Malformed("the query was answered with an error that GitHub does not document")
            }
        }
    }
}

impl<T> Answer<T> {
    pub(super) fn into_listed<U>(
        self,
        convert: impl Fn(T) -> Result<U, CodeHostError>,
    ) -> Result<Listed<U>, CodeHostError> {
        if let Some(error) = self.errors.first() {
            return Err(error.error());
        }
        let found = self.data.and_then(|data| data.repository).ok_or(CodeHostError::NotFound)?.found;
        let items = found.nodes.0.into_iter().map(convert).collect::<Result<_, _>>()?;
        Ok(Listed { items, has_more: found.page_info.has_next_page })
    }
}

#[derive(Deserialize)]
struct Nodes<T> {
    nodes: Few<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    total_count: u64,
}

/// An issue of a query's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    number: u32,
    title: Short,
    state: NodeState,
    url: Short,
    author: Option<Account>,
    labels: Option<Nodes<Label>>,
    assignees: Nodes<Account>,
    comments: Count,
    #[serde(deserialize_with = "time")]
    created_at: Timestamp,
    #[serde(deserialize_with = "time")]
    updated_at: Timestamp,
    #[serde(deserialize_with = "time_or_none")]
    closed_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum NodeState {
    Open,
    Closed,
    Merged,
}

impl Node {
    pub(super) fn into_summary(
        self,
        host: &Host,
        repository: &Repository,
    ) -> Result<IssueSummary, CodeHostError> {
        Ok(IssueSummary {
            number: number(self.number)?,
            title: self.title.0,
            state: match self.state {
                NodeState::Open => "open",
                NodeState::Closed => "closed",
                NodeState::Merged => "merged",
            },
            url: address(self.url, host, repository)?,
            author: login(self.author),
            labels: self.labels.map(|labels| names(labels.nodes)).unwrap_or_default(),
            assignees: logins(self.assignees.nodes),
            comments: self.comments.total_count,
            created_at: self.created_at,
            updated_at: self.updated_at,
            closed_at: self.closed_at,
        })
    }
}

/// A pull request of a query's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PullRequestNode {
    #[serde(flatten)]
    node: Node,
    is_draft: bool,
    #[serde(deserialize_with = "time_or_none")]
    merged_at: Option<Timestamp>,
    head_ref_name: Short,
    is_cross_repository: bool,
    head_repository_owner: Option<Account>,
    base_ref_name: Short,
}

impl PullRequestNode {
    pub(super) fn into_summary(
        self,
        host: &Host,
        repository: &Repository,
    ) -> Result<PullRequestSummary, CodeHostError> {
        let fork = login(self.head_repository_owner).filter(|_| self.is_cross_repository);
        Ok(PullRequestSummary {
            issue: self.node.into_summary(host, repository)?,
            head: match fork {
                Some(owner) => format!("{owner}:{}", self.head_ref_name.0),
                None => self.head_ref_name.0,
            },
            base: self.base_ref_name.0,
            draft: self.is_draft,
            merged_at: self.merged_at,
        })
    }
}
