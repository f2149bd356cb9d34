//! The real `gh`, and a GitHub of ours behind a Unix socket: `http_unix_socket` is one of the settings of `gh`.
//!
//! `AGENTSTACK_GH` names the program; `cargo xtask test-gh` fetches it. Without it nothing is shown here.

use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use agentstack_core::{IssueFilter, PullRequestFilter, Secret};
use agentstack_github::{CodeHost, CodeHostError, Confinement, GhCli, GhSettings, NewIssue, NewPullRequest};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::UnixListener;

use crate::answers;
use crate::world::repository;

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where the program is")]
fn real_gh() -> Option<PathBuf> {
    std::env::var_os("AGENTSTACK_GH").map(PathBuf::from)
}

/// A GitHub that answers everything with the same, and remembers what it was asked.
struct GitHub {
    folder: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What it answers: a status, headers and a body; nothing at all if there is no status.
#[derive(Clone)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

impl GitHub {
    fn answering(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        fs::write(folder.path().join("config.yml"), format!("http_unix_socket: {}\n", socket.display()))
            .unwrap();
        let asked = Arc::new(Mutex::default());
        let answer = Answer { status, headers: headers.to_vec(), body: body.to_owned() };
        tokio::spawn(serve(listener, answer, Arc::clone(&asked)));
        Self { folder, asked }
    }

    fn settings(&self, program: PathBuf) -> GhSettings {
        GhSettings {
            program: Some(program),
            token: Some(Secret::new("token-canary".to_owned())),
            config_directory: Some(self.folder.path().to_owned()),
            ..GhSettings::default()
        }
    }

