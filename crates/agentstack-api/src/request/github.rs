//! The requests about a host of code.

use agentstack_access::Claim;
use agentstack_core::{IssueFilter, IssueLabel, IssueNumber, Login, PullRequestFilter, Repository, limits};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::exact;
use super::fields::{text, value};
use crate::InputError;
use crate::command::{
    CreateIssue, CreatePullRequest, GetIssue, GetPullRequest, ListIssues, ListPullRequests, RepositoryInfo,
};

fn repository(owner: &str, repo: &str) -> Result<Repository, InputError> {
    Ok(Repository { owner: text("owner", owner)?, name: text("repo", repo)? })
}

fn number(number: u32) -> Result<IssueNumber, InputError> {
    value("number", number)
}

/// Each once.
fn each<T: PartialEq>(
    field: &str,
    texts: Option<Vec<String>>,
    parse: impl Fn(&str, String) -> Result<T, InputError>,
) -> Result<Vec<T>, InputError> {
    let mut all = vec![];
    for (index, text) in texts.unwrap_or_default().into_iter().enumerate() {
        let one = parse(&format!("{field}[{index}]"), text)?;
        if !all.contains(&one) {
            all.push(one);
        }
    }
    Ok(all)
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct CreateIssueRequest {
    #[schemars(extend("x-exact" = exact::login()))]
    owner: String,
    #[schemars(extend("x-exact" = exact::repository_name()))]
    repo: String,
    #[schemars(extend("x-exact" = exact::issue_title()))]
    title: String,
    #[schemars(extend("x-exact" = exact::issue_body()))]
    body: Option<String>,
    #[garde(inner(length(max = limits::ISSUE_LABELS)))]
    #[schemars(length(max = limits::ISSUE_LABELS), extend("x-exact" = exact::issue_labels()))]
    labels: Option<Vec<String>>,
    #[garde(inner(length(max = limits::ISSUE_ASSIGNEES)))]
    #[schemars(length(max = limits::ISSUE_ASSIGNEES), extend("x-exact" = exact::logins()))]
    assignees: Option<Vec<String>>,
}

impl TryFrom<CreateIssueRequest> for CreateIssue {
    type Error = InputError;

    fn try_from(request: CreateIssueRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: Claim::none(),
            repository: repository(&request.owner, &request.repo)?,
            title: value("title", request.title)?,
            body: request.body.map(|body| value("body", body)).transpose()?,
            labels: each("labels", request.labels, value::<_, IssueLabel>)?,
            assignees: each("assignees", request.assignees, |field, login| text::<Login>(field, &login))?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ListIssuesRequest {
    #[schemars(extend("x-exact" = exact::login()))]
    owner: String,
    #[schemars(extend("x-exact" = exact::repository_name()))]
    repo: String,
    #[schemars(extend("enum" = ["open", "closed", "all"], "default" = "open"))]
    state: Option<String>,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
}

impl TryFrom<ListIssuesRequest> for ListIssues {
    type Error = InputError;

    fn try_from(request: ListIssuesRequest) -> Result<Self, InputError> {
        let state = request.state.map(|word| text("state", &word)).transpose()?;
        Ok(Self {
            claim: Claim::none(),
            repository: repository(&request.owner, &request.repo)?,
            filter: state.unwrap_or(IssueFilter::Open),
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct GetIssueRequest {
    #[schemars(extend("x-exact" = exact::login()))]
    owner: String,
    #[schemars(extend("x-exact" = exact::repository_name()))]
    repo: String,
    #[garde(range(min = 1, max = limits::ISSUE_NUMBER_MAX))]
    number: u32,
}

impl TryFrom<GetIssueRequest> for GetIssue {
    type Error = InputError;

    fn try_from(request: GetIssueRequest) -> Result<Self, InputError> {
        let repository = repository(&request.owner, &request.repo)?;
        Ok(Self { claim: Claim::none(), repository, number: number(request.number)? })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct CreatePullRequestRequest {
    #[schemars(extend("x-exact" = exact::login()))]
    owner: String,
    #[schemars(extend("x-exact" = exact::repository_name()))]
    repo: String,
    #[schemars(extend("x-exact" = exact::issue_title()))]
    title: String,
    /// The branch with the changes; `owner:branch` if it is in a fork
    #[schemars(extend("x-exact" = exact::head_branch()))]
    head: String,
    /// The branch that they are for
    #[schemars(extend("x-exact" = exact::branch()))]
    base: String,
    #[schemars(extend("x-exact" = exact::issue_body()))]
    body: Option<String>,
    #[schemars(extend("default" = false))]
    draft: Option<bool>,
}

impl TryFrom<CreatePullRequestRequest> for CreatePullRequest {
    type Error = InputError;

    fn try_from(request: CreatePullRequestRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: Claim::none(),
            repository: repository(&request.owner, &request.repo)?,
            title: value("title", request.title)?,
            head: text("head", &request.head)?,
            base: text("base", &request.base)?,
            body: request.body.map(|body| value("body", body)).transpose()?,
            draft: request.draft.unwrap_or(false),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ListPullRequestsRequest {
    #[schemars(extend("x-exact" = exact::login()))]
    owner: String,
    #[schemars(extend("x-exact" = exact::repository_name()))]
    repo: String,
    #[schemars(extend("enum" = ["open", "closed", "merged", "all"], "default" = "open"))]
    state: Option<String>,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
}

impl TryFrom<ListPullRequestsRequest> for ListPullRequests {
    type Error = InputError;

    fn try_from(request: ListPullRequestsRequest) -> Result<Self, InputError> {
        let state = request.state.map(|word| text("state", &word)).transpose()?;
        Ok(Self {
            claim: Claim::none(),
            repository: repository(&request.owner, &request.repo)?,
            filter: state.unwrap_or(PullRequestFilter::Open),
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct GetPullRequestRequest {
    #[schemars(extend("x-exact" = exact::login()))]
    owner: String,
    #[schemars(extend("x-exact" = exact::repository_name()))]
    repo: String,
    #[garde(range(min = 1, max = limits::ISSUE_NUMBER_MAX))]
    number: u32,
}

impl TryFrom<GetPullRequestRequest> for GetPullRequest {
    type Error = InputError;

    fn try_from(request: GetPullRequestRequest) -> Result<Self, InputError> {
        let repository = repository(&request.owner, &request.repo)?;
        Ok(Self { claim: Claim::none(), repository, number: number(request.number)? })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct RepositoryInfoRequest {
    #[schemars(extend("x-exact" = exact::login()))]
    owner: String,
    #[schemars(extend("x-exact" = exact::repository_name()))]
    repo: String,
}

impl TryFrom<RepositoryInfoRequest> for RepositoryInfo {
    type Error = InputError;

    fn try_from(request: RepositoryInfoRequest) -> Result<Self, InputError> {
        Ok(Self { claim: Claim::none(), repository: repository(&request.owner, &request.repo)? })
    }
}
