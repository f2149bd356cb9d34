//! What a field may hold: the rule of each kind, as code, as words and as JSON Schema.

mod objects;

use std::net::SocketAddr;
use std::str::FromStr;

use agentstack_core::SharedName;
use agentstack_github::{Host, RepositoryPattern};
use agentstack_plugins::PublicKey;
use agentstack_providers::BaseUrl;
use agentstack_rest::{OAuthSettings, WebhookSettings};
use serde_json::{Value, json};

use self::objects::{are_agent_types, are_plugin_settings};
use super::sections::GuardRule;

/// Longest path, URL, argument or secret, in bytes.
const LONG: usize = 4_096;
/// Most arguments of a command.
const ARGUMENTS: usize = 64;

/// Most kinds of agents of one's own.
const AGENT_TYPES: usize = 50;
/// Most repositories, or patterns of them.
const REPOSITORIES: usize = 1_000;
/// Most keys in a list of them.
const PUBLIC_KEYS: usize = 100;
/// Most plugins that there are settings for, and most settings of one.
const PLUGINS: usize = 100;
const SETTINGS_OF_PLUGIN: usize = 64;
/// Most rules about what is found.
const GUARD_RULES: usize = 200;
/// Longest system prompt, in characters.
const PROMPT_CHARS: usize = 10_000;
/// Who computes embeddings.
const EMBEDDERS: [&str; 3] = ["openai", "ollama", "local"];

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Whole {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A number from 0 to 1.
    Fraction,
    /// A line of text.
    Text {
        /// Its greatest length in characters.
        most: usize,
    },
    /// Several lines of text.
    Texts {
        /// The greatest length of each in characters.
        most: usize,
    },
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// The version of the file's format.
    Version,
    /// The name of shared memory.
    SharedName,
    /// The path of a file or folder.
    Path,
    /// Where a provider is reached.
    Url,
    /// A service that decides who gets in: nobody on the way may answer for it.
    SecureUrl,
    /// Where signals are posted: the address may be all that keeps others from posting there.
    Webhook,
    /// An IP address and a port to listen on.
    Address,
    /// What must not be shown.
    Secret,
    /// The name of an environment variable.
    Variable,
    /// A program and its arguments.
    Command,
    /// Kinds of agents.
    AgentTypes,
    /// What follows from what is found in a content.
    GuardRules,
    /// Repositories of a code host.
    Repositories,
    /// Public keys in minisign's form.
    PublicKeys,
    /// Texts by plugin and by name.
    PluginSettings,
    /// The name of a code host.
    Host,
    /// Who computes embeddings.
    Embedder,
    /// What an entry of a keyring is found by, an argument of a program.
    Label,
}

