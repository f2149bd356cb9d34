//! The sections of a configuration as types, each with what is in force when the file does not say.

mod coordination;
mod github;
mod guard;
mod providers;
mod watch;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use agentstack_core::limits::{
    ENTRIES_PER_SESSION, SESSION_AGE_MS, SESSION_IDLE_MS, SESSIONS_PER_PRINCIPAL, TASK_DEPTH, TASK_PARTS,
    TASKS_PER_SESSION,
};
use agentstack_core::{Secret, SharedName};
pub use coordination::{
    Agents, CustomAgentType, DriftBehavior, DriftDetection, DriftSimilarity, ResourceExhaustion,
    ResourceThresholds,
};
pub use github::GitHub;
pub use guard::{Guard, GuardRule, Retention};
pub use providers::{ApiKeyring, EmbeddingProvider, Provider, ProviderName, Providers};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
pub use watch::{Watch, WatchThresholds, WatchWebhook};

use crate::keys::KeySource;

/// Where memory is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Memory {
    /// The database file.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// The shared namespace of calls that name neither a session nor a namespace.
    #[serde(serialize_with = "name", deserialize_with = "shared_name")]
    pub default_namespace: SharedName,
    /// Search by meaning.
    pub vector_search: VectorSearch,
}

impl Default for Memory {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant that the tests have parsed")]
        let default_namespace = "default".parse().expect("`default` is a name");
        Self { path: "./data/aistack.db".into(), default_namespace, vector_search: VectorSearch::default() }
    }
}

/// Search by meaning.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct VectorSearch {
    /// Whether it is on.
    pub enabled: bool,
    /// Who computes the embeddings.
    pub provider: EmbeddingProvider,
    /// The embedding model; without one, the provider's usual one.
    pub model: Option<String>,
    /// The folder of a model of this machine's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

/// Plugins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Plugins {
    /// Whether they are loaded.
    pub enabled: bool,
    /// Where their packages are.
    #[serde(serialize_with = "path")]
    pub directory: PathBuf,
    /// Whose signatures count.
    pub trusted_keys: Vec<String>,
    /// Whose signatures count no more.
    pub revoked_keys: Vec<String>,
    /// What plugins are told when they ask for a setting, by plugin.
    #[serde(serialize_with = "whether_any", deserialize_with = "settings")]
    pub settings: PluginSettings,
}

/// Settings of plugins, by plugin and by name.
type PluginSettings = BTreeMap<String, BTreeMap<String, Secret<String>>>;

/// Of settings only whether there are any.
fn whether_any<S: Serializer>(settings: &PluginSettings, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if settings.is_empty() { "not set" } else { "set" })
}

fn settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PluginSettings, D::Error> {
    let read = BTreeMap::<String, BTreeMap<String, String>>::deserialize(deserializer)?;
    let secret = |of_it: BTreeMap<String, String>| {
        of_it.into_iter().map(|(key, value)| (key, Secret::new(value))).collect()
    };
    Ok(read.into_iter().map(|(plugin, of_it)| (plugin, secret(of_it))).collect())
}

impl Default for Plugins {
    fn default() -> Self {
        Self {
            enabled: false,
            directory: "./plugins".into(),
            trusted_keys: vec![],
            revoked_keys: vec![],
            settings: BTreeMap::new(),
        }
    }
}

/// How MCP is served.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Mcp {
    /// The transport.
    pub transport: Transport,
}

/// A transport of MCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Transport {
    /// Standard input and output.
    #[default]
    Stdio,
    /// Streamable HTTP.
    Http,
}

/// Protection of what is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Security {
    /// Whether the database is encrypted (S37). The key is needed in either case: it signs the audit log.
    #[serde(default = "on")]
    pub encryption: bool,
    /// The folder of the policy that replaces the built-in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PathBuf>,
    /// Where the key comes from.
    pub key_source: KeySource,
}

impl Security {
    /// Encryption with the key from `key_source`.
    #[must_use]
    pub fn new(key_source: KeySource) -> Self {
        Self { encryption: on(), policy: None, key_source }
    }
}

const fn on() -> bool {
    true
}

