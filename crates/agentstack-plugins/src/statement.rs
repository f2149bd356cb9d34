//! What a signature states.

use std::fmt;
use std::str::FromStr;

use agentstack_core::InvalidName;

use crate::{ContentHash, PluginName, Version};

const PREFIX: &str = "agentstack-plugin:v1:";

/// That a plugin of this name and version has this content.
///
/// Its text form is one line of ASCII without spaces and without a line break at its end:
/// `agentstack-plugin:v1:<name>:<version>:<hash>`. A signature is over exactly this text, and carries it as its trusted
/// comment besides, so that every tool that verifies minisign signatures shows what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The plugin's name.
    pub name: PluginName,
    /// Its version.
    pub version: Version,
    /// The hash of its package.
    pub hash: ContentHash,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}:{}:{}", self.name, self.version, self.hash)
    }
}

impl FromStr for Statement {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let rule = InvalidName("must be `agentstack-plugin:v1:<name>:<version>:<hash>`");
        let mut fields = text.strip_prefix(PREFIX).ok_or(rule)?.split(':');
        let mut next = || fields.next().ok_or(rule);
        let statement = Self { name: next()?.parse()?, version: next()?.parse()?, hash: next()?.parse()? };
        if fields.next().is_none() { Ok(statement) } else { Err(rule) }
    }
}
