//! What came from a host of code as its reader is shown it.

use std::sync::Arc;

use agentstack_access::Scope;
use agentstack_api::view::{
    IssueSummaryView, IssueView, LabelView, PullRequestSummaryView, PullRequestView, RepositoryView,
};
use agentstack_core::{FindingSummary, Label, Namespace, Origin, Repository, SessionId, Trust};
use agentstack_github::{
    CodeHost, Issue, IssueSummary, Listed, PullRequest, PullRequestSummary, RepositoryInfo,
};
use agentstack_guard::fence::Fenced;
use agentstack_guard::{Policy, screen_text};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Engine;
use crate::answer::Room;
use crate::failure::Failure;
use crate::memory::fence;

/// Somebody who shows what came.
pub(super) struct Shown<'e> {
    engine: &'e Engine,
    guard: Arc<Policy>,
    namespace: Namespace,
    origin: Origin,
    repository: String,
    findings: Vec<FindingSummary>,
}

/// A text that was looked at.
struct Looked {
    text: String,
    withheld: bool,
}

impl<'e> Shown<'e> {
    pub(super) fn new(
        engine: &'e Engine,
        scope: &Scope,
        host: &dyn CodeHost,
        repository: &Repository,
    ) -> Self {
        Self {
            engine,
            guard: Arc::clone(&engine.settings().guard),
            namespace: Namespace::Session(scope.session().unwrap_or_else(SessionId::generate)),
            // Whoever has written it, it was nobody of this installation's.
            origin: Origin {
                principal: format!("external:{}", host.name()),
                agent_id: None,
                tool: scope.operation().name.to_owned(),
                at: scope.at(),
            },
            repository: repository.to_string(),
            findings: vec![],
        }
    }

    pub(super) fn issue(
        mut self,
        issue: Issue,
        has_body: bool,
    ) -> Result<(IssueView, LabelView, String), Failure> {
        let mut summary = self.summary(issue.summary);
        let mut room = Room::of(true);
        room.take(size(&summary));
        let (body, truncated) = self.body(issue.body, has_body, &mut room, &mut summary);
        let view = IssueView { summary, body, truncated };
        let (label, text) = self.single("issue", &view.summary, &view.summary.title, &view.body)?;
        Ok((view, label, text))
    }

    pub(super) fn pull_request(
        mut self,
        found: PullRequest,
        has_body: bool,
    ) -> Result<(PullRequestView, LabelView, String), Failure> {
        let mut summary = self.pull_request_summary(found.summary);
        let mut room = Room::of(true);
        room.take(size(&summary));
        let (body, truncated) = self.body(found.body, has_body, &mut room, &mut summary.issue);
        let view = PullRequestView {
            summary,
            body,
            truncated,
            mergeable: found.mergeable,
            commits: found.commits,
            additions: found.additions,
            deletions: found.deletions,
            changed_files: found.changed_files,
        };
        let title = &view.summary.issue.title;
        let (label, text) = self.single("pull request", &view.summary, title, &view.body)?;
        Ok((view, label, text))
    }

    pub(super) fn issues(
        mut self,
        found: Listed<IssueSummary>,
    ) -> Result<(Vec<IssueSummaryView>, bool, LabelView, String), Failure> {
        let shown = found.items.into_iter().map(|item| self.summary(item)).collect();
        let (items, cut) = fitting(shown);
        let fenced: Vec<_> = items.iter().map(|item| (header("issue", item), item.title.as_str())).collect();
        let text = self.text(&fenced)?;
        Ok((items, found.has_more || cut, self.label(), text))
    }

    pub(super) fn pull_requests(
        mut self,
        found: Listed<PullRequestSummary>,
    ) -> Result<(Vec<PullRequestSummaryView>, bool, LabelView, String), Failure> {
        let shown = found.items.into_iter().map(|item| self.pull_request_summary(item)).collect();
        let (items, cut) = fitting(shown);
        let fenced = items.iter().map(|item| (header("pull request", item), item.issue.title.as_str()));
        let fenced: Vec<_> = fenced.collect();
        let text = self.text(&fenced)?;
        Ok((items, found.has_more || cut, self.label(), text))
    }

    pub(super) fn repository(
        mut self,
        found: RepositoryInfo,
    ) -> Result<(RepositoryView, LabelView, String), Failure> {
        let description = found.description.map(|text| self.look(text));
        let topics: Vec<Looked> = found.topics.into_iter().map(|text| self.look(text)).collect();
        let branch = self.look(found.default_branch);
        let withheld = description.iter().chain(&topics).chain([&branch]).any(|looked| looked.withheld);
        let shown = |looked: Looked| if withheld { String::new() } else { looked.text };
        let view = RepositoryView {
            full_name: found.full_name,
            description: description.map(shown),
            url: found.url,
            default_branch: shown(branch),
            visibility: found.visibility.as_str(),
            archived: found.archived,
            fork: found.fork,
            has_issues: found.has_issues,
            open_issues: found.open_issues,
            stars: found.stars,
            forks: found.forks,
            language: found.language,
            license: found.license,
            topics: if withheld { vec![] } else { topics.into_iter().map(shown).collect() },
            created_at: found.created_at,
            updated_at: found.updated_at,
            pushed_at: found.pushed_at,
            withheld,
        };
        let mut fields = header("repository", &view);
        fields.remove("description");
        let text = self.text(&[(fields, view.description.as_deref().unwrap_or_default())])?;
        Ok((view, self.label(), text))
    }

