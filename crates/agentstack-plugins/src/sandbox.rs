//! What runs components, and what a component can ask for while it runs.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{CallLimits, Host, Place};

/// Makes components ready to run.
#[async_trait]
pub trait PluginHost: fmt::Debug + Send + Sync {
    /// Makes a component ready, which may take seconds. Nothing of it runs, and no thread of the runtime is held up.
    ///
    /// # Errors
    /// When it is not one that could run here.
    async fn load(&self, component: Arc<[u8]>) -> Result<Arc<dyn LoadedPlugin>, Unloadable>;
}

/// A component that is ready to run. It keeps nothing from one call to the next.
#[async_trait]
pub trait LoadedPlugin: fmt::Debug + Send + Sync {
    /// Runs a tool in a store of its own. It ends at its limits, and when the future is dropped.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn call(&self, call: PluginCall) -> Result<String, CallProblem>;
}

/// One call of a plugin.
pub struct PluginCall {
    /// The tool, as the manifest names it.
    pub tool: String,
    /// Its arguments: JSON that was held against the tool's schema.
    pub arguments: String,
    /// How much it may use up.
    pub limits: CallLimits,
    /// What answers its questions. Each decides by itself whether this call may ask it.
    pub services: Arc<dyn Services>,
}

impl fmt::Debug for PluginCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginCall")
            .field("tool", &self.tool)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What a plugin can ask for during one call. Nothing in here is believed of what it asks: names and keys are what it made
/// of them.
#[async_trait]
pub trait Services: Send + Sync {
    /// The entry of a key.
    async fn get(&self, place: Asked, key: String) -> Result<Option<PluginEntry>, Refusal>;

    /// Entries that match, best first, at most `limit` of them.
    async fn search(&self, place: Asked, query: String, limit: u32) -> Result<Vec<PluginEntry>, Refusal>;

    /// Stores an entry; its version.
    async fn store(&self, place: Asked, key: String, content: String) -> Result<u32, Refusal>;

    /// Asks a host.
    async fn fetch(&self, request: PluginRequest) -> Result<PluginResponse, Refusal>;

    /// A setting.
    ///
    /// # Errors
    /// When the plugin was not granted it.
    fn config(&self, key: &str) -> Result<Option<String>, Refusal>;

    /// Something for the operator to read. It is a plugin's word, so it is shown as such.
    fn log(&self, level: LogLevel, message: &str);
}

/// The way to the hosts that plugins may ask.
#[async_trait]
pub trait Web: fmt::Debug + Send + Sync {
    /// Asks a host over HTTPS, which the caller has found to be granted. Redirects are not followed.
    async fn fetch(&self, host: &Host, request: PluginRequest) -> Result<PluginResponse, Refusal>;
}

/// A place as a plugin names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The namespace of the session it is called in.
    Session,
    /// A shared namespace by this name, if it is one.
    Shared(String),
}

impl Asked {
    /// The place, if that is a name of one.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Session => Some(Place::Session),
            Self::Shared(name) => name.parse().ok().map(Place::Shared),
        }
    }
}

/// An entry as a plugin sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginEntry {
    /// Its key.
    pub key: String,
    /// Its content; of one that was found by a search, the passages that match.
    pub content: String,
    /// Its version.
    pub version: u32,
    /// Whether somebody who may has said that it can be trusted.
    pub trusted: bool,
}

/// What a plugin can do with what is at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

/// What a plugin asks of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRequest {
    /// What is to be done.
    pub method: HttpMethod,
    /// Where.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
}

/// What a host has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginResponse {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What was sent.
    pub body: Vec<u8>,
}

/// How much a line of a plugin matters, by its own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For who looks for a mistake.
    Debug,
    /// That something went as it should.
    Info,
    /// That something is not as it should be.
    Warn,
    /// That something failed.
    Error,
}

/// Why a plugin does not get what it asks for. It learns no more than this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was not granted to it, or its caller may not.
    #[error("denied")]
    Denied,
    /// What it asks for breaks a rule, which the text names.
    #[error("invalid: {0}")]
    Invalid(String),
    /// It cannot be had now.
    #[error("unavailable")]
    Unavailable,
}

/// Why a component cannot run here. The text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the component cannot be loaded: {0}")]
pub struct Unloadable(pub String);

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallProblem {
    /// The plugin says so, in these words.
    #[error("the plugin failed: {0}")]
    Failed(String),
    /// It did what cannot be done; the text is for the operator.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    /// It has used up what it may.
    #[error("the plugin reached its limit `{0}`")]
    Limit(CallLimit),
}

/// A limit of [`CallLimits`], by its name in manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallLimit {
    /// `fuel`
    Fuel,
    /// `timeMs`
    Time,
    /// `memoryBytes`
    Memory,
    /// `outputBytes`
    Output,
    /// `hostCalls`
    HostCalls,
}

impl CallLimit {
    /// Its name in manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Time => "timeMs",
            Self::Memory => "memoryBytes",
            Self::Output => "outputBytes",
            Self::HostCalls => "hostCalls",
        }
    }
}

impl fmt::Display for CallLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
