//! Keeps a key fresh: another one that stands where it comes from is used without a restart.
//!
//! A file is looked at when the key is about to be used, at most once in [`LOOK_EVERY`]. A program is run when the key is
//! first used. Either is asked again at a reload. A key that is not good leaves the one before in its place.
//!
//! A key that was replaced stays known to the redactor until [`REPLACED`] others of the same provider have been after it:
//! requests that are under way still have it, an answer can hold it, and it may open something for a while (S40).

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agentstack_core::{Clock, Secret, SystemClock};
use agentstack_guard::Redactor;
use agentstack_providers::{
    ChatAnswer, ChatModel, ChatRequest, EmbedRequest, Embedder, Embeddings, KeySlot, OnText, ProviderError,
};
use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::key::{ApiKeyProblem, Source};

/// How often a file is looked at, and a program that gave no key is run again, at most.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long ago a file must have been changed for its times to tell it from what it becomes next: they are only as fine
/// as the file system makes them.
const SETTLED_MS: i64 = 2_000;

/// How many keys are known that were replaced. Who replaces them by hand or by the day has no request under way with the
/// first of so many, and each costs some kilobytes.
const REPLACED: usize = 16;

/// A key, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Keeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    field: String,
    source: Source,
    slot: KeySlot,
    every: Duration,
    state: Arc<Mutex<State>>,
    /// Who is told of each key.
    redactor: Redactor,
}

#[derive(Debug, Default)]
struct State {
    /// The keys that the redactor was told of, the one in use being the last.
    told: VecDeque<Secret<String>>,
    /// When it was last looked at.
    looked: Option<Instant>,
    /// The file as it was then, if that tells it from another one.
    seen: Option<Stamp>,
    has_key: bool,
}

/// What a file is known by; `None` where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp(Option<[i64; 7]>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let stamp = |file: std::fs::Metadata| {
            let [device, inode, size] = [file.dev(), file.ino(), file.size()].map(u64::cast_signed);
            [device, inode, size, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()]
        };
        Self(std::fs::symlink_metadata(path).ok().map(stamp))
    }

    /// Whether the file, should it be changed from now on, will have another one.
    fn is_settled(&self) -> bool {
        let changed = self.0.map_or(0, |[_, _, _, modified, _, changed, _]| modified.max(changed));
        SystemClock.now().as_millis().saturating_sub(changed.saturating_mul(1_000)) > SETTLED_MS
    }
}

/// What a look has shown.
struct Look {
    seen: Option<Stamp>,
    /// Nothing, if the file is the one that was seen before.
    key: Option<Result<Secret<String>, ApiKeyProblem>>,
}

/// Looks where the key comes from. Before its content the file's stamp is taken, so that a change in between is seen
/// next time.
fn look(source: &Source, seen: Option<&Stamp>) -> Look {
    let stamp = match source {
        Source::File(path) => Some(Stamp::of(path)),
        _ => None,
    };
    if stamp.is_some() && stamp.as_ref() == seen {
        return Look { seen: stamp, key: None };
    }
    Look { seen: stamp.filter(Stamp::is_settled), key: Some(source.read()) }
}

impl Keeper {
    /// Reads the key if it is in a file; a program is not run yet.
    pub(super) fn start(
        field: String,
        source: Source,
        every: Duration,
        redactor: &Redactor,
    ) -> Result<Self, ApiKeyProblem> {
        let (state, redactor) = (Arc::default(), redactor.clone());
        let inner = Inner { field, source, slot: KeySlot::empty(), every, state, redactor };
        if let Source::File(_) = inner.source
            && let Ok(mut state) = inner.state.try_lock()
        {
            let Look { seen, key } = look(&inner.source, None);
            if let Some(key) = key {
                inner.put(&mut state, key?)?;
            }
            (state.seen, state.has_key) = (seen, true);
        }
        Ok(Self(Arc::new(inner)))
    }

    /// The place of the key.
    pub(super) fn slot(&self) -> KeySlot {
        self.0.slot.clone()
    }

    /// The field that says where the key comes from.
    pub(super) fn field(&self) -> &str {
        &self.0.field
    }

    /// Whether a key is there.
    pub(super) fn check(&self) -> Result<(), ApiKeyProblem> {
        KeySlot::new(self.0.source.read()?)?;
        Ok(())
    }

