//! What stands in a `plugin.json`, before most of it is checked. What is not known is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CallLimits, ConfigKey, Grants, Host, MemoryOperation, PluginName, ToolName, Version};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) name: PluginName,
    pub(crate) version: Version,
    pub(crate) description: String,
    pub(crate) tools: Vec<Tool>,
    #[serde(default)]
    pub(crate) requests: Grants,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Tool {
    pub(crate) name: ToolName,
    pub(crate) description: String,
    pub(crate) input_schema: Value,
    pub(crate) output_schema: Value,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RawGrants {
    pub(crate) memory: Memory,
    pub(crate) hosts: BTreeSet<Host>,
    pub(crate) config: BTreeSet<ConfigKey>,
    pub(crate) limits: CallLimits,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Memory {
    /// In the namespace of the session that the plugin is called in.
    pub(crate) session: BTreeSet<MemoryOperation>,
    /// In shared namespaces, by their names.
    pub(crate) shared: BTreeMap<String, BTreeSet<MemoryOperation>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Limits {
    pub(crate) fuel: Option<u64>,
    pub(crate) time_ms: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) output_bytes: Option<u64>,
    pub(crate) host_calls: Option<u64>,
}
