//! Answers in the formats that GitHub documents, with the fields that we do not read among them.

pub(crate) const ISSUE: &str = r#"{
  "url": "https://api.github.com/repos/octo-org/tools/issues/1347",
  "id": 1, "node_id": "MDU6SXNzdWUx",
  "html_url": "https://github.com/octo-org/tools/issues/1347",
  "number": 1347, "state": "open", "state_reason": null, "title": "Found a bug",
  "body": "I'm having a problem with this.",
  "user": {"login": "octocat", "id": 1, "type": "User", "site_admin": false},
  "labels": [{"id": 208045946, "name": "bug", "color": "f29513", "default": true}],
  "assignee": {"login": "hubot"}, "assignees": [{"login": "hubot", "id": 2}],
  "milestone": null, "locked": true, "comments": 3,
  "closed_at": null, "created_at": "2026-04-22T13:33:48Z", "updated_at": "2026-04-22T13:33:48Z",
  "author_association": "COLLABORATOR"
}"#;

pub(crate) const PULL_REQUEST: &str = r#"{
  "html_url": "https://github.com/octo-org/tools/pull/7", "number": 7, "state": "closed", "locked": false,
  "title": "Amazing new feature", "body": null, "user": null,
  "labels": [], "assignees": [], "draft": false,
  "created_at": "2026-01-26T19:01:12Z", "updated_at": "2026-01-27T19:01:12Z",
  "closed_at": "2026-01-27T19:01:12Z", "merged_at": "2026-01-27T19:01:12Z", "merge_commit_sha": "e5bd3914",
  "head": {"label": "mona:new-topic", "ref": "new-topic", "sha": "6dcb09b5", "user": {"login": "mona"},
           "repo": {"id": 1296269, "full_name": "mona/tools"}},
  "base": {"label": "octo-org:main", "ref": "main", "sha": "6dcb09b5",
           "repo": {"id": 1296268, "full_name": "octo-org/tools"}},
  "merged": true, "mergeable": null, "mergeable_state": "unknown",
  "comments": 10, "review_comments": 0, "commits": 3, "additions": 100, "deletions": 3, "changed_files": 5
}"#;

pub(crate) const REPOSITORY: &str = r#"{
  "id": 1296269, "name": "tools", "full_name": "octo-org/tools", "owner": {"login": "octo-org"},
  "private": false, "html_url": "https://github.com/octo-org/tools", "description": "Tools of ours",
  "fork": false, "homepage": "", "language": "Rust", "forks_count": 9, "stargazers_count": 80,
  "watchers_count": 80, "size": 108, "default_branch": "main", "open_issues_count": 4,
  "topics": ["memory", "agents"], "has_issues": true, "archived": false, "disabled": false,
  "visibility": "public", "pushed_at": "2026-01-26T19:06:43Z", "created_at": "2025-01-26T19:01:12Z",
  "updated_at": "2026-01-26T19:14:43Z", "license": {"key": "mit", "name": "MIT License", "spdx_id": "MIT"}
}"#;

pub(crate) const ISSUES: &str = r#"{"data":{"repository":{"found":{"pageInfo":{"hasNextPage":true},"nodes":[{
  "number": 1347, "title": "Found a bug", "state": "OPEN",
  "url": "https://github.com/octo-org/tools/issues/1347", "author": {"login": "octocat"},
  "labels": {"nodes": [{"name": "bug"}]}, "assignees": {"nodes": [{"login": "hubot"}]},
  "comments": {"totalCount": 3}, "createdAt": "2026-04-22T13:33:48Z", "updatedAt": "2026-04-22T13:33:48Z",
  "closedAt": null
}]}}}}"#;

pub(crate) const PULL_REQUESTS: &str = r#"{"data":{"repository":{"found":{"pageInfo":{"hasNextPage":false},"nodes":[{
  "number": 7, "title": "Amazing new feature", "state": "MERGED",
  "url": "https://github.com/octo-org/tools/pull/7", "author": null,
  "labels": null, "assignees": {"nodes": []}, "comments": {"totalCount": 0},
  "createdAt": "2026-01-26T19:01:12Z", "updatedAt": "2026-01-27T19:01:12Z", "closedAt": "2026-01-27T19:01:12Z",
  "isDraft": false, "mergedAt": "2026-01-27T19:01:12Z", "headRefName": "new-topic", "isCrossRepository": true,
  "headRepositoryOwner": {"login": "mona"}, "baseRefName": "main"
}]}}}}"#;
