//! Strings that have made trouble elsewhere, in every place that a caller fills.
//!
//! The list is taken from `AGENTSTACK_CORPORA` if that is set; without it a few of its kind stand here.

use agentstack_core::{
    BranchName, HeadBranch, IssueBody, IssueFilter, IssueLabel, IssueTitle, Login, Repository,
};
use agentstack_github::{CodeHost, NewIssue, NewPullRequest};

use crate::answers;
use crate::world::{Fake, repository};

const SOME: [&str; 21] = [
    "...",
    "_.-",
    "graphql",
    "--repo=evil/evil",
    "-X",
    "--",
    "@/etc/passwd",
    "@-",
    "$(touch /tmp/blns.fail)",
    "`touch /tmp/blns.fail`",
    "; touch /tmp/blns.fail;",
    "| cat /etc/passwd",
    "a\nb",
    "a\0b",
    "../../etc/passwd",
    "..",
    "%2e%2e%2f",
    "{owner}",
    ":owner/:repo",
    "\u{1b}[31mred",
    "\u{202e}txt.exe",
];

fn strings() -> Vec<String> {
    let mut all: Vec<String> = SOME.map(str::to_owned).to_vec();
    all.extend(corpus().unwrap_or_default());
    all
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where the corpora are")]
fn corpus() -> Option<Vec<String>> {
    let corpora = std::env::var_os("AGENTSTACK_CORPORA")?;
    let file = std::path::Path::new(&corpora).join("blns.json");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Some(serde_json::from_str(&text).unwrap())
}

/// What `gh` was told, apart from its input: always the same words but for the path, whose parts are names.
fn arguments_hold(fake: &Fake, naughty: &str) {
    let argv = fake.wrote("argv");
    let mut lines: Vec<&str> = argv.lines().collect();
    let path = lines.pop().unwrap();
    let known = [
        "api",
        "--include",
        "--hostname=github.com",
        "--method=GET",
        "--method=POST",
        "--header=Accept: application/vnd.github+json",
        "--header=X-GitHub-Api-Version: 2022-11-28",
        "--input=-",
    ];
    assert_eq!(lines[0], "api", "{naughty:?}");
    assert!(lines.iter().all(|line| known.contains(line)), "{naughty:?}: {argv}");
    assert!(path == "graphql" || path.starts_with("repos/"), "{naughty:?}: {path}");
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    assert!(path.split('/').all(is_plain), "{naughty:?}: {path}");
}

fn own(text: &str) -> String {
    text.to_owned()
}

#[tokio::test]
async fn s47_no_string_becomes_an_option_or_reaches_a_shell_or_changes_what_is_done() {
    let (issue, pull) = (
        Fake::answering("201 Created", answers::ISSUE),
        Fake::answering("201 Created", answers::PULL_REQUEST),
    );
    let (one, other) = (issue.gh(), pull.gh());
    let plain = IssueTitle::try_from(own("A title")).unwrap();
    let mut sent = 0;
    for naughty in strings() {
        let title = IssueTitle::try_from(naughty.clone());
        let body = IssueBody::try_from(naughty.clone());
        let label = IssueLabel::try_from(naughty.clone());
        let assignee = naughty.parse::<Login>();
        let new = NewIssue {
            title: title.clone().unwrap_or_else(|_| plain.clone()),
            body: body.clone().ok(),
            labels: label.into_iter().collect(),
            assignees: assignee.into_iter().collect(),
        };
        one.create_issue(&repository(), &new).await.unwrap();
        arguments_hold(&issue, &naughty);
        // And what was to be said arrives as it was.
        let said: serde_json::Value = serde_json::from_str(&issue.wrote("stdin")).unwrap();
        let is_same = |name: &str, text: Result<&str, ()>| text.is_err() || said[name] == text.unwrap();
        assert!(is_same("body", body.as_ref().map(IssueBody::as_str).map_err(|_| ())), "{naughty:?}");
        assert!(is_same("title", title.as_ref().map(IssueTitle::as_str).map_err(|_| ())), "{naughty:?}");
        for (head, base) in [(naughty.parse::<HeadBranch>(), naughty.parse::<BranchName>())] {
            if head.is_err() && base.is_err() {
                continue;
            }
            let new = NewPullRequest {
                title: plain.clone(),
                body: None,
                head: head.unwrap_or_else(|_| "topic".parse().unwrap()),
                base: base.unwrap_or_else(|_| "main".parse().unwrap()),
                draft: false,
            };
            other.create_pull_request(&repository(), &new).await.unwrap();
            arguments_hold(&pull, &naughty);
        }
        sent += 1;
    }
    assert!(sent >= SOME.len());
    assert!(!std::path::Path::new("/tmp/blns.fail").exists(), "something was run by a shell");
}

#[tokio::test]
async fn s47_no_string_as_a_name_leaves_its_place() {
    let fake = Fake::answering("200 OK", answers::ISSUES);
    let gh = fake.gh();
    let mut count = 0;
    for naughty in strings() {
        let names = [format!("octo-org/{naughty}"), format!("{naughty}/tools"), naughty.clone()];
        for name in names.iter().filter_map(|name| name.parse::<Repository>().ok()) {
            // What is said of it does not matter: it answers for another one.
            let _ = gh.repository(&name).await;
            arguments_hold(&fake, &naughty);
            let _ = gh.issues(&name, IssueFilter::All, 1).await;
            arguments_hold(&fake, &naughty);
            let said: serde_json::Value = serde_json::from_str(&fake.wrote("stdin")).unwrap();
            assert_eq!(said["variables"]["name"], name.name.as_str());
            count += 1;
        }
    }
    assert!(count > 0);
}
