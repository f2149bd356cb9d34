//! The tools of plugins as clients are offered them.

use agentstack_access::{Principal, Scope};
use agentstack_api::Spec;
use agentstack_core::{PluginName, RequestId, ToolName};
use agentstack_plugins::{Manifest, Tool};
use agentstack_storage::{PluginRecord, PluginState};
use serde_json::{Map, Value, json};

use super::grants;
use crate::Engine;
use crate::failure::Failure;

/// A tool of a plugin as `tools/list` shows it. Its words are its author's, whom an operator trusts.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginTool {
    /// `<plugin>_<tool>`.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The schema of its arguments, `sessionId` among them.
    pub input_schema: Map<String, Value>,
    /// The schema of its answer.
    pub output_schema: Map<String, Value>,
    /// Whether it was granted hosts.
    pub reaches_out: bool,
}

/// The row of the table that all calls of plugins are.
pub(crate) fn call_spec() -> Option<&'static Spec> {
    agentstack_api::find("plugin_call")
}

impl Engine {
    /// The tools of the plugins that are enabled, in the order of their names: none where plugins are off, or where the
    /// principal may call none. A plugin that cannot be loaded has none; why is logged and recorded.
    pub async fn plugin_tools(&self, principal: &Principal) -> Vec<PluginTool> {
        let offers = call_spec().is_some_and(|spec| self.offers(principal, &spec.operation));
        let Ok(plugins) = self.plugins() else { return vec![] };
        if !offers {
            return vec![];
        }
        let request = RequestId::generate();
        let listed = async {
            let scope = self.loading_scope(request).await?;
            Ok::<_, Failure>(self.store().plugins(&scope).await?)
        };
        let records = match listed.await {
            Ok(records) => records,
            Err(failure) => {
                tracing::error!(error = %failure, "plugins cannot be listed");
                return vec![];
            }
        };
        let mut tools = vec![];
        for record in records.iter().filter(|record| record.state == PluginState::Enabled) {
            let Ok(entry) = self.manifest_of(plugins, record, request).await else { continue };
            let Some(manifest) = entry.manifest() else { continue };
            let reaches_out = grants(record).is_ok_and(|grants| !grants.hosts().is_empty());
            tools.extend(manifest.tools().iter().map(|tool| offered(manifest, tool, reaches_out)));
        }
        tools
    }

    /// Whether there is such a tool now.
    pub async fn has_plugin_tool(&self, plugin: &PluginName, tool: &ToolName) -> bool {
        let request = RequestId::generate();
        let found = async {
            let scope = self.loading_scope(request).await?;
            let record = self.enabled_plugin(&scope, plugin).await?;
            let entry = self.manifest_of(self.plugins()?, &record, request).await?;
            Ok::<_, Failure>(entry.manifest().is_some_and(|manifest| manifest.tool(tool).is_some()))
        };
        match found.await {
            Ok(found) => found,
            // There is one, and whoever calls it is told that it cannot be loaded.
            Err(Failure::PluginNotLoaded(_)) => true,
            Err(_) => false,
        }
    }

    /// The plugin as it is registered, if it can be called.
    pub(super) async fn enabled_plugin(
        &self,
        scope: &Scope,
        name: &PluginName,
    ) -> Result<PluginRecord, Failure> {
        let record = self.store().plugin(scope, name).await?;
        record.filter(|record| record.state == PluginState::Enabled).ok_or(Failure::Absent)
    }
}

fn offered(manifest: &Manifest, tool: &Tool, reaches_out: bool) -> PluginTool {
    PluginTool {
        name: manifest.name().offered(tool.name()),
        description: tool.description().to_owned(),
        input_schema: with_session(tool.input().document()),
        output_schema: answer_schema(tool.output().document()),
        reaches_out,
    }
}

/// The schema of a tool's arguments with the session that it is called in.
fn with_session(schema: &Value) -> Map<String, Value> {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    let session = json!({ "type": "string", "description": "The session that it is called in" });
    if let Some(properties) = schema.entry("properties").or_insert_with(|| json!({})).as_object_mut() {
        properties.insert("sessionId".to_owned(), session);
    }
    if let Some(required) = schema.entry("required").or_insert_with(|| json!([])).as_array_mut() {
        required.insert(0, "sessionId".into());
    }
    schema
}

/// The schema of what is answered: the tool's own as that of `result`. Its references lead to the root, so that is where
/// its definitions go.
fn answer_schema(schema: &Value) -> Map<String, Value> {
    let mut result = schema.as_object().cloned().unwrap_or_default();
    let definitions = result.remove("$defs");
    let dialect = result.remove("$schema");
    let mut answer = Map::new();
    answer.insert("type".to_owned(), "object".into());
    let properties = json!({
        "result": result,
        "withheld": { "type": "boolean" },
        "label": { "type": "object" },
        "text": { "type": "string" },
    });
    answer.insert("properties".to_owned(), properties);
    answer.insert("required".to_owned(), json!(["label", "text"]));
    answer.extend(definitions.map(|definitions| ("$defs".to_owned(), definitions)));
    answer.extend(dialect.map(|dialect| ("$schema".to_owned(), dialect)));
    answer
}
