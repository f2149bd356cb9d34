//! The section about the providers of language models.

use std::path::PathBuf;

use agentstack_core::Secret;
use serde::{Deserialize, Serialize};

use crate::config::Environment;
use crate::keys::KeyCommand;
use crate::providers::usual_address;

/// Where programs are looked for if the environment does not say.
const USUAL_FOLDERS: &str = "/usr/local/bin:/usr/bin:/bin";

/// Who computes embeddings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EmbeddingProvider {
    /// The `OpenAI` API, or what speaks like it.
    #[default]
    OpenAi,
    /// Ollama.
    Ollama,
    /// This process itself.
    Local,
}

/// The providers of language models.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Providers {
    /// The one that is asked by whoever names none; without one, the first of these that is there.
    pub default: Option<ProviderName>,
    /// Anthropic.
    pub anthropic: Provider,
    /// `OpenAI`, or what speaks like it.
    pub openai: Provider,
    /// Ollama.
    pub ollama: Provider,
}

impl Providers {
    /// The section of a provider.
    #[must_use]
    pub fn of(&self, name: ProviderName) -> &Provider {
        match name {
            ProviderName::Anthropic => &self.anthropic,
            ProviderName::OpenAi => &self.openai,
            ProviderName::Ollama => &self.ollama,
        }
    }

    /// Whether the configuration says that a provider is to be there: where its key is, or where it is itself. Ollama
    /// needs neither, so to name a model is enough.
    #[must_use]
    pub fn names(&self, name: ProviderName) -> bool {
        let section = self.of(name);
        let has_model = name == ProviderName::Ollama && section.model.is_some();
        section.names_a_key() || section.base_url.is_some() || has_model
    }

    /// The key in the usual variable, if it is to be used. That key is meant for the provider itself, so it never goes
    /// to another address (S26).
    pub(crate) fn customary_key(&self, name: ProviderName) -> Option<&Secret<String>> {
        let section = self.of(name);
        let is_there =
            section.base_url.as_deref().is_none_or(|url| url.trim_end_matches('/') == usual_address(name));
        section.customary_key.as_ref().filter(|_| is_there && !section.names_a_key())
    }

    pub(crate) fn of_mut(&mut self, name: ProviderName) -> &mut Provider {
        match name {
            ProviderName::Anthropic => &mut self.anthropic,
            ProviderName::OpenAi => &mut self.openai,
            ProviderName::Ollama => &mut self.ollama,
        }
    }
}

/// The name of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProviderName {
    /// The Anthropic API.
    Anthropic,
    /// The `OpenAI` API, or what speaks like it.
    OpenAi,
    /// Ollama.
    Ollama,
}

impl ProviderName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::OpenAi, Self::Ollama];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Ollama => "ollama",
        }
    }

    /// The variable in which programs usually find its key.
    #[must_use]
    pub fn variable(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::Ollama => None,
        }
    }
}

/// A provider, and where its key is. Of the ways to come by the key at most one is set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Provider {
    /// The key of its API.
    #[serde(serialize_with = "super::whether_set", deserialize_with = "super::secret")]
    pub api_key: Option<Secret<String>>,
    /// A private file with the key.
    pub api_key_file: Option<PathBuf>,
    /// A program that prints the key.
    pub api_key_command: Option<KeyCommand>,
    /// Where the keyring of the operating system has the key.
    pub api_key_keyring: Option<ApiKeyring>,
    /// Where it is, if not where it usually is.
    pub base_url: Option<String>,
    /// The model; without one, the provider's usual one.
    pub model: Option<String>,
    /// Seconds for a request with everything that belongs to it.
    pub timeout_seconds: u32,
    /// How often a request that failed is made again.
    pub max_retries: u32,
    /// The key in the variable where programs usually find it.
    #[serde(skip)]
    pub customary_key: Option<Secret<String>>,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            api_key: None,
            api_key_file: None,
            api_key_command: None,
            api_key_keyring: None,
            base_url: None,
            model: None,
            timeout_seconds: 600,
            max_retries: 3,
            customary_key: None,
        }
    }
}

impl Provider {
    /// Whether the configuration says where the key is.
    #[must_use]
    pub fn names_a_key(&self) -> bool {
        self.api_key.is_some()
            || self.api_key_file.is_some()
            || self.api_key_command.is_some()
            || self.api_key_keyring.is_some()
    }

    /// Takes from the environment what depends on it.
    pub(crate) fn look_up(&mut self, name: ProviderName, environment: &Environment) {
        let value = |name| environment.get(name).ok().flatten();
        let key = name.variable().and_then(value).map(str::trim).filter(|key| !key.is_empty());
        self.customary_key = key.map(|key| Secret::new(key.to_owned()));
        if let Some(keyring) = &mut self.api_key_keyring {
            value("PATH").unwrap_or(USUAL_FOLDERS).clone_into(&mut keyring.folders);
        }
    }
}

/// An entry in the keyring of the operating system.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ApiKeyring {
    /// Of what.
    pub service: String,
    /// Whose.
    pub account: String,
    /// The folders in which the keyring's program is looked for.
    #[serde(skip)]
    pub(crate) folders: String,
}

impl ApiKeyring {
    /// An entry, that is asked for with a program in one of these folders, which are written as in `PATH`.
    #[must_use]
    pub fn new(service: impl Into<String>, account: impl Into<String>, folders: impl Into<String>) -> Self {
        Self { service: service.into(), account: account.into(), folders: folders.into() }
    }
}
