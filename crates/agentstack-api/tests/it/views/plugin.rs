//! The answers about plugins.

use agentstack_api::{Reply, view};
use agentstack_core::Timestamp;
use serde_json::{Map, Value, json};

use super::label;

fn object(value: Value) -> Map<String, Value> {
    crate::support::object(value)
}

fn plugin(full: bool) -> view::PluginView {
    let at = Timestamp::from_millis(1);
    view::PluginView {
        name: "greeter".parse().unwrap(),
        version: "1.0.0".to_owned(),
        state: if full { "enabled" } else { "disabled" },
        hash: "07".repeat(32),
        signer: "0102030405060708".to_owned(),
        grants: object(if full { json!({ "hosts": ["api.example.com"] }) } else { json!({}) }),
        installed_at: at,
        loaded_at: full.then_some(at),
    }
}

pub(super) fn replies(full: bool) -> Vec<Reply> {
    let tool = view::PluginToolView {
        name: "greeter_say_hello".to_owned(),
        tool: "say_hello".parse().unwrap(),
        description: "Greets.".to_owned(),
        input_schema: object(json!({ "type": "object" })),
        output_schema: object(json!({ "type": "object" })),
    };
    let changed = || view::PluginChangedView { success: true, changed: full };
    vec![
        Reply::CallPlugin(view::CallPluginView {
            result: full.then(|| object(json!({ "text": "Hello" }))),
            withheld: !full,
            label: label(full).into(),
            text: "text".to_owned(),
        }),
        Reply::ListPlugins(view::ListPluginsView { count: 1, plugins: vec![plugin(full)] }),
        Reply::ShowPlugin(view::ShowPluginView {
            plugin: plugin(full),
            description: full.then(|| "Greets whoever is named.".to_owned()),
            tools: if full { vec![tool] } else { vec![] },
            problem: (!full).then(|| "the plugin is not signed".to_owned()),
        }),
        Reply::EnablePlugin(changed()),
        Reply::DisablePlugin(changed()),
        Reply::RemovePlugin(changed()),
    ]
}
