//! GitHub through its own program.

mod endpoint;
mod host;
mod process;
mod response;
mod sandbox;
mod settings;
mod wire;

use std::path::Path;
use std::time::Duration;

use agentstack_core::{
    IssueBody, IssueFilter, IssueLabel, IssueNumber, Login, PullRequestFilter, Repository,
};
use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::endpoint::Endpoint;
use self::process::{Invocation, Output};
use self::response::Response;
use self::sandbox::Sandbox;
use self::wire::{Answer, Node, PullRequestNode, RestIssue, RestPullRequest, RestRepository};
use crate::{
    CodeHost, CodeHostError, Issue, IssueSummary, Listed, NewIssue, NewPullRequest, PullRequest,
    PullRequestSummary, RepositoryInfo,
};

pub use self::host::Host;
pub use self::sandbox::Confinement;
pub use self::settings::{GhProblem, GhSettings};

/// Most processes at one time. Whoever comes later waits, as part of the time that a call may take.
const PROCESSES: usize = 4;
/// The exit code with which `gh` says that nobody is logged in.
///
/// Source: `gh help exit-codes`.
const NOT_LOGGED_IN: i32 = 4;
/// How it begins what it says when it has no connection: where the name is not known, and any other way.
const NO_CONNECTION: [&[u8]; 3] = [b"error connecting to ", b"Get \"https://", b"Post \"https://"];

/// GitHub, through `gh`. A call is one process, confined where the system can, and gone after the call whatever happens, as is its process group.
#[derive(Debug)]
pub struct GhCli {
    settings: GhSettings,
    confinement: Confinement,
    /// A folder of its own: where it runs, and what it takes for its home. Removed with this value.
    folder: TempDir,
    places: Semaphore,
}

impl GhCli {
    /// Looks at the settings and at how far `gh` can be confined. Nothing is asked, and `gh` need not be there yet.
    ///
    /// # Errors
    /// When the folder of the login is not private, or there can be no folder to run in.
    pub fn new(settings: GhSettings) -> Result<Self, GhProblem> {
        settings.check()?;
        let folder =
            tempfile::Builder::new().prefix("agentstack-gh-").tempdir().map_err(GhProblem::Folder)?;
        let mut this =
            Self { settings, confinement: Confinement::Off, folder, places: Semaphore::new(PROCESSES) };
        if this.settings.sandbox {
            this.confinement = this.sandbox(Path::new("/")).probe();
        }
        Ok(this)
    }

    /// Whether the program is there now.
    #[must_use]
    pub fn has_program(&self) -> bool {
        self.settings.find().is_some()
    }

    /// How far `gh` is confined.
    #[must_use]
    pub fn confinement(&self) -> Confinement {
        self.confinement
    }

    fn sandbox(&self, program: &Path) -> Sandbox {
        let runs = std::fs::canonicalize(program).ok().filter(|path| path.is_file()).into_iter().collect();
        let changes = [Some(self.folder.path().to_owned()), self.settings.config_directory.clone()];
        Sandbox { runs, changes: changes.into_iter().flatten().collect() }
    }

    /// Asks, and returns what was printed.
    async fn ask(&self, endpoint: Endpoint<'_>, input: Vec<u8>) -> Result<Output, CodeHostError> {
        let began = Instant::now();
        let most = self.settings.timeout;
        let place = tokio::time::timeout(most, self.places.acquire()).await;
        let _place = place.map_err(|_| CodeHostError::TimedOut(most))?;
        let program = self.settings.find().ok_or(CodeHostError::NotInstalled)?;
        if !self.settings.has_login() {
            return Err(CodeHostError::NotLoggedIn);
        }
        let confined = !matches!(self.confinement, Confinement::Off | Confinement::Impossible);
        let invocation = Invocation {
            sandbox: confined.then(|| self.sandbox(&program)),
            program,
            arguments: endpoint.arguments(&self.settings.host),
            environment: self.settings.environment(self.folder.path()),
            folder: self.folder.path().to_owned(),
            input,
        };
        let output = process::run(invocation, most.saturating_sub(began.elapsed())).await;
        log(endpoint, began.elapsed(), &output);
        // The time is that of the whole call.
        output.map_err(|error| match error {
            CodeHostError::TimedOut(_) => CodeHostError::TimedOut(most),
            other => other,
        })
    }

    /// Asks for one thing.
    async fn one<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint<'_>,
        input: Option<Input<'_>>,
    ) -> Result<T, CodeHostError> {
        let output = self.ask(endpoint, input.map(|input| bytes(&input)).unwrap_or_default()).await?;
        let Some(response) = Response::read(&output.stdout) else { return Err(unanswered(&output)) };
        if !(200..=299).contains(&response.status) {
            return Err(response.error());
        }
        // It did not come to the end of what it had to print.
        if !output.status.success() {
            return Err(unanswered(&output));
        }
        wire::read(response.body)
    }

    /// Asks for a list.
    async fn list<T: DeserializeOwned, U>(
        &self,
        query: &str,
        repository: &Repository,
        states: &[&str],
        limit: u32,
        convert: impl Fn(T) -> Result<U, CodeHostError>,
    ) -> Result<Listed<U>, CodeHostError> {
        let (owner, name) = (repository.owner.as_str(), repository.name.as_str());
        let input = Query { query, variables: Variables { owner, name, states, first: limit } };
        let output = self.ask(Endpoint::Query, bytes(&input)).await?;
        let Some(response) = Response::read(&output.stdout) else { return Err(unanswered(&output)) };
        if !(200..=299).contains(&response.status) {
            return Err(response.error());
        }
        // An answer that is an error has the status 200, and `gh` fails then.
        let answer: Answer<T> = wire::read(response.body)?;
        let listed = answer.into_listed(convert)?;
        if output.status.success() { Ok(listed) } else { Err(unanswered(&output)) }
    }
}

