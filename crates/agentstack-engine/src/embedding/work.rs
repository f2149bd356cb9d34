//! Taking what waits to the embedder.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use agentstack_access::{Caller, Principal, Scope};
use agentstack_api::ErrorBody;
use agentstack_api::operations::MEMORY_EMBED;
use agentstack_providers::ProviderError;
use agentstack_storage::{EmbeddingFigures, EmbeddingModel, Pending, Vector, Waiting, WaitingId};
use tokio::time::sleep;

use super::{Embedder, changed, is_about_a_text};
use crate::Engine;
use crate::engine::Chain;
use crate::failure::Failure;
use crate::session::housekeeper;

/// How many entries are embedded with one question.
const BATCH: u32 = 32;
/// How many entries are looked at in one transaction to be embedded again.
const AGAIN: u32 = 2_000;
/// For how long one process has the work, in milliseconds, and how often it says that it still has. One that was killed
/// keeps others from it for no longer.
const LEASE_MS: i64 = 10_000;
const STILL_THERE: Duration = Duration::from_secs(3);
/// How often it is looked for what other processes have left waiting.
const IDLE: Duration = Duration::from_secs(30);
/// The pause after a failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause, unless the provider asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// A text that nobody takes exception to.
const HARMLESS: &str = "text";
/// What a text is cut to when the embedder does not take it: a part of [`EMBEDDED_CHARS`](agentstack_storage::embedding::EMBEDDED_CHARS) that fits
/// into any context of 2,048 tokens.
const SHORTER_CHARS: usize = 1_500;

/// What a step of the work came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingStep {
    /// So many entries have got their vector; there may be more.
    Done(u64),
    /// Nothing waits.
    Idle,
    /// Another process does the work.
    Elsewhere,
    /// The embedder does not answer, and is to be asked again after this.
    Later(Duration),
}

/// Embedding all entries again.
#[derive(Debug, Clone)]
pub struct Reembedding {
    /// The model that there is.
    pub model: EmbeddingModel,
    /// Of which models there were vectors, and how many.
    pub before: EmbeddingFigures,
    /// How many entries wait.
    pub waiting: u64,
}

/// Embeds what waits, until the engine is gone.
pub async fn embed_in_background(engine: Weak<Engine>) {
    loop {
        let step = match engine.upgrade() {
            Some(engine) if engine.embedder().is_some() => engine.embed_some().await,
            _ => return,
        };
        let pause = match step {
            EmbeddingStep::Done(_) => continue,
            EmbeddingStep::Later(pause) => pause,
            EmbeddingStep::Idle | EmbeddingStep::Elsewhere => IDLE,
        };
        // A store need not wake a worker who could do nothing.
        let is_idle = step == EmbeddingStep::Idle;
        let Some(embedder) = engine.upgrade().and_then(|engine| engine.embedder().cloned()) else { return };
        tokio::select! {
            () = sleep(pause) => {}
            () = embedder.wake.notified(), if is_idle => {}
        }
    }
}

impl Engine {
    /// Whether there is an embedder.
    #[must_use]
    pub fn has_embedder(&self) -> bool {
        self.embedder().is_some()
    }

    /// Embeds some of what waits, as the product itself. What fails is logged.
    pub async fn embed_some(&self) -> EmbeddingStep {
        let Some(embedder) = self.embedder().cloned() else { return EmbeddingStep::Idle };
        let caller = Caller::new(housekeeper());
        let Ok(scope) = self.authorize_unclaimed(&caller, &MEMORY_EMBED).await else {
            return EmbeddingStep::Later(LONGEST_PAUSE);
        };
        match self.embed_batch(&embedder, &caller, &scope).await {
            Ok(step) => {
                embedder.state().failures = 0;
                step
            }
            Err(failure) => {
                let pause = embedder.pause(&failure);
                tracing::warn!(error = %Chain(&failure), ?pause, "entries wait for their vectors");
                EmbeddingStep::Later(pause)
            }
        }
    }

