//! What calls components, and what answers them.

use std::future::pending;
use std::sync::{Arc, Mutex};

use agentstack_core::{Clock, Timestamp};
use agentstack_plugins::{
    Asked, CallLimits, CallProblem, LoadedPlugin, LogLevel, PluginCall, PluginEntry, PluginHost,
    PluginRequest, PluginResponse, Refusal, Services, Unloadable,
};
use agentstack_plugins_wasm::WasmHost;
use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Notify;

/// 2026-01-15T08:00:00.999Z
#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_768_464_000_999)
    }
}

/// A host whose clock stands still.
pub(crate) fn host() -> WasmHost {
    WasmHost::with_clock(Arc::new(Fixed))
}

pub(crate) async fn load(component: Vec<u8>) -> Arc<dyn LoadedPlugin> {
    host().load(component.into()).await.unwrap()
}

/// Why it is not loaded.
pub(crate) async fn refusal(component: Vec<u8>) -> String {
    let Unloadable(text) = host().load(component.into()).await.unwrap_err();
    text
}

/// Limits as a manifest states them.
pub(crate) fn limits(limits: Value) -> CallLimits {
    serde_json::from_value(limits).unwrap()
}

/// A call of the tool `tool` with no arguments.
pub(crate) fn call(limits: CallLimits, services: &Arc<Fake>) -> PluginCall {
    let services = Arc::<Fake>::clone(services);
    PluginCall { tool: "tool".to_owned(), arguments: "{}".to_owned(), limits, services }
}

/// Loads it and calls it once, with nobody to ask.
pub(crate) async fn once(component: Vec<u8>, limits: CallLimits) -> Result<String, CallProblem> {
    load(component).await.call(call(limits, &Arc::default())).await
}

/// What a plugin asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    Get(Asked, String),
    Search(Asked, String, u32),
    Store(Asked, String, String),
    Fetch(PluginRequest),
    Config(String),
    Log(LogLevel, String),
}

/// Answers everything with what it was told to, and remembers what it was asked.
pub(crate) struct Fake {
    pub(crate) asked: Mutex<Vec<Question>>,
    pub(crate) entry: Result<Option<PluginEntry>, Refusal>,
    pub(crate) entries: Result<Vec<PluginEntry>, Refusal>,
    pub(crate) version: Result<u32, Refusal>,
    /// Nothing at all, ever, if there is none.
    pub(crate) response: Option<Result<PluginResponse, Refusal>>,
    pub(crate) setting: Result<Option<String>, Refusal>,
    /// Told as soon as somebody waits for a response.
    pub(crate) waiting: Notify,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            entry: Ok(None),
            entries: Ok(Vec::new()),
            version: Ok(1),
            response: None,
            setting: Ok(None),
            waiting: Notify::new(),
        }
    }
}

impl Fake {
    pub(crate) fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap().clone()
    }

    fn note(&self, question: Question) {
        self.asked.lock().unwrap().push(question);
    }
}

#[async_trait]
impl Services for Fake {
    async fn get(&self, place: Asked, key: String) -> Result<Option<PluginEntry>, Refusal> {
        self.note(Question::Get(place, key));
        self.entry.clone()
    }

    async fn search(&self, place: Asked, query: String, limit: u32) -> Result<Vec<PluginEntry>, Refusal> {
        self.note(Question::Search(place, query, limit));
        self.entries.clone()
    }

    async fn store(&self, place: Asked, key: String, content: String) -> Result<u32, Refusal> {
        self.note(Question::Store(place, key, content));
        self.version.clone()
    }

    async fn fetch(&self, request: PluginRequest) -> Result<PluginResponse, Refusal> {
        self.note(Question::Fetch(request));
        if self.response.is_none() {
            self.waiting.notify_one();
        }
        match &self.response {
            Some(response) => response.clone(),
            None => pending().await,
        }
    }

    fn config(&self, key: &str) -> Result<Option<String>, Refusal> {
        self.note(Question::Config(key.to_owned()));
        self.setting.clone()
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.note(Question::Log(level, message.to_owned()));
    }
}
