//! The composition.

mod coordination;
pub(crate) mod secrets;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agentstack_access::{Authorizer, Principal, SessionDirectory};
use agentstack_api::ErrorBody;
use agentstack_audit::{Checkpoint, Report, VerifyingKey};
use agentstack_core::{AgentId, Clock, ProcessId, Secret, SharedName, SystemClock};
use agentstack_engine::{CallLimits, Engine, Observer, Parts, Settings, WatchSettings, embed_in_background};
use agentstack_github::GhProblem;
use agentstack_guard::Redactor;
use agentstack_mcp::{McpServer, ServeError};
use agentstack_plugins::InvalidKeys;
use agentstack_rest::{
    HttpSettings, Metrics, OAuthKeys, OAuthSettings, ServeError as HttpError, Server, TlsFiles, Webhook,
    WebhookProblem, WebhookSettings,
};
use agentstack_storage::Storage;
use agentstack_storage_sqlite::{KeyMaterial, MasterKey, OpenError, OpenOptions, SqliteStore};

use self::coordination::coordination;
use crate::code_host::code_host;
use crate::config::{
    Config, ConfigError, Http, IssuerKeys, Limits, OAuth, Overrides, Sources, Tls, Transport, Watch,
};
use crate::keys::{KeyError, KeySource};
use crate::maintenance::NextKey;
use crate::plugin_setup::looked_after;
use crate::policy::{LoadedPolicy, PolicyProblem, PolicySource};
use crate::providers::{ProviderKeys, ProviderProblem, configured};

/// How often what time demands is looked after.
const HOUSEKEEPING: Duration = Duration::from_mins(1);

