//! The names of plugins, of their tools, and of the settings they read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::InvalidName;

/// Longest name of a plugin, and of a tool in it: with the `_` between them at most the 64 characters that MCP clients
/// take for the name of a tool.
const PLUGIN_CHARS: usize = 31;
const TOOL_CHARS: usize = 32;
const CONFIG_KEY_CHARS: usize = 64;

/// What the tools of the product itself begin with, and what could be taken for the product. No plugin is called so.
pub const RESERVED_NAMES: &[&str] = &[
    "agent",
    "agentstack",
    "aistack",
    "audit",
    "config",
    "db",
    "embedding",
    "github",
    "housekeeping",
    "identity",
    "mcp",
    "memory",
    "metrics",
    "plugin",
    "policy",
    "quarantine",
    "session",
    "system",
    "task",
    "token",
];

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $fits:ident, $rule:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text of the name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                if $fits(&text) { Ok(Self(text)) } else { Err(InvalidName($rule)) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                text.to_owned().try_into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

names! {
    /// The name of a plugin: 1 to 31 of `a-z 0-9 -`, the first a letter and the last no `-`. There is no `_` in it, so
    /// the first one in the name of a tool ends the plugin's, and no two plugins have a tool of one name. None of
    /// [`RESERVED_NAMES`].
    PluginName, is_plugin_name,
        "must be 1 to 31 of a-z, 0-9 and `-`, starting with a letter, not ending in `-`, and no family of the product's tools";
    /// The name of a tool within its plugin: 1 to 32 of `a-z 0-9 _`, the first a letter.
    ToolName, is_tool_name, "must be 1 to 32 of a-z, 0-9 and `_`, starting with a letter";
    /// The name of a setting that the operator makes for a plugin: 1 to 64 of `A-Z a-z 0-9 . _ -`, the first a letter.
    ConfigKey, is_config_key, "must be 1 to 64 of letters, digits, `.`, `_` and `-`, starting with a letter";
}

impl PluginName {
    /// The name under which a tool of this plugin is offered: `<plugin>_<tool>`.
    #[must_use]
    pub fn offered(&self, tool: &ToolName) -> String {
        format!("{self}_{tool}")
    }

    /// The plugin and the tool that a name of a tool can only mean, if it can be a plugin's at all.
    #[must_use]
    pub fn split(offered: &str) -> Option<(Self, ToolName)> {
        let (plugin, tool) = offered.split_once('_')?;
        Some((plugin.parse().ok()?, tool.parse().ok()?))
    }
}

fn is_plugin_name(text: &str) -> bool {
    is_made_of(text, PLUGIN_CHARS, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !RESERVED_NAMES.contains(&text)
}

fn is_tool_name(text: &str) -> bool {
    is_made_of(text, TOOL_CHARS, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && text.starts_with(|c: char| c.is_ascii_lowercase())
}

fn is_config_key(text: &str) -> bool {
    is_made_of(text, CONFIG_KEY_CHARS, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_made_of(text: &str, most: usize, letter: impl Fn(u8) -> bool) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(letter)
}