    fn summary(&mut self, found: IssueSummary) -> IssueSummaryView {
        let title = self.look(found.title);
        let labels: Vec<Looked> = found.labels.into_iter().map(|text| self.look(text)).collect();
        let withheld = title.withheld || labels.iter().any(|label| label.withheld);
        let mut view = IssueSummaryView {
            number: found.number,
            title: title.text,
            state: found.state,
            url: found.url,
            author: found.author,
            labels: labels.into_iter().map(|label| label.text).collect(),
            assignees: found.assignees,
            comments: found.comments,
            created_at: found.created_at,
            updated_at: found.updated_at,
            closed_at: found.closed_at,
            withheld: false,
        };
        if withheld {
            withhold(&mut view);
        }
        view
    }

    fn pull_request_summary(&mut self, found: PullRequestSummary) -> PullRequestSummaryView {
        let (head, base) = (self.look(found.head), self.look(found.base));
        let withheld = head.withheld || base.withheld;
        let mut issue = self.summary(found.issue);
        if withheld {
            withhold(&mut issue);
        }
        let shown = |looked: Looked| if looked.withheld { String::new() } else { looked.text };
        let (head, base) = (shown(head), shown(base));
        PullRequestSummaryView { issue, head, base, draft: found.draft, merged_at: found.merged_at }
    }

    /// As much of a text as there is room for, and whether it was cut. Where it is withheld, so is the title.
    fn body(
        &mut self,
        body: String,
        has_body: bool,
        room: &mut Room,
        summary: &mut IssueSummaryView,
    ) -> (String, bool) {
        // What is not shown is not looked at either.
        if !has_body {
            return (String::new(), false);
        }
        let looked = self.look(body);
        if looked.withheld {
            withhold(summary);
        }
        if summary.withheld {
            return (String::new(), false);
        }
        let shown = room.take_text(&looked.text, usize::MAX);
        (shown.to_owned(), shown.len() < looked.text.len())
    }

    /// Looks at a text as at one that is to be kept, and takes the installation's own secrets out of it (S40).
    fn look(&mut self, text: String) -> Looked {
        let looked = screen_text(&self.guard, &self.namespace, &text);
        let withheld = looked.as_ref().map_or(true, |looked| looked.quarantine);
        let (changed, findings) = looked.map_or((None, vec![]), |looked| (looked.text, looked.findings));
        for finding in findings {
            self.note(finding);
        }
        let text = changed.unwrap_or(text);
        let text = self.engine.settings().redactor.scrub_known(&text).into_owned();
        Looked { text, withheld }
    }

    /// Findings of one kind are one finding of the whole answer.
    fn note(&mut self, found: FindingSummary) {
        let same = |known: &&mut FindingSummary| known.kind == found.kind && known.field == found.field;
        match self.findings.iter_mut().find(same) {
            Some(known) => {
                known.count = known.count.saturating_add(found.count);
                known.confidence = known.confidence.max(found.confidence);
                known.treatment = known.treatment.max(found.treatment);
            }
            None => self.findings.push(found),
        }
    }

    fn label(self) -> LabelView {
        Label { trust: Trust::Unverified, origin: self.origin, findings: self.findings }.into()
    }

    /// One thing with its title and its text.
    fn single(
        self,
        kind: &'static str,
        summary: &impl Serialize,
        title: &str,
        body: &str,
    ) -> Result<(LabelView, String), Failure> {
        let content = if body.is_empty() { title.to_owned() } else { format!("{title}\n\n{body}") };
        let text = self.text(&[(header(kind, summary), &content)])?;
        Ok((self.label(), text))
    }

    fn text(&self, items: &[(Map<String, Value>, &str)]) -> Result<String, Failure> {
        let findings: Vec<String> = self.findings.iter().map(|finding| finding.kind.to_string()).collect();
        let items: Vec<Fenced<'_>> = items
            .iter()
            .map(|(fields, content)| {
                let mut header = Map::new();
                header.insert("repository".to_owned(), json!(self.repository));
                header.insert("writtenBy".to_owned(), json!(self.origin.principal));
                header.insert("trust".to_owned(), json!(Trust::Unverified));
                if !findings.is_empty() {
                    header.insert("findings".to_owned(), json!(findings));
                }
                header.extend(fields.clone());
                Fenced { header, content }
            })
            .collect();
        fence(&items)
    }
}

fn withhold(summary: &mut IssueSummaryView) {
    summary.withheld = true;
    summary.title.clear();
    summary.labels.clear();
}

/// What a text says of a thing before its content: all but its title, which is content.
fn header(kind: &'static str, summary: &impl Serialize) -> Map<String, Value> {
    let mut header = Map::new();
    header.insert("what".to_owned(), json!(kind));
    if let Ok(Value::Object(fields)) = serde_json::to_value(summary) {
        header.extend(fields.into_iter().filter(|(name, _)| name != "title"));
    }
    header
}

/// As many as there is room for, and whether some were left out.
fn fitting<T: Serialize>(mut items: Vec<T>) -> (Vec<T>, bool) {
    let mut room = Room::of(true);
    let all = items.len();
    let fits = items.iter().take_while(|item| room.take(size(item))).count();
    items.truncate(fits.max(1));
    let cut = items.len() < all;
    (items, cut)
}

fn size(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len())
}
