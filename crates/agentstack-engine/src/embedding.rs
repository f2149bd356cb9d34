//! Vectors of entries: made off the way of a store, asked for on the way of a search.
//!
//! A store is acknowledged when its entry waits for a vector; one worker of all processes that share the store takes what
//! waits to the embedder. What it was doing when it was killed waits still.

mod work;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agentstack_api::InputError;
use agentstack_api::command::{MatchRule, SearchMemory, SearchMode};
use agentstack_core::{Timestamp, random};
use agentstack_providers::{EmbedRequest, Embeddings, Phase, ProviderError};
use agentstack_storage::{EmbeddingModel, Meaning, Vector, Wish};
use tokio::sync::Notify;
use tokio::time::timeout;

pub use self::work::{EmbeddingStep, Reembedding, embed_in_background};
use crate::failure::Failure;
use crate::{Embedding, Engine};

/// How long a search waits for the embedder that can do without.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long one waits that cannot.
const MORE_PATIENCE: Duration = Duration::from_secs(30);
/// For how long an embedder that did not answer is not asked again by a search that can do without, in milliseconds.
const SPARED_MS: i64 = 30_000;

/// The embedder, and what is known of it.
#[derive(Debug)]
pub(crate) struct Embedder {
    embedding: Embedding,
    /// What this process is among the workers.
    worker: [u8; 16],
    /// Something waits.
    pub(crate) wake: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The model, as of its last answer.
    model: Option<EmbeddingModel>,
    /// Other models of which there are vectors.
    others: Vec<EmbeddingModel>,
    /// Whether the last question was answered.
    is_down: bool,
    /// Until when it is not asked by searches that can do without.
    spared_until: Option<Timestamp>,
    /// How often in a row what waits could not be embedded.
    failures: u32,
}

/// What a search is compared with.
pub(crate) struct Sought {
    pub(crate) meaning: Option<Meaning>,
    /// Whether it was to be compared by its meaning, and the embedder did not answer.
    pub(crate) is_degraded: bool,
}

impl Embedder {
    pub(crate) fn new(embedding: Embedding) -> Self {
        // Without randomness all processes are one worker: what waits may be embedded twice.
        let worker = random::bytes().unwrap_or_default();
        Self { embedding, worker, wake: Notify::new(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the vectors of some texts: one each, or none where there is no direction in what comes.
    async fn embed(
        &self,
        texts: Vec<String>,
        now: Timestamp,
    ) -> Result<(EmbeddingModel, Vec<Option<Vector>>), ProviderError> {
        let request = EmbedRequest { model: self.embedding.model.clone(), texts };
        let answer = self.embedding.provider.embed(&request).await;
        let mut state = self.state();
        state.is_down = answer.as_ref().is_err_and(|error| !is_about_a_text(error));
        match answer {
            Ok(answer) => {
                let model = self.model_of(&answer);
                state.model = Some(model.clone());
                state.spared_until = None;
                Ok((model, answer.vectors.iter().map(|numbers| Vector::new(numbers)).collect()))
            }
            Err(error) => {
                if state.is_down {
                    state.spared_until = Some(now.plus_millis(SPARED_MS));
                }
                Err(error)
            }
        }
    }

    fn model_of(&self, answer: &Embeddings) -> EmbeddingModel {
        let dimension = u32::try_from(answer.dimension()).unwrap_or(u32::MAX);
        EmbeddingModel { name: format!("{}/{}", self.embedding.name, answer.model), dimension }
    }

    /// It took too long.
    fn gave_up(&self, now: Timestamp) -> ProviderError {
        let mut state = self.state();
        (state.is_down, state.spared_until) = (true, Some(now.plus_millis(SPARED_MS)));
        ProviderError::TimedOut(Phase::Total)
    }

    fn is_spared(&self, now: Timestamp) -> bool {
        self.state().spared_until.is_some_and(|until| now < until)
    }
}

/// Whether an embedder takes exception to a text, and not to being asked.
fn is_about_a_text(error: &ProviderError) -> bool {
    matches!(
        error,
        ProviderError::BadRequest { .. } | ProviderError::TooLarge { .. } | ProviderError::Malformed(_)
    )
}

impl Engine {
    /// Whether a new entry is to have a vector.
    pub(crate) fn wish(&self, asked_for: bool) -> Wish {
        match self.embedder() {
            _ if !asked_for => Wish::Declined,
            Some(_) => Wish::Wanted,
            None => Wish::None,
        }
    }

    /// Says that an entry may wait.
    pub(crate) fn wake_embedder(&self) {
        if let Some(embedder) = self.embedder() {
            embedder.wake.notify_one();
        }
    }

    /// What a search is to be compared with. Without an answer of the embedder it is the words alone, unless meaning is all
    /// that was asked for.
    pub(crate) async fn sought(&self, command: &SearchMemory) -> Result<Sought, Failure> {
        let by_words = Sought { meaning: None, is_degraded: false };
        let (alone, patience) = match command.mode {
            SearchMode::Text => return Ok(by_words),
            // Who says how the words must occur does not look for other ones.
            SearchMode::Auto if command.matching != MatchRule::Any => return Ok(by_words),
            SearchMode::Semantic => (true, MORE_PATIENCE),
            SearchMode::Auto | SearchMode::Hybrid => (false, PATIENCE),
        };
        let Some(embedder) = self.embedder() else {
            if command.mode == SearchMode::Auto {
                return Ok(by_words);
            }
            let rule = "must be auto or text: this installation has no embedder";
            return Err(Failure::Input(InputError::new("mode", rule)));
        };
        let now = self.now();
        if !alone && embedder.is_spared(now) {
            return Ok(Sought { is_degraded: true, ..by_words });
        }
        // A secret in a query is no more to go out than one in an entry (S40).
        let query = self.settings().redactor.scrub(command.query.as_str()).into_owned();
        let asked = embedder.embed(vec![query], now);
        let answer = timeout(patience, asked).await.unwrap_or_else(|_| Err(embedder.gave_up(now)));
        match answer {
            Ok((model, mut vectors)) => {
                let vector = vectors.pop().flatten();
                let meaning = vector.map(|vector| Meaning { model, vector, alone });
                if meaning.is_none() && alone {
                    return Err(ProviderError::Malformed("the query has no vector").into());
                }
                Ok(Sought { is_degraded: meaning.is_none(), meaning })
            }
            Err(error) if alone => Err(error.into()),
            Err(error) => {
                tracing::warn!(error = %error, "searching without the embedder");
                Ok(Sought { is_degraded: true, ..by_words })
            }
        }
    }

    /// What there is to say of the embedder, if there is one: whether it answers, and what is to be done.
    pub(crate) fn embedder_health(&self) -> Option<(bool, Option<String>)> {
        let state = self.embedder()?.state();
        if state.is_down {
            return Some((false, Some("the embedding provider does not answer".to_owned())));
        }
        let model = state.model.as_ref().filter(|_| !state.others.is_empty())?;
        Some((false, Some(changed(model, &state.others))))
    }
}

/// That vectors of other models are there, and what to do about it.
fn changed(model: &EmbeddingModel, others: &[EmbeddingModel]) -> String {
    let others: Vec<String> = others.iter().map(ToString::to_string).collect();
    format!(
        "the embedding model is {model}, but there are vectors of {}, which no search finds: run `agentstack memory \
         reembed`",
        others.join(", ")
    )
}