/// Limits.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Limits {
    /// Seconds without a call after which a session expires.
    pub session_idle_seconds: u32,
    /// Seconds after which a session expires in any case.
    pub session_max_age_seconds: u32,
    /// Calls of one operation that one token may make in a second.
    pub calls_per_second: NonZeroU32,
    /// Calls of one operation that one token may make at once, after a pause.
    pub call_burst: NonZeroU32,
    /// Calls of one token that may be under way at one time.
    pub concurrent_calls: u32,
    /// Most live sessions of one principal.
    pub sessions_per_principal: u64,
    /// Most entries of one session.
    pub entries_per_session: u64,
    /// Most tasks of one session.
    pub tasks_per_session: u32,
    /// Most ancestors of a task.
    pub task_depth: u32,
    /// Most tasks that are parts of one.
    pub task_parts: u32,
    /// Failed authentications of one client address in a minute.
    pub failed_authentications_per_minute: u32,
    /// Most connections at one time.
    pub connections: usize,
    /// Most requests under way at one time.
    pub requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            session_idle_seconds: seconds(SESSION_IDLE_MS),
            session_max_age_seconds: seconds(SESSION_AGE_MS),
            calls_per_second: number(100),
            call_burst: number(200),
            concurrent_calls: 32,
            sessions_per_principal: SESSIONS_PER_PRINCIPAL,
            entries_per_session: ENTRIES_PER_SESSION,
            tasks_per_session: TASKS_PER_SESSION,
            task_depth: TASK_DEPTH,
            task_parts: TASK_PARTS,
            failed_authentications_per_minute: 30,
            connections: 20_000,
            requests: 256,
        }
    }
}

impl Limits {
    /// The idle time in milliseconds.
    #[must_use]
    pub fn session_idle_ms(&self) -> i64 {
        i64::from(self.session_idle_seconds) * 1_000
    }

    /// The greatest age in milliseconds.
    #[must_use]
    pub fn session_max_age_ms(&self) -> i64 {
        i64::from(self.session_max_age_seconds) * 1_000
    }
}

const fn number(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// How HTTP is served.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Http {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where metrics are served without a token, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// The names by which clients may call the server, besides those of the loopback interface.
    pub allowed_hosts: Vec<String>,
    /// The origins whose pages may call it, besides its own.
    pub allowed_origins: Vec<String>,
    /// Whether a proxy that ends TLS stands in front.
    pub behind_proxy: bool,
    /// Certificate and key.
    pub tls: Option<Tls>,
    /// The issuer whose tokens are accepted.
    pub oauth: Option<OAuth>,
}

/// An issuer of JSON Web Tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OAuth {
    /// Its name in the claim `iss`.
    pub issuer: String,
    /// Our name in the claim `aud`.
    pub audience: String,
    /// Where its keys are.
    #[serde(flatten)]
    pub keys: IssuerKeys,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub enum IssuerKeys {
    /// At an address.
    #[serde(rename = "jwksUri")]
    Uri(String),
    /// In a file.
    #[serde(rename = "jwksFile", serialize_with = "path")]
    File(PathBuf),
}

/// The files of TLS.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Tls {
    /// The certificate chain.
    #[serde(serialize_with = "path")]
    pub certificate: PathBuf,
    /// The private key.
    #[serde(serialize_with = "path")]
    pub key: PathBuf,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3001)),
            metrics_listen: None,
            allowed_hosts: vec![],
            allowed_origins: vec![],
            behind_proxy: false,
            tls: None,
            oauth: None,
        }
    }
}

fn seconds(milliseconds: i64) -> u32 {
    u32::try_from(milliseconds / 1_000).unwrap_or(u32::MAX)
}

/// The audit log.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Audit {
    /// How many records go by between signed checkpoints; at least 1.
    pub checkpoint_every: u64,
}

impl Default for Audit {
    fn default() -> Self {
        Self { checkpoint_every: 1_000 }
    }
}

/// Connections to others.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Egress {
    /// Whether there are any: to whom the configuration names, and nobody else. Off, whatever needs one stops the start.
    pub enabled: bool,
}

impl Default for Egress {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// A section of the reference that can only be off.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Elsewhere {
    pub(super) enabled: bool,
}

fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// A secret is never written: only whether there is one (S40).
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn whether_set<S: Serializer>(secret: &Option<Secret<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.is_some() { "set" } else { "not set" })
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<String>>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(Secret::new(text)))
}

fn name<S: Serializer>(name: &SharedName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_str())
}

fn shared_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SharedName, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
