//! Plugins: which there are, what they offer, and their calls.
//!
//! What is installed is what the registry says, and nothing else. It is asked for each call, so that what is disabled is
//! called no more from then on, in every process. A package is read and verified each time a process loads it.

mod answer;
mod call;
mod loaded;
mod offered;
mod registry;
mod services;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use agentstack_access::{Caller, Claim, Principal, Scope};
use agentstack_api::operations::PLUGIN_LOAD;
use agentstack_core::{ConfigKey, PluginName, RequestId, Secret};
use agentstack_plugins::{
    ContentHash, Granted, Grants, KeyId, PackageFolder, Pin, PluginHost, TrustedKeys, Web,
};
use agentstack_storage::{PluginRecord, StorageError};

pub(crate) use self::call::{CALLS_AT_ONCE, reason};
pub(crate) use self::loaded::{LoadProblem, Loaded};
pub use self::offered::PluginTool;
pub use self::registry::{InstallProblem, Installing};
use crate::Engine;
use crate::failure::Failure;

/// The settings that an operator has made for plugins.
pub type PluginConfig = BTreeMap<PluginName, BTreeMap<ConfigKey, Secret<String>>>;

/// What plugins are run with.
#[derive(Clone)]
pub struct Plugins {
    /// What runs them.
    pub host: Arc<dyn PluginHost>,
    /// Where their packages are.
    pub packages: PackageFolder,
    /// Whose signatures count.
    pub keys: Arc<TrustedKeys>,
    /// The way to the hosts that they may ask.
    pub web: Arc<dyn Web>,
    /// What they are told when they ask for a setting.
    pub config: Arc<PluginConfig>,
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugins").field("packages", &self.packages).finish_non_exhaustive()
    }
}

impl Engine {
    fn plugins(&self) -> Result<&Plugins, Failure> {
        self.settings().plugins.as_ref().ok_or(Failure::Absent)
    }

    /// The product's own scope for reading the registry and loading what is in it, on account of somebody's request.
    async fn loading_scope(&self, request: RequestId) -> Result<Scope, Failure> {
        let caller = Caller { principal: Arc::new(Principal::housekeeping()), request };
        Ok(self.authorizer().authorize(&caller, &PLUGIN_LOAD, Claim::none()).await?)
    }
}

/// What was installed, as the registry has it.
fn pin(record: &PluginRecord) -> Result<Pin, StorageError> {
    let version = record.version.parse().map_err(|_| StorageError::damaged("a plugin's version"))?;
    Ok(Pin {
        name: record.name.clone(),
        version,
        hash: ContentHash::from_bytes(record.hash),
        signer: KeyId::from_bytes(record.signer),
    })
}

/// What it was granted.
fn granted(record: &PluginRecord, requested: &Grants) -> Result<Granted, StorageError> {
    let grants: Grants = grants(record)?;
    // It was installed with this very manifest, so this is all of it.
    Granted::new(requested, grants).map_err(|_| StorageError::damaged("what a plugin was granted"))
}

fn grants(record: &PluginRecord) -> Result<Grants, StorageError> {
    serde_json::from_str(&record.grants).map_err(|_| StorageError::damaged("what a plugin was granted"))
}
