//! What is started, and how.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use agentstack_core::{Secret, SharedName};
use agentstack_engine::{CallLimits, Observer, Settings, WatchSettings};
use agentstack_guard::Redactor;
use agentstack_rest::{HttpSettings, Metrics, OAuthKeys, OAuthSettings, TlsFiles, WebhookSettings};
use agentstack_storage_sqlite::{KeyMaterial, MasterKey};

use super::coordination::coordination;
use super::{StartError, secrets};
use crate::code_host::code_host;
use crate::config::{Config, Http, IssuerKeys, Limits, OAuth, Overrides, Sources, Tls, Transport, Watch};
use crate::keys::{KeyError, KeySource};
use crate::maintenance::NextKey;
use crate::plugin_setup::looked_after;
use crate::policy::PolicySource;
use crate::providers::{ProviderKeys, configured};

/// What is started, and how.
pub struct Options {
    /// The database file.
    pub database: PathBuf,
    /// Its keys.
    pub keys: KeyMaterial,
    /// Where they come from, to be asked again when the database has got others.
    pub key_source: Option<KeySource>,
    /// The key that it may have got already.
    pub(crate) next_key: Option<NextKey>,
    /// The namespace of calls in one namespace that name neither a session nor a namespace.
    pub default_namespace: SharedName,
    /// Who is told of each call, besides the logs.
    pub observer: Option<Arc<dyn Observer>>,
    /// Where signals are posted, if anywhere.
    pub webhook: Option<WebhookSettings>,
    /// How MCP is to be served.
    pub transport: Transport,
    /// How HTTP is served, if it is.
    pub http: HttpSettings,
    /// What each token is held to over HTTP.
    pub call_limits: CallLimits,
    /// Where the operator's first token is put.
    pub token_folder: Option<PathBuf>,
    /// The token with which a client over stdio calls, if it is not the local user who does.
    pub token: Option<Secret<String>>,
    /// Who may do what.
    pub policy: PolicySource,
    /// What keeps secrets out of the log, of errors and of the audit log; unless somebody says otherwise, that of the
    /// process, [`redactor`](crate::redactor()). The engine is given it. Keys that come from a file or a program are told to
    /// that of the process alone.
    pub redactor: Redactor,
    /// What it is to know, besides the secrets that the other options have.
    pub secrets: Vec<Secret<String>>,
    /// The engine's settings.
    pub settings: Settings,
    /// Whether nothing is ever written, so that no right to is needed: for what proves the audit log.
    pub read_only: bool,
    /// Whether entries that wait for a vector get one in the background.
    pub embeds: bool,
    /// The keys of the models in the settings.
    pub provider_keys: ProviderKeys,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("database", &self.database).finish_non_exhaustive()
    }
}

impl Options {
    /// The usual options for the database at `path` under `key`.
    #[must_use]
    pub fn new(path: PathBuf, key: &MasterKey) -> Self {
        let http = Http::default();
        Self {
            database: path,
            keys: key.derive(),
            key_source: None,
            next_key: None,
            default_namespace: default_namespace(),
            observer: None,
            webhook: None,
            transport: Transport::Stdio,
            http: HttpSettings::new(http.listen),
            call_limits: call_limits(&Limits::default()),
            token_folder: None,
            token: None,
            policy: PolicySource::Builtin,
            redactor: crate::redactor().clone(),
            secrets: vec![key.to_text()],
            settings: Settings::default(),
            read_only: false,
            embeds: true,
            provider_keys: ProviderKeys::default(),
        }
    }
}

impl Options {
    /// The options that the configuration in force asks for. `file` is the one that the user named.
    ///
    /// # Errors
    /// When the configuration or the key is not right. Nothing is changed then.
    pub fn load(file: Option<PathBuf>, overrides: Overrides) -> Result<Self, StartError> {
        let sources = Sources::of_process(file, overrides)?;
        let loaded = Config::load(&sources)?;
        Ok(Self { token: sources.environment.token(), ..Self::from_config(&loaded.config)? })
    }

    /// The same to serve HTTP with: callers are held to the limits of the configuration, and counted in `metrics`.
    #[must_use]
    pub fn for_http(mut self, metrics: &Arc<Metrics>) -> Self {
        self.settings.call_limits = Some(self.call_limits);
        self.observer = Some(Arc::clone(metrics) as _);
        self
    }

    /// The same for a database that has to be there already: nothing is made, no key either.
    ///
    /// # Errors
    /// When there is no database, or the configuration or the key is not right.
    pub fn load_existing(file: Option<PathBuf>) -> Result<Self, StartError> {
        let loaded = Config::load(&Sources::of_process(file, Overrides::default())?)?;
        let database = &loaded.config.memory.path;
        if !database.exists() {
            return Err(StartError::NoDatabase { path: database.clone() });
        }
        Self::looking_after(&loaded.config)
    }

    /// The options of an operator at the command line, who makes a few calls and needs nobody's certificates and keys for
    /// them.
    pub(crate) fn looking_after(config: &Config) -> Result<Self, StartError> {
        let mut options = Self { webhook: None, ..Self::without_providers(config)? };
        options.settings.plugins = Some(looked_after(config)?);
        Ok(options)
    }