    fn gh(&self, program: PathBuf) -> GhCli {
        GhCli::new(self.settings(program)).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(listener: UnixListener, answer: Answer, asked: Arc<Mutex<Vec<String>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (answer, asked) = (answer.clone(), Arc::clone(&asked));
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (answer, asked) = (answer.clone(), Arc::clone(&asked));
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let header = |name: &str| parts.headers.get(name).map_or("", |value| value.to_str().unwrap());
                asked.lock().unwrap().push(format!(
                    "{} {}{} {} {} {} {}",
                    parts.method,
                    header("host"),
                    parts.uri,
                    header("authorization"),
                    header("accept"),
                    header("x-github-api-version"),
                    String::from_utf8_lossy(&body)
                ));
                if answer.status == 0 {
                    std::future::pending::<()>().await;
                }
                let mut response = Response::builder().status(answer.status);
                for (name, value) in answer.headers {
                    response = response.header(name, value);
                }
                Ok::<_, Infallible>(response.body(Full::new(Bytes::from(answer.body))).unwrap())
            }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json; charset=utf-8")];

#[tokio::test]
async fn s47_the_real_gh_has_the_flags_and_does_all_seven() {
    let Some(program) = real_gh() else { return };
    #[expect(clippy::disallowed_methods, reason = "it is asked what it can")]
    let help = Command::new(&program).args(["api", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for flag in ["--include", "--hostname", "--method", "--header", "--input"] {
        assert!(help.contains(flag), "{flag} in\n{help}");
    }
    let repository = repository();
    let (issue, pull) = (1347.try_into().unwrap(), 7.try_into().unwrap());
    let new = NewIssue {
        title: "--title=@/etc/passwd".to_owned().try_into().unwrap(),
        body: Some("@- {owner} $(id)\n".to_owned().try_into().unwrap()),
        labels: vec!["bug".to_owned().try_into().unwrap()],
        assignees: vec!["hubot".parse().unwrap()],
    };
    let request = NewPullRequest {
        title: "Amazing new feature".to_owned().try_into().unwrap(),
        body: None,
        head: "mona:new-topic".parse().unwrap(),
        base: "main".parse().unwrap(),
        draft: true,
    };
    let mut asked = vec![];

    let host = GitHub::answering(201, &JSON, answers::ISSUE);
    let gh = host.gh(program.clone());
    assert_eq!(gh.create_issue(&repository, &new).await.unwrap().summary.number.get(), 1347);
    assert_eq!(gh.issue(&repository, issue).await.unwrap().body, "I'm having a problem with this.");
    asked.extend(host.asked());

    let host = GitHub::answering(200, &JSON, answers::ISSUES);
    let listed = host.gh(program.clone()).issues(&repository, IssueFilter::All, 30).await.unwrap();
    assert!(listed.has_more && listed.items[0].title == "Found a bug");
    asked.extend(host.asked());

    let host = GitHub::answering(201, &JSON, answers::PULL_REQUEST);
    let gh = host.gh(program.clone());
    assert_eq!(gh.create_pull_request(&repository, &request).await.unwrap().summary.head, "mona:new-topic");
    assert_eq!(gh.pull_request(&repository, pull).await.unwrap().commits, 3);
    asked.extend(host.asked());

    let host = GitHub::answering(200, &JSON, answers::PULL_REQUESTS);
    let listed = host.gh(program.clone()).pull_requests(&repository, PullRequestFilter::Merged, 30).await;
    assert_eq!(listed.unwrap().items[0].issue.state, "merged");
    asked.extend(host.asked());

    let host = GitHub::answering(200, &JSON, answers::REPOSITORY);
    let gh = host.gh(program);
    assert_eq!(gh.repository(&repository).await.unwrap().stars, 80);
    assert_ne!(gh.confinement(), Confinement::Off);
    asked.extend(host.asked());
    insta::assert_snapshot!("real_gh_asks", asked.join("\n"));
}

#[tokio::test]
async fn what_the_real_gh_makes_of_an_error_is_understood() {
    let Some(program) = real_gh() else { return };
    let exhausted = [
        ("date", "Sun, 29 Nov 2026 12:00:00 GMT"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1795953660"),
    ];
    let message = r#"{"message": "canary", "documentation_url": "https://docs.github.com/rest"}"#;
    let invalid = r#"{"message": "Validation Failed", "errors": [{"resource": "Issue", "field": "title", "code": "invalid"}]}"#;
    for (status, headers, body, said) in [
        (401, &[][..], message, "NotLoggedIn"),
        (403, &[], message, "NoAccess"),
        (403, &exhausted, message, "RateLimited { retry_after: Some(60s) }"),
        (429, &[("retry-after", "9")], message, "RateLimited { retry_after: Some(9s) }"),
        (404, &[], message, "NotFound"),
        (410, &[], message, "NotFound"),
        (422, &[], invalid, r#"Refused { field: Some("title"), reason: Some("invalid") }"#),
        (502, &[], "<html>Bad gateway</html>", "Unreachable { status: Some(502) }"),
        (200, &[], r#"{"number": 1"#, r#"Malformed("it is not the JSON that GitHub documents")"#),
    ] {
        let host = GitHub::answering(status, &[headers, &JSON].concat(), body);
        let error = host.gh(program.clone()).issue(&repository(), 1.try_into().unwrap()).await.unwrap_err();
        assert_eq!(format!("{error:?}"), said, "{status}");
    }
    let body = r#"{"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],"message":"canary"}]}"#;
    let host = GitHub::answering(200, &JSON, body);
    let error = host.gh(program.clone()).issues(&repository(), IssueFilter::Open, 1).await.unwrap_err();
    assert!(matches!(error, CodeHostError::NotFound), "{error:?}");
    // Nobody there.
    let host = GitHub::answering(200, &JSON, "");
    fs::remove_file(host.folder.path().join("socket")).unwrap();
    let error = host.gh(program).repository(&repository()).await.unwrap_err();
    assert!(matches!(error, CodeHostError::Unreachable { status: None }), "{error:?}");
}

#[tokio::test]
async fn the_real_gh_uses_its_own_login_and_is_killed_in_time() {
    let Some(program) = real_gh() else { return };
    let host = GitHub::answering(200, &JSON, answers::REPOSITORY);
    let logins = host.folder.path().join("hosts.yml");
    fs::write(&logins, "github.com:\n    oauth_token: login-canary\n    user: me\n").unwrap();
    fs::set_permissions(&logins, fs::Permissions::from_mode(0o600)).unwrap();
    let settings = GhSettings { token: None, ..host.settings(program.clone()) };
    GhCli::new(settings).unwrap().repository(&repository()).await.unwrap();
    assert!(host.asked()[0].contains("token login-canary"), "{:?}", host.asked());

    let host = GitHub::answering(0, &[], "");
    let settings = GhSettings { timeout: Duration::from_secs(2), ..host.settings(program) };
    let begun = Instant::now();
    let error = GhCli::new(settings).unwrap().repository(&repository()).await.unwrap_err();
    assert!(matches!(error, CodeHostError::TimedOut(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(8) && host.asked().len() == 1);
}
