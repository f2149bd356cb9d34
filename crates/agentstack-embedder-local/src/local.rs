//! The embedder: reads the model when it is first needed, and computes one batch at a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use agentstack_providers::{EmbedRequest, Embedder, Embeddings, ProviderError};
use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::model::{Batch, Model};
use crate::{Description, LocalModelProblem};

/// A model in a folder. Clones are the same model, which lies in memory once.
///
/// The model that a request names is not looked at: the folder is the model. Its own name, in
/// [`Embeddings::model`](agentstack_providers::Embeddings::model), is the one that [`Description::name`] tells of.
///
/// Of a text only the first [`Description::max_tokens`] tokens count. Vectors are computed on a thread for blocking work,
/// in batches of at most 64 texts, for all clones one at a time. Dropping the future gives up after the batch that is
/// being computed.
#[derive(Debug, Clone)]
pub struct LocalModel(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// What was read. A folder that could not be used is read again the next time.
    model: Mutex<Option<Arc<Model>>>,
    one_at_a_time: Arc<Semaphore>,
}

impl LocalModel {
    /// Names the folder. Nothing is read yet.
    pub fn open(folder: impl Into<PathBuf>) -> Self {
        let one_at_a_time = Arc::new(Semaphore::new(1));
        Self(Arc::new(Inner { folder: folder.into(), model: Mutex::default(), one_at_a_time }))
    }

    /// Reads the model, unless it has been read, and says what it is. It blocks for as long as that takes: for a model of
    /// 90 MB that is half a second.
    ///
    /// # Errors
    /// When the folder has no model that can be used here.
    pub fn check(&self) -> Result<Description, LocalModelProblem> {
        Ok(self.0.model()?.description().clone())
    }
}

impl Inner {
    fn model(&self) -> Result<Arc<Model>, LocalModelProblem> {
        let mut known = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = known.as_ref() {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(Model::read(&self.folder)?);
        *known = Some(Arc::clone(&model));
        Ok(model)
    }

    /// The batch that begins with this text.
    async fn batch(self: &Arc<Self>, texts: &Arc<[String]>, start: usize) -> Result<Made, ProviderError> {
        let turn = Arc::clone(&self.one_at_a_time).acquire_owned().await.map_err(unusable)?;
        let (inner, texts) = (Arc::clone(self), Arc::clone(texts));
        let work = move || {
            // The turn ends with the work, even if nobody waits for it any more.
            let _turn = turn;
            let model = inner.model()?;
            let batch = model.batch(texts.get(start..).unwrap_or_default());
            Ok(Made { batch, name: model.description().name.clone() })
        };
        spawn_blocking(work).await.map_err(unusable)?.map_err(|problem: LocalModelProblem| unusable(problem))
    }
}

struct Made {
    batch: Batch,
    name: String,
}

#[async_trait]
impl Embedder for LocalModel {
    async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings, ProviderError> {
        let texts: Arc<[String]> = request.texts.as_slice().into();
        let mut model = request.model.clone();
        let mut vectors = Vec::with_capacity(texts.len());
        let mut tokens = 0_u64;
        while vectors.len() < texts.len() {
            let made = self.0.batch(&texts, vectors.len()).await?;
            if !made.batch.vectors.iter().flatten().all(|number| number.is_finite()) {
                return Err(ProviderError::Malformed("the weights lead to numbers that are not finite"));
            }
            model = made.name;
            tokens += made.batch.tokens as u64;
            vectors.extend(made.batch.vectors);
        }
        Ok(Embeddings { model, vectors, tokens: Some(tokens) })
    }
}

fn unusable(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProviderError {
    ProviderError::Unusable(problem.into())
}