    /// The same of a database that need not be there: then it is made, with its key, unless `existing`.
    ///
    /// # Errors
    /// When the configuration or the key is not right, or there is no database where there has to be one.
    pub fn load_or_make(file: Option<PathBuf>, existing: bool) -> Result<Self, StartError> {
        let loaded = Config::load(&Sources::of_process(file.clone(), Overrides::default())?)?;
        if existing || loaded.config.memory.path.exists() {
            return Self::load_existing(file);
        }
        Ok(Self { webhook: None, ..Self::without_providers(&loaded.config)? })
    }

    /// The same for an existing database with the providers that it takes to embed what is stored, and without doing so
    /// in the background.
    ///
    /// # Errors
    /// As [`Options::load_existing`], or when a provider is asked for that cannot be there.
    pub fn load_to_embed(file: Option<PathBuf>) -> Result<Self, StartError> {
        let loaded = Config::load(&Sources::of_process(file.clone(), Overrides::default())?)?;
        let mut options = Self::load_existing(file)?;
        let providers = configured(&loaded.config)?;
        options.settings.models = providers.models;
        Ok(Self { provider_keys: providers.keys, embeds: false, ..options })
    }

    /// The options that a configuration asks for. Reads the keys; makes one for a new database. Nobody is connected to.
    ///
    /// # Errors
    /// When there is no key, or it cannot be read safely, or a provider is asked for that cannot be there, or the login of
    /// `gh` is not private.
    pub fn from_config(config: &Config) -> Result<Self, StartError> {
        let providers = configured(config)?;
        let mut options = Self::without_providers(config)?;
        options.settings.models = providers.models;
        options.settings.code_host = code_host(config)?;
        options.provider_keys = providers.keys;
        #[cfg(feature = "wasm-plugins")]
        if config.plugins.enabled {
            options.settings.plugins = Some(crate::plugin_setup::served(config)?);
        }
        Ok(options)
    }

    fn without_providers(config: &Config) -> Result<Self, KeyError> {
        let source = &config.security.key_source;
        let key = source.load(&config.memory.path)?;
        let next = source.next()?;
        let keys = key.derive();
        Ok(Self {
            database: config.memory.path.clone(),
            keys: if config.security.encryption { keys } else { keys.without_encryption() },
            next_key: next.map(|next| NextKey::new(&next, Some(source.clone()))),
            key_source: Some(source.clone()),
            default_namespace: config.memory.default_namespace.clone(),
            observer: None,
            webhook: webhook(&config.watch),
            transport: config.mcp.transport,
            http: http_settings(&config.http, &config.limits),
            call_limits: call_limits(&config.limits),
            token_folder: config.token_folder.clone(),
            token: None,
            policy: config.security.policy.clone().map_or(PolicySource::Builtin, PolicySource::Folder),
            redactor: crate::redactor().clone(),
            secrets: secrets::of(config).into_iter().chain([key.to_text()]).collect(),
            settings: Settings {
                session_idle_ms: config.limits.session_idle_ms(),
                session_age_ms: config.limits.session_max_age_ms(),
                checkpoint_every: config.audit.checkpoint_every,
                sessions_per_principal: config.limits.sessions_per_principal,
                entries_per_session: config.limits.entries_per_session,
                unverified_days: config.retention.unverified_days,
                guard: Arc::new(config.guard.policy()),
                coordination: coordination(config),
                watch: config.watch.enabled.then(|| watch(&config.watch)),
                shown_config: config.redacted(),
                ..Settings::default()
            },
            read_only: false,
            embeds: true,
            provider_keys: ProviderKeys::default(),
        })
    }
}

fn watch(section: &Watch) -> WatchSettings {
    WatchSettings {
        thresholds: section.thresholds.into(),
        cool_down_ms: i64::from(section.cool_down_seconds) * 1_000,
    }
}

/// Where there is nothing to be said, nobody is posted to.
fn webhook(section: &Watch) -> Option<WebhookSettings> {
    let webhook = section.webhook.as_ref().filter(|_| section.enabled)?;
    Some(WebhookSettings { url: webhook.url.clone(), secret: webhook.secret.clone() })
}

pub(crate) fn tls_files(tls: &Tls) -> TlsFiles {
    TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() }
}

fn http_settings(http: &Http, limits: &Limits) -> HttpSettings {
    HttpSettings {
        metrics_listen: http.metrics_listen,
        allowed_hosts: http.allowed_hosts.clone(),
        allowed_origins: http.allowed_origins.clone(),
        behind_proxy: http.behind_proxy,
        tls: http.tls.as_ref().map(tls_files),
        oauth: http.oauth.as_ref().map(oauth_settings),
        failed_authentications_per_minute: limits.failed_authentications_per_minute,
        connections: limits.connections,
        requests: limits.requests,
        ..HttpSettings::new(http.listen)
    }
}

fn oauth_settings(oauth: &OAuth) -> OAuthSettings {
    let keys = match &oauth.keys {
        IssuerKeys::Uri(uri) => OAuthKeys::Uri(uri.clone()),
        IssuerKeys::File(path) => OAuthKeys::File(path.clone()),
    };
    OAuthSettings { issuer: oauth.issuer.clone(), audience: oauth.audience.clone(), keys }
}

fn call_limits(limits: &Limits) -> CallLimits {
    CallLimits {
        per_second: limits.calls_per_second,
        burst: limits.call_burst,
        concurrent: limits.concurrent_calls,
    }
}

/// `default`, as in the reference.
fn default_namespace() -> SharedName {
    #[expect(clippy::expect_used, reason = "a constant that the tests have parsed")]
    "default".parse().expect("`default` is a name")
}
