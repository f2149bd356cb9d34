//! JSON schemas, and the rules they state in words.
//!
//! The schema of a request is the one place that knows its fields: it is published, it decides which
//! fields are known and required, and the rule that an error names is read from it. It has two forms. The
//! brief one is for models, which pay for every word of it; the exact one is for programs and says all that
//! a schema can say.

use std::collections::BTreeMap;

use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// Under this name a field keeps what only the exact form says. See `request::exact`.
const EXACT: &str = "x-exact";

/// The brief schema of what a caller sends.
pub(crate) fn of_input<T: JsonSchema>() -> Value {
    // Some clients insist on `properties`, even of an object that has none.
    let mut schema = generate::<T>(Contract::Deserialize, |part| tidy(part, false));
    if let Some(object) = schema.as_object_mut() {
        object.entry("properties").or_insert_with(|| json!({}));
    }
    schema
}

/// The brief schema of what a caller gets. Words about the fields are left to the reference page.
pub(crate) fn of_output<T: JsonSchema>() -> Value {
    generate::<T>(Contract::Serialize, |part| tidy(part, true))
}

/// The exact schema of what a caller sends: what it says and what [`crate::parse`] takes are the same, but
/// for what no schema can say (the size of an object, a checksum, two fields that exclude each other).
pub(crate) fn exact_input<T: JsonSchema>() -> Value {
    generate::<T>(Contract::Deserialize, complete)
}

/// The exact schema of what a caller gets.
pub(crate) fn exact_output<T: JsonSchema>() -> Value {
    let mut schema = generate::<T>(Contract::Serialize, complete);
    without_null(&mut schema);
    schema
}

fn generate<T: JsonSchema>(contract: Contract, each: impl FnMut(&mut Schema)) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
        settings.contract = contract;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("description");
    RecursiveTransform(each).transform(&mut schema);
    schema.to_value()
}

/// Adds what is known of a field beyond its type, and turns Rust's names for numbers into bounds.
fn complete(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("title");
    let number = object.get("format").and_then(Value::as_str).map(str::to_owned);
    if let Some(number @ ("uint" | "uint32" | "uint64" | "double")) = number.as_deref() {
        object.remove("format");
        if number == "uint32" {
            object.entry("maximum").or_insert_with(|| u32::MAX.into());
        }
    }
    let Some(Value::Object(exact)) = object.remove(EXACT) else { return };
    let exact = match shown(&exact) {
        Some(Value::Object(shown)) => shown,
        _ => exact,
    };
    for (name, value) in exact {
        let value = shown_in(value);
        let before = object.get("description").and_then(Value::as_str);
        let value = match (name.as_str(), before, value.as_str()) {
            ("description", Some(before), Some(more)) => format!("{before}. {more}").into(),
            _ => value,
        };
        object.insert(name, value);
    }
}

/// The exact schema of the view that a part shows, if it names one.
fn shown(exact: &Map<String, Value>) -> Option<Value> {
    exact.get("view").and_then(Value::as_str).map(crate::view::exact)
}

fn shown_in(value: Value) -> Value {
    value.as_object().and_then(shown).unwrap_or(value)
}

/// The schema without the null that an optional field may be.
///
/// An answer leaves such a field out, and text, as in a query, has no null.
pub(crate) fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            only_kind(object);
            object.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// Leaves out what costs a model tokens and says nothing: titles, number formats, and that an optional
/// field may be null (it may; it is never sent).
fn tidy(schema: &mut Schema, output: bool) {
    let Some(object) = schema.as_object_mut() else { return };
    for noise in ["title", "format", EXACT] {
        object.remove(noise);
    }
    if output {
        for noise in ["description", "minimum"] {
            object.remove(noise);
        }
    }
    if object.get("additionalProperties") == Some(&Value::Bool(true)) {
        object.remove("additionalProperties");
    }
    only_kind(object);
}

/// Takes null away from the choices of an optional value.
fn only_kind(object: &mut Map<String, Value>) {
    let kind = match object.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find(|kind| **kind != "null").cloned(),
        _ => None,
    };
    if let Some(kind) = kind {
        object.insert("type".to_owned(), kind);
    }
    if let Some(Value::Array(words)) = object.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(only) = not_null(object) {
        object.remove("anyOf");
        object.extend(only);
    }
}

/// The other choice, where `anyOf` is between null and one more.
fn not_null(object: &Map<String, Value>) -> Option<Map<String, Value>> {
    match object.get("anyOf")?.as_array()?.as_slice() {
        [other, null] | [null, other] if *null == json!({ "type": "null" }) => other.as_object().cloned(),
        _ => None,
    }
}

/// The fields of an object's schema, in the order of the alphabet, whatever way `serde_json` was built.
pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.collect::<BTreeMap<_, _>>().into_iter()
}

/// The schema of one field.
pub(crate) fn property<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get("properties")?.get(name)
}

/// The names of the fields that must be there.
pub(crate) fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The rule that a schema states, to stand after the field's name.
pub(crate) fn rule(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<String> =
            words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        return format!("must be one of {}", words.join(", "));
    }
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let range = |least: &str, most: &str| match (bound(least), bound(most)) {
        (Some(least), Some(most)) if least >= most => Some(most.to_string()),
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (None, Some(most)) => Some(format!("at most {most}")),
        _ => None,
    };
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => match range("minLength", "maxLength") {
            Some(range) => format!("must be a string of {range} characters"),
            None => "must be a string".to_owned(),
        },
        Some("integer") => {
            let (least, most) = (bound("minimum").unwrap_or(0.0), bound("maximum"));
            format!("must be a whole number from {least} to {}", most.unwrap_or(f64::from(u32::MAX)))
        }
        Some("number") => match range("minimum", "maximum") {
            Some(range) => format!("must be a number from {range}"),
            None => "must be a number".to_owned(),
        },
        Some("boolean") => "must be true or false".to_owned(),
        Some("array") => match range("minItems", "maxItems") {
            Some(range) => format!("must be a list of {range} items"),
            None => "must be a list".to_owned(),
        },
        _ => "must be an object".to_owned(),
    }
}
