//! Packages that were read and verified, and components that are ready to run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use agentstack_audit::{Decision, Outcome};
use agentstack_core::RequestId;
use agentstack_plugins::{LoadedPlugin, Manifest, PackageProblem, Unloadable, Unverified, Verified, verify};
use agentstack_storage::{Pending, PluginRecord};
use tokio::sync::OnceCell;

use super::{Plugins, pin};
use crate::Engine;
use crate::engine::Chain;
use crate::failure::Failure;

/// How long a plugin that could not be loaded is not tried again, unless it is installed anew.
const PAUSE: Duration = Duration::from_secs(10);
/// How many versions are remembered before all are forgotten.
const REMEMBERED: usize = 128;

/// What this process has loaded, by the hash of the package.
#[derive(Default)]
pub(crate) struct Loaded(Mutex<HashMap<[u8; 32], Arc<Entry>>>);

/// One version of one plugin.
#[derive(Default)]
pub(super) struct Entry {
    manifest: OnceCell<Manifest>,
    component: OnceCell<Arc<dyn LoadedPlugin>>,
    failed: Mutex<Option<Instant>>,
}

/// Why a plugin was not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadProblem {
    /// Its files.
    #[error(transparent)]
    Package(#[from] PackageProblem),
    /// Its signature, or that it is another one than was installed.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// Its component.
    #[error(transparent)]
    Unloadable(#[from] Unloadable),
    /// It failed a moment ago.
    #[error("it could not be loaded a moment ago")]
    Lately,
    /// The thread that read it did not come back.
    #[error("the package was not read to the end")]
    Interrupted,
}

impl LoadProblem {
    /// The word under which the audit log keeps the reason.
    fn reason(&self) -> &'static str {
        match self {
            Self::Package(_) | Self::Interrupted => "package",
            Self::Unverified(Unverified::Unsigned | Unverified::Malformed) => "unsigned",
            Self::Unverified(Unverified::UnknownKey(_)) => "unknown_key",
            Self::Unverified(Unverified::Revoked(_)) => "revoked_key",
            Self::Unverified(Unverified::Altered | Unverified::Forged) => "altered",
            Self::Unverified(_) => "not_pinned",
            Self::Unloadable(_) => "component",
            Self::Lately => "lately",
        }
    }
}

impl Loaded {
    fn entry(&self, hash: [u8; 32]) -> Arc<Entry> {
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.len() >= REMEMBERED && !loaded.contains_key(&hash) {
            loaded.clear();
        }
        Arc::clone(loaded.entry(hash).or_default())
    }

    /// Forgets what is installed no more.
    pub(super) fn forget(&self, hash: [u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash);
    }
}

impl Entry {
    /// What the plugin says of itself; it is there once [`Engine::manifest_of`] was asked.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.manifest.get()
    }

    fn failed_lately(&self) -> bool {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_some_and(|at| at.elapsed() < PAUSE)
    }
}

impl Engine {
    /// The plugin with its manifest, verified when this process first asks for it.
    pub(super) async fn manifest_of(
        &self,
        plugins: &Plugins,
        record: &PluginRecord,
        request: RequestId,
    ) -> Result<Arc<Entry>, Failure> {
        let entry = self.loaded_plugins().entry(record.hash);
        let read = entry.manifest.get_or_try_init(|| async {
            let verified = self.trying(&entry, record, request, verified(plugins, record)).await?;
            Ok::<_, Failure>(verified.into_manifest())
        });
        read.await?;
        Ok(entry)
    }

    /// The plugin ready to run. It is read and verified anew for this: what is made ready is what was signed.
    pub(super) async fn component_of(
        &self,
        plugins: &Plugins,
        record: &PluginRecord,
        request: RequestId,
    ) -> Result<(Arc<Entry>, Arc<dyn LoadedPlugin>), Failure> {
        let entry = self.manifest_of(plugins, record, request).await?;
        let made = entry.component.get_or_try_init(|| async {
            let loading = async {
                let verified = verified(plugins, record).await?;
                Ok(plugins.host.load(verified.component().into()).await?)
            };
            let begun = Instant::now();
            let component = self.trying(&entry, record, request, loading).await?;
            let scope = self.loading_scope(request).await?;
            let draft = self.draft(&scope.caller(), scope.operation().name, None);
            let pending = Pending::new(self.about_plugin(draft, &record.name), begun);
            self.tell(&pending.clone().close(Outcome::Ok, vec![]));
            tracing::info!(plugin = %record.name, version = %record.version, "a plugin was loaded");
            self.store().note_plugin_load(&scope, &record.name, &record.hash, pending).await?;
            Ok::<_, Failure>(component)
        });
        let component = Arc::clone(made.await?);
        Ok((entry, component))
    }

    /// Loads something, unless that failed a moment ago. A failure is recorded and logged.
    async fn trying<T>(
        &self,
        entry: &Entry,
        record: &PluginRecord,
        request: RequestId,
        loading: impl Future<Output = Result<T, LoadProblem>>,
    ) -> Result<T, Failure> {
        if entry.failed_lately() {
            return Err(Failure::PluginNotLoaded(LoadProblem::Lately));
        }
        let begun = Instant::now();
        let problem = match loading.await {
            Ok(loaded) => return Ok(loaded),
            Err(problem) => problem,
        };
        *entry.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        tracing::error!(plugin = %record.name, version = %record.version, error = %Chain(&problem), "a plugin cannot be loaded");
        let scope = self.loading_scope(request).await?;
        let draft = self.draft(&scope.caller(), scope.operation().name, None);
        let pending = Pending::new(self.about_plugin(draft, &record.name), begun);
        let draft = pending.refused((Decision::Deny, problem.reason(), Outcome::Forbidden));
        self.tell(&draft);
        self.journal().record(draft).await.map_err(|_| Failure::Unrecorded)?;
        Err(Failure::PluginNotLoaded(problem))
    }
}

/// Reads and verifies the package of what was installed.
async fn verified(plugins: &Plugins, record: &PluginRecord) -> Result<Verified, LoadProblem> {
    let pin = pin(record).map_err(|_| Unverified::NotPinned)?;
    let plugins = plugins.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let package = plugins.packages.read(&pin.name, pin.hash)?;
        let verified = verify(package, &plugins.keys)?;
        verified.matches(&pin)?;
        Ok(verified)
    });
    reading.await.unwrap_or(Err(LoadProblem::Interrupted))
}