/// What is to be made.
#[derive(Serialize)]
struct Input<'a> {
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assignees: Vec<&'a str>,
    /// Of a pull request.
    #[serde(flatten)]
    merges: Option<Merges<'a>>,
}

#[derive(Serialize)]
struct Merges<'a> {
    head: &'a str,
    base: &'a str,
    draft: bool,
}

#[derive(Serialize)]
struct Query<'a> {
    query: &'a str,
    variables: Variables<'a>,
}

#[derive(Serialize)]
struct Variables<'a> {
    owner: &'a str,
    name: &'a str,
    states: &'a [&'a str],
    first: u32,
}

/// As JSON. There is nothing in it that JSON has not.
fn bytes(input: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(input).unwrap_or_default()
}

/// What was done and how it ended: nothing that was sent, and nothing that came.
fn log(endpoint: Endpoint<'_>, took: Duration, output: &Result<Output, CodeHostError>) {
    let (exit, status, error) = match output {
        Ok(output) => {
            (output.status.code(), Response::read(&output.stdout).map(|response| response.status), None)
        }
        Err(error) => (None, None, Some(error)),
    };
    tracing::debug!(
        target: "agentstack::github",
        call = endpoint.name(),
        exit,
        status,
        error = error.map(tracing::field::display),
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "gh"
    );
}

/// Why there is no answer in what was printed.
fn unanswered(output: &Output) -> CodeHostError {
    match output.status.code() {
        Some(0) => CodeHostError::Malformed("it is not what `gh api --include` prints"),
        Some(NOT_LOGGED_IN) => CodeHostError::NotLoggedIn,
        _ if NO_CONNECTION.iter().any(|said| output.stderr.starts_with(said)) => {
            CodeHostError::Unreachable { status: None }
        }
        exit => CodeHostError::Failed { exit },
    }
}

#[async_trait]
impl CodeHost for GhCli {
    async fn create_issue(&self, repository: &Repository, new: &NewIssue) -> Result<Issue, CodeHostError> {
        let input = Input {
            title: new.title.as_str(),
            body: new.body.as_ref().map(IssueBody::as_str),
            labels: new.labels.iter().map(IssueLabel::as_str).collect(),
            assignees: new.assignees.iter().map(Login::as_str).collect(),
            merges: None,
        };
        let made: RestIssue = self.one(Endpoint::CreateIssue(repository), Some(input)).await?;
        made.into_issue(&self.settings.host, repository)
    }

    async fn issues(
        &self,
        repository: &Repository,
        filter: IssueFilter,
        limit: u32,
    ) -> Result<Listed<IssueSummary>, CodeHostError> {
        let states: &[&str] = match filter {
            IssueFilter::Open => &["OPEN"],
            IssueFilter::Closed => &["CLOSED"],
            IssueFilter::All => &["OPEN", "CLOSED"],
        };
        let convert = |node: Node| node.into_summary(&self.settings.host, repository);
        self.list(endpoint::ISSUES, repository, states, limit, convert).await
    }

    async fn issue(&self, repository: &Repository, number: IssueNumber) -> Result<Issue, CodeHostError> {
        let found: RestIssue = self.one(Endpoint::Issue(repository, number), None).await?;
        found.into_issue(&self.settings.host, repository)
    }

    async fn create_pull_request(
        &self,
        repository: &Repository,
        new: &NewPullRequest,
    ) -> Result<PullRequest, CodeHostError> {
        let head = new.head.to_string();
        let input = Input {
            title: new.title.as_str(),
            body: new.body.as_ref().map(IssueBody::as_str),
            labels: vec![],
            assignees: vec![],
            merges: Some(Merges { head: &head, base: new.base.as_str(), draft: new.draft }),
        };
        let made: RestPullRequest = self.one(Endpoint::CreatePullRequest(repository), Some(input)).await?;
        made.into_pull_request(&self.settings.host, repository)
    }

    async fn pull_requests(
        &self,
        repository: &Repository,
        filter: PullRequestFilter,
        limit: u32,
    ) -> Result<Listed<PullRequestSummary>, CodeHostError> {
        let states: &[&str] = match filter {
            PullRequestFilter::Open => &["OPEN"],
            PullRequestFilter::Closed => &["CLOSED", "MERGED"],
            PullRequestFilter::Merged => &["MERGED"],
            PullRequestFilter::All => &["OPEN", "CLOSED", "MERGED"],
        };
        let convert = |node: PullRequestNode| node.into_summary(&self.settings.host, repository);
        self.list(endpoint::PULL_REQUESTS, repository, states, limit, convert).await
    }

    async fn pull_request(
        &self,
        repository: &Repository,
        number: IssueNumber,
    ) -> Result<PullRequest, CodeHostError> {
        let found: RestPullRequest = self.one(Endpoint::PullRequest(repository, number), None).await?;
        found.into_pull_request(&self.settings.host, repository)
    }

    async fn repository(&self, repository: &Repository) -> Result<RepositoryInfo, CodeHostError> {
        let found: RestRepository = self.one(Endpoint::Repository(repository), None).await?;
        found.into_info(&self.settings.host, repository)
    }

    fn name(&self) -> &str {
        self.settings.host.as_str()
    }

    fn health(&self) -> (bool, &'static str) {
        if self.settings.find().is_none() {
            return (false, "there is no `gh` program");
        }
        if !self.settings.has_login() {
            return (false, "nobody is logged in: set `github.token`, or run `gh auth login`");
        }
        let is_confined = self.confinement == Confinement::Full || self.confinement == Confinement::Partial;
        (is_confined || self.confinement == Confinement::Off, self.confinement.as_str())
    }
}
