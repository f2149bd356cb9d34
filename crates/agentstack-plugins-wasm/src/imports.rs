//! What a plugin can import, answered by the [`Services`] of its call.
//!
//! [`Services`]: agentstack_plugins::Services

use agentstack_plugins::{
    Asked, HttpMethod, LogLevel, PluginEntry, PluginRequest, PluginResponse, Refusal as Refused,
};
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::Plugin;
use crate::bindings::agentstack::plugin::http::{Method, Request, Response};
use crate::bindings::agentstack::plugin::log::Level;
use crate::bindings::agentstack::plugin::memory::{Entry, Place};
use crate::bindings::agentstack::plugin::types::Refusal;
use crate::bindings::agentstack::plugin::{clock, config, http, log, memory, types};
use crate::state::CallState;

/// What there is, and nothing else.
pub(crate) fn link(linker: &mut Linker<CallState>) -> Result<()> {
    Plugin::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)
}

impl types::Host for CallState {}

impl log::Host for CallState {
    async fn write(&mut self, level: Level, message: String) -> Result<()> {
        self.ask().await?;
        self.services.log(level.into(), &message);
        Ok(())
    }
}

impl memory::Host for CallState {
    async fn get(&mut self, place: Place, key: String) -> Result<Result<Option<Entry>, Refusal>> {
        self.ask().await?;
        let found = self.services.get(place.into(), key).await;
        Ok(found.map(|entry| entry.map(Entry::from)).map_err(Refusal::from))
    }

    async fn search(
        &mut self,
        place: Place,
        query: String,
        limit: u32,
    ) -> Result<Result<Vec<Entry>, Refusal>> {
        self.ask().await?;
        let found = self.services.search(place.into(), query, limit).await;
        Ok(found.map(|entries| entries.into_iter().map(Entry::from).collect()).map_err(Refusal::from))
    }

    async fn store(&mut self, place: Place, key: String, content: String) -> Result<Result<u32, Refusal>> {
        self.ask().await?;
        Ok(self.services.store(place.into(), key, content).await.map_err(Refusal::from))
    }
}

impl http::Host for CallState {
    async fn fetch(&mut self, request: Request) -> Result<Result<Response, Refusal>> {
        self.ask().await?;
        let answered = self.services.fetch(request.into()).await;
        Ok(answered.map(Response::from).map_err(Refusal::from))
    }
}

impl config::Host for CallState {
    async fn get(&mut self, key: String) -> Result<Result<Option<String>, Refusal>> {
        self.ask().await?;
        Ok(self.services.config(&key).map_err(Refusal::from))
    }
}

impl clock::Host for CallState {
    async fn now(&mut self) -> Result<u64> {
        self.ask().await?;
        Ok(u64::try_from(self.clock.now().as_millis() / 1_000).unwrap_or_default())
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

impl From<Place> for Asked {
    fn from(place: Place) -> Self {
        match place {
            Place::Session => Self::Session,
            Place::Shared(name) => Self::Shared(name),
        }
    }
}

impl From<PluginEntry> for Entry {
    fn from(entry: PluginEntry) -> Self {
        let PluginEntry { key, content, version, trusted } = entry;
        Self { key, content, version, trusted }
    }
}

impl From<Request> for PluginRequest {
    fn from(request: Request) -> Self {
        let Request { method, url, headers, body } = request;
        Self { method: method.into(), url, headers, body }
    }
}

impl From<Method> for HttpMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Post => Self::Post,
            Method::Put => Self::Put,
            Method::Patch => Self::Patch,
            Method::Delete => Self::Delete,
        }
    }
}

impl From<PluginResponse> for Response {
    fn from(response: PluginResponse) -> Self {
        let PluginResponse { status, headers, body } = response;
        Self { status, headers, body }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Denied => Self::Denied,
            Refused::Invalid(rule) => Self::Invalid(rule),
            Refused::Unavailable => Self::Unavailable,
        }
    }
}
