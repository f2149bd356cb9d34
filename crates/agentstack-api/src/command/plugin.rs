//! What calls about plugins ask for.

use std::fmt;

use agentstack_access::Claim;
use agentstack_core::{PluginName, ToolName};
use serde_json::{Map, Value};

/// `plugin_call`
#[derive(Clone)]
pub struct CallPlugin {
    /// The session that it is called in.
    pub claim: Claim,
    /// Which plugin.
    pub plugin: PluginName,
    /// Which of its tools.
    pub tool: ToolName,
    /// What the tool takes. They are held against the tool's schema, which only the plugin knows.
    pub arguments: Map<String, Value>,
}

impl fmt::Debug for CallPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallPlugin")
            .field("plugin", &self.plugin)
            .field("tool", &self.tool)
            .finish_non_exhaustive()
    }
}

/// `plugin_list`
#[derive(Debug, Clone)]
pub struct ListPlugins {
    /// Nothing is claimed.
    pub claim: Claim,
}

/// `plugin_show`
#[derive(Debug, Clone)]
pub struct ShowPlugin {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which.
    pub plugin: PluginName,
}

/// `plugin_enable`
#[derive(Debug, Clone)]
pub struct EnablePlugin {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which.
    pub plugin: PluginName,
}

/// `plugin_disable`
#[derive(Debug, Clone)]
pub struct DisablePlugin {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which.
    pub plugin: PluginName,
}

/// `plugin_remove`
#[derive(Debug, Clone)]
pub struct RemovePlugin {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which.
    pub plugin: PluginName,
}
