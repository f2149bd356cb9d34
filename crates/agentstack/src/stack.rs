//! The composition.

mod coordination;
mod options;
pub(crate) mod secrets;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agentstack_access::{Authorizer, Principal, SessionDirectory};
use agentstack_api::ErrorBody;
use agentstack_audit::{Checkpoint, Receipt, Report, VerifyingKey};
use agentstack_core::{AgentId, Clock, ProcessId, Secret, SystemClock};
use agentstack_engine::{Engine, Observer, Parts, embed_in_background};
use agentstack_github::GhProblem;
use agentstack_mcp::{McpServer, ServeError};
use agentstack_plugins::InvalidKeys;
use agentstack_rest::{HttpSettings, Metrics, ServeError as HttpError, Server, Webhook, WebhookProblem};
use agentstack_storage::Storage;
use agentstack_storage_sqlite::{OpenError, OpenOptions, SqliteStore};

pub use self::options::Options;
pub(crate) use self::options::tls_files;
use crate::config::ConfigError;
use crate::keys::KeyError;
use crate::policy::{LoadedPolicy, PolicyProblem, PolicySource};
use crate::providers::{ProviderKeys, ProviderProblem};

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

    /// Verifies the audit log against its own checkpoints, those that were kept elsewhere, and receipts (S44).
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn verify_audit(
        &self,
        kept: Vec<Checkpoint>,
        receipts: &[Receipt],
        progress: impl FnMut(u64, u64),
    ) -> Result<Report, ErrorBody> {
        let own = self.store.verifying_key();
        let signer = match &self.signed_by {
            // Unless that was said before what was left to do was interrupted.
            Some(former) if self.last_signer(Arc::new(Self::operator())).await?.as_ref() != Some(&own) => {
                former.clone()
            }
            _ => own,
        };
        self.engine.verify_audit(Arc::new(Self::operator()), &signer, kept, receipts, progress).await
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
