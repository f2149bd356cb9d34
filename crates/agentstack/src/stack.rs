//! The composition.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agentstack_access::{Authorizer, Policy, Principal, SessionDirectory};
use agentstack_audit::{Checkpoint, Report, VerifyingKey};
use agentstack_core::random::RandomnessUnavailable;
use agentstack_core::{AgentId, Clock, ProcessId, SharedName, SystemClock};
use agentstack_engine::{Engine, Parts, Settings};
use agentstack_mcp::{McpServer, ServeError};
use agentstack_storage::Storage;
use agentstack_storage_sqlite::{FileProblem, KeyMaterial, MasterKey, OpenError, OpenOptions, SqliteStore};

/// How often expired sessions are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Why the product did not start. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// The operating system has no randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessUnavailable),
    /// The key file has another form.
    #[error("{} does not hold a key: 64 hexadecimal digits", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
    },
}

/// What is started, and how.
#[derive(Debug)]
pub struct Options {
    /// The database file.
    pub database: PathBuf,
    /// Its keys.
    pub keys: KeyMaterial,
    /// The namespace of calls in one namespace that name neither a session nor a namespace.
    pub default_namespace: SharedName,
    /// The engine's settings.
    pub settings: Settings,
}

impl Options {
    /// The usual options for the database at `path` under `key`.
    #[must_use]
    pub fn new(path: PathBuf, key: &MasterKey) -> Self {
        Self {
            database: path,
            keys: key.derive(),
            default_namespace: default_namespace(),
            settings: Settings::default(),
        }
    }
}

impl Options {
    /// TEMPORARY
    pub fn load(_config: Option<PathBuf>) -> Result<Self, StartError> {
        #[expect(clippy::disallowed_methods, reason = "temporary")]
        let home = std::env::var("XDG_CONFIG_HOME").map(PathBuf::from).unwrap_or_else(|_| PathBuf::from("/tmp/agentstack-dev"));
        let folder = home.join("agentstack");
        agentstack_storage_sqlite::create_private_folder(&folder)?;
        let path = folder.join("agentstack.key");
        if !path.exists() {
            use std::io::Write;
            let mut file = std::fs::OpenOptions::new();
            use std::os::unix::fs::OpenOptionsExt;
            let key = MasterKey::generate()?;
            let _ = file.write(true).create_new(true).mode(0o600).open(&path).and_then(|mut f| f.write_all(key.to_text().expose().as_bytes()));
        }
        let text = agentstack_storage_sqlite::read_private_file(&path)?;
        let key = MasterKey::parse(&text).map_err(|_| StartError::Key { path })?;
        Ok(Self::new(PathBuf::from("data/aistack.db"), &key))
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
    signer: VerifyingKey,
    housekeeping: tokio::task::JoinHandle<()>,
}

impl AgentStack {
    /// Opens the store and starts the engine on the current tokio runtime.
    ///
    /// # Errors
    /// When the files, the key or the database are not right. Nothing is changed then.
    pub async fn open(options: Options) -> Result<Self, StartError> {
        let store = Arc::new(SqliteStore::open(OpenOptions::new(options.database, options.keys)).await?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let directory: Arc<dyn SessionDirectory> = Arc::clone(&store) as _;
        let authorizer = Authorizer::new(Policy, directory, Arc::clone(&clock), options.default_namespace);
        let (resources, signer) = (store.resource_hasher(), store.verifying_key());
        let store: Arc<dyn Storage> = store;
        let engine = Engine::start(Parts { store, authorizer, resources, clock, settings: options.settings });
        let housekeeping = tokio::spawn(keep_house(Arc::downgrade(&engine)));
        Ok(Self { engine, signer, housekeeping })
    }

    /// The engine, for calls.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Serves MCP over standard input and output until input ends.
    ///
    /// # Errors
    /// When the client does not begin as the protocol asks, or the service fails.
    pub async fn serve_stdio(&self, principal: Principal) -> Result<(), ServeError> {
        agentstack_mcp::serve_stdio(McpServer::new(Arc::clone(&self.engine), Arc::new(principal))).await
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
        progress: impl FnMut(u64),
    ) -> Result<Report, agentstack_api::ErrorBody> {
        self.engine.verify_audit(Arc::new(Self::operator()), &self.signer, kept, progress).await
    }

    /// Ends the background work, writes what is still to be recorded and closes the database.
    pub async fn close(self) {
        self.housekeeping.abort();
        self.engine.close().await;
    }
}

async fn keep_house(engine: std::sync::Weak<Engine>) {
    loop {
        match engine.upgrade() {
            // What failed has been logged, and is tried again next time.
            Some(engine) => drop(engine.end_expired_sessions().await),
            None => return,
        }
        tokio::time::sleep(HOUSEKEEPING).await;
    }
}

/// The user as the operating system knows it; names in the environment can be anything.
fn user() -> String {
    format!("uid-{}", rustix::process::geteuid().as_raw())
}

