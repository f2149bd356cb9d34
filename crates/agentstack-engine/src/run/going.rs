//! A run that is going on, and how it ends.
//!
//! **Invariant:** however it ends, and also when nobody waits for it any more, the agent does not stay `running`, what was
//! used is counted, and there is one record of the call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use agentstack_access::Scope;
use agentstack_audit::{Decision, Draft, Outcome};
use agentstack_core::{Agent, AgentInstanceId, AgentStatus, IdentityId};
use agentstack_providers::ChatAnswer;
use agentstack_storage::{AgentChange, AgentRef, Pending, StorageError};

use super::places::Place;
use super::{Asked, Progress, chars};
use crate::Engine;
use crate::failure::Failure;

/// How many characters are taken for a token where nobody has counted them.
const CHARS_PER_TOKEN: u64 = 4;

pub(super) struct Going<'e> {
    engine: &'e Engine,
    scope: Scope,
    agent: AgentInstanceId,
    identity: Option<IdentityId>,
    /// The record of the call.
    pending: Pending,
    provider: String,
    /// The model, if it is the one that the operator has configured: what a caller names is the caller's text (S40).
    model: Option<String>,
    asked_chars: u64,
    /// How many characters have come.
    come: AtomicU64,
    began: Instant,
    place: Option<Place>,
    is_over: bool,
}

impl<'e> Going<'e> {
    /// Says that the agent is running. From now on its end is seen to.
    pub(super) async fn begin(
        engine: &'e Engine,
        scope: &Scope,
        agent: &Agent,
        place: Place,
        pending: Pending,
        asked: &Asked<'_>,
    ) -> Result<Self, Failure> {
        let mut going = Self {
            engine,
            scope: scope.clone(),
            agent: agent.id,
            identity: agent.identity,
            pending,
            provider: asked.provider.to_owned(),
            model: (asked.request.model == asked.chat.model).then(|| asked.chat.model.clone()),
            asked_chars: asked.chars(),
            come: AtomicU64::new(0),
            began: Instant::now(),
            place: Some(place),
            is_over: false,
        };
        // What goes out is recorded before it does.
        let began = going.change(scope, AgentStatus::Running, 0, going.record(began(asked.provider))).await;
        if began.is_err() {
            going.is_over = true;
        }
        began.map(|()| going)
    }

