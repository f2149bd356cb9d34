//! The configuration: `aistack.config.json`, `AGENTSTACK_*` variables and flags, read once at the start.
//!
//! Nothing falls back in silence: an unknown field, a value out of its range and a feature that this build
//! does not have stop the start, and the error names the field. No error, no `Debug` and no serialized form
//! holds a secret (S40).

mod document;
mod environment;
mod error;
mod fields;
mod files;
mod providers;
mod reference;
mod rules;
mod schema;
mod sections;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use environment::{Environment, NotText};
pub use error::{ConfigError, FieldProblem, Place, Unserved};
pub use schema::schema;
pub use sections::{
    Agents, ApiKeyring, Audit, CustomAgentType, DriftBehavior, DriftDetection, DriftSimilarity, Egress,
    EmbeddingProvider, GitHub, Guard, GuardRule, Http, IssuerKeys, Limits, Mcp, Memory, OAuth, Plugins,
    Provider, ProviderName, Providers, ResourceExhaustion, ResourceThresholds, Retention, Security, Tls,
    Transport, VectorSearch, Watch, WatchThresholds, WatchWebhook,
};

use crate::keys::KeySource;
use document::Document;
use sections::Elsewhere;

/// The name of the key file in the user's configuration folder.
const KEY_FILE: &str = "agentstack.key";

/// A configuration. Its `Debug` and `Serialize` forms hold no secret, but they do hold paths: callers of the
/// product see [`Config::redacted`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Config {
    /// The version of the file's format.
    #[serde(default = "version")]
    pub version: String,
    /// Where memory is kept.
    #[serde(default)]
    pub memory: Memory,
    /// The providers of language models.
    #[serde(default)]
    pub providers: Providers,
    /// Runs of agents.
    #[serde(default)]
    pub agents: Agents,
    /// Tools for GitHub.
    #[serde(default)]
    pub github: GitHub,
    /// Plugins.
    #[serde(default)]
    pub plugins: Plugins,
    /// How MCP is served.
    #[serde(default)]
    pub mcp: Mcp,
    /// Tells tasks that stray.
    #[serde(default)]
    pub drift_detection: DriftDetection,
    /// What an agent may use before it is stopped.
    #[serde(default)]
    pub resource_exhaustion: ResourceExhaustion,
    /// Protection of what is kept.
    pub security: Security,
    /// How HTTP is served.
    #[serde(default)]
    pub http: Http,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
    /// The audit log.
    #[serde(default)]
    pub audit: Audit,
    /// Signals.
    #[serde(default)]
    pub watch: Watch,
    /// How long what is kept stays.
    #[serde(default)]
    pub retention: Retention,
    /// What is looked for in contents, and what follows.
    #[serde(default)]
    pub guard: Guard,
    /// Connections to others.
    #[serde(default)]
    pub egress: Egress,
    /// Where tokens for people are put: with the key file, or else with the user's configuration.
    #[serde(skip)]
    pub token_folder: Option<PathBuf>,
    #[serde(skip)]
    substituted: BTreeSet<&'static str>,
    /// The fields that hold a secret in so many words, or run a program.
    #[serde(skip)]
    literal: BTreeSet<&'static str>,
    #[serde(default, skip_serializing)]
    slack: Elsewhere,
    #[serde(default, skip_serializing)]
    consensus: Elsewhere,
    #[serde(default, skip_serializing)]
    smart_dispatcher: Elsewhere,
}

fn version() -> String {
    "1.0.0".to_owned()
}

/// What a configuration is read from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that the user named. Without it, the variable `AGENTSTACK_CONFIG` and then the usual places
    /// are looked at.
    pub explicit: Option<PathBuf>,
    /// Where the search and relative paths start.
    pub current_dir: PathBuf,
    /// The environment.
    pub environment: Environment,
    /// What was given on the command line.
    pub overrides: Overrides,
}

impl Sources {
    /// Those of this process.
    ///
    /// # Errors
    /// When the current folder is not known.
    pub fn of_process(explicit: Option<PathBuf>, overrides: Overrides) -> Result<Self, ConfigError> {
        let current_dir =
            std::env::current_dir().map_err(|source| ConfigError::Unreadable { path: ".".into(), source })?;
        Ok(Self { explicit, current_dir, environment: Environment::of_process(), overrides })
    }
}

