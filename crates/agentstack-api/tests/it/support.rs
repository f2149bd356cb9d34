//! What the tests share.

use agentstack_api::{Command, InputError, OPERATIONS, Spec, find, parse};
use serde_json::{Map, Value, json};

pub(crate) const SESSION: &str = "01983b2e-5c00-7000-8000-000000000001";

pub(crate) fn spec(name: &str) -> &'static Spec {
    find(name).unwrap_or_else(|| panic!("{name} is in the table"))
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is an object"),
    }
}

/// The least that an operation takes.
pub(crate) fn least(name: &str) -> Map<String, Value> {
    let schema = (spec(name).input_schema)();
    let value = |field: &str| match field {
        "id" if name.starts_with("quarantine_") => json!(format!("{SESSION}.1")),
        "originPrincipal" => json!("local:ada"),
        "sessionId" | "id" | "agentId" | "taskId" => json!(SESSION),
        "type" | "agentType" | "taskType" => json!("coder"),
        "status" => json!("running"),
        "subject" => json!("ci"),
        "role" => json!("agent"),
        "version" | "number" => json!(1),
        "key" | "content" | "query" | "taskInput" | "prompt" | "title" => json!("a"),
        "owner" => json!("octo-org"),
        "repo" => json!("tools"),
        "head" | "base" => json!("main"),
        "plugin" => json!("greeter"),
        "tool" => json!("say_hello"),
        other => panic!("{other} has an example"),
    };
    let mut required = schema["required"].as_array().cloned().unwrap_or_default();
    // Of two names of a thing one is needed, which no list of required fields can say.
    required.extend(match name {
        "agent_stop" | "agent_status" => Some(json!("id")),
        "identity_get" => Some(json!("agentId")),
        "quarantine_revoke_origin" => Some(json!("originPrincipal")),
        _ => None,
    });
    required
        .iter()
        .map(|field| field.as_str().unwrap())
        .map(|field| (field.to_owned(), value(field)))
        .collect()
}

/// Parses the least arguments of an operation with `field` set to `value`.
pub(crate) fn parse_with(name: &str, field: &str, value: Value) -> Result<Command, InputError> {
    let mut arguments = least(name);
    // Some fields say something of another one.
    let other = match (name, field) {
        ("task_complete", "storeAs") => Some("output"),
        (_, "recallLimit") => Some("recall"),
        (_, "storeNamespace") => Some("storeAs"),
        _ => None,
    };
    arguments.extend(other.map(|other| (other.to_owned(), json!("a"))));
    arguments.insert(field.to_owned(), value);
    parse(spec(name), arguments)
}

/// Every field of every operation.
pub(crate) fn fields() -> impl Iterator<Item = (&'static str, &'static String, &'static Value)> {
    OPERATIONS.iter().flat_map(|spec| {
        let properties = (spec.input_schema)()["properties"].as_object().unwrap();
        properties.iter().map(|(field, schema)| (spec.operation.name, field, schema))
    })
}
