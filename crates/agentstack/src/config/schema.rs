//! The JSON Schema of the file, for editors.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::Config;
use super::fields::{self, Field};
use crate::keys::KeySource;

/// The JSON Schema (2020-12) of a configuration file.
#[must_use]
pub fn schema() -> Value {
    let defaults = Config::new(KeySource::File(PathBuf::new()));
    let defaults = serde_json::to_value(&defaults).unwrap_or_default();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aistack.config.json",
        "description": "The configuration of AgentStack. In every text, `${VAR}` stands for the value of an \
                        environment variable and `$${` for `${`.",
    });
    if let Value::Object(schema) = &mut schema {
        schema.extend(section("", &defaults));
    }
    schema
}

fn section(path: &str, defaults: &Value) -> Map<String, Value> {
    let mut properties = Map::new();
    for name in fields::names_in(path) {
        let inner = fields::join(path, name);
        let property = match fields::find(&inner) {
            Some(field) => leaf(field, defaults),
            None => Value::Object(section(&inner, defaults)),
        };
        properties.insert(name.to_owned(), property);
    }
    let mut section = Map::new();
    section.insert("type".to_owned(), "object".into());
    section.insert("properties".to_owned(), Value::Object(properties));
    section.insert("additionalProperties".to_owned(), false.into());
    if path == "security.keySource" {
        section.insert("minProperties".to_owned(), 1.into());
        section.insert("maxProperties".to_owned(), 1.into());
    }
    if path == "watch.webhook" {
        section.insert("required".to_owned(), json!(["url"]));
    }
    if path.ends_with(".apiKeyKeyring") {
        section.insert("required".to_owned(), json!(["service", "account"]));
    }
    if path == "http.oauth" {
        section.insert("required".to_owned(), json!(["issuer", "audience"]));
        section.insert("minProperties".to_owned(), 3.into());
        section.insert("maxProperties".to_owned(), 3.into());
    }
    section
}

fn leaf(field: &Field, defaults: &Value) -> Value {
    let mut schema = field.kind.schema();
    let Value::Object(property) = &mut schema else { return schema };
    if !field.about.is_empty() {
        property.insert("description".to_owned(), field.about.into());
    }
    let default = field.path.split('.').try_fold(defaults, |value, name| value.get(name));
    // Of a secret it is only written whether it is set, and where the key comes from depends on the machine.
    let shown = field.kind.is_shown() && !field.path.starts_with("security.keySource.");
    if let Some(default) = default.filter(|value| shown && !value.is_null()) {
        property.insert("default".to_owned(), default.clone());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_the_published_one() {
        insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!("schema", schema()); });
    }
}
