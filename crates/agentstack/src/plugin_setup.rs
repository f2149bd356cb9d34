//! The plugins of a configuration: whose signatures count, where packages are, and the way to the hosts they may ask.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agentstack_core::Secret;
use agentstack_engine::{PluginConfig, Plugins};
use agentstack_plugins::{
    Host, HttpMethod, InvalidKeys, LoadedPlugin, PackageFolder, PluginHost, PluginRequest, PluginResponse,
    Refusal, TrustedKeys, Unloadable, Web,
};
use agentstack_providers::{BaseUrl, Fetch, Limits, Outlet, ProviderError};
use async_trait::async_trait;

use crate::StartError;
use crate::config::{Config, Overrides, Sources};

/// Largest answer of a host to a plugin, in bytes.
const ANSWER_BYTES: usize = 4 << 20;
/// The longest that a plugin can have to wait for one: the ceiling of the time of its call.
const TIME: Duration = Duration::from_mins(1);
/// How many hosts are remembered, each with its client.
const HOSTS: usize = 64;

/// The keys that a configuration trusts and those that it has revoked.
pub(crate) fn keys(config: &Config) -> Result<TrustedKeys, InvalidKeys> {
    TrustedKeys::parse(&config.plugins.trusted_keys, &config.plugins.revoked_keys)
}

/// Where plugins are installed and who may have signed them, for who looks after them.
#[derive(Debug)]
#[non_exhaustive]
pub struct PluginSetup {
    /// Whether they can be called.
    pub enabled: bool,
    /// Whose signatures count.
    pub keys: TrustedKeys,
    /// Where packages are kept.
    pub packages: PackageFolder,
}

impl PluginSetup {
    /// What the configuration in force says, whether plugins are on or not.
    ///
    /// # Errors
    /// When the configuration is not right.
    pub fn load(file: Option<PathBuf>) -> Result<Self, StartError> {
        let config = Config::load(&Sources::of_process(file, Overrides::default())?)?.config;
        Ok(Self {
            enabled: config.plugins.enabled,
            keys: keys(&config)?,
            packages: PackageFolder::new(config.plugins.directory),
        })
    }
}

/// What plugins are run with in this build.
#[cfg(feature = "wasm-plugins")]
pub(crate) fn served(config: &Config) -> Result<Plugins, InvalidKeys> {
    plugins(config, Arc::new(agentstack_plugins_wasm::WasmHost::new()))
}

/// For who looks after plugins and calls none: whether they can be called or not, nothing runs them.
pub(crate) fn looked_after(config: &Config) -> Result<Plugins, InvalidKeys> {
    plugins(config, Arc::new(Nowhere))
}

/// Runs nothing.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl PluginHost for Nowhere {
    async fn load(&self, _: Arc<[u8]>) -> Result<Arc<dyn LoadedPlugin>, Unloadable> {
        Err(Unloadable("nothing is run at the command line".to_owned()))
    }
}

/// What plugins are run with. Nothing is read, and nobody is connected to.
pub(crate) fn plugins(config: &Config, host: Arc<dyn PluginHost>) -> Result<Plugins, InvalidKeys> {
    let web = Hosts { reachable: config.egress.enabled, outlets: Mutex::default() };
    Ok(Plugins {
        host,
        packages: PackageFolder::new(config.plugins.directory.clone()),
        keys: Arc::new(keys(config)?),
        web: Arc::new(web),
        config: Arc::new(settings(config)),
    })
}

/// The settings by plugin. Names were checked when the configuration was read.
fn settings(config: &Config) -> PluginConfig {
    let of_one = |settings: &BTreeMap<String, Secret<String>>| {
        settings.iter().filter_map(|(key, value)| Some((key.parse().ok()?, value.clone()))).collect()
    };
    let all = config.plugins.settings.iter();
    all.filter_map(|(name, settings)| Some((name.parse().ok()?, of_one(settings)))).collect()
}

/// The way to hosts, each by an outlet of its own: only its public addresses, no redirects, no proxy.
struct Hosts {
    /// Whether the configuration permits connections to others at all.
    reachable: bool,
    outlets: Mutex<HashMap<Host, Outlet>>,
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").field("reachable", &self.reachable).finish_non_exhaustive()
    }
}

impl Hosts {
    fn outlet(&self, host: &Host) -> Result<Outlet, Refusal> {
        let mut outlets = self.outlets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outlet) = outlets.get(host) {
            return Ok(outlet.clone());
        }
        let base = BaseUrl::parse(&format!("https://{host}")).map_err(|_| Refusal::Denied)?;
        let limits = Limits {
            first_byte: TIME,
            silence: TIME,
            total: TIME,
            answer_bytes: ANSWER_BYTES,
            tries: 1,
            ..Limits::default()
        };
        if outlets.len() >= HOSTS {
            outlets.clear();
        }
        Ok(outlets.entry(host.clone()).or_insert(Outlet::new(base, limits)).clone())
    }
}

#[async_trait]
impl Web for Hosts {
    async fn fetch(&self, host: &Host, request: PluginRequest) -> Result<PluginResponse, Refusal> {
        if !self.reachable {
            return Err(Refusal::Unavailable);
        }
        let PluginRequest { method, url, headers, body } = request;
        let method = match method {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
            HttpMethod::Put => "PUT",
            HttpMethod::Patch => "PATCH",
            HttpMethod::Delete => "DELETE",
        };
        match self.outlet(host)?.fetch(Fetch { method, url, headers, body }).await {
            Ok(answer) => {
                Ok(PluginResponse { status: answer.status, headers: answer.headers, body: answer.body })
            }
            Err(error) => Err(refusal(host, &error)),
        }
    }
}

fn refusal(host: &Host, error: &ProviderError) -> Refusal {
    tracing::warn!(%host, %error, "a plugin asked a host and has no answer");
    match error.at_heart() {
        ProviderError::BadRequest { .. } => {
            Refusal::Invalid("a header or the method is not one that a plugin may send".to_owned())
        }
        ProviderError::TooLarge { most } => {
            Refusal::Invalid(format!("the answer is larger than {most} bytes"))
        }
        ProviderError::NotPermitted(_) => Refusal::Denied,
        _ => Refusal::Unavailable,
    }
}
