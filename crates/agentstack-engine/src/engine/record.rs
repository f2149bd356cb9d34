//! What is kept of a call: its audit record, its line in the log, and what observers are told.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agentstack_access::{Caller, Effect, Operation, Scope};
use agentstack_api::command::{AgentName, StoreMemory};
use agentstack_api::{Command, ErrorBody};
use agentstack_audit::{Decision, Draft, Outcome, ResourceHash};
use agentstack_core::{AgentId, MemoryKey, Namespace, PluginName};
use agentstack_storage::Pending;

use super::Ended;
use crate::admission::TooMany;
use crate::failure::Failure;
use crate::{Engine, Signal};

impl Engine {
    /// Refuses a call that is one too many. Recorded once in a while only: whoever floods the service must not flood
    /// the audit log too.
    pub(super) async fn turn_away(&self, pending: Pending, too_many: TooMany) -> ErrorBody {
        let failure = Failure::TooMuch { retry_after_seconds: too_many.retry_after_seconds };
        let draft = pending.refused(failure.verdict());
        self.tell(&draft);
        let body = failure.body(draft.request, &self.settings.redactor);
        if too_many.is_first {
            self.journal.note(draft).await;
        }
        body
    }

    /// Records a failure, before it is answered, and logs it.
    pub(crate) async fn fail(&self, pending: Pending, failure: &Failure) -> ErrorBody {
        let draft = pending.refused(failure.verdict());
        self.tell(&draft);
        if failure.is_fault() {
            tracing::error!(request = %draft.request, error = %Chain(failure), "a call failed");
        }
        let body = failure.body(draft.request, &self.settings.redactor);
        if matches!(failure, Failure::Drift) {
            // Its record was written with what it was refused for.
        } else if matches!(failure, Failure::Input(_)) {
            self.journal.note(draft).await;
        } else if let Err(error) = self.journal.record(draft).await {
            tracing::error!(error = %error, "a refusal was not recorded yet");
        }
        body
    }

    /// Records a read that is no row of the table.
    pub(crate) async fn note_done(&self, caller: &Caller, operation: &'static Operation) {
        let draft =
            Pending::new(self.draft(caller, operation.name, None), Instant::now()).close(Outcome::Ok, vec![]);
        self.tell(&draft);
        self.journal.note(draft).await;
    }

    pub(crate) fn draft(&self, caller: &Caller, operation: &'static str, command: Option<&Command>) -> Draft {
        let claim = command.map(Command::claim);
        // Who reads what an agent has stored does not do so on its behalf.
        let writes = command.is_some_and(|command| command.operation().effect != Effect::Read);
        let named = claim.and_then(|claim| claim.agent.as_ref()).filter(|_| writes);
        Draft {
            at: self.clock.now(),
            principal: self.settings.redactor.scrub(caller.principal.name()).into_owned(),
            agent: caller.principal.agent().or(named).and_then(|agent| self.scrubbed(agent)),
            identity: None,
            session: claim.and_then(|claim| claim.session),
            operation,
            resource: command.and_then(|command| self.resource(command)),
            decision: Decision::Allow,
            reason: "permitted",
            policy: Arc::clone(self.authorizer.policy().version()),
            request: caller.request,
            outcome: Outcome::Ok,
            duration_us: 0,
            counts: vec![],
        }
    }

    /// The name of an agent as a record may have it: whoever chose it chose any text (S40).
    fn scrubbed(&self, agent: &AgentId) -> Option<AgentId> {
        match self.settings.redactor.scrub(agent.as_str()) {
            Cow::Borrowed(_) => Some(agent.clone()),
            // With the marks in it, it can be longer than a name may be.
            Cow::Owned(text) => text.parse().or_else(|_| "[redacted]".parse()).ok(),
        }
    }

