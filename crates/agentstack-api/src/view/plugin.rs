//! The answers about plugins.

use agentstack_core::{PluginName, Timestamp, ToolName};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{LabelView, shown, shown_each};

/// A plugin as it is registered.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginView {
    /// Its name.
    #[schemars(with = "String")]
    pub name: PluginName,
    /// Its version.
    pub version: String,
    /// What becomes of its calls.
    #[schemars(extend("enum" = ["enabled", "disabled"]))]
    pub state: &'static str,
    /// The hash of its package.
    pub hash: String,
    /// The id of the key that has signed it.
    pub signer: String,
    /// What it was granted, as `requests` of a manifest has it.
    pub grants: Map<String, Value>,
    /// When this version was installed.
    #[schemars(with = "String")]
    pub installed_at: Timestamp,
    /// When it was last loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub loaded_at: Option<Timestamp>,
}

/// A tool of a plugin, in its author's words.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginToolView {
    /// The name of the MCP tool.
    pub name: String,
    /// Its name in the path of REST.
    #[schemars(with = "String")]
    pub tool: ToolName,
    /// What it does.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input_schema: Map<String, Value>,
    /// The JSON Schema of its result.
    pub output_schema: Map<String, Value>,
}

/// Answer of `plugin_list`.
#[derive(Serialize, JsonSchema)]
pub struct ListPluginsView {
    /// How many there are.
    pub count: usize,
    /// The plugins, in the order of their names.
    #[schemars(with = "Vec<Value>", extend("x-exact" = shown_each("PluginView")))]
    pub plugins: Vec<PluginView>,
}

/// Answer of `plugin_show`.
#[derive(Serialize, JsonSchema)]
pub struct ShowPluginView {
    /// As it is registered.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("PluginView")))]
    pub plugin: PluginView,
    /// What it is for, in its author's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its tools; none where it cannot be loaded.
    #[schemars(with = "Vec<Value>", extend("x-exact" = shown_each("PluginToolView")))]
    pub tools: Vec<PluginToolView>,
    /// Why it cannot be loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Answer of `plugin_enable`, `plugin_disable` and `plugin_remove`.
#[derive(Serialize, JsonSchema)]
pub struct PluginChangedView {
    /// True.
    pub success: bool,
    /// Whether anything changed by it.
    pub changed: bool,
}

/// Answer of `plugin_enable`.
pub type EnablePluginView = PluginChangedView;
/// Answer of `plugin_disable`.
pub type DisablePluginView = PluginChangedView;
/// Answer of `plugin_remove`.
pub type RemovePluginView = PluginChangedView;

/// Answer of `plugin_call`.
#[derive(Serialize, JsonSchema)]
pub struct CallPluginView {
    /// What the tool has answered, as its schema says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Map<String, Value>>,
    /// Whether the result is not shown because of what was found in it.
    #[serde(skip_serializing_if = "super::is_false")]
    pub withheld: bool,
    /// Where the result comes from.
    pub label: LabelView,
    /// The result as a text, fenced.
    pub text: String,
}