    /// Asks, and tells of what comes. After an error the run is over.
    pub(super) async fn ask(
        &mut self,
        asked: &Asked<'_>,
        progress: &Progress,
    ) -> Result<ChatAnswer, Failure> {
        let come = &self.come;
        let mut on_text = |piece: &str| {
            let piece = chars(piece);
            progress.tell(come.fetch_add(piece, Ordering::Relaxed) + piece);
        };
        let asking = asked.chat.provider.chat_streaming(&asked.request, &mut on_text);
        let time = self.engine.settings().coordination.runs.time;
        let failure = match tokio::time::timeout(time, asking).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Failure::Provider(error),
            Err(_) => Failure::RanOutOfTime,
        };
        self.is_over = true;
        // A provider that did not begin to answer has used nothing.
        let come = self.come.load(Ordering::Relaxed);
        let used = if come > 0 || matches!(failure, Failure::RanOutOfTime) { self.estimate() } else { 0 };
        self.log(failure.verdict().2, come, None);
        match self.change(&self.scope, AgentStatus::Failed, used, self.record("run_failed")).await {
            // Whoever has no session any more learns nothing of what became of the run.
            Err(gone @ Failure::Storage(StorageError::SessionGone)) => Err(gone),
            _ => Err(failure),
        }
    }

    /// Ends the run with its record, and counts what it has used.
    pub(super) async fn end(&mut self, scope: &Scope, answer: &ChatAnswer) -> Result<(), Failure> {
        self.is_over = true;
        self.log(Outcome::Ok, chars(&answer.text), Some(answer));
        let pending = self.pending.clone().counting(self.counts(answer));
        self.change(scope, AgentStatus::Idle, self.used(answer), pending).await?;
        Ok(())
    }

    /// Ends the run of a caller who may not have the answer any more.
    pub(super) async fn undo(&mut self, answer: &ChatAnswer, failure: Failure) -> Failure {
        self.is_over = true;
        self.log(failure.verdict().2, chars(&answer.text), Some(answer));
        let record = self.record("run_failed").counting(self.counts(answer));
        // Where the session has gone there is no agent either.
        let _ = self.change(&self.scope, AgentStatus::Idle, self.used(answer), record).await;
        failure
    }

    async fn change(
        &self,
        scope: &Scope,
        to: AgentStatus,
        tokens: u64,
        pending: Pending,
    ) -> Result<(), Failure> {
        let (which, change) = (AgentRef::Id(self.agent), AgentChange { tokens, ..AgentChange::to(to) });
        let changed = self.engine.store().change_agent(scope, &which, change, pending);
        changed.await?.map(drop).ok_or(Failure::Absent)
    }

    /// The record of a change of the agent's state, which is no operation of the agent.
    fn record(&self, reason: &'static str) -> Pending {
        let draft = self.engine.draft(&self.scope.caller(), "agent_update_status", None);
        let resource = Some(self.engine.hash_of(&self.scope, "agent", self.agent));
        let (session, identity) = (self.scope.session(), self.identity);
        Pending::new(Draft { agent: None, session, identity, resource, reason, ..draft }, Instant::now())
    }

    fn counts(&self, answer: &ChatAnswer) -> Vec<(&'static str, u64)> {
        let tokens = answer.tokens;
        let known = [("input_tokens", tokens.input), ("output_tokens", tokens.output)];
        let known = known.into_iter().filter_map(|(name, count)| Some((name, count?)));
        let sizes = [("prompt_chars", self.asked_chars), ("answer_chars", chars(&answer.text))];
        sizes.into_iter().chain(known).collect()
    }

    /// What a run has used. What the provider did not count is estimated.
    fn used(&self, answer: &ChatAnswer) -> u64 {
        let input = answer.tokens.input.unwrap_or_else(|| estimate(self.asked_chars));
        let output = answer.tokens.output.unwrap_or_else(|| estimate(chars(&answer.text)));
        input.saturating_add(output)
    }

    /// What a run has used that has not come to its end.
    fn estimate(&self) -> u64 {
        estimate(self.asked_chars.saturating_add(self.come.load(Ordering::Relaxed)))
    }

    /// Whom, how much, how long: never what (S40).
    fn log(&self, outcome: Outcome, answer_chars: u64, answer: Option<&ChatAnswer>) {
        let tokens = answer.map(|answer| answer.tokens).unwrap_or_default();
        tracing::info!(
            target: "agentstack::run",
            provider = %self.provider,
            model = self.model.as_deref().unwrap_or("named by the caller"),
            outcome = outcome.as_str(),
            prompt_chars = self.asked_chars,
            answer_chars,
            input_tokens = tokens.input,
            output_tokens = tokens.output,
            duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            request = %self.scope.request(),
            "run"
        );
    }
}

/// Nobody waits for it any more: the client has cancelled it, or has gone.
impl Drop for Going<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let come = self.come.load(Ordering::Relaxed);
        let counts = vec![("prompt_chars", self.asked_chars), ("answer_chars", come)];
        let verdict = (Decision::Allow, "permitted", Outcome::Cancelled);
        let draft = self.pending.clone().counting(counts).refused(verdict);
        self.log(Outcome::Cancelled, come, None);
        self.engine.tell(&draft);
        self.engine.journal().leave(draft);
        let (store, scope) = (self.engine.shared_store(), self.scope.clone());
        let (which, record, place) =
            (AgentRef::Id(self.agent), self.record("run_cancelled"), self.place.take());
        let change = AgentChange { tokens: self.estimate(), ..AgentChange::to(AgentStatus::Idle) };
        let back = async move {
            match store.change_agent(&scope, &which, change, record).await {
                // With its session the agent has gone, and one that has stopped stays so.
                Ok(_) | Err(StorageError::SessionGone | StorageError::State { .. }) => {}
                Err(error) => {
                    tracing::warn!(error = %error, "an agent whose run was cancelled stays `running`");
                }
            }
            // Not before: the next run of the agent would be taken for this one.
            drop(place);
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(back);
        }
    }
}

fn estimate(characters: u64) -> u64 {
    characters.div_ceil(CHARS_PER_TOKEN)
}

/// The word for the beginning of a run. Names of providers are the operator's, but the log has words of ours only.
fn began(provider: &str) -> &'static str {
    match provider {
        "anthropic" => "run_by_anthropic",
        "openai" => "run_by_openai",
        "ollama" => "run_by_ollama",
        _ => "run_began",
    }
}
