//! Asking a host of code. Whatever comes from there is of nobody whom this installation knows: it is labelled so, looked at
//! like everything that is kept, and as a text stands in a fence (S17).
//!
//! All that can be refused is refused before anything goes out. What is created elsewhere cannot be undone, so its record
//! is written before, and another one of what became of it.

mod shown;

use std::borrow::Cow;
use std::sync::Arc;

use agentstack_access::Scope;
use agentstack_api::command::{CreateIssue, CreatePullRequest};
use agentstack_api::view::{
    CreateIssueView, CreatePullRequestView, GetIssueView, GetPullRequestView, ListIssuesView,
    ListPullRequestsView, RepositoryInfoView,
};
use agentstack_api::{Command, Reply};
use agentstack_audit::Outcome;
use agentstack_core::{IssueBody, IssueLabel, IssueTitle};
use agentstack_github::{AllowedRepositories, CodeHost, CodeHostError, NewIssue, NewPullRequest};
use agentstack_storage::Pending;

use self::shown::Shown;
use crate::Engine;
use crate::failure::Failure;
use crate::outgoing::Outgoing;
use crate::screen::too_long;

/// A host of code, and what may be named of it.
#[derive(Debug, Clone)]
pub struct CodeHosting {
    /// Who is asked.
    pub host: Arc<dyn CodeHost>,
    /// The repositories that may be named at all.
    pub allowed: AllowedRepositories,
}

impl Engine {
    pub(crate) async fn ask_code_host(
        &self,
        scope: &Scope,
        command: Command,
        pending: Pending,
    ) -> Result<Reply, Failure> {
        let hosting = self.settings().code_host.as_ref().ok_or(Failure::NoCodeHost)?;
        let repository = command.repository().cloned().ok_or(Failure::Absent)?;
        if !hosting.allowed.permit(&repository) {
            return Err(Failure::Repository);
        }
        let (host, shown) = (&*hosting.host, Shown::new(self, scope, &*hosting.host, &repository));
        let creates = matches!(command, Command::CreateIssue(_) | Command::CreatePullRequest(_));
        let error = |error: CodeHostError| Failure::CodeHost { error, creates };
        Ok(match command {
            Command::CreateIssue(ask) => {
                let new = self.new_issue(scope, ask)?;
                let outgoing = self.goes_out(pending, creates).await?;
                let made = outgoing.of(host.create_issue(&repository, &new)).await.map_err(error)?;
                let (issue, label, text) = shown.issue(made, false)?;
                Reply::CreateIssue(CreateIssueView { success: true, issue: issue.summary, label, text })
            }
            Command::GetIssue(ask) => {
                let outgoing = self.goes_out(pending, creates).await?;
                let found = outgoing.of(host.issue(&repository, ask.number)).await.map_err(error)?;
                let (issue, label, text) = shown.issue(found, true)?;
                Reply::GetIssue(GetIssueView { issue, label, text })
            }
            Command::ListIssues(ask) => {
                let outgoing = self.goes_out(pending, creates).await?;
                let found =
                    outgoing.of(host.issues(&repository, ask.filter, ask.limit)).await.map_err(error)?;
                let (issues, has_more, label, text) = shown.issues(found)?;
                Reply::ListIssues(ListIssuesView { count: issues.len(), issues, has_more, label, text })
            }
            Command::CreatePullRequest(ask) => {
                let new = self.new_pull_request(scope, ask)?;
                let outgoing = self.goes_out(pending, creates).await?;
                let made = outgoing.of(host.create_pull_request(&repository, &new)).await.map_err(error)?;
                let (made, label, text) = shown.pull_request(made, false)?;
                let view = CreatePullRequestView { success: true, pull_request: made.summary, label, text };
                Reply::CreatePullRequest(view)
            }
            Command::GetPullRequest(ask) => {
                let outgoing = self.goes_out(pending, creates).await?;
                let found = outgoing.of(host.pull_request(&repository, ask.number)).await.map_err(error)?;
                let (pull_request, label, text) = shown.pull_request(found, true)?;
                Reply::GetPullRequest(GetPullRequestView { pull_request, label, text })
            }
            Command::ListPullRequests(ask) => {
                let outgoing = self.goes_out(pending, creates).await?;
                let asked = host.pull_requests(&repository, ask.filter, ask.limit);
                let (pull_requests, has_more, label, text) =
                    shown.pull_requests(outgoing.of(asked).await.map_err(error)?)?;
                let count = pull_requests.len();
                Reply::ListPullRequests(ListPullRequestsView { count, pull_requests, has_more, label, text })
            }
            _ => {
                let outgoing = self.goes_out(pending, creates).await?;
                let found = outgoing.of(host.repository(&repository)).await.map_err(error)?;
                let (repository, label, text) = shown.repository(found)?;
                Reply::RepositoryInfo(RepositoryInfoView { repository, label, text })
            }
        })
    }

    /// What goes out is looked at first, like what is kept: a secret in it would be everybody's.
    fn new_issue(&self, scope: &Scope, ask: CreateIssue) -> Result<NewIssue, Failure> {
        let (title, body) = self.outgoing_text(scope, ask.title, ask.body)?;
        let labels = ask.labels.into_iter().map(|label| self.fit_to_go_out(scope, "labels", Some(label)));
        let labels: Vec<Option<IssueLabel>> = labels.collect::<Result<_, _>>()?;
        Ok(NewIssue { title, body, labels: labels.into_iter().flatten().collect(), assignees: ask.assignees })
    }

    fn new_pull_request(&self, scope: &Scope, ask: CreatePullRequest) -> Result<NewPullRequest, Failure> {
        let (title, body) = self.outgoing_text(scope, ask.title, ask.body)?;
        Ok(NewPullRequest { title, body, head: ask.head, base: ask.base, draft: ask.draft })
    }

    fn outgoing_text(
        &self,
        scope: &Scope,
        title: IssueTitle,
        body: Option<IssueBody>,
    ) -> Result<(IssueTitle, Option<IssueBody>), Failure> {
        let title = self.fit_to_go_out(scope, "title", Some(title))?.ok_or(Failure::Absent)?;
        Ok((title, self.fit_to_go_out(scope, "body", body)?))
    }

    /// A text as it may be kept, and without the installation's own secrets, whatever their form (S40).
    fn fit_to_go_out<T>(
        &self,
        scope: &Scope,
        field: &'static str,
        text: Option<T>,
    ) -> Result<Option<T>, Failure>
    where
        T: AsRef<str> + TryFrom<String>,
    {
        let Some(text) = self.screened_text(scope, field, text)? else { return Ok(None) };
        let scrubbed = match self.settings().redactor.scrub_known(text.as_ref()) {
            Cow::Borrowed(_) => return Ok(Some(text)),
            Cow::Owned(scrubbed) => scrubbed,
        };
        T::try_from(scrubbed).map(Some).map_err(|_| too_long(field))
    }

    /// Sees to it that there is a record of the call, whatever becomes of it.
    async fn goes_out(&self, pending: Pending, creates: bool) -> Result<Outgoing<'_>, Failure> {
        if creates {
            let mut began = pending.clone().close(Outcome::Ok, vec![]);
            began.reason = "began";
            self.journal().record(began).await.map_err(|_| Failure::Unrecorded)?;
        }
        Ok(Outgoing::new(self, pending))
    }
}
