//! The fields of the providers, and what must hold among them.

use serde_json::{Map, Value};

use super::document::Document;
use super::error::FieldProblem;
use super::fields::{Field, field};
use super::rules::Kind;
use super::sections::ProviderName;
use crate::providers::usual_address;

/// The ways to come by a key.
pub(super) const KEYS: [&str; 4] = ["apiKey", "apiKeyFile", "apiKeyCommand", "apiKeyKeyring"];
const MODEL: Kind = Kind::Text { most: 200 };

macro_rules! fields_of {
    ($section:literal, $who:literal) => {
        [
            field(
                concat!($section, ".apiKey"),
                Kind::Secret,
                concat!("The key of ", $who, "; write `${VAR}`. Of the ways to come by the key, set at most one."),
            ),
            field(
                concat!($section, ".apiKeyFile"),
                Kind::Path,
                "A file with the key: mode 0600, yours, no link. Another key in it is used within seconds.",
            ),
            field(
                concat!($section, ".apiKeyCommand"),
                Kind::Command,
                "The program and arguments, without a shell, whose output is the key.",
            ),
            field(
                concat!($section, ".apiKeyKeyring.service"),
                Kind::Label,
                "The key in the keyring of the operating system: of what. With `account`.",
            ),
            field(concat!($section, ".apiKeyKeyring.account"), Kind::Label, "And whose."),
            field(concat!($section, ".baseUrl"), Kind::Url, concat!("Where ", $who, " is reached.")),
            field(concat!($section, ".model"), MODEL, "The model to ask for."),
            field(
                concat!($section, ".timeoutSeconds"),
                Kind::Whole { least: 1, most: 3_600 },
                "Seconds for a request with everything that belongs to it: connecting, the answer, further tries.",
            ),
            field(
                concat!($section, ".maxRetries"),
                Kind::Whole { least: 0, most: 10 },
                "How often a request that failed in passing is made again.",
            ),
        ]
    };
}

/// The fields.
pub(super) const FIELDS: &[[Field; 9]] = &[
    fields_of!("providers.anthropic", "Anthropic"),
    fields_of!("providers.openai", "OpenAI, or what speaks like it,"),
    fields_of!("providers.ollama", "Ollama"),
];

fn section(document: &Document, name: ProviderName) -> Option<&Map<String, Value>> {
    document.get("providers")?.get(name.as_str())?.as_object()
}

/// The rules that are about more than one field.
pub(super) fn check(document: &Document) -> Result<(), FieldProblem> {
    for name in ProviderName::ALL {
        let Some(section) = section(document, name) else { continue };
        let path = format!("providers.{}", name.as_str());
        let held: Vec<&str> = KEYS.into_iter().filter(|key| section.contains_key(*key)).collect();
        if held.len() > 1 {
            let (all, held) = (KEYS.join(", "), held.join(" and "));
            return Err(FieldProblem::new(path, format!("must hold at most one of {all}; it holds {held}")));
        }
        let keyring = section.get("apiKeyKeyring").and_then(Value::as_object);
        if keyring.is_some_and(|keyring| keyring.len() != 2) {
            return Err(FieldProblem::new(
                format!("{path}.apiKeyKeyring"),
                "must hold both service and account",
            ));
        }
    }
    Ok(())
}

/// The first field that only a file may set which the user has named or put in the place for it.
///
/// Where a key is, would be where programs are run and files are read. At another address, or with somebody else's key,
/// it is somebody else who gets to read what is asked. And whether what is stored goes out at all is up to the user.
pub(super) fn needs_trust(document: &Document) -> Option<&'static str> {
    if document.get("memory.vectorSearch.enabled") == Some(&Value::Bool(true)) {
        return Some("memory.vectorSearch.enabled");
    }
    if document.get("memory.vectorSearch.folder").is_some() {
        return Some("memory.vectorSearch.folder");
    }
    for (name, fields) in ProviderName::ALL.into_iter().zip(FIELDS) {
        for field in fields {
            let Some(value) = document.get(field.path) else { continue };
            let is_harmless = match field.path.rsplit('.').next() {
                // What comes from a variable may be a secret that is meant for somebody else.
                Some("model") => !document.substituted.contains(field.path),
                Some("timeoutSeconds" | "maxRetries") => true,
                Some("baseUrl") => {
                    value.as_str().is_some_and(|url| url.trim_end_matches('/') == usual_address(name))
                }
                _ => false,
            };
            if !is_harmless {
                return Some(field.path);
            }
        }
    }
    None
}