/// Why the product did not start. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// There is nothing to look after.
    #[error("there is no database at {}; name the configuration that says where it is with --config", path.display())]
    NoDatabase {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The policy.
    #[error(transparent)]
    Policy(#[from] PolicyProblem),
    /// The providers of language models.
    #[error(transparent)]
    Provider(#[from] ProviderProblem),
    /// The program `gh`.
    #[error(transparent)]
    GitHub(#[from] GhProblem),
    /// The keys that plugins are signed with.
    #[error("in `plugins` of the configuration: {0}")]
    PluginKeys(#[from] InvalidKeys),
    /// The webhook.
    #[error(transparent)]
    Webhook(#[from] WebhookProblem),
    /// The database has got another key, and the audit log was not signed with it.
    #[error("the audit log was not signed with the new key of the database: {}", .0.message())]
    Succession(ErrorBody),
}

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

    /// The same to import into. A database that is not there yet is made, with its key, unless `existing`.
    ///
    /// # Errors
    /// When the configuration or the key is not right, or there is no database where there has to be one.
    pub fn load_to_import(file: Option<PathBuf>, existing: bool) -> Result<Self, StartError> {
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

fn http_settings(http: &Http, limits: &Limits) -> HttpSettings {
    let files = |tls: &Tls| TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() };
    HttpSettings {
        metrics_listen: http.metrics_listen,
        allowed_hosts: http.allowed_hosts.clone(),
        allowed_origins: http.allowed_origins.clone(),
        behind_proxy: http.behind_proxy,
        tls: http.tls.as_ref().map(files),
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

/// The product, running.
#[derive(Debug)]
pub struct AgentStack {
    engine: Arc<Engine>,
    policy: PolicySource,
    provider_keys: ProviderKeys,
    store: Arc<SqliteStore>,
    /// The key that has signed the audit log, if the one of the database is a new one and nothing can be written.
    signed_by: Option<VerifyingKey>,
    housekeeping: Option<tokio::task::JoinHandle<()>>,
    embedding: Option<tokio::task::JoinHandle<()>>,
    webhook: Option<Arc<Webhook>>,
}

impl AgentStack {
    /// Opens the store and starts the engine on the current tokio runtime.
    ///
    /// # Errors
    /// When the files, the key or the database are not right. Nothing is changed then.
    pub async fn open(mut options: Options) -> Result<Self, StartError> {
        options.tell_secrets();
        let succession = options.settle_key().await?;
        options.settings.redactor = options.redactor.clone();
        if !options.keys.encrypts() {
            tracing::warn!("encryption is off: whoever can read the database file can read all of it (S37)");
        }
        let LoadedPolicy { policy, warnings } = options.policy.load()?;
        for warning in warnings {
            tracing::warn!(%warning, "the policy");
        }
        let renew = options.renew();
        let webhook = options.webhook.as_ref().map(Webhook::start).transpose()?.map(Arc::new);
        let posted = webhook.clone().map(|webhook| webhook as Arc<dyn Observer>);
        let observers: Vec<_> = options.observer.into_iter().chain(posted).collect();
        let read_only = options.read_only;
        let opening = OpenOptions { renew, read_only, ..OpenOptions::new(options.database, options.keys) };
        let store = Arc::new(SqliteStore::open(opening).await?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let directory: Arc<dyn SessionDirectory> = Arc::clone(&store) as _;
        let authorizer = Authorizer::new(policy, directory, Arc::clone(&clock), options.default_namespace);
        let resources = store.resource_hasher();
        let engine = Engine::start(Parts {
            store: Arc::clone(&store) as Arc<dyn Storage>,
            authorizer,
            resources,
            clock,
            observer: Some(Arc::new(observers)),
            settings: options.settings,
        });
        let mut stack = Self {
            engine,
            store,
            signed_by: None,
            policy: options.policy,
            provider_keys: options.provider_keys,
            housekeeping: None,
            embedding: None,
            webhook,
        };
        match succession {
            Some(succession) if read_only => stack.signed_by = Some(succession.former),
            Some(succession) => stack.succeed(succession).await?,
            None => {}
        }
        if read_only {
            return Ok(stack);
        }
        let engine = Arc::downgrade(&stack.engine);
        stack.housekeeping = Some(tokio::spawn(keep_house(engine.clone())));
        let embeds = options.embeds && stack.engine.has_embedder();
        stack.embedding = embeds.then(|| tokio::spawn(embed_in_background(engine)));
        Ok(stack)
    }

    /// The engine, for calls.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// How many bytes the database file has.
    #[must_use]
    pub fn database_bytes(&self) -> u64 {
        std::fs::metadata(self.store.path()).map_or(0, |file| file.len())
    }

    pub(crate) fn store(&self) -> &SqliteStore {
        &self.store
    }

    /// Reads again what can become another one while the product runs. Whoever runs it as a service calls this on
    /// `SIGHUP`.
    ///
    /// The policy is in force for every call that comes after (S36); its version is returned. The keys of providers are
    /// used for every request that begins after. One that is not good leaves the one before in its place, and the log
    /// says why.
    ///
    /// # Errors
    /// What is wrong with the policy. Everything is denied from then on, until a later reload succeeds.
    pub async fn reload(&self) -> Result<Arc<str>, PolicyProblem> {
        let loaded = self.policy.load().map(|LoadedPolicy { policy, warnings }| {
            for warning in warnings {
                tracing::warn!(%warning, "the policy");
            }
            policy
        });
        let version = self.engine.reload_policy(loaded).await;
        self.provider_keys.renew().await;
        version
    }

    /// Serves MCP over standard input and output until input ends.
    ///
    /// # Errors
    /// When the client does not begin as the protocol asks, or the service fails.
    pub async fn serve_stdio(&self, principal: Principal) -> Result<(), ServeError> {
        agentstack_mcp::serve_stdio(McpServer::new(Arc::clone(&self.engine), Arc::new(principal))).await
    }

    /// Binds to the addresses of the settings, to serve HTTP.
    ///
    /// # Errors
    /// When the settings are not safe or cannot be met.
    pub async fn bind_http(
        &self,
        settings: HttpSettings,
        metrics: Arc<Metrics>,
    ) -> Result<Server, HttpError> {
        Server::bind(settings, Arc::clone(&self.engine), metrics).await
    }

    /// Serves MCP over standard input and output until input ends; whoever calls is whom the token stands for.
    ///
    /// # Errors
    /// When the token is not good, the client does not begin as the protocol asks, or the service fails.
    pub async fn serve_stdio_with(&self, token: Secret<String>) -> Result<(), ServeError> {
        agentstack_mcp::serve_stdio(McpServer::with_token(Arc::clone(&self.engine), token)).await
    }

    /// The local user in this process, bound to an agent or not.
    #[must_use]
    pub fn local_principal(agent: Option<AgentId>) -> Principal {
        let principal = Principal::local(&user(), ProcessId::generate());
        match agent {
            Some(agent) => principal.bound_to(agent),
            None => principal,
        }
    }

    /// The local user as operator of the installation.
    #[must_use]
    pub fn operator() -> Principal {
        Principal::operator(&user())
    }

    /// Verifies the audit log against its own checkpoints and those that were kept elsewhere (S44).
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn verify_audit(
        &self,
        kept: Vec<Checkpoint>,
        progress: impl FnMut(u64, u64),
    ) -> Result<Report, ErrorBody> {
        let signer = self.signed_by.clone().unwrap_or_else(|| self.store.verifying_key());
        self.engine.verify_audit(Arc::new(Self::operator()), &signer, kept, progress).await
    }

    /// Ends the background work, writes what is still to be recorded, closes the database and gives the last signals a
    /// moment to be delivered.
    pub async fn close(self) {
        for task in self.housekeeping.iter().chain(&self.embedding) {
            task.abort();
        }
        self.engine.close().await;
        if let Some(webhook) = self.webhook {
            webhook.finish().await;
        }
    }
}

async fn keep_house(engine: std::sync::Weak<Engine>) {
    loop {
        match engine.upgrade() {
            Some(engine) => engine.keep_house().await,
            None => return,
        }
        tokio::time::sleep(HOUSEKEEPING).await;
    }
}

/// The user as the operating system knows it; names in the environment can be anything.
fn user() -> String {
    format!("uid-{}", rustix::process::geteuid().as_raw())
}
