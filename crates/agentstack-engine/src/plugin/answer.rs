//! What a plugin has answered, as its caller is shown it.

use std::borrow::Cow;

use agentstack_access::Scope;
use agentstack_api::view::CallPluginView;
use agentstack_core::{Label, Namespace, Origin, SessionId, Trust};
use agentstack_guard::fence::Fenced;
use agentstack_guard::{ScreenedObject, screen_object};
use agentstack_storage::PluginRecord;
use serde_json::{Map, Value, json};

use crate::Engine;
use crate::failure::Failure;
use crate::memory::fence;

impl Engine {
    /// Looks at an answer as at what is to be kept, labels it, and puts it in a fence (S17). What memory would hold back is
    /// not shown.
    pub(super) fn plugin_answer(
        &self,
        scope: &Scope,
        record: &PluginRecord,
        tool: String,
        result: Map<String, Value>,
    ) -> Result<CallPluginView, Failure> {
        let namespace = Namespace::Session(scope.session().unwrap_or_else(SessionId::generate));
        let looked = screen_object(&self.settings().guard, &namespace, &result);
        let (changed, findings, withheld) = match looked {
            Ok(ScreenedObject { object, findings, quarantine }) => (object, findings, quarantine),
            Err(_) => (None, vec![], true),
        };
        let result = (!withheld).then(|| self.without_secrets(changed.unwrap_or(result)));
        let origin = Origin {
            principal: format!("plugin:{}@{}", record.name, record.version),
            agent_id: None,
            tool,
            at: scope.at(),
        };
        let mut header = Map::new();
        header.insert("what".to_owned(), "answer of a plugin".into());
        header.insert("writtenBy".to_owned(), json!(origin.principal));
        header.insert("tool".to_owned(), json!(origin.tool));
        header.insert("trust".to_owned(), json!(Trust::Unverified));
        if withheld {
            header.insert("withheld".to_owned(), true.into());
        }
        let content = result.as_ref().map(|result| json!(result).to_string()).unwrap_or_default();
        let label = Label { trust: Trust::Unverified, origin, findings };
        let text = fence(&[Fenced { header, content: &content }])?;
        Ok(CallPluginView { result, withheld, label: label.into(), text })
    }

    /// The answer without the installation's own secrets: a plugin can have some, to ask hosts with (S40).
    fn without_secrets(&self, result: Map<String, Value>) -> Map<String, Value> {
        let text = Value::Object(result).to_string();
        match self.settings().redactor.scrub_json(&text) {
            Cow::Borrowed(text) => serde_json::from_str(text),
            Cow::Owned(text) => serde_json::from_str(&text),
        }
        .unwrap_or_default()
    }
}
