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
use agentstack_guard::Redactor;
use agentstack_providers::{EmbedRequest, Embeddings, Phase, ProviderError};
use agentstack_storage::embedding::EMBEDDED_CHARS;
use agentstack_storage::vector::DIMENSION_MOST;
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

/// How many other models are named. A provider that calls its model otherwise each time has any number of them.
const NAMED: usize = 4;

/// The embedder, and what is known of it.
#[derive(Debug)]
pub(crate) struct Embedder {
    embedding: Embedding,
    /// What this process is among the workers.
    worker: [u8; 16],
    /// Knows what is not to go out, nor to be kept as the name of a model (S40).
    redactor: Redactor,
    /// Something waits.
    pub(crate) wake: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The model, as of its last answer.
    model: Option<EmbeddingModel>,
    /// Other models of which there are vectors, as of when it was looked.
    others: Vec<EmbeddingModel>,
    /// What the model was when it was looked.
    looked: Option<EmbeddingModel>,
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
    pub(crate) fn new(embedding: Embedding, redactor: Redactor) -> Self {
        // Without randomness all processes are one worker: what waits may be embedded twice.
        let worker = random::bytes().unwrap_or_default();
        Self { embedding, worker, redactor, wake: Notify::new(), state: Mutex::default() }
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
        let texts = texts.iter().map(|text| self.redactor.scrub_known(text).into_owned()).collect();
        let request = EmbedRequest { model: self.embedding.model.clone(), texts };
        let answer = self.embedding.provider.embed(&request).await;
        let answer = answer.and_then(|answer| fitting(answer, request.texts.len()));
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
        let model = self.redactor.scrub_known(&answer.model);
        EmbeddingModel { name: format!("{}/{model}", self.embedding.name), dimension }
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

/// What was answered to so many texts, if it is a vector for each, of one dimension that can be kept.
fn fitting(answer: Embeddings, texts: usize) -> Result<Embeddings, ProviderError> {
    let dimension = answer.dimension();
    let is_one_each = answer.vectors.len() == texts;
    let is_of_one = answer.vectors.iter().all(|vector| vector.len() == dimension);
    if is_one_each && is_of_one && (1..=DIMENSION_MOST).contains(&dimension) {
        return Ok(answer);
    }
    Err(ProviderError::Malformed("there is not one vector for each text, of one dimension of 1 to 8,192"))
}

/// Whether an embedder takes exception to a text, and not to being asked.
pub(crate) fn is_about_a_text(error: &ProviderError) -> bool {
    matches!(
        error.at_heart(),
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

    /// The vectors of the beginnings of some texts, for something that cannot wait long.
    pub(crate) async fn embedded(
        &self,
        texts: impl Iterator<Item = &str>,
    ) -> Result<Vec<Option<Vector>>, Failure> {
        let embedder = self.embedder().ok_or(Failure::NotConfigured)?;
        let now = self.now();
        if embedder.is_spared(now) {
            return Err(ProviderError::TimedOut(Phase::Total).into());
        }
        let beginning = |text: &str| text.chars().take(EMBEDDED_CHARS as usize).collect::<String>();
        let redactor = &self.settings().redactor;
        let texts = texts.map(|text| redactor.scrub(&beginning(text)).into_owned()).collect();
        let asked = embedder.embed(texts, now);
        let answer = timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(embedder.gave_up(now)));
        Ok(answer?.1)
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
    let named: Vec<String> = others.iter().take(NAMED).map(ToString::to_string).collect();
    let more = others.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} others") } else { String::new() };
    format!(
        "the embedding model is {model}, but there are vectors of {}{more}, which no search finds: run `agentstack memory \
         reembed`",
        named.join(", ")
    )
}
