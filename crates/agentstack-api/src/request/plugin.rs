//! The requests about plugins.

use agentstack_access::Claim;
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exact;
use super::fields::{session_claim, text};
use crate::InputError;
use crate::command::{CallPlugin, DisablePlugin, EnablePlugin, ListPlugins, RemovePlugin, ShowPlugin};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct CallPluginRequest {
    #[schemars(extend("x-exact" = exact::plugin_name()))]
    plugin: String,
    #[schemars(extend("x-exact" = exact::tool_name()))]
    tool: String,
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    /// What the tool takes
    arguments: Option<Map<String, Value>>,
}

impl TryFrom<CallPluginRequest> for CallPlugin {
    type Error = InputError;

    fn try_from(request: CallPluginRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: session_claim(&request.session_id)?,
            plugin: text("plugin", &request.plugin)?,
            tool: text("tool", &request.tool)?,
            arguments: request.arguments.unwrap_or_default(),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ListPluginsRequest {}

impl From<ListPluginsRequest> for ListPlugins {
    fn from(_: ListPluginsRequest) -> Self {
        Self { claim: Claim::none() }
    }
}

macro_rules! about_one {
    ($($request:ident => $command:ident)*) => {$(
        #[derive(Deserialize, JsonSchema, Validate)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[garde(allow_unvalidated)]
        pub(crate) struct $request {
            #[schemars(extend("x-exact" = exact::plugin_name()))]
            plugin: String,
        }

        impl TryFrom<$request> for $command {
            type Error = InputError;

            fn try_from(request: $request) -> Result<Self, InputError> {
                Ok(Self { claim: Claim::none(), plugin: text("plugin", &request.plugin)? })
            }
        }
    )*};
}

about_one! {
    ShowPluginRequest => ShowPlugin
    EnablePluginRequest => EnablePlugin
    DisablePluginRequest => DisablePlugin
    RemovePluginRequest => RemovePlugin
}