impl Kind {
    /// Whether `value` obeys the rule.
    pub(super) fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Switch, Value::Bool(_)) => true,
            (Self::Whole { least, most }, Value::Number(number)) => {
                number.as_u64().is_some_and(|number| (least..=most).contains(&number))
            }
            (Self::Fraction, Value::Number(number)) => {
                number.as_f64().is_some_and(|number| (0.0..=1.0).contains(&number))
            }
            (Self::AgentTypes, Value::Array(items)) => are_agent_types(items),
            (Self::GuardRules, Value::Array(items)) => {
                items.len() <= GUARD_RULES
                    && items.iter().all(|item| serde_json::from_value::<GuardRule>(item.clone()).is_ok())
            }
            (Self::Repositories, Value::Array(items)) => {
                let is_one = |item: &Value| {
                    item.as_str().is_some_and(|text| text.parse::<RepositoryPattern>().is_ok())
                };
                items.len() <= REPOSITORIES && items.iter().all(is_one)
            }
            (Self::PublicKeys, Value::Array(items)) => {
                let is_one =
                    |item: &Value| item.as_str().is_some_and(|text| text.parse::<PublicKey>().is_ok());
                items.len() <= PUBLIC_KEYS && items.iter().all(is_one)
            }
            (Self::PluginSettings, Value::Object(plugins)) => are_plugin_settings(plugins),
            (Self::Texts { most }, Value::Array(items)) => {
                items.iter().all(|item| Self::Text { most }.holds(item))
            }
            (Self::Command, Value::Array(items)) => {
                (1..=ARGUMENTS).contains(&items.len())
                    && items.iter().all(|item| item.as_str().is_some_and(is_argument))
                    && items.first().and_then(Value::as_str) != Some("")
            }
            (_, Value::String(text)) => self.holds_text(text),
            _ => false,
        }
    }

    fn holds_text(self, text: &str) -> bool {
        match self {
            Self::Text { most } => {
                !text.is_empty() && text.chars().count() <= most && !text.contains(char::is_control)
            }
            Self::Choice(words) => words.contains(&text),
            Self::Version => is_version_1(text),
            Self::SharedName => SharedName::from_str(text).is_ok(),
            Self::Host => Host::from_str(text).is_ok(),
            Self::Path => !text.is_empty() && is_argument(text),
            Self::Url => BaseUrl::parse(text).is_ok(),
            Self::Embedder => EMBEDDERS.contains(&text),
            // One that began with a dash could be read as an option.
            Self::Label => !text.starts_with('-') && Self::Text { most: 200 }.holds_text(text),
            Self::SecureUrl => OAuthSettings::is_address(text),
            Self::Webhook => WebhookSettings::is_address(text),
            Self::Address => text.parse::<SocketAddr>().is_ok(),
            Self::Secret => (1..=LONG).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()),
            Self::Variable => is_variable(text),
            _ => false,
        }
    }

    /// The rule in words, to follow the name of the field.
    pub(super) fn rule(self) -> String {
        match self {
            Self::Switch => "must be true or false".to_owned(),
            Self::Whole { least, most } => {
                format!("must be a whole number from {} to {}", grouped(least), grouped(most))
            }
            Self::Fraction => "must be a number from 0 to 1".to_owned(),
            Self::Text { most } => {
                let most = grouped(most as u64);
                format!("must be a text of 1 to {most} characters without line breaks")
            }
            Self::Texts { most } => {
                let most = grouped(most as u64);
                format!("must be a list of texts of 1 to {most} characters without line breaks")
            }
            Self::Choice(words) => format!("must be one of {}", quoted(words)),
            Self::Version => "must be a version that begins with 1, such as \"1.0.0\"".to_owned(),
            Self::SharedName => {
                "must be 1 to 100 of letters, digits, `.`, `_` and `-`, starting with a letter \
                                 or a digit"
                    .to_owned()
            }
            Self::Host => {
                "must be the name of a host, such as \"github.com\", without scheme, port and path".to_owned()
            }
            Self::Path => "must be the path of a file or folder: 1 to 4,096 bytes of UTF-8".to_owned(),
            Self::Url => "must be an https:// address, or an http:// one whose host is `localhost` or a loopback or \
                          private IP address, without user name, password, query and fragment; link-local and \
                          metadata addresses are none"
                .to_owned(),
            Self::Embedder => {
                format!("must be one of {}; Anthropic has no embeddings", quoted(&EMBEDDERS))
            }
            Self::Label => {
                "must be a text of 1 to 200 characters without line breaks that does not begin with `-`".to_owned()
            }
            Self::SecureUrl => {
                "must be an https:// address, or an http:// one of this machine, without user \
                                name, password, query and fragment"
                    .to_owned()
            }
            Self::Webhook => {
                "must be an https:// address, or an http:// one of this machine, without user name, password and \
                 fragment"
                    .to_owned()
            }
            Self::Address => "must be an IP address and a port, such as \"127.0.0.1:3001\"".to_owned(),
            Self::Secret => "must be 1 to 4,096 visible ASCII characters".to_owned(),
            Self::Variable => "must be the name of an environment variable".to_owned(),
            Self::Command => {
                format!("must be a list of 1 to {ARGUMENTS} texts: a program and its arguments")
            }
            Self::AgentTypes
            | Self::GuardRules
            | Self::Repositories
            | Self::PublicKeys
            | Self::PluginSettings => self.rule_of_a_list(),
        }
    }

    fn rule_of_a_list(self) -> String {
        match self {
            Self::AgentTypes => format!(
                "must be a list of at most {AGENT_TYPES} objects with `type` (1 to 64 of lower-case letters, digits and \
                 `-`, starting with a letter, each once), `description` (1 to 200 characters), `capabilities` (at most \
                 32 texts of 1 to 64 characters) and `systemPrompt` (1 to {} characters)",
                grouped(PROMPT_CHARS as u64)
            ),
            Self::GuardRules => format!(
                "must be a list of at most {GUARD_RULES} objects with `in` (\"sessions\", \"shared\" or \"shared:\" and a \
                 name), `find` (a class or a kind that docs/guard.md has), `action` (\"ignore\", \"flag\", \"redact\", \
                 \"quarantine\" or \"refuse\") and perhaps `from` (\"low\", \"medium\" or \"high\")"
            ),
            Self::PublicKeys => format!(
                "must be a list of at most {PUBLIC_KEYS} public keys: 56 characters of Base64, the second line of a \
                 minisign key file"
            ),
            Self::PluginSettings => format!(
                "must be an object with the names of at most {PLUGINS} plugins, each an object with at most \
                 {SETTINGS_OF_PLUGIN} settings: names of 1 to 64 letters, digits, `.`, `_` and `-`, and texts of at \
                 most {} bytes",
                grouped(LONG as u64)
            ),
            _ => format!(
                "must be a list of at most {} texts, each an owner, `/` and the name of a repository or `*`",
                grouped(REPOSITORIES as u64)
            ),
        }
    }

    /// Whether anybody may see the value.
    pub(super) fn is_shown(self) -> bool {
        !matches!(self, Self::Secret | Self::Command | Self::Webhook | Self::PluginSettings)
    }

    /// Whether it says where something is, which callers are not told.
    pub(super) fn is_place(self) -> bool {
        matches!(self, Self::Path | Self::Url | Self::SecureUrl | Self::Address | Self::Host)
    }

    /// The rule as JSON Schema. A string that will be replaced (`${VAR}`) always conforms.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Switch => json!({"type": "boolean"}),
            Self::Whole { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
            Self::Fraction => json!({"type": "number", "minimum": 0, "maximum": 1}),
            Self::Texts { .. } => json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
            Self::Repositories => json!({
                "type": "array", "items": {"type": "string", "pattern": "^[^/]+/[^/]+$"}, "maxItems": REPOSITORIES
            }),
            Self::PublicKeys => json!({
                "type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": PUBLIC_KEYS
            }),
            Self::PluginSettings => json!({
                "type": "object",
                "maxProperties": PLUGINS,
                "additionalProperties": {
                    "type": "object", "maxProperties": SETTINGS_OF_PLUGIN, "additionalProperties": {"type": "string"}
                },
            }),
            Self::Choice(words) => choice(words),
            Self::Embedder => choice(&EMBEDDERS),
            Self::Command => json!({
                "type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": ARGUMENTS
            }),
            Self::AgentTypes => json!({
                "type": "array",
                "maxItems": AGENT_TYPES,
                "items": {
                    "type": "object",
                    "properties": {
                        "type": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$"},
                        "description": {"type": "string", "minLength": 1, "maxLength": 200},
                        "capabilities": {
                            "type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 64}, "maxItems": 32
                        },
                        "systemPrompt": {"type": "string", "minLength": 1, "maxLength": PROMPT_CHARS},
                    },
                    "required": ["type", "description", "capabilities", "systemPrompt"],
                    "additionalProperties": false,
                },
            }),
            Self::GuardRules => json!({
                "type": "array",
                "maxItems": GUARD_RULES,
                "items": {
                    "type": "object",
                    "properties": {
                        "in": {"type": "string", "pattern": "^(sessions|shared|shared:[A-Za-z0-9][A-Za-z0-9._-]{0,99})$"},
                        "find": {"enum": GuardRule::subjects()},
                        "action": {"enum": ["ignore", "flag", "redact", "quarantine", "refuse"]},
                        "from": {"enum": ["low", "medium", "high"]},
                    },
                    "required": ["in", "find", "action"],
                    "additionalProperties": false,
                },
            }),
            _ => json!({"type": "string", "minLength": 1}),
        }
    }
}

