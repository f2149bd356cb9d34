//! From the arguments of a call to a request, and what is said when they break a rule.
//!
//! Nothing in here repeats a value: serde's own messages do, so they are never passed on. An error names
//! the field, and the rule as the field's schema states it.

use std::convert::Infallible;
use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use crate::{JsonError, Spec, schema};

/// Longest name of an unknown field that is repeated to the caller.
const NAME_SHOWN: usize = 64;

/// Input that breaks a rule: which field, and the rule. Never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InputError {
    /// The field, such as `limit` or `tags[3]`, if it is about one.
    pub field: Option<String>,
    /// The rule. Without a field it is a sentence.
    pub rule: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "`{field}` {}", self.rule),
            None => f.write_str(&self.rule),
        }
    }
}

impl InputError {
    /// A rule that a field breaks. Neither may come from the caller.
    pub fn new(field: impl Into<String>, rule: impl fmt::Display) -> Self {
        Self { field: Some(field.into()), rule: rule.to_string() }
    }

    fn unknown(name: &str, operation: &str) -> Self {
        // A field's name is the caller's text too: only what cannot carry a message is repeated.
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain && (1..=NAME_SHOWN).contains(&name.len()) {
            Self::new(name, format_args!("is not a field of {operation}"))
        } else {
            Self { field: None, rule: format!("an unknown field was given; {operation} does not have it") }
        }
    }
}

impl From<JsonError> for InputError {
    fn from(error: JsonError) -> Self {
        Self { field: None, rule: error.to_string() }
    }
}

impl From<Infallible> for InputError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Reads a request from the arguments of a call: known fields only, each of its type and in its range.
pub(crate) fn read<R>(spec: &Spec, mut arguments: Map<String, Value>) -> Result<R, InputError>
where
    R: DeserializeOwned + JsonSchema + garde::Validate<Context = ()>,
{
    let schema = (spec.input_schema)();
    if let Some(name) = arguments.keys().find(|name| schema::property(schema, name).is_none()) {
        return Err(InputError::unknown(name, spec.operation.name));
    }
    if let Some(name) = schema::required(schema).find(|name| arguments.get(*name).is_none_or(Value::is_null))
    {
        return Err(InputError::new(name, "is required"));
    }
    for (name, value) in &mut arguments {
        let is_whole = |property: &Value| property.get("type").is_some_and(|kind| kind == "integer");
        if schema::property(schema, name).is_some_and(is_whole)
            && let Some(whole) = whole(value)
        {
            *value = whole.into();
        }
    }
    let request: R = serde_path_to_error::deserialize(Value::Object(arguments))
        .map_err(|error| broken(schema, error.path()))?;
    request.validate().map_err(|report| {
        let field = report.iter().next().map(|(path, _)| camel_case(&path.to_string()));
        broken_field(schema, field.unwrap_or_default(), None)
    })?;
    Ok(request)
}

/// The whole number that `5.0` is: JSON Schema counts it as an integer, and some languages write all numbers so.
fn whole(value: &Value) -> Option<u32> {
    // Zero is added because of the other one, `-0.0`.
    let float = value.as_f64().filter(|_| value.is_f64())? + 0.0;
    // What is not whole, or out of range, is no `u32` in this form.
    let whole: u32 = format!("{float:.0}").parse().ok()?;
    f64::from(whole).total_cmp(&float).is_eq().then_some(whole)
}

/// The rule that the value at `path` breaks.
fn broken(schema: &Value, path: &Path) -> InputError {
    let mut segments = path.iter();
    let field = match segments.next() {
        Some(Segment::Map { key }) => key.clone(),
        _ => String::new(),
    };
    let item = match segments.next() {
        Some(Segment::Seq { index }) => Some(*index),
        _ => None,
    };
    broken_field(schema, field, item)
}

fn broken_field(schema: &Value, field: String, item: Option<usize>) -> InputError {
    match (schema::property(schema, &field), item) {
        (Some(property), None) => InputError::new(field, schema::rule(property)),
        (Some(property), Some(index)) => {
            let rule = schema::rule(property.get("items").unwrap_or(&Value::Null));
            InputError::new(format!("{field}[{index}]"), rule)
        }
        (None, _) => {
            InputError { field: None, rule: "the arguments must conform to the input schema".to_owned() }
        }
    }
}

/// A field's name on the wire. garde knows the name in Rust only.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |camel, part| {
        let mut letters = part.chars();
        let capital = letters.next().map(|letter| letter.to_ascii_uppercase());
        camel + &capital.into_iter().chain(letters).collect::<String>()
    })
}