/// Settings from the command line. They come before all others.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Instead of `memory.path`.
    pub memory_path: Option<PathBuf>,
    /// Instead of `security.keySource`.
    pub key_file: Option<PathBuf>,
    /// Instead of `http.listen`.
    pub listen: Option<SocketAddr>,
}

/// A configuration, and where it comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file, if there is one.
    pub file: Option<PathBuf>,
}

impl Config {
    /// The built-in settings, with the key from `key_source`.
    #[must_use]
    pub fn new(key_source: KeySource) -> Self {
        Self {
            version: version(),
            memory: Memory::default(),
            providers: Providers::default(),
            agents: Agents::default(),
            github: GitHub::default(),
            plugins: Plugins::default(),
            mcp: Mcp::default(),
            drift_detection: DriftDetection::default(),
            security: Security::new(key_source),
            http: Http::default(),
            limits: Limits::default(),
            audit: Audit::default(),
            watch: Watch::default(),
            retention: Retention::default(),
            guard: Guard::default(),
            egress: Egress::default(),
            token_folder: None,
            substituted: BTreeSet::new(),
            literal: BTreeSet::new(),
            slack: Elsewhere::default(),
            resource_exhaustion: ResourceExhaustion::default(),
            consensus: Elsewhere::default(),
            smart_dispatcher: Elsewhere::default(),
        }
    }

