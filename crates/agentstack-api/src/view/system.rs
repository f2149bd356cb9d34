//! The answers about the system.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// Answer of `system_status`. The counts are the caller's own.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemStatusView {
    /// Version of the product.
    pub version: String,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// The caller's live sessions.
    pub sessions: u64,
    /// The memory entries in them.
    pub entries: u64,
    /// Where memory is kept.
    pub storage: StorageView,
    /// What is switched on.
    pub features: FeaturesView,
}

/// Where memory is kept.
#[derive(Serialize, JsonSchema)]
pub struct StorageView {
    /// The kind of store.
    pub backend: String,
    /// Whether it is encrypted at rest.
    pub encrypted: bool,
}

/// What is switched on.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeaturesView {
    /// The tools for code hosts.
    pub github: bool,
    /// Plugins.
    pub plugins: bool,
    /// Search by meaning.
    pub vector_search: bool,
}

/// Whether something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should.
    Ok,
    /// Not, or not in full.
    Degraded,
}

/// Answer of `system_health`.
#[derive(Serialize, JsonSchema)]
pub struct SystemHealthView {
    /// Ok if every check is.
    #[schemars(with = "String", extend("enum" = ["ok", "degraded"]))]
    pub status: Health,
    /// What was looked at.
    pub checks: Vec<CheckView>,
}

impl SystemHealthView {
    /// The health that these checks come to.
    #[must_use]
    pub fn new(checks: Vec<CheckView>) -> Self {
        let ok = checks.iter().all(|check| check.status == Health::Ok);
        Self { status: if ok { Health::Ok } else { Health::Degraded }, checks }
    }
}

/// One thing that was looked at.
#[derive(Serialize, JsonSchema)]
pub struct CheckView {
    /// What.
    pub name: String,
    /// Whether it works.
    #[schemars(with = "String", extend("enum" = ["ok", "degraded"]))]
    pub status: Health,
    /// What to know about it, without paths and secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Answer of `system_config`.
#[derive(Serialize, JsonSchema)]
pub struct SystemConfigView {
    /// The configuration in force, without secrets and paths.
    pub config: Map<String, Value>,
}
