//! Vectors of entries.

use agentstack_access::Scope;
use agentstack_audit::Outcome;
use agentstack_core::{MemoryKey, Namespace, Timestamp, VersionId};
use async_trait::async_trait;

use super::{Kept, ReferenceStore, State};
use crate::embedding::EMBEDDED_CHARS;
use crate::{
    Again, EmbeddingFigures, EmbeddingModel, EmbeddingStore, Meaning, ModelFigures, Pending, StorageError,
    Vector, Waiting, WaitingId, Wish,
};

/// What there is of a vector.
#[derive(Clone)]
pub(super) enum Embedded {
    No,
    Waiting,
    Declined,
    Failed,
    Kept(EmbeddingModel, Vector),
}

impl Kept {
    /// A vector is that of the current version, and another one is current from now on.
    pub(super) fn outdate(&mut self) {
        if self.current.declined {
            self.embedded = Embedded::Declined;
        } else if matches!(self.embedded, Embedded::Failed | Embedded::Kept(..)) {
            self.embedded = Embedded::Waiting;
        }
    }

    /// Whether it has no vector of the model and is to have one.
    pub(super) fn without(&self, model: &EmbeddingModel) -> bool {
        match &self.embedded {
            Embedded::Kept(of, _) => of != model,
            Embedded::Declined => false,
            _ => true,
        }
    }

    /// How alike it is.
    pub(super) fn cosine(&self, meaning: &Meaning) -> Option<f64> {
        match &self.embedded {
            Embedded::Kept(model, vector) if *model == meaning.model => vector.cosine(&meaning.vector),
            _ => None,
        }
    }
}

impl State {
    pub(super) fn wish(&mut self, namespace: &Namespace, key: &MemoryKey, wish: Wish) {
        let entries = self.entries.get_mut(namespace).into_iter().flatten();
        for kept in entries.filter(|kept| kept.key == *key) {
            match wish {
                Wish::None => {}
                Wish::Wanted => kept.embedded = Embedded::Waiting,
                Wish::Declined => kept.embedded = Embedded::Declined,
            }
        }
    }

    fn know(&mut self, model: &EmbeddingModel) {
        if !self.models.contains(model) {
            self.models.push(model.clone());
        }
    }

    fn by_number(&self) -> Vec<&Kept> {
        let mut all: Vec<&Kept> = self.entries.values().flatten().collect();
        all.sort_by_key(|kept| kept.number);
        all
    }
}

#[async_trait]
impl EmbeddingStore for ReferenceStore {
    async fn lease_embedding(
        &self,
        scope: &Scope,
        worker: [u8; 16],
        until: Timestamp,
    ) -> Result<bool, StorageError> {
        let mut state = self.state()?;
        let is_free = state.embedder.is_none_or(|(other, end)| other == worker || end <= scope.at());
        let taken = scope.principal().is_operator() && is_free;
        if taken {
            state.embedder = Some((worker, until));
        }
        Ok(taken)
    }

    async fn waiting(&self, scope: &Scope, limit: u32) -> Result<Vec<Waiting>, StorageError> {
        let state = self.state()?;
        if !scope.principal().is_operator() {
            return Ok(vec![]);
        }
        let waits = |kept: &&Kept| matches!(kept.embedded, Embedded::Waiting);
        let waiting = |kept: &Kept| Waiting {
            id: WaitingId {
                version: VersionId { entry: kept.id, version: kept.current.version.version },
                number: kept.number,
            },
            text: kept.current.version.content.chars().take(EMBEDDED_CHARS as usize).collect(),
        };
        Ok(state.by_number().into_iter().filter(waits).take(limit as usize).map(waiting).collect())
    }

    async fn keep_vectors(
        &self,
        scope: &Scope,
        model: &EmbeddingModel,
        vectors: Vec<(WaitingId, Option<Vector>)>,
        pending: Pending,
    ) -> Result<u64, StorageError> {
        let mut state = self.state()?;
        if !scope.principal().is_operator() {
            return Ok(0);
        }
        state.know(model);
        let mut count = 0;
        for (id, vector) in vectors {
            let vector = vector.filter(|vector| vector.dimension() == model.dimension);
            let is_meant = |kept: &&mut Kept| {
                VersionId { entry: kept.id, version: kept.current.version.version } == id.version
                    && matches!(kept.embedded, Embedded::Waiting)
            };
            if let Some(kept) = state.entries.values_mut().flatten().find(is_meant) {
                count += u64::from(vector.is_some());
                kept.embedded =
                    vector.map_or(Embedded::Failed, |vector| Embedded::Kept(model.clone(), vector));
            }
        }
        state.append(&pending.close(Outcome::Ok, vec![("entries", count)]));
        Ok(count)
    }

    async fn embed_again(
        &self,
        scope: &Scope,
        model: &EmbeddingModel,
        (after, most): (i64, u32),
        pending: Pending,
    ) -> Result<Again, StorageError> {
        let mut state = self.state()?;
        if !scope.principal().is_operator() {
            return Ok(Again::default());
        }
        state.know(model);
        let mut all: Vec<&mut Kept> = state.entries.values_mut().flatten().collect();
        all.sort_by_key(|kept| kept.number);
        let rest = all.into_iter().filter(|kept| kept.number > after);
        let mut done = Again::default();
        for (looked, kept) in (1..=most).zip(rest) {
            if kept.without(model) {
                kept.embedded = Embedded::Waiting;
                done.waiting += 1;
            }
            done.next = (looked == most).then_some(kept.number);
        }
        state.append(&pending.close(Outcome::Ok, vec![("entries", done.waiting)]));
        Ok(done)
    }

    async fn embedding_figures(&self, scope: &Scope) -> Result<EmbeddingFigures, StorageError> {
        let state = self.state()?;
        if !scope.principal().is_operator() {
            return Ok(EmbeddingFigures::default());
        }
        let all = state.by_number();
        let many =
            |is: &dyn Fn(&Embedded) -> bool| all.iter().filter(|kept| is(&kept.embedded)).count() as u64;
        let figures = |model: &EmbeddingModel| ModelFigures {
            model: model.clone(),
            vectors: many(&|embedded| matches!(embedded, Embedded::Kept(of, _) if of == model)),
        };
        Ok(EmbeddingFigures {
            models: state.models.iter().map(figures).filter(|figures| figures.vectors > 0).collect(),
            waiting: many(&|embedded| matches!(embedded, Embedded::Waiting)),
            failed: many(&|embedded| matches!(embedded, Embedded::Failed)),
            declined: many(&|embedded| matches!(embedded, Embedded::Declined)),
            entries: all.len() as u64,
        })
    }
}