    /// Reads the configuration that is in force, to start with it.
    ///
    /// # Errors
    /// Those of [`Config::read`], and [`ConfigError::Unserved`].
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
        let loaded = Self::read(sources)?;
        let unserved = loaded.config.unserved();
        if unserved.is_empty() { Ok(loaded) } else { Err(ConfigError::Unserved(unserved)) }
    }

    /// Reads the configuration that is in force, even if this build does not serve all it asks for.
    ///
    /// # Errors
    /// When the file cannot be used, or a setting breaks a rule.
    pub fn read(sources: &Sources) -> Result<Loaded, ConfigError> {
        let found = files::find(sources)?;
        let mut document = match &found {
            Some(found) => read_file(found, &sources.environment)?,
            None => Document::default(),
        };
        for (path, value) in environment::settings(&sources.environment, &document.mentioned)? {
            document.set(path, value);
        }
        for (path, value) in flags(&sources.overrides)? {
            document.set(path, value);
        }
        if document.get("security.keySource").is_none() {
            document.set("security.keySource.file", default_key_file(&sources.environment)?.into());
        }
        let (substituted, literal) = (document.substituted.clone(), document.literal.clone());
        let mut config = Self::from_document(document)?;
        (config.substituted, config.literal) = (substituted, literal);
        config.settle(sources);
        Ok(Loaded { config, file: found.map(|found| found.path) })
    }

    /// The fields that hold a secret in so many words, or run a program whose arguments may be secrets.
    pub(crate) fn literal(&self) -> impl Iterator<Item = &'static str> {
        self.literal.iter().copied()
    }

    /// What the configuration asks for and this build does not have.
    #[must_use]
    pub fn unserved(&self) -> Vec<Unserved> {
        let asked = [
            (self.plugins.enabled && !cfg!(feature = "wasm-plugins"), "plugins.enabled", "plugins"),
            (self.slack.enabled, "slack.enabled", "notifications to Slack"),
            (self.consensus.enabled, "consensus.enabled", "consensus among agents"),
            (self.smart_dispatcher.enabled, "smartDispatcher.enabled", "the choice of agents by a model"),
        ];
        let asked = asked.into_iter().filter(|(enabled, ..)| *enabled);
        let switches = asked.map(|(_, field, reason)| Unserved { field, reason, instead: "false" });
        let other_way = (self.github.enabled && !self.github.use_gh_cli).then_some(Unserved {
            field: "github.useGhCli",
            reason: "GitHub without the program `gh`",
            instead: "true",
        });
        let drift = &self.drift_detection;
        let is_by_meaning = drift.enabled && drift.similarity == DriftSimilarity::Embedding;
        let compares = is_by_meaning && !self.memory.vector_search.enabled;
        let reason = "the comparison of tasks by meaning without `memory.vectorSearch`";
        let by_meaning = compares.then_some(Unserved {
            field: "driftDetection.similarity",
            reason,
            instead: "\"lexical\"",
        });
        switches.chain(other_way).chain(by_meaning).collect()
    }

    /// The configuration as callers may see it: without paths and addresses, and of secrets and of what comes
    /// from variables only whether it is set.
    #[must_use]
    pub fn redacted(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut shown)) = serde_json::to_value(self) else { return Map::new() };
        for field in fields::all().filter(|field| field.kind.is_place()) {
            remove(&mut shown, field.path);
        }
        for field in self.substituted.iter().filter_map(|path| fields::find(path)) {
            if !field.kind.is_place() {
                document::set(&mut shown, field.path, "set".into());
            }
        }
        self.show_whether_keys_are_set(&mut shown);
        if let Some(Value::Object(security)) = shown.get_mut("security") {
            security.insert("keySource".to_owned(), self.security.key_source.kind().into());
        }
        shown
    }

    /// Of the keys of providers only whether there are any, not where.
    fn show_whether_keys_are_set(&self, shown: &mut Map<String, Value>) {
        for name in ProviderName::ALL {
            let section = shown.get_mut("providers").and_then(|shown| shown.get_mut(name.as_str()));
            let Some(Value::Object(section)) = section else { continue };
            section.retain(|field, _| !providers::KEYS.contains(&field.as_str()));
            let is_set =
                self.providers.of(name).names_a_key() || self.providers.customary_key(name).is_some();
            section.insert("apiKey".to_owned(), if is_set { "set" } else { "not set" }.into());
        }
    }

    /// The first field that needs connections to others.
    fn goes_out(&self) -> Option<String> {
        let named = ProviderName::ALL.into_iter().find(|name| self.providers.names(*name));
        let search = &self.memory.vector_search;
        let embeds = search.enabled && search.provider != EmbeddingProvider::Local;
        let oauth = self.http.oauth.as_ref().is_some_and(|oauth| matches!(oauth.keys, IssuerKeys::Uri(_)));
        let others = [
            (self.providers.default.is_some(), "providers.default"),
            (embeds, "memory.vectorSearch.enabled"),
            (self.watch.enabled && self.watch.webhook.is_some(), "watch.webhook"),
            (oauth, "http.oauth.jwksUri"),
            (self.github.enabled, "github.enabled"),
        ];
        let other = others.into_iter().find(|(is_so, _)| *is_so).map(|(_, field)| field.to_owned());
        named.map(|name| format!("providers.{}", name.as_str())).or(other)
    }

    /// Makes a configuration of a document whose fields have been checked one by one.
    fn from_document(document: Document) -> Result<Self, ConfigError> {
        let together = |field: &str, rule: &str| ConfigError::field(Place::Together, field, rule);
        // Its message could repeat a value. The table refuses first whatever these types refuse.
        let config: Self = serde_json::from_value(Value::Object(document.fields))
            .map_err(|_| together("", "holds fields that do not go together"))?;
        let drift = &config.drift_detection;
        if drift.warning_threshold.is_some_and(|warning| warning >= drift.threshold) {
            let rule = "must be less than driftDetection.threshold";
            return Err(together("driftDetection.warningThreshold", rule));
        }
        if config.limits.session_idle_seconds > config.limits.session_max_age_seconds {
            let rule = "must not be more than limits.sessionMaxAgeSeconds";
            return Err(together("limits.sessionIdleSeconds", rule));
        }
        let search = &config.memory.vector_search;
        if search.enabled && search.provider == EmbeddingProvider::Local && search.folder.is_none() {
            return Err(together("memory.vectorSearch.folder", "is required where the provider is `local`"));
        }
        if let Some(field) = config.goes_out().filter(|_| !config.egress.enabled) {
            let rule =
                format!("is false, but `{field}` needs connections to others: take it out, or turn them on");
            return Err(together("egress.enabled", &rule));
        }
        Ok(config)
    }

    /// Makes the configuration independent of the current folder and the environment.
    fn settle(&mut self, sources: &Sources) {
        let settled = |path: &Path| sources.current_dir.join(path).components().collect::<PathBuf>();
        self.memory.path = settled(&self.memory.path);
        self.plugins.directory = settled(&self.plugins.directory);
        let github = &mut self.github;
        github.program = github.program.as_deref().map(settled);
        github.config_directory = github.config_directory.as_deref().map(settled);
        github.look_up(&sources.environment);
        let folder = &mut self.memory.vector_search.folder;
        *folder = folder.as_deref().map(settled);
        if let Some(tls) = &mut self.http.tls {
            (tls.certificate, tls.key) = (settled(&tls.certificate), settled(&tls.key));
        }
        if let Some(OAuth { keys: IssuerKeys::File(path), .. }) = &mut self.http.oauth {
            *path = settled(path);
        }
        for name in ProviderName::ALL {
            let provider = self.providers.of_mut(name);
            provider.api_key_file = provider.api_key_file.as_deref().map(settled);
            provider.look_up(name, &sources.environment);
        }
        self.token_folder = sources.environment.user_folder();
        self.security.policy = self.security.policy.as_deref().map(settled);
        match &mut self.security.key_source {
            KeySource::File(path) => {
                *path = settled(path);
                self.token_folder = path.parent().map(Path::to_owned);
            }
            KeySource::Env(variable) => variable.look_up(&sources.environment),
            KeySource::Command(_) => {}
        }
    }
}

