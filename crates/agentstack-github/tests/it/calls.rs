//! Each call as `gh` is given it, and its answer as the rest of the program is given that.

use agentstack_core::{IssueBody, IssueFilter, IssueLabel, IssueTitle, PullRequestFilter};
use agentstack_github::{CodeHost, CodeHostError, GhCli, NewIssue, NewPullRequest};

use crate::answers;
use crate::world::{Fake, printed, repository};

fn title(text: &str) -> IssueTitle {
    text.to_owned().try_into().unwrap()
}

/// What the process was given: arguments, input and environment.
fn given(fake: &Fake) -> String {
    let mut environment: Vec<String> = fake.wrote("env").lines().map(str::to_owned).collect();
    environment.sort();
    // These are the shell's own.
    environment.retain(|line| !["PWD=", "OLDPWD=", "_=", "SHLVL="].iter().any(|own| line.starts_with(own)));
    let (argv, stdin) = (fake.wrote("argv"), fake.wrote("stdin"));
    format!("arguments:\n{argv}\ninput:\n{stdin}\n\nenvironment:\n{}\n", environment.join("\n"))
}

macro_rules! shown {
    ($name:literal, $fake:expr, $answer:expr) => {
        let answer = $answer;
        insta::assert_snapshot!($name, format!("{}\nanswer:\n{answer:#?}\n", given(&$fake)));
    };
}

#[tokio::test]
async fn s47_create_issue() {
    let fake = Fake::answering("201 Created", answers::ISSUE);
    let new = NewIssue {
        title: title("--title=@/etc/passwd"),
        body: Some(IssueBody::try_from("@/etc/passwd\n$(id) `id` \"; rm -rf ~\n".to_owned()).unwrap()),
        labels: vec![IssueLabel::try_from("-x".to_owned()).unwrap()],
        assignees: vec!["hubot".parse().unwrap()],
    };
    shown!("create_issue", fake, fake.gh().create_issue(&repository(), &new).await.unwrap());
}

#[tokio::test]
async fn s47_issue() {
    let fake = Fake::answering("200 OK", answers::ISSUE);
    shown!("issue", fake, fake.gh().issue(&repository(), 1347.try_into().unwrap()).await.unwrap());
}

#[tokio::test]
async fn s47_issues() {
    let fake = Fake::answering("200 OK", answers::ISSUES);
    shown!("issues", fake, fake.gh().issues(&repository(), IssueFilter::Open, 30).await.unwrap());
}

#[tokio::test]
async fn s47_create_pull_request() {
    let fake = Fake::answering("201 Created", answers::PULL_REQUEST);
    let new = NewPullRequest {
        title: title("Amazing new feature"),
        body: None,
        head: "mona:new-topic".parse().unwrap(),
        base: "main".parse().unwrap(),
        draft: true,
    };
    shown!("create_pull_request", fake, fake.gh().create_pull_request(&repository(), &new).await.unwrap());
}

#[tokio::test]
async fn s47_pull_request() {
    let fake = Fake::answering("200 OK", answers::PULL_REQUEST);
    shown!("pull_request", fake, fake.gh().pull_request(&repository(), 7.try_into().unwrap()).await.unwrap());
}

#[tokio::test]
async fn s47_pull_requests() {
    let fake = Fake::answering("200 OK", answers::PULL_REQUESTS);
    let listed = fake.gh().pull_requests(&repository(), PullRequestFilter::Merged, 100).await.unwrap();
    shown!("pull_requests", fake, listed);
}

#[tokio::test]
async fn s47_repository_of_a_server_of_ones_own() {
    let body = answers::REPOSITORY.replace("github.com", "git.example.org");
    let mut fake = Fake::answering("200 OK", &body);
    fake.settings.host = "git.example.org".parse().unwrap();
    shown!("repository", fake, fake.gh().repository(&repository()).await.unwrap());
}

