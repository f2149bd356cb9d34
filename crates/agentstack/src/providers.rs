//! The providers of the configuration: who is there, with which key, and what the engine is given of it.
//!
//! Nothing goes out and no program is run at the start. A key in a file is read, so that one that cannot be used stops
//! the start; a program that gives a key is asked for it at its first use.

mod keeper;
mod key;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agentstack_embedder_local::{LocalModel, LocalModelProblem};
use agentstack_engine::{Chat, Embedding, Models};
use agentstack_providers::{
    Anthropic, BaseUrl, ChatModel, EgressProblem, Embedder, KeySlot, Limits, Ollama, OpenAi, Outlet,
};

use self::keeper::{Keeper, LOOK_EVERY, keyed};
pub use self::key::ApiKeyProblem;
use self::key::Source;
use crate::config::{Config, EmbeddingProvider, Provider, ProviderName, Providers};

/// Why there is a provider less than the configuration asks for. It names fields, and holds nothing of a key (S40).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderProblem {
    /// The key.
    #[error("`{field}` gives no key")]
    Key {
        /// The field that says where it is.
        field: String,
        /// What is wrong.
        #[source]
        source: ApiKeyProblem,
    },
    /// There is none.
    #[error(
        "`{field}` asks for {provider}, which has no key: set `providers.{provider}.apiKeyFile`, or another of its ways \
         to come by one{}",
        or_variable(provider)
    )]
    NoKey {
        /// The field that asks for it.
        field: &'static str,
        /// The provider.
        provider: &'static str,
    },
    /// There is more than one.
    #[error("`providers.{provider}` has more than one way to come by a key")]
    Several {
        /// The provider.
        provider: &'static str,
    },
    /// The model of this machine's own.
    #[error("`memory.vectorSearch.folder` holds no model that can be used")]
    Model(#[from] LocalModelProblem),
    /// Where it is.
    #[error("`providers.{provider}.baseUrl` is not an address to go to")]
    Address {
        /// The provider.
        provider: &'static str,
        /// What is wrong.
        #[source]
        source: EgressProblem,
    },
}

fn or_variable(provider: &str) -> String {
    let variable = ProviderName::ALL.into_iter().find(|name| name.as_str() == provider);
    variable
        .and_then(ProviderName::variable)
        .map_or_else(String::new, |name| format!(", or the variable {name}"))
}

/// The keys of the providers that can become others while the product runs. Prints none.
#[derive(Clone, Default)]
pub struct ProviderKeys(Vec<Keeper>);

impl ProviderKeys {
    /// Asks again for each key that has been in use, where it comes from. One that is not good leaves the one before in
    /// its place, and the log says why.
    pub async fn renew(&self) {
        for keeper in &self.0 {
            keeper.renew().await;
        }
    }
}

impl fmt::Debug for ProviderKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Keeper::field)).finish()
    }
}

/// What the engine is given, and what the keys are kept fresh by.
#[derive(Debug, Default)]
pub(crate) struct Configured {
    pub(crate) models: Models,
    pub(crate) keys: ProviderKeys,
}

impl Config {
    /// Whether the providers could be used: those that are asked for are there, each key is where it is said to be, and a
    /// local model can be read. Programs that give keys are run for it; nobody is connected to.
    ///
    /// # Errors
    /// What is wrong, with its field.
    pub fn check_providers(&self) -> Result<(), ProviderProblem> {
        let search = &self.memory.vector_search;
        if let Some(folder) = search.folder.as_deref().filter(|_| search.provider == EmbeddingProvider::Local)
        {
            LocalModel::open(folder).check()?;
        }
        for keeper in configured(self)?.keys.0 {
            keeper
                .check()
                .map_err(|source| ProviderProblem::Key { field: keeper.field().to_owned(), source })?;
        }
        Ok(())
    }
}