fn read_file(found: &files::Found, environment: &Environment) -> Result<Document, ConfigError> {
    let path = &found.path;
    let (bytes, exposure) = files::read(path)?;
    let text = agentstack_api::json::check(&bytes)
        .map_err(|source| ConfigError::Syntax { path: path.clone(), source })?;
    let place = || Place::File(path.clone());
    let Ok(fields) = serde_json::from_str::<Map<String, Value>>(text) else {
        return Err(ConfigError::field(place(), "", "must hold one JSON object"));
    };
    let document = Document::read(fields, environment)
        .map_err(|problem| ConfigError::Field { place: place(), problem })?;
    if let (Some(field), Some(source)) = (document.literal.first(), exposure) {
        return Err(ConfigError::Exposed { path: path.clone(), field: (*field).to_owned(), source });
    }
    if found.by_chance
        && let Some(field) = document.needs_trust()
    {
        let rule = "is not taken from a file that merely lies in the current folder, which may have come with \
                    somebody else's project: name the file with --config, or use the one in your configuration folder";
        return Err(ConfigError::field(place(), field, rule));
    }
    Ok(document)
}

/// The fields that the command line sets.
fn flags(overrides: &Overrides) -> Result<Vec<(&'static str, Value)>, ConfigError> {
    let text = |path: &PathBuf| Value::from(path.to_str().unwrap_or_default());
    let given = [
        ("memory.path", overrides.memory_path.as_ref().map(text)),
        ("security.keySource.file", overrides.key_file.as_ref().map(text)),
        ("http.listen", overrides.listen.map(|listen| Value::from(listen.to_string()))),
    ];
    let mut flags = Vec::new();
    for (path, value) in given {
        let (Some(value), Some(field)) = (value, fields::find(path)) else { continue };
        if !field.kind.holds(&value) {
            return Err(ConfigError::field(Place::Flags, path, field.kind.rule()));
        }
        flags.push((path, value));
    }
    Ok(flags)
}

fn default_key_file(environment: &Environment) -> Result<String, ConfigError> {
    let path = environment.user_folder().map(|folder| folder.join(KEY_FILE));
    path.and_then(|path| path.to_str().map(str::to_owned)).ok_or_else(|| {
        let rule = "must be set, because neither XDG_CONFIG_HOME nor HOME says where the key file would be";
        ConfigError::field(Place::Together, "security.keySource", rule)
    })
}

fn remove(fields: &mut Map<String, Value>, path: &str) {
    match path.split_once('.') {
        None => drop(fields.remove(path)),
        Some((section, rest)) => {
            if let Some(Value::Object(inner)) = fields.get_mut(section) {
                remove(inner, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests;