/// Whether `name` can be the name of an environment variable.
pub(super) fn is_variable(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_argument(text: &str) -> bool {
    text.len() <= LONG && !text.contains('\0')
}

/// `1`, `1.2` or `1.2.3`.
fn is_version_1(text: &str) -> bool {
    let mut parts = text.split('.');
    let major = parts.next() == Some("1");
    let rest: Vec<&str> = parts.collect();
    let number = |part: &&str| (1..=5).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    major && rest.len() <= 2 && rest.iter().all(number)
}

fn choice(words: &[&str]) -> Value {
    json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": "\\$\\{"}]})
}

/// Words as they are written in JSON.
fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_takes_what_its_rule_says() {
        let whole = Kind::Whole { least: 1, most: 20 };
        let cases = [
            (Kind::Switch, json!(true), true),
            (Kind::Switch, json!("true"), false),
            (Kind::Switch, json!(null), false),
            (whole, json!(1), true),
            (whole, json!(20), true),
            (whole, json!(0), false),
            (whole, json!(21), false),
            (whole, json!(-1), false),
            (whole, json!(1.5), false),
            (whole, json!("5"), false),
            (Kind::Fraction, json!(0), true),
            (Kind::Fraction, json!(1.0), true),
            (Kind::Fraction, json!(1.01), false),
            (Kind::Text { most: 3 }, json!("äöü"), true),
            (Kind::Text { most: 3 }, json!("abcd"), false),
            (Kind::Text { most: 3 }, json!("a\n"), false),
            (Kind::Text { most: 3 }, json!(""), false),
            (Kind::Texts { most: 3 }, json!(["a", "b"]), true),
            (Kind::Texts { most: 3 }, json!(["a", 1]), false),
            (Kind::Choice(&["warn", "prevent"]), json!("warn"), true),
            (Kind::Choice(&["warn", "prevent"]), json!("Warn"), false),
            (Kind::Version, json!("1.0.0"), true),
            (Kind::Version, json!("1"), true),
            (Kind::Version, json!("2.0.0"), false),
            (Kind::Version, json!("1.0.0.0"), false),
            (Kind::Version, json!("1."), false),
            (Kind::Version, json!(1), false),
            (Kind::SharedName, json!("team.notes"), true),
            (Kind::SharedName, json!("session:x"), false),
            (Kind::SharedName, json!(""), false),
            (Kind::Path, json!("./data/aistack.db"), true),
            (Kind::Path, json!("a\0b"), false),
            (Kind::Address, json!("127.0.0.1:3001"), true),
            (Kind::Address, json!("[::1]:0"), true),
            (Kind::Address, json!("localhost:3001"), false),
            (Kind::Secret, json!("sk-1"), true),
            (Kind::Secret, json!("sk 1"), false),
            (Kind::Secret, json!(""), false),
            (Kind::Variable, json!("MY_KEY"), true),
            (Kind::Variable, json!("1KEY"), false),
            (Kind::Variable, json!("A=B"), false),
            (Kind::Command, json!(["pass", "show", "agentstack"]), true),
            (Kind::Command, json!([]), false),
            (Kind::Command, json!([""]), false),
            (Kind::Command, json!("pass show agentstack"), false),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(kind.holds(&value), expected, "{kind:?} {value}");
        }
    }

    #[test]
    fn s49_a_provider_is_where_a_connection_may_go() {
        let cases = [
            (Kind::Url, json!("http://localhost:11434"), true),
            (Kind::Url, json!("https://[::1]:8080/v1"), true),
            (Kind::Url, json!("https://me:pw@host"), false),
            (Kind::Url, json!("https://host/?key=1"), false),
            (Kind::Url, json!("ftp://host"), false),
            (Kind::Url, json!("http://"), false),
            (Kind::Url, json!("http://192.168.1.20:1234/v1"), true),
            (Kind::Url, json!("http://models.example"), false),
            (Kind::Url, json!("https://169.254.169.254"), false),
            (Kind::Url, json!("https://2130706433"), false),
            (Kind::Embedder, json!("local"), true),
            (Kind::Embedder, json!("anthropic"), false),
            (Kind::Label, json!("agent stack"), true),
            (Kind::Label, json!("-s"), false),
            (Kind::Label, json!("a\nb"), false),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(kind.holds(&value), expected, "{kind:?} {value}");
        }
    }

    #[test]
    fn who_decides_who_gets_in_is_asked_safely() {
        for (text, expected) in [
            ("https://login.example.org/realms/team", true),
            ("http://localhost:8080/jwks", true),
            ("http://127.0.0.1/", true),
            ("http://login.example.org", false),
            ("http://10.0.0.1", false),
            ("https://me:pw@login.example.org", false),
            ("https://login.example.org/?key=1", false),
            ("login.example.org", false),
        ] {
            assert_eq!(Kind::SecureUrl.holds(&json!(text)), expected, "{text}");
            // Where signals go, the same, but that a query may be part of it.
            assert_eq!(Kind::Webhook.holds(&json!(text)), expected || text.contains('?'), "{text}");
        }
    }

    #[test]
    fn large_numbers_are_written_in_groups() {
        let all = [0, 20, 999, 1_000, 3_600, 31_536_000].map(grouped);
        assert_eq!(all, ["0", "20", "999", "1,000", "3,600", "31,536,000"]);
    }
}
