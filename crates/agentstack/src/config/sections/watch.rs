//! The section about signals.

use agentstack_core::Secret;
use agentstack_engine::Thresholds;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is watched, and who is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Watch {
    /// Whether it is on.
    pub enabled: bool,
    /// For how long a rule says nothing more of the same principal, in seconds.
    pub cool_down_seconds: u32,
    /// From when on each rule says something.
    pub thresholds: WatchThresholds,
    /// Where signals are posted, if anywhere.
    pub webhook: Option<WatchWebhook>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            enabled: true,
            cool_down_seconds: 3_600,
            thresholds: Thresholds::default().into(),
            webhook: None,
        }
    }
}

/// From when on each rule says something.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct WatchThresholds {
    /// Refused calls of one principal in a minute.
    pub denial_burst: u32,
    /// Calls of one principal in ten minutes for sessions that it does not hold.
    pub foreign_session_probing: u32,
    /// Credentials that were not accepted in a minute.
    pub failed_authentications: u32,
    /// Calls of one principal in ten minutes that read memory.
    pub unusual_export: u32,
    /// Calls after which an operation that is new to a principal is worth a word.
    pub first_operation: u32,
    /// How many times its usual rate a principal may call an operation.
    pub unusual_rate: u32,
    /// Percent of all calls in five minutes that fail.
    pub error_rate: u32,
    /// Runs of agents of one principal in ten minutes.
    pub provider_burst: u32,
}

impl Default for WatchThresholds {
    fn default() -> Self {
        Thresholds::default().into()
    }
}

impl From<Thresholds> for WatchThresholds {
    fn from(engine: Thresholds) -> Self {
        Self {
            denial_burst: engine.denial_burst,
            foreign_session_probing: engine.foreign_session_probing,
            failed_authentications: engine.failed_authentications,
            unusual_export: engine.unusual_export,
            first_operation: engine.first_operation,
            unusual_rate: engine.unusual_rate,
            error_rate: engine.error_rate,
            provider_burst: engine.provider_burst,
        }
    }
}

impl From<WatchThresholds> for Thresholds {
    fn from(section: WatchThresholds) -> Self {
        Self {
            denial_burst: section.denial_burst,
            foreign_session_probing: section.foreign_session_probing,
            failed_authentications: section.failed_authentications,
            unusual_export: section.unusual_export,
            first_operation: section.first_operation,
            unusual_rate: section.unusual_rate,
            error_rate: section.error_rate,
            provider_burst: section.provider_burst,
        }
    }
}

/// Where signals are posted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct WatchWebhook {
    /// The address. Whoever knows it may be able to post there, so it is a secret.
    #[serde(serialize_with = "set", deserialize_with = "given")]
    pub url: Secret<String>,
    /// What bodies are signed with, if they are.
    #[serde(default, serialize_with = "super::whether_set", deserialize_with = "super::secret")]
    pub secret: Option<Secret<String>>,
}

/// A secret is never written: only that there is one (S40).
fn set<S: Serializer>(_: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("set")
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}
