//! The answers about a host of code. What comes from there is data, not instructions, whoever it claims to be from.

use agentstack_core::{IssueNumber, Timestamp};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{LabelView, shown, shown_each};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn number<S: Serializer>(number: &IssueNumber, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(number.get())
}

/// An issue without its text.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueSummaryView {
    /// Its number.
    #[serde(serialize_with = "number")]
    #[schemars(with = "u32", range(min = 1))]
    pub number: IssueNumber,
    /// Its title.
    pub title: String,
    /// How far it is.
    #[schemars(with = "String", extend("enum" = ["open", "closed", "merged"]))]
    pub state: &'static str,
    /// Where a person finds it.
    pub url: String,
    /// Who has made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Who sees to it.
    pub assignees: Vec<String>,
    /// How many comments there are.
    pub comments: u64,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub closed_at: Option<Timestamp>,
    /// Whether its texts are not shown because of what was found in them.
    #[serde(skip_serializing_if = "super::is_false")]
    pub withheld: bool,
}

/// An issue.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueView {
    /// All but its text.
    #[serde(flatten)]
    pub summary: IssueSummaryView,
    /// What it says, as far as there is room.
    pub body: String,
    /// Whether the text is cut to what an answer may carry.
    #[serde(skip_serializing_if = "super::is_false")]
    pub truncated: bool,
}

/// A pull request without its text.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestSummaryView {
    /// What it has in common with an issue.
    #[serde(flatten)]
    pub issue: IssueSummaryView,
    /// The branch with the changes; `owner:branch` if it is in a fork.
    pub head: String,
    /// The branch that they are for.
    pub base: String,
    /// Whether it is not ready to be looked at.
    pub draft: bool,
    /// When it was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub merged_at: Option<Timestamp>,
}

/// A pull request.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestView {
    /// All but its text.
    #[serde(flatten)]
    pub summary: PullRequestSummaryView,
    /// What it says, as far as there is room.
    pub body: String,
    /// Whether the text is cut to what an answer may carry.
    #[serde(skip_serializing_if = "super::is_false")]
    pub truncated: bool,
    /// Whether it can be merged without a conflict, once GitHub has found out.
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// A repository.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the host has them")]
pub struct RepositoryView {
    /// Whose it is, and its name.
    pub full_name: String,
    /// What it says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where a person finds it.
    pub url: String,
    /// The branch that pull requests are usually for.
    pub default_branch: String,
    /// Who sees it.
    #[schemars(with = "String", extend("enum" = ["public", "private", "internal"]))]
    pub visibility: &'static str,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Its licence, as SPDX names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// What it is about.
    pub topics: Vec<String>,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// When something was last pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub pushed_at: Option<Timestamp>,
    /// Whether its texts are not shown because of what was found in them.
    #[serde(skip_serializing_if = "super::is_false")]
    pub withheld: bool,
}

/// Answer of `github_issue_create`.
#[derive(Serialize, JsonSchema)]
pub struct CreateIssueView {
    /// True.
    pub success: bool,
    /// What is there now. Labels and people that the login may not set are not among its own.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("IssueSummaryView")))]
    pub issue: IssueSummaryView,
    /// Where it comes from.
    pub label: LabelView,
    /// The same as a text, each content in its fence: for hosts that show a model texts only.
    #[serde(skip)]
    pub text: String,
}

/// Answer of `github_issue_get`.
#[derive(Serialize, JsonSchema)]
pub struct GetIssueView {
    /// The issue.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("IssueView")))]
    pub issue: IssueView,
    /// Where it comes from.
    pub label: LabelView,
    /// The same as a text, each content in its fence: for hosts that show a model texts only.
    #[serde(skip)]
    pub text: String,
}

/// Answer of `github_issue_list`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListIssuesView {
    /// How many are shown.
    pub count: usize,
    /// The newest of them.
    #[schemars(with = "Vec<Map<String, Value>>", extend("x-exact" = shown_each("IssueSummaryView")))]
    pub issues: Vec<IssueSummaryView>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where they come from.
    pub label: LabelView,
    /// The same as a text, each content in its fence: for hosts that show a model texts only.
    #[serde(skip)]
    pub text: String,
}

/// Answer of `github_pr_create`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatePullRequestView {
    /// True.
    pub success: bool,
    /// What is there now.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("PullRequestSummaryView")))]
    pub pull_request: PullRequestSummaryView,
    /// Where it comes from.
    pub label: LabelView,
    /// The same as a text, each content in its fence: for hosts that show a model texts only.
    #[serde(skip)]
    pub text: String,
}

/// Answer of `github_pr_get`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetPullRequestView {
    /// The pull request.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("PullRequestView")))]
    pub pull_request: PullRequestView,
    /// Where it comes from.
    pub label: LabelView,
    /// The same as a text, each content in its fence: for hosts that show a model texts only.
    #[serde(skip)]
    pub text: String,
}

/// Answer of `github_pr_list`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListPullRequestsView {
    /// How many are shown.
    pub count: usize,
    /// The newest of them.
    #[schemars(with = "Vec<Map<String, Value>>", extend("x-exact" = shown_each("PullRequestSummaryView")))]
    pub pull_requests: Vec<PullRequestSummaryView>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where they come from.
    pub label: LabelView,
    /// The same as a text, each content in its fence: for hosts that show a model texts only.
    #[serde(skip)]
    pub text: String,
}

/// Answer of `github_repo_info`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryInfoView {
    /// The repository.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("RepositoryView")))]
    pub repository: RepositoryView,
    /// Where it comes from.
    pub label: LabelView,
    /// The same as a text, each content in its fence: for hosts that show a model texts only.
    #[serde(skip)]
    pub text: String,
}
