//! The environment: read once, handed on as a value, so that nothing else depends on the process.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use agentstack_core::Secret;
use serde_json::Value;

use super::error::{ConfigError, Place};
use super::fields;
use super::rules::Kind;

/// The variables of an environment. Prints names, never values.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `None` for a value that is not UTF-8.
    variables: BTreeMap<String, Option<Secret<String>>>,
}

/// A variable whose value is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotText;

impl Environment {
    /// That of this process.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The value of a variable, if it is set.
    ///
    /// # Errors
    /// When it is set to something that is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<&str>, NotText> {
        match self.variables.get(name) {
            None => Ok(None),
            Some(None) => Err(NotText),
            Some(Some(value)) => Ok(Some(value.expose())),
        }
    }

    /// The token with which a client over stdio calls, if it is not the local user who does. A value that is no text is
    /// no token, and is refused as one that nobody knows.
    #[must_use]
    pub fn token(&self) -> Option<Secret<String>> {
        self.variables
            .get(TOKEN)
            .map(|value| value.as_ref().map_or_else(|| Secret::new(String::new()), Clone::clone))
    }

    /// The user's configuration folder for this product, by the XDG base directory specification:
    /// paths that are not absolute do not count.
    #[must_use]
    pub fn user_folder(&self) -> Option<PathBuf> {
        let folder = |name: &str| {
            let path = PathBuf::from(self.get(name).ok().flatten()?);
            path.is_absolute().then_some(path)
        };
        let base = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))?;
        Some(base.join("agentstack"))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let text = |(name, value): (K, V)| {
            let name = name.into().into_string().ok()?;
            Some((name, value.into().into_string().ok().map(Secret::new)))
        };
        Self { variables: variables.into_iter().filter_map(text).collect() }
    }
}

/// The variable that names the configuration file.
pub(super) const CONFIG: &str = "AGENTSTACK_CONFIG";
/// The variable that holds the token with which a client over stdio calls.
const TOKEN: &str = "AGENTSTACK_TOKEN";
/// The variable that holds the key itself.
const KEY: &str = "AGENTSTACK_KEY";
/// The variable that names the key file.
const KEY_FILE: &str = "AGENTSTACK_KEY_FILE";

/// The variables that set a field, and which.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("AGENTSTACK_MEMORY_PATH", "memory.path"),
    ("AGENTSTACK_MEMORY_DEFAULT_NAMESPACE", "memory.defaultNamespace"),
    ("AGENTSTACK_SECURITY_ENCRYPTION", "security.encryption"),
    (KEY_FILE, "security.keySource.file"),
    (KEY, "security.keySource.env"),
    ("AGENTSTACK_LIMITS_SESSION_IDLE_SECONDS", "limits.sessionIdleSeconds"),
    ("AGENTSTACK_LIMITS_SESSION_MAX_AGE_SECONDS", "limits.sessionMaxAgeSeconds"),
    ("AGENTSTACK_AUDIT_CHECKPOINT_EVERY", "audit.checkpointEvery"),
];

/// Variables with our prefix that other parts of the product read.
pub(super) const OTHERS: &[&str] = &[CONFIG, TOKEN, "AGENTSTACK_CORPORA", "AGENTSTACK_LOG"];

/// The fields that the environment sets. `mentioned` are the variables that the file refers to: they are
/// the user's own, whatever they are called.
pub(super) fn settings(
    environment: &Environment,
    mentioned: &BTreeSet<String>,
) -> Result<Vec<(&'static str, Value)>, ConfigError> {
    let ours = environment.variables.keys().filter(|name| name.starts_with("AGENTSTACK_"));
    for name in ours {
        let known = VARIABLES.iter().any(|(known, _)| known == name) || OTHERS.contains(&name.as_str());
        if !known && !mentioned.contains(name) {
            return Err(broken(name, unknown()));
        }
    }
    let mut settings = Vec::new();
    for (name, path) in VARIABLES {
        let value = environment.get(name).map_err(|NotText| broken(name, "must be UTF-8"))?;
        let Some(value) = value else { continue };
        let Some(field) = fields::find(path) else { continue };
        // For the key, the setting is where it stands, not what it is.
        let value = if *name == KEY { Value::from(KEY) } else { parsed(field.kind, value) };
        if !field.kind.holds(&value) {
            return Err(broken(name, field.kind.rule()));
        }
        settings.push((*path, value));
    }
    if [KEY, KEY_FILE].iter().all(|name| environment.variables.contains_key(*name)) {
        return Err(broken(KEY, format!("must not be set together with `{KEY_FILE}`")));
    }
    Ok(settings)
}

/// The text of a variable as the type of its field.
fn parsed(kind: Kind, text: &str) -> Value {
    let other_than_text = match kind {
        Kind::Switch => text.parse().ok().map(Value::Bool),
        // `parse` takes a sign too.
        Kind::Whole { .. } if !text.starts_with('+') => text.parse::<u64>().ok().map(Value::from),
        _ => None,
    };
    other_than_text.unwrap_or_else(|| Value::from(text))
}

fn broken(variable: &str, rule: impl Into<String>) -> ConfigError {
    ConfigError::field(Place::Environment, variable, rule)
}

fn unknown() -> String {
    let names: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).chain(OTHERS.iter().copied()).collect();
    format!("is not a variable of this product; it has {}", names.join(", "))
}