/// The providers of a configuration.
pub(crate) fn configured(config: &Config) -> Result<Configured, ProviderProblem> {
    configured_looking(config, LOOK_EVERY)
}

/// The same, where files are looked at anew so often.
fn configured_looking(config: &Config, every: Duration) -> Result<Configured, ProviderProblem> {
    let Config { providers, memory, egress, .. } = config;
    let search = &memory.vector_search;
    let embedder = search.enabled.then_some(search.provider);
    let mut configured = Configured::default();
    configured.models.embedding = embedder.and_then(|embedder| local(embedder, search.folder.as_deref()));
    if !egress.enabled {
        tracing::debug!("egress.enabled is false: nobody is asked");
        return Ok(configured);
    }
    for name in ProviderName::ALL {
        let (chats, embeds) = (chats(providers, name), embedder.and_then(hosted) == Some(name));
        let made = if chats || embeds { made(providers, name, every)? } else { None };
        let Some(Made { chat, embedder, keeper }) = made else {
            let lacks = |field| ProviderProblem::NoKey { field, provider: name.as_str() };
            if providers.default == Some(name) {
                return Err(lacks("providers.default"));
            } else if embeds {
                return Err(lacks("memory.vectorSearch.provider"));
            }
            tracing::debug!(provider = name.as_str(), "it has no key, or is not configured: it is not there");
            continue;
        };
        configured.keys.0.extend(keeper);
        if chats {
            let model = providers.of(name).model.clone().unwrap_or_else(|| usual_model(name).to_owned());
            configured.models.chat.insert(name.as_str().to_owned(), Chat { provider: chat, model });
        }
        if let (true, Some((embedder, usual))) = (embeds, embedder) {
            let model = search.model.clone().unwrap_or_else(|| usual.to_owned());
            let name = name.as_str().to_owned();
            configured.models.embedding = Some(Embedding { provider: embedder, name, model });
        }
    }
    let first = ProviderName::ALL.into_iter().find(|name| configured.models.chat.contains_key(name.as_str()));
    configured.models.default = providers.default.or(first).map(|name| name.as_str().to_owned());
    Ok(configured)
}

/// The embedder of this process, which reads its model when it is first asked.
fn local(embedder: EmbeddingProvider, folder: Option<&Path>) -> Option<Embedding> {
    let folder = folder.filter(|_| embedder == EmbeddingProvider::Local)?;
    let model = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Some(Embedding { provider: Arc::new(LocalModel::open(folder)), name: "local".to_owned(), model })
}

/// Who of those over the network computes these embeddings.
pub(crate) fn hosted(embedder: EmbeddingProvider) -> Option<ProviderName> {
    match embedder {
        EmbeddingProvider::OpenAi => Some(ProviderName::OpenAi),
        EmbeddingProvider::Ollama => Some(ProviderName::Ollama),
        EmbeddingProvider::Local => None,
    }
}

/// Whether a provider is there to chat with, if it has a key. That there is a variable with a key, which other programs
/// use, asks for nothing.
fn chats(providers: &Providers, name: ProviderName) -> bool {
    let is_meant = providers.of(name).model.is_some() && providers.customary_key(name).is_some();
    providers.names(name) || providers.default == Some(name) || is_meant
}

/// Where a provider usually is.
pub(crate) fn usual_address(name: ProviderName) -> &'static str {
    match name {
        ProviderName::Anthropic => Anthropic::BASE_URL,
        ProviderName::OpenAi => OpenAi::BASE_URL,
        ProviderName::Ollama => Ollama::BASE_URL,
    }
}

/// The model of a provider, if the configuration names none.
fn usual_model(name: ProviderName) -> &'static str {
    match name {
        ProviderName::Anthropic => "claude-sonnet-4-5",
        ProviderName::OpenAi => "gpt-4o",
        ProviderName::Ollama => "llama3.2",
    }
}