    async fn embed_batch(
        &self,
        embedder: &Embedder,
        caller: &Caller,
        scope: &Scope,
    ) -> Result<EmbeddingStep, Failure> {
        if self.store().waiting(scope, 1).await?.is_empty() {
            // Another process may have replaced the vectors of other models meanwhile.
            if let Some(model) = embedder.model_to_look_for(true) {
                self.look_for_others(embedder, scope, &model).await?;
            }
            return Ok(EmbeddingStep::Idle);
        }
        if !self.lease(embedder, scope, LEASE_MS).await? {
            return Ok(EmbeddingStep::Elsewhere);
        }
        let done = self.embed_leased(embedder, caller, scope).await;
        // Who has nothing to do need not keep others from it.
        self.lease(embedder, scope, 0).await?;
        done
    }

    async fn embed_leased(
        &self,
        embedder: &Embedder,
        caller: &Caller,
        scope: &Scope,
    ) -> Result<EmbeddingStep, Failure> {
        // Another process may have embedded them before it gave the work away.
        let waiting = self.store().waiting(scope, BATCH).await?;
        if waiting.is_empty() {
            return Ok(EmbeddingStep::Idle);
        }
        let begun = Instant::now();
        let (model, vectors) = self.while_leased(embedder, scope, self.vectors(embedder, &waiting)).await?;
        let pending = Pending::new(self.draft(caller, MEMORY_EMBED.name, None), begun);
        let kept = self.store().keep_vectors(scope, &model, vectors, pending).await?;
        if let Some(model) = embedder.model_to_look_for(false) {
            self.look_for_others(embedder, scope, &model).await?;
        }
        Ok(EmbeddingStep::Done(kept))
    }

    async fn look_for_others(
        &self,
        embedder: &Embedder,
        scope: &Scope,
        model: &EmbeddingModel,
    ) -> Result<(), Failure> {
        let figures = self.store().embedding_figures(scope).await?;
        embedder.know(model, &figures);
        Ok(())
    }

    /// Takes the work, or keeps it, or gives it away.
    async fn lease(&self, embedder: &Embedder, scope: &Scope, millis: i64) -> Result<bool, Failure> {
        let until = self.now().plus_millis(millis);
        Ok(self.store().lease_embedding(scope, embedder.worker, until).await?)
    }

