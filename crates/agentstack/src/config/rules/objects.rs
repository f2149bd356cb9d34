//! The rules of fields that hold objects.

use std::collections::BTreeSet;
use std::str::FromStr;

use agentstack_core::{AgentType, ConfigKey, PluginName};
use serde_json::{Map, Value};

use super::{AGENT_TYPES, Kind, LONG, PLUGINS, PROMPT_CHARS, SETTINGS_OF_PLUGIN};

pub(super) fn are_agent_types(items: &[Value]) -> bool {
    let mut names = BTreeSet::new();
    let is_one = |item: &Value| {
        let Some(fields) = item.as_object().filter(|fields| fields.len() == 4) else { return false };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let line = |name: &str| Kind::Text { most: 200 }.holds_text(text(name));
        let capabilities = fields.get("capabilities").and_then(Value::as_array);
        let can =
            |all: &Vec<Value>| all.len() <= 32 && all.iter().all(|one| Kind::Text { most: 64 }.holds(one));
        AgentType::from_str(text("type")).is_ok()
            && names.insert(text("type").to_owned())
            && line("description")
            && capabilities.is_some_and(can)
            && (1..=PROMPT_CHARS).contains(&text("systemPrompt").chars().count())
    };
    items.len() <= AGENT_TYPES && items.iter().all(is_one)
}

pub(super) fn are_plugin_settings(plugins: &Map<String, Value>) -> bool {
    let is_setting = |(key, value): (&String, &Value)| {
        key.parse::<ConfigKey>().is_ok() && value.as_str().is_some_and(|text| text.len() <= LONG)
    };
    let is_one = |(name, settings): (&String, &Value)| {
        let settings = settings.as_object().filter(|settings| settings.len() <= SETTINGS_OF_PLUGIN);
        name.parse::<PluginName>().is_ok() && settings.is_some_and(|settings| settings.iter().all(is_setting))
    };
    plugins.len() <= PLUGINS && plugins.iter().all(is_one)
}