    /// The hash of what a call names.
    fn resource(&self, command: &Command) -> Option<ResourceHash> {
        let session = command.claim().session.map(Namespace::Session);
        let hash = |kind, name: String| Some(self.resources.hash(kind, session.as_ref(), &name));
        let key: &MemoryKey = match command {
            Command::StoreMemory(StoreMemory { key, .. }) => key,
            Command::GetMemory(command) => &command.key,
            Command::DeleteMemory(command) => &command.key,
            Command::MemoryHistory(command) => &command.key,
            Command::RestoreMemory(command) => &command.key,
            Command::StopAgent(command) => return hash("agent", which(&command.which)),
            Command::AgentStatusOf(command) => return hash("agent", which(&command.which)),
            Command::RunAgent(command) => return hash("agent", command.id.to_string()),
            Command::UpdateAgentStatus(command) => return hash("agent", command.id.to_string()),
            Command::AssignTask(command) => return hash("task", command.id.to_string()),
            Command::CompleteTask(command) => return hash("task", command.id.to_string()),
            Command::GetTask(command) => return hash("task", command.id.to_string()),
            Command::TaskRelationships(command) => return hash("task", command.id.to_string()),
            Command::CallPlugin(ask) => return Some(self.hash_of_plugin(&ask.plugin)),
            Command::ShowPlugin(ask) => return Some(self.hash_of_plugin(&ask.plugin)),
            Command::EnablePlugin(ask) => return Some(self.hash_of_plugin(&ask.plugin)),
            Command::DisablePlugin(ask) => return Some(self.hash_of_plugin(&ask.plugin)),
            Command::RemovePlugin(ask) => return Some(self.hash_of_plugin(&ask.plugin)),
            Command::UpdateIdentity(command) => return hash("identity", command.id.to_string()),
            Command::ActivateIdentity(command) => return hash("identity", command.id.to_string()),
            Command::DeactivateIdentity(command) => return hash("identity", command.id.to_string()),
            Command::RetireIdentity(command) => return hash("identity", command.id.to_string()),
            Command::IdentityAudit(command) => return hash("identity", command.id.to_string()),
            _ => {
                let repository = command.repository()?;
                // Case does not count to the host.
                return hash("repository", repository.to_string().to_ascii_lowercase());
            }
        };
        let namespace = self.authorizer.named_namespace(command.operation(), command.claim());
        Some(self.resources.hash("memory", namespace.as_ref(), key.as_str()))
    }

    /// The hash of an entry of the scope's namespace.
    pub(crate) fn hash_of_entry(&self, scope: &Scope, key: &MemoryKey) -> ResourceHash {
        self.resources.hash("memory", scope.namespace(), key.as_str())
    }

    /// The hash of an agent or a task of the scope's session.
    pub(crate) fn hash_of(&self, scope: &Scope, kind: &'static str, id: impl fmt::Display) -> ResourceHash {
        let session = scope.session().map(Namespace::Session);
        self.resources.hash(kind, session.as_ref(), &id.to_string())
    }

    /// The hash of a plugin, the same in all records that are about it.
    pub(crate) fn hash_of_plugin(&self, name: &PluginName) -> ResourceHash {
        self.resources.hash("plugin", None, name.as_str())
    }

    /// Tells the log and whoever else watches of a call that has ended.
    pub(crate) fn tell(&self, draft: &Draft) {
        log(draft);
        if let Some(observer) = &self.observer {
            observer.ended(&Ended {
                operation: draft.operation,
                outcome: draft.outcome.as_str(),
                denied: (draft.decision == Decision::Deny).then_some(draft.reason),
                reason: draft.reason,
                duration: Duration::from_micros(draft.duration_us),
            });
        }
        for signal in self.watch().map(|watch| watch.see(draft)).unwrap_or_default() {
            self.raise(&signal);
        }
    }

    /// Says to everybody who listens that there is something to look at. Waits for nobody: the call that it came of goes
    /// on as if nothing had been.
    pub(crate) fn raise(&self, signal: &Signal) {
        tracing::warn!(
            rule = signal.rule.as_str(),
            principal = %signal.principal,
            observed = signal.observed,
            threshold = signal.threshold,
            "{}",
            signal.rule.explanation()
        );
        if let Some(observer) = &self.observer {
            observer.signal(signal);
        }
        self.journal.leave(signal.draft(self.authorizer.policy().version()));
    }
}

/// What an agent is called by.
fn which(name: &AgentName) -> String {
    match name {
        AgentName::Id(id, _) => id.to_string(),
        AgentName::Name(name) => name.to_string(),
    }
}

/// One line for each call: who, what, how it ended, how long it took. Never what was in it.
fn log(draft: &Draft) {
    tracing::info!(
        target: "agentstack::call",
        operation = draft.operation,
        principal = %draft.principal,
        outcome = draft.outcome.as_str(),
        reason = draft.reason,
        duration_us = draft.duration_us,
        request = %draft.request,
        "call"
    );
}

/// An error with all its causes, for the log.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