/// A provider, ready to be asked.
struct Made {
    chat: Arc<dyn ChatModel>,
    /// And its usual model of embeddings.
    embedder: Option<(Arc<dyn Embedder>, &'static str)>,
    keeper: Option<Keeper>,
}

/// Nothing, if it needs a key and has none.
fn made(providers: &Providers, name: ProviderName, every: Duration) -> Result<Option<Made>, ProviderProblem> {
    let section = providers.of(name);
    let address = section.base_url.as_deref().unwrap_or_else(|| usual_address(name));
    let address = BaseUrl::parse(address)
        .map_err(|source| ProviderProblem::Address { provider: name.as_str(), source })?;
    let outlet = Outlet::new(address, limits(section));
    let (slot, keeper) = key_of(providers, name, every)?.unzip();
    let keeper = keeper.flatten();
    let made = match (name, slot) {
        (ProviderName::Anthropic, None) => return Ok(None),
        (ProviderName::OpenAi, None) if section.base_url.is_none() => return Ok(None),
        (ProviderName::Anthropic, Some(slot)) => {
            let chat = keyed(Anthropic::new(outlet, slot), keeper.clone());
            Made { chat, embedder: None, keeper }
        }
        (ProviderName::OpenAi, slot) => {
            let both = keyed(OpenAi::new(outlet, slot), keeper.clone());
            Made { chat: Arc::clone(&both) as _, embedder: Some((both, "text-embedding-3-small")), keeper }
        }
        (ProviderName::Ollama, slot) => {
            let ollama = Ollama::new(outlet);
            let ollama = match slot {
                Some(slot) => ollama.with_key(slot),
                None => ollama,
            };
            let both = keyed(ollama, keeper.clone());
            Made { chat: Arc::clone(&both) as _, embedder: Some((both, "nomic-embed-text")), keeper }
        }
    };
    Ok(Some(made))
}

fn limits(section: &Provider) -> Limits {
    let total = Duration::from_secs(section.timeout_seconds.into());
    Limits {
        total,
        // An answer that does not come in pieces begins when it is complete.
        first_byte: total,
        tries: section.max_retries.saturating_add(1),
        ..Limits::default()
    }
}

/// The place of a key, and what keeps it fresh if it can become another one.
type Key = (KeySlot, Option<Keeper>);

fn key_of(
    providers: &Providers,
    name: ProviderName,
    every: Duration,
) -> Result<Option<Key>, ProviderProblem> {
    let Provider { api_key, api_key_file, api_key_command, api_key_keyring, .. } = providers.of(name);
    let field = |last: &str| format!("providers.{}.{last}", name.as_str());
    let (field, source) = match (api_key, api_key_file, api_key_command, api_key_keyring) {
        (None, None, None, None) => {
            let Some(key) = providers.customary_key(name) else { return Ok(None) };
            let variable = name.variable().unwrap_or_default();
            return given(key, variable.to_owned()).map(Some);
        }
        (Some(key), None, None, None) => return given(key, field("apiKey")).map(Some),
        (None, Some(path), None, None) => (field("apiKeyFile"), Source::File(path.clone())),
        (None, None, Some(program), None) => (field("apiKeyCommand"), Source::Command(program.clone())),
        (None, None, None, Some(entry)) => (field("apiKeyKeyring"), Source::Keyring(entry.clone())),
        _ => return Err(ProviderProblem::Several { provider: name.as_str() }),
    };
    let keeper = Keeper::start(field.clone(), source, every, crate::redactor());
    let keeper = keeper.map_err(|source| ProviderProblem::Key { field, source })?;
    Ok(Some((keeper.slot(), Some(keeper))))
}

/// A key that is what it is until the next start.
fn given(key: &agentstack_core::Secret<String>, field: String) -> Result<Key, ProviderProblem> {
    let slot = KeySlot::new(key.clone());
    let slot = slot.map_err(|source| ProviderProblem::Key { field, source: source.into() })?;
    Ok((slot, None))
}

#[cfg(test)]
mod tests;