#[tokio::test]
async fn the_states_of_a_filter_are_those_of_the_host() {
    for (filter, states) in [
        (PullRequestFilter::Open, r#"["OPEN"]"#),
        (PullRequestFilter::Closed, r#"["CLOSED","MERGED"]"#),
        (PullRequestFilter::Merged, r#"["MERGED"]"#),
        (PullRequestFilter::All, r#"["OPEN","CLOSED","MERGED"]"#),
    ] {
        let fake = Fake::answering("200 OK", answers::PULL_REQUESTS);
        fake.gh().pull_requests(&repository(), filter, 1).await.unwrap();
        assert!(fake.wrote("stdin").contains(&format!(r#""states":{states}"#)), "{filter}");
    }
    for (filter, states) in
        [(IssueFilter::Closed, r#"["CLOSED"]"#), (IssueFilter::All, r#"["OPEN","CLOSED"]"#)]
    {
        let fake = Fake::answering("200 OK", answers::ISSUES);
        fake.gh().issues(&repository(), filter, 1).await.unwrap();
        assert!(fake.wrote("stdin").contains(&format!(r#""states":{states}"#)), "{filter}");
    }
}

/// With the user's own login there is no token in the environment, but the way to the keyring.
#[tokio::test]
async fn the_users_own_login_is_in_the_folder_and_the_keyring() {
    let mut fake = Fake::answering("200 OK", answers::REPOSITORY);
    fake.lay("hosts.yml", "github.com:\n    user: me\n");
    private(&fake, "hosts.yml");
    fake.settings.token = None;
    fake.settings.session_bus = Some("unix:path=/run/user/1000/bus".into());
    fake.gh().repository(&repository()).await.unwrap();
    let environment = fake.wrote("env");
    assert!(environment.contains("DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus\n"), "{environment}");
    assert!(!environment.contains("TOKEN"), "{environment}");
}

fn private(fake: &Fake, name: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(fake.folder.path().join(name), mode).unwrap();
}

async fn fails(fake: &Fake) -> CodeHostError {
    fake.gh().repository(&repository()).await.unwrap_err()
}

#[tokio::test]
async fn errors_of_gh_have_their_meaning() {
    // Without a login nothing is run.
    let mut fake = Fake::new(": > \"$GH_CONFIG_DIR/ran\"");
    fake.settings.token = None;
    assert!(matches!(fails(&fake).await, CodeHostError::NotLoggedIn));
    assert!(!fake.folder.path().join("ran").exists());
    let cases = [
        ("exit 4", "the host does not accept the login of `gh`, or there is none"),
        (
            "echo 'error connecting to api.github.com' >&2; exit 1",
            "the host cannot be reached, or has a problem of its own",
        ),
        ("exit 1", "`gh` failed (exit code 1)"),
        ("exit 2", "`gh` failed (exit code 2)"),
        ("kill -9 $$", "`gh` failed (killed by a signal)"),
        ("exit 0", "the answer is not understood: it is not what `gh api --include` prints"),
    ];
    for (behaviour, said) in cases {
        assert_eq!(fails(&Fake::new(behaviour)).await.to_string(), said, "{behaviour}");
    }
    for (status, said) in [
        ("401 Unauthorized", "NotLoggedIn"),
        ("403 Forbidden", "NoAccess"),
        ("404 Not Found", "NotFound"),
        ("410 Gone", "NotFound"),
        ("429 Too Many Requests", "RateLimited { retry_after: None }"),
        ("503 Service Unavailable", "Unreachable { status: Some(503) }"),
    ] {
        let fake = Fake::answering(status, r#"{"message": "canary"}"#);
        fake.lay("behaviour.sh", &format!("{}\nexit 1", crate::world::RECORD));
        assert_eq!(format!("{:?}", fails(&fake).await), said);
    }
    let mut fake = Fake::new("");
    fake.settings.program = Some("/nowhere/gh".into());
    assert!(matches!(fails(&fake).await, CodeHostError::NotInstalled));
}

#[tokio::test]
async fn errors_of_a_query_have_their_meaning() {
    for (kind, said) in [
        (r#""NOT_FOUND""#, "NotFound"),
        (r#""FORBIDDEN""#, "NoAccess"),
        (r#""INSUFFICIENT_SCOPES""#, "NoAccess"),
        (r#""RATE_LIMITED""#, "RateLimited { retry_after: None }"),
        ("null", r#"Malformed("the query was answered with an error that GitHub does not document")"#),
    ] {
        let body =
            format!(r#"{{"data":{{"repository":null}},"errors":[{{"type":{kind},"message":"canary"}}]}}"#);
        let fake = Fake::answering("200 OK", &body);
        fake.lay("behaviour.sh", &format!("{}\nexit 1", crate::world::RECORD));
        let error = fake.gh().issues(&repository(), IssueFilter::Open, 5).await.unwrap_err();
        assert_eq!(format!("{error:?}"), said);
    }
}

#[tokio::test]
async fn a_pull_request_is_no_issue_and_a_moved_repository_is_not_the_one_that_was_permitted() {
    let of = |body: String| async move {
        let fake = Fake::answering("200 OK", &body);
        fake.gh().issue(&repository(), 1347.try_into().unwrap()).await
    };
    let pull = answers::ISSUE.replace("\"number\"", "\"pull_request\": {\"url\": \"x\"}, \"number\"");
    assert!(matches!(of(pull).await, Err(CodeHostError::IsPullRequest)));
    for elsewhere in [
        "https://github.com/octo-org/secrets/issues/1347",
        "https://github.com/octo-org/tools2/issues/1347",
        "https://github.com.evil.example/octo-org/tools/issues/1347",
        "http://github.com/octo-org/tools/issues/1347",
        "javascript:alert(1)",
        "https://github.com/octo-org/tools/issues/1347?x=<script>",
    ] {
        let body = answers::ISSUE.replace("https://github.com/octo-org/tools/issues/1347", elsewhere);
        assert!(matches!(of(body).await, Err(CodeHostError::NotFound)), "{elsewhere}");
    }
    let other_case = answers::ISSUE.replace("/octo-org/", "/Octo-Org/");
    assert!(of(other_case).await.is_ok());
}

#[tokio::test]
async fn gh_is_looked_for_in_the_absolute_folders_of_the_path() {
    let mut fake = Fake::answering("200 OK", answers::REPOSITORY);
    fake.settings.program = None;
    assert!(!fake.gh().health().0);
    assert!(matches!(fails(&fake).await, CodeHostError::NotInstalled));
    let folder = crate::world::program().parent().unwrap().to_owned();
    for (path, is_there) in [
        (format!("/nowhere:{}", folder.display()), true),
        ("tests/it/fake:".to_owned(), false),
        (env!("CARGO_MANIFEST_DIR").to_owned(), false),
    ] {
        fake.settings.search = Some(path.clone().into());
        assert_eq!(fake.gh().repository(&repository()).await.is_ok(), is_there, "{path}");
        assert_eq!(fake.gh().health().0, is_there, "{path}");
    }
}

#[test]
fn s42_a_login_that_others_can_read_or_change_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let fake = Fake::new("");
    let said =
        |fake: &Fake| GhCli::new(fake.settings.clone()).map(drop).map_err(|problem| problem.to_string());
    assert!(said(&fake).is_ok(), "a folder without a login is fine");
    fake.lay("hosts.yml", "github.com:\n    oauth_token: x\n");
    let logins = fake.folder.path().join("hosts.yml");
    std::fs::set_permissions(&logins, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(said(&fake).unwrap_err().ends_with("hosts.yml can be read by others: chmod 600 it"));
    private(&fake, "hosts.yml");
    assert!(said(&fake).is_ok());
    std::fs::set_permissions(fake.folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(said(&fake).unwrap_err().ends_with("can be changed by everybody: chmod 700 it"));
}

#[tokio::test]
async fn s40_no_error_and_no_debug_has_what_came_or_the_token() {
    let body =
        r#"{"message": "canary", "errors": [{"field": "canary", "message": "canary", "code": "canary"}]}"#;
    for status in ["200 OK", "400 Bad Request", "404 Not Found", "422 Unprocessable Entity", "418 canary"] {
        let fake = Fake::answering(status, body);
        fake.lay("answer", &printed(status, "X-Canary: canary\r\n", body));
        let gh = fake.gh();
        let error = gh.repository(&repository()).await.unwrap_err();
        assert!(!format!("{error} {error:?} {gh:?}").contains("canary"), "{status}");
    }
}
