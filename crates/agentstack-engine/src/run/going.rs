//! A run that is going on, and how it ends.
//!
//! **Invariant:** however it ends, and also when nobody waits for it any more, the agent does not stay `running`, what was
//! used is counted, and there is one record of the call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use agentstack_access::Scope;
use agentstack_audit::{Decision, Draft, Outcome};
use agentstack_core::{Agent, AgentInstanceId, AgentStatus, IdentityId};
use agentstack_providers::ChatAnswer;
use agentstack_storage::{AgentChange, AgentRef, Pending, Storage, StorageError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::places::Place;
use super::{Asked, Progress, chars};
use crate::Engine;
use crate::engine::Chain;
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
    /// What an answer that is complete has used.
    used: Option<u64>,
    began: Instant,
    place: Option<Place>,
    stage: Stage,
}

/// How far it is. What is in the store's hands goes on in a task of its own, whoever waits.
enum Stage {
    /// The agent is becoming `running`. Nothing has gone out.
    Beginning(JoinHandle<Result<(), Failure>>),
    /// The provider is asked.
    Asking,
    /// The agent is ceasing to be `running`.
    Closing(Closing),
    /// It has its end, and its record or somebody who writes it.
    Over,
}

type Verdict = (Decision, &'static str, Outcome);

struct Closing {
    told: oneshot::Receiver<(Result<(), Failure>, Option<Place>)>,
    /// What becomes of the call. Nothing, if the change and the call have one record.
    verdict: Option<Verdict>,
}

/// A change of the agent's state, with all that it takes to make it.
struct Change {
    store: Arc<dyn Storage>,
    scope: Scope,
    agent: AgentInstanceId,
    to: AgentStatus,
    tokens: u64,
    record: Pending,
}

impl Change {
    async fn make(self) -> Result<(), Failure> {
        let Self { store, scope, agent, to, tokens, record } = self;
        let (which, change) = (AgentRef::Id(agent), AgentChange { tokens, ..AgentChange::to(to) });
        store.change_agent(&scope, &which, change, record).await?.map(drop).ok_or(Failure::Absent)
    }
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
            used: None,
            began: Instant::now(),
            place: Some(place),
            stage: Stage::Over,
        };
        // What goes out is recorded before it does.
        let change = going.change(scope, AgentStatus::Running, 0, going.record(began(asked.provider)));
        let began = going.stage.begin(tokio::spawn(change.make())).await;
        going.stage = if began.is_ok() { Stage::Asking } else { Stage::Over };
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
        let (failure, may_have_used) = match tokio::time::timeout(time, asking).await {
            Ok(Ok(answer)) => {
                self.used = Some(self.used_by(&answer));
                return Ok(answer);
            }
            Ok(Err(error)) => {
                let may_have_used = error.may_have_used();
                (Failure::Provider(error), may_have_used)
            }
            Err(_) => (Failure::RanOutOfTime, true),
        };
        let come = self.come.load(Ordering::Relaxed);
        let used = if come > 0 || may_have_used { self.estimate() } else { 0 };
        self.log(failure.verdict().2, come, None);
        let record = self.record("run_failed").counting(vec![(asked_of(&self.provider), 1)]);
        let change = self.change(&self.scope, AgentStatus::Failed, used, record);
        match self.close(change, Some(failure.verdict())).await {
            // Whoever has no session any more learns nothing of what became of the run.
            Err(gone @ Failure::Storage(StorageError::SessionGone)) => Err(gone),
            _ => Err(failure),
        }
    }

    /// Ends the run with its record, and counts what it has used.
    pub(super) async fn end(&mut self, scope: &Scope, answer: &ChatAnswer) -> Result<(), Failure> {
        self.log(Outcome::Ok, chars(&answer.text), Some(answer));
        let pending = self.pending.clone().counting(self.counts(answer));
        let change = self.change(scope, AgentStatus::Idle, self.used_by(answer), pending);
        self.close(change, None).await
    }

    /// Ends the run of a caller who may not have the answer any more.
    pub(super) async fn undo(&mut self, answer: &ChatAnswer, failure: Failure) -> Failure {
        self.log(failure.verdict().2, chars(&answer.text), Some(answer));
        let record = self.record("run_failed").counting(self.counts(answer));
        let change = self.change(&self.scope, AgentStatus::Idle, self.used_by(answer), record);
        // Where the session has gone there is no agent either.
        let _ = self.close(change, Some(failure.verdict())).await;
        failure
    }

    fn change(&self, scope: &Scope, to: AgentStatus, tokens: u64, record: Pending) -> Change {
        let (store, scope) = (self.engine.shared_store(), scope.clone());
        Change { store, scope, agent: self.agent, to, tokens, record }
    }

    /// Makes the last change, in a task that has the place until then. Whoever does not wait loses nothing: the change is
    /// made all the same, and if it was to record the call and cannot be made, that is recorded.
    async fn close(&mut self, change: Change, verdict: Option<Verdict>) -> Result<(), Failure> {
        let (tell, told) = oneshot::channel();
        let (place, call, journal) = (self.place.take(), self.pending.clone(), self.engine.journal().clone());
        tokio::spawn(async move {
            let changed = change.make().await;
            // The place is given up last: the next run of the agent would be taken for this one.
            if let Err((Err(failure), _place)) = tell.send((changed, place)) {
                warn_of(&failure);
                if verdict.is_none() {
                    journal.leave(call.refused(failure.verdict()));
                }
            }
        });
        let closed = self.stage.close(Closing { told, verdict }).await;
        self.stage = Stage::Over;
        let (changed, place) = closed?;
        self.place = place;
        changed
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
        sizes.into_iter().chain(known).chain([(asked_of(&self.provider), 1)]).collect()
    }

    /// What a run has used. What the provider did not count is estimated.
    fn used_by(&self, answer: &ChatAnswer) -> u64 {
        let input = answer.tokens.input.unwrap_or_else(|| estimate(self.asked_chars));
        let output = answer.tokens.output.unwrap_or_else(|| estimate(chars(&answer.text)));
        input.saturating_add(output)
    }

    /// What a run has used whose request may have gone out, as far as it has come.
    fn estimate(&self) -> u64 {
        let come = || self.asked_chars.saturating_add(self.come.load(Ordering::Relaxed));
        self.used.unwrap_or_else(|| estimate(come()))
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

impl Stage {
    /// Waits for the beginning, and has it in hand meanwhile.
    async fn begin(&mut self, beginning: JoinHandle<Result<(), Failure>>) -> Result<(), Failure> {
        *self = Self::Beginning(beginning);
        let Self::Beginning(beginning) = self else { return Ok(()) };
        beginning.await.unwrap_or_else(|error| Err(lost(error)))
    }

    /// The same for the end.
    async fn close(&mut self, closing: Closing) -> Result<(Result<(), Failure>, Option<Place>), Failure> {
        *self = Self::Closing(closing);
        let Self::Closing(closing) = self else { return Ok((Ok(()), None)) };
        (&mut closing.told).await.map_err(lost)
    }
}

/// What is counted in the record of a run, by which the runs of a provider are found.
pub(crate) fn asked_of(provider: &str) -> &'static str {
    match provider {
        "anthropic" => "asked_anthropic",
        "openai" => "asked_openai",
        "ollama" => "asked_ollama",
        _ => "asked_other",
    }
}