    async fn while_leased<T>(&self, embedder: &Embedder, scope: &Scope, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            if let Ok(done) = tokio::time::timeout(STILL_THERE, work.as_mut()).await {
                return done;
            }
            if let Err(error) = self.lease(embedder, scope, LEASE_MS).await {
                tracing::warn!(error = %Chain(&error), "saying that entries are being embedded");
            }
        }
    }

    /// The vectors of what waits. Where the embedder does not take them together it is asked one by one, and what it does
    /// not take then has none, if it does take another text.
    async fn vectors(
        &self,
        embedder: &Embedder,
        waiting: &[Waiting],
    ) -> Result<(EmbeddingModel, Vec<(WaitingId, Option<Vector>)>), ProviderError> {
        let texts = waiting.iter().map(|one| one.text.clone()).collect();
        match embedder.embed(texts, self.now()).await {
            Ok((model, vectors)) => Ok((model, waiting.iter().map(|one| one.id).zip(vectors).collect())),
            Err(error) if is_about_a_text(&error) => {
                let (model, _) = embedder.embed(vec![HARMLESS.to_owned()], self.now()).await?;
                let mut made = Vec::with_capacity(waiting.len());
                for one in waiting {
                    made.push((one.id, self.vector(embedder, &model, &one.text).await?));
                }
                Ok((model, made))
            }
            Err(error) => Err(error),
        }
    }

    /// The vector of one text, or of its beginning, if the embedder makes one.
    async fn vector(
        &self,
        embedder: &Embedder,
        model: &EmbeddingModel,
        text: &str,
    ) -> Result<Option<Vector>, ProviderError> {
        let beginning = text.chars().take(SHORTER_CHARS).collect();
        for text in [text.to_owned(), beginning] {
            match embedder.embed(vec![text], self.now()).await {
                Ok((of, mut vectors)) if of == *model => return Ok(vectors.pop().flatten()),
                Ok(_) => {
                    return Err(ProviderError::Malformed(
                        "the model is another one from one answer to the next",
                    ));
                }
                Err(error) if is_about_a_text(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Makes all entries wait that have no vector of the model that there is now. Whoever has begun it has still to let
    /// the work be done: by [`Engine::embed_some`], or by a process that serves.
    ///
    /// # Errors
    /// When the principal may not, there is no embedder, or it does not answer.
    pub async fn reembed(&self, principal: Arc<Principal>) -> Result<Reembedding, ErrorBody> {
        let caller = Caller::new(principal);
        let scope = self.authorize_unclaimed(&caller, &MEMORY_EMBED).await?;
        let pending = Pending::new(self.draft(&caller, MEMORY_EMBED.name, None), Instant::now());
        match self.begin_again(&scope, pending.clone()).await {
            Ok(begun) => Ok(begun),
            Err(failure) => Err(self.fail(pending, &failure).await),
        }
    }

    async fn begin_again(&self, scope: &Scope, pending: Pending) -> Result<Reembedding, Failure> {
        let embedder = self.embedder().ok_or(Failure::NotConfigured)?;
        // Before anything is thrown away, the embedder has to answer.
        let (model, _) = embedder.embed(vec![HARMLESS.to_owned()], self.now()).await?;
        let before = self.store().embedding_figures(scope).await?;
        let (mut waiting, mut next) = (0, Some(0));
        while let Some(after) = next {
            let again = self.store().embed_again(scope, &model, (after, AGAIN), pending.clone()).await?;
            (waiting, next) = (waiting + again.waiting, again.next);
        }
        embedder.know(&model, &EmbeddingFigures::default());
        Ok(Reembedding { model, before, waiting })
    }

    /// How many vectors there are, and how many entries wait for one.
    ///
    /// # Errors
    /// When the principal may not, or the store cannot say.
    pub async fn embedding_figures(&self, principal: Arc<Principal>) -> Result<EmbeddingFigures, ErrorBody> {
        let caller = Caller::new(principal);
        let scope = self.authorize_unclaimed(&caller, &MEMORY_EMBED).await?;
        let figures = self.store().embedding_figures(&scope).await;
        figures.map_err(|error| Failure::from(error).body(caller.request, &self.settings().redactor))
    }
}

impl Embedder {
    /// Notes which model there is, and says so if there are vectors of others (S41).
    fn know(&self, model: &EmbeddingModel, figures: &EmbeddingFigures) {
        let others = figures.models.iter().map(|figures| figures.model.clone());
        let others: Vec<EmbeddingModel> = others.filter(|other| other != model).collect();
        let mut state = self.state();
        state.looked = Some(model.clone());
        if others != state.others && !others.is_empty() {
            tracing::warn!(entries = figures.of_others(model), "{}", changed(model, &others));
        }
        state.others = others;
    }

    /// The model, if it was not looked yet of which others there are vectors; or if there were some, and they may have gone.
    fn model_to_look_for(&self, again: bool) -> Option<EmbeddingModel> {
        let state = self.state();
        let is_known = state.looked == state.model && (!again || state.others.is_empty());
        state.model.clone().filter(|_| !is_known)
    }

    /// How long to wait after a failure.
    fn pause(&self, failure: &Failure) -> Duration {
        let mut state = self.state();
        let doubled = 2_u32.saturating_pow(state.failures);
        state.failures = state.failures.saturating_add(1);
        let pause = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
        let Failure::Provider(error) = failure else { return pause };
        match error.at_heart() {
            ProviderError::RateLimited { retry_after: Some(after) }
            | ProviderError::Unavailable { retry_after: Some(after), .. } => pause.max(*after),
            _ => pause,
        }
    }
}
