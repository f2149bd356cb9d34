//! What the installation says of itself.

use agentstack_access::{Caller, Scope};
use agentstack_api::ErrorBody;
use agentstack_api::operations::METRICS_READ;
use agentstack_api::view::{
    CheckView, FeaturesView, Health, StorageView, SystemConfigView, SystemHealthView, SystemStatusView,
};

use agentstack_storage::Figures;

use crate::Engine;
use crate::failure::Failure;

impl Engine {
    pub(crate) async fn system_status(&self, scope: &Scope) -> Result<SystemStatusView, Failure> {
        let counts = self.store().counts(scope).await?;
        let storage = self.store().health().await?;
        Ok(SystemStatusView {
            version: self.settings().version.to_owned(),
            uptime_seconds: self.uptime_seconds(),
            sessions: counts.sessions,
            entries: counts.entries,
            storage: StorageView { backend: storage.backend.to_owned(), encrypted: storage.encrypted },
            features: FeaturesView {
                github: self.settings().code_host.is_some(),
                plugins: self.settings().plugins.is_some(),
                vector_search: self.embedder().is_some(),
            },
        })
    }

    pub(crate) async fn system_health(&self) -> SystemHealthView {
        let check = |name: &str, ok: bool, detail: Option<&str>| CheckView {
            name: name.to_owned(),
            status: if ok { Health::Ok } else { Health::Degraded },
            detail: detail.map(str::to_owned),
        };
        let storage = self.store().health().await;
        let mut checks = vec![check("storage", storage.is_ok(), None)];
        if let Ok(storage) = &storage {
            // Plaintext is a choice, and one to be reminded of (S37).
            let detail = if storage.encrypted { "on" } else { "off: what is stored is readable on disk" };
            checks.push(check("encryption", storage.encrypted, Some(detail)));
        }
        if self.embedder().is_some() {
            let (ok, detail) = self.embedder_health().unwrap_or((true, None));
            checks.push(check("embeddings", ok, detail.as_deref()));
        }
        if let Some(hosting) = &self.settings().code_host {
            let (ok, detail) = hosting.host.health();
            checks.push(check("github", ok, Some(detail)));
        }
        checks.push(check("audit", self.journal().is_writable().await, None));
        SystemHealthView::new(checks)
    }

    /// Whether calls can be served: the store answers under its key, and the audit log can be written.
    pub async fn is_ready(&self) -> bool {
        self.store().health().await.is_ok() && self.journal().is_writable().await
    }

    /// How much there is, of everybody's.
    ///
    /// # Errors
    /// When the principal may not, or the store cannot say.
    pub async fn figures(&self, caller: &Caller) -> Result<Figures, ErrorBody> {
        let scope = self.authorize_unclaimed(caller, &METRICS_READ).await?;
        let figures = self.store().figures(&scope).await;
        let figures =
            figures.map_err(|error| Failure::from(error).body(caller.request, &self.settings().redactor))?;
        self.note_done(caller, &METRICS_READ).await;
        Ok(figures)
    }

    pub(crate) fn system_config(&self) -> SystemConfigView {
        SystemConfigView { config: self.settings().shown_config.clone() }
    }
}