/// A task has panicked, or the runtime is ending.
fn lost(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    StorageError::Unavailable(error.into()).into()
}

/// With its session the agent has gone, and one that has stopped stays so.
fn warn_of(failure: &Failure) {
    if !matches!(failure, Failure::Storage(StorageError::SessionGone | StorageError::State { .. })) {
        tracing::warn!(error = %Chain(failure), "an agent whose run is over stays `running`");
    }
}

/// Nobody waits for it any more: the client has cancelled it, or has gone.
impl Drop for Going<'_> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => {}
            Stage::Closing(closing) => self.leave_closing(closing),
            Stage::Beginning(beginning) => self.cancel(Some(beginning)),
            Stage::Asking => self.cancel(None),
        }
    }
}

impl Going<'_> {
    /// Leaves the record of a call whose run is being closed.
    fn leave_closing(&self, Closing { mut told, verdict }: Closing) {
        told.close();
        // If it has not been told yet, whoever would have told it sees to that.
        let verdict = verdict.or_else(|| Some(told.try_recv().ok()?.0.err()?.verdict()));
        let call = self.pending.clone();
        match verdict {
            Some(verdict) => {
                let draft = call.refused(verdict);
                self.engine.tell(&draft);
                self.engine.journal().leave(draft);
            }
            None => self.engine.tell(&call.close(Outcome::Ok, vec![])),
        }
    }

    /// Gives up a run that is not being closed.
    fn cancel(&mut self, beginning: Option<JoinHandle<Result<(), Failure>>>) {
        let come = self.come.load(Ordering::Relaxed);
        let (out, tokens) = if beginning.is_none() { (self.asked_chars, self.estimate()) } else { (0, 0) };
        let verdict = (Decision::Allow, "permitted", Outcome::Cancelled);
        let counts = vec![("prompt_chars", out), ("answer_chars", come)];
        let draft = self.pending.clone().counting(counts).refused(verdict);
        self.log(Outcome::Cancelled, come, None);
        self.engine.tell(&draft);
        self.engine.journal().leave(draft);
        let change = self.change(&self.scope, AgentStatus::Idle, tokens, self.record("run_cancelled"));
        let place = self.place.take();
        let back = async move {
            let is_running = match beginning {
                Some(beginning) => matches!(beginning.await, Ok(Ok(()))),
                None => true,
            };
            if is_running && let Err(failure) = change.make().await {
                warn_of(&failure);
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