    /// Sees to it, before the key is used, that it is the one to use.
    pub(super) async fn freshen(&self) {
        let is_file = matches!(self.0.source, Source::File(_));
        let state = match Arc::clone(&self.0.state).try_lock_owned() {
            Ok(state) => state,
            // Somebody is looking, and there is a key in the meantime.
            Err(_) if is_file => return,
            Err(_) => Arc::clone(&self.0.state).lock_owned().await,
        };
        let is_time = state.looked.is_none_or(|looked| looked.elapsed() >= self.0.every);
        if is_time && (is_file || !state.has_key) {
            self.look(state).await;
        }
    }

    /// Asks for the key again. A program that has not given one yet is left for its first use.
    pub(super) async fn renew(&self) {
        let mut state = Arc::clone(&self.0.state).lock_owned().await;
        if state.has_key {
            // Whoever asks for it hears again what is wrong.
            state.seen = None;
            self.look(state).await;
        }
    }

    /// Looks in a task of its own: what a program has given is not lost when whoever waited for it goes.
    async fn look(&self, state: OwnedMutexGuard<State>) {
        let looking = tokio::spawn(Arc::clone(&self.0).look(state));
        // Only a runtime that ends leaves it undone.
        let _ = looking.await;
    }
}

impl Inner {
    async fn look(self: Arc<Self>, mut state: OwnedMutexGuard<State>) {
        let (source, seen) = (self.source.clone(), state.seen.clone());
        let looking = tokio::task::spawn_blocking(move || look(&source, seen.as_ref()));
        let Ok(Look { seen, key }) = looking.await else { return };
        (state.looked, state.seen) = (Some(Instant::now()), seen);
        let Some(key) = key else { return };
        match key.and_then(|key| self.put(&mut state, key)) {
            Ok(is_another) => {
                if is_another && state.has_key {
                    tracing::info!(field = self.field, "another key is in use");
                }
                state.has_key = true;
            }
            Err(problem) => {
                // What passes by itself is not to be taken for what was seen.
                state.seen = None;
                let left = if state.has_key { "the key stays as it was" } else { "there is no key" };
                tracing::warn!(field = self.field, problem = chain(&problem), "{left}");
            }
        }
    }

    /// Puts a key where it is used. The log never has it, nor those before (S40).
    fn put(&self, state: &mut State, key: Secret<String>) -> Result<bool, ApiKeyProblem> {
        // Before it is used.
        self.redactor.know(&key);
        state.told.push_back(key.clone());
        let replaced = self.slot.replace(key);
        let forgotten = match replaced {
            Ok(true) if state.told.len() > REPLACED + 1 => state.told.pop_front(),
            Ok(true) => None,
            // It is known already, or is none.
            _ => state.told.pop_back(),
        };
        if let Some(key) = forgotten {
            self.redactor.forget(&key);
        }
        Ok(replaced?)
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// A provider whose key is looked after.
#[derive(Debug)]
pub(super) struct Keyed<P> {
    provider: P,
    keeper: Option<Keeper>,
}

/// The provider, its key looked after if there is somebody to do it.
pub(super) fn keyed<P>(provider: P, keeper: Option<Keeper>) -> Arc<Keyed<P>> {
    Arc::new(Keyed { provider, keeper })
}

impl<P> Keyed<P> {
    async fn ready(&self) -> &P {
        if let Some(keeper) = &self.keeper {
            keeper.freshen().await;
        }
        &self.provider
    }
}

#[async_trait]
impl<P: ChatModel> ChatModel for Keyed<P> {
    async fn chat(&self, request: &ChatRequest) -> Result<ChatAnswer, ProviderError> {
        self.ready().await.chat(request).await
    }

    async fn chat_streaming(
        &self,
        request: &ChatRequest,
        on_text: &mut OnText<'_>,
    ) -> Result<ChatAnswer, ProviderError> {
        self.ready().await.chat_streaming(request, on_text).await
    }
}

#[async_trait]
impl<P: Embedder> Embedder for Keyed<P> {
    async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings, ProviderError> {
        self.ready().await.embed(request).await
    }
}

#[cfg(test)]
mod tests;
