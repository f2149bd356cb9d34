//! The answers about a host of code.

use agentstack_api::{Reply, view};
use agentstack_core::Timestamp;

use super::label;

fn issue(full: bool) -> view::IssueSummaryView {
    let (at, text) = (Timestamp::from_millis(1), || "text".to_owned());
    view::IssueSummaryView {
        number: 7.try_into().unwrap(),
        title: text(),
        state: if full { "merged" } else { "open" },
        url: "https://github.com/octo-org/tools/issues/7".to_owned(),
        author: full.then(text),
        labels: if full { vec![text()] } else { vec![] },
        assignees: if full { vec![text()] } else { vec![] },
        comments: 3,
        created_at: at,
        updated_at: at,
        closed_at: full.then_some(at),
        withheld: full,
    }
}

fn repository(full: bool) -> view::RepositoryView {
    let (at, text) = (Timestamp::from_millis(1), || "text".to_owned());
    view::RepositoryView {
        full_name: text(),
        description: full.then(text),
        url: text(),
        default_branch: text(),
        visibility: if full { "internal" } else { "public" },
        archived: full,
        fork: full,
        has_issues: full,
        open_issues: 1,
        stars: 1,
        forks: 1,
        language: full.then(text),
        license: full.then(text),
        topics: if full { vec![text()] } else { vec![] },
        created_at: at,
        updated_at: at,
        pushed_at: full.then_some(at),
        withheld: full,
    }
}

pub(super) fn replies(full: bool) -> Vec<Reply> {
    let mut replies = about_issues(full);
    replies.extend(about_pull_requests(full));
    let (repository, text) = (repository(full), "text".to_owned());
    replies.push(Reply::RepositoryInfo(view::RepositoryInfoView {
        repository,
        label: label(full).into(),
        text,
    }));
    replies
}

fn about_issues(full: bool) -> Vec<Reply> {
    let (issue, label, text) = (issue(full), || label(full).into(), "text".to_owned());
    vec![
        Reply::CreateIssue(view::CreateIssueView {
            success: true,
            issue: issue.clone(),
            label: label(),
            text: text.clone(),
        }),
        Reply::ListIssues(view::ListIssuesView {
            count: 1,
            issues: vec![issue.clone()],
            has_more: full,
            label: label(),
            text: text.clone(),
        }),
        Reply::GetIssue(view::GetIssueView {
            issue: view::IssueView { summary: issue, body: text.clone(), truncated: full },
            label: label(),
            text,
        }),
    ]
}

fn about_pull_requests(full: bool) -> Vec<Reply> {
    let (label, text) = (|| label(full).into(), "text".to_owned());
    let pull = view::PullRequestSummaryView {
        issue: issue(full),
        head: text.clone(),
        base: text.clone(),
        draft: full,
        merged_at: full.then_some(Timestamp::from_millis(1)),
    };
    vec![
        Reply::CreatePullRequest(view::CreatePullRequestView {
            success: true,
            pull_request: pull.clone(),
            label: label(),
            text: text.clone(),
        }),
        Reply::ListPullRequests(view::ListPullRequestsView {
            count: 1,
            pull_requests: vec![pull.clone()],
            has_more: full,
            label: label(),
            text: text.clone(),
        }),
        Reply::GetPullRequest(view::GetPullRequestView {
            pull_request: view::PullRequestView {
                summary: pull,
                body: text.clone(),
                truncated: full,
                mergeable: full.then_some(true),
                commits: 1,
                additions: 1,
                deletions: 1,
                changed_files: 1,
            },
            label: label(),
            text,
        }),
    ]
}
