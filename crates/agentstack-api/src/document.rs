//! The documents made from the table: the MCP tool list, the reference page, the OpenAPI document and the page
//! that shows it.

mod openapi;
mod page;

use std::fmt::{Display, Write};

use agentstack_access::Effect;
use agentstack_core::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{ErrorCode, OPERATIONS, Route, Spec, find, schema};

pub use openapi::{openapi, openapi_json};
pub use page::api_page;

/// A tool as MCP's `tools/list` shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// The operation's name.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it does and when to use it.
    pub description: &'static str,
    /// The schema of its arguments.
    pub input_schema: Value,
    /// The schema of its answer, in brief.
    pub output_schema: Value,
    /// What a client may assume of it.
    pub annotations: Annotations,
}

/// MCP's hints on what a tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// Changes nothing.
    pub read_only_hint: bool,
    /// May remove something.
    pub destructive_hint: bool,
    /// A second call with the same arguments changes nothing more. MCP gives it no meaning for a tool
    /// that changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// Reaches beyond the service.
    pub open_world_hint: bool,
}

impl From<Effect> for Annotations {
    fn from(effect: Effect) -> Self {
        Self {
            read_only_hint: effect == Effect::Read,
            destructive_hint: effect == Effect::Destructive,
            // Every write makes a new version or a new session; what is gone cannot be removed again.
            idempotent_hint: (effect != Effect::Read).then_some(effect == Effect::Destructive),
            open_world_hint: false,
        }
    }
}

/// The tool list as it is published: the file that [`tools_json`] makes.
const PUBLISHED: &str = include_str!("../../../docs/reference/mcp-tools.json");

/// The schemas of a tool in [`PUBLISHED`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    name: String,
    input_schema: Value,
    output_schema: Value,
}

/// The tools, in the order of the table, as they are published: to read the file takes a tenth of the time and memory
/// of making it, and a server does so at every start.
#[must_use]
pub fn tools() -> Vec<Tool> {
    // The file is part of the program, and a test holds it to the table.
    let published: Vec<Published> = serde_json::from_str(PUBLISHED).unwrap_or_default();
    let tool = |one: Published| Some(Tool::new(find(&one.name)?, one.input_schema, one.output_schema));
    published.into_iter().filter_map(tool).collect()
}

/// The tools as the table has them.
#[must_use]
pub fn tools_of_table() -> Vec<Tool> {
    let tool = |spec: &&'static Spec| {
        Tool::new(spec, (spec.input_schema)().clone(), brief((spec.output_schema)(), Part::Whole))
    };
    OPERATIONS.iter().filter(|spec| spec.is_tool).map(tool).collect()
}

impl Tool {
    fn new(spec: &'static Spec, input_schema: Value, output_schema: Value) -> Self {
        Self {
            name: spec.operation.name,
            title: spec.title,
            description: spec.description,
            input_schema,
            output_schema,
            annotations: Annotations { open_world_hint: spec.reaches_out(), ..spec.operation.effect.into() },
        }
    }
}

/// Fields of answers of which the tool list says no more than the type.
const DETAILS: [&str; 6] = ["checks", "features", "label", "removed", "storage", "tags"];

/// Where a schema stands in the schema of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Inner,
    Detail,
}

/// An answer's schema as the tool list shows it. A model pays for each token of the list in every
/// conversation, so it has what fields there are, and leaves the finer points to the reference page.
fn brief(schema: &Value, part: Part) -> Value {
    let Some(object) = schema.as_object() else { return schema.clone() };
    let fields = object.iter().filter(|(name, _)| match part {
        Part::Whole => true,
        Part::Inner => *name != "required",
        Part::Detail => *name == "type",
    });
    let fields = fields.map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("items", items) => brief(items, Part::Inner),
            ("properties", Value::Object(properties)) => properties
                .iter()
                .map(|(name, property)| {
                    let part = if DETAILS.contains(&name.as_str()) { Part::Detail } else { Part::Inner };
                    (name.clone(), brief(property, part))
                })
                .collect(),
            (_, other) => other.clone(),
        };
        (name.clone(), value)
    });
    fields.collect()
}

/// Tools as JSON, names in the order of the alphabet, whatever way `serde_json` was built.
fn tools_value(tools: &[Tool]) -> Value {
    let mut value = serde_json::to_value(tools).unwrap_or_default();
    value.sort_all_objects();
    value
}

/// SHA-256 of a list of tools in hexadecimal: the same for every start of one release (S22).
#[must_use]
pub fn hash_of(tools: &[Tool]) -> String {
    hex::encode(&Sha256::digest(tools_value(tools).to_string()))
}

/// The same for a list that goes on with tools of plugins, each as JSON.
#[must_use]
pub fn hash_with(tools: &[Tool], more: Vec<Value>) -> String {
    if more.is_empty() {
        return hash_of(tools);
    }
    let mut more = Value::Array(more);
    more.sort_all_objects();
    hex::encode(&Sha256::digest(format!("{}{more}", tools_value(tools))))
}

/// The file `mcp-tools.json`.
#[must_use]
pub fn tools_json() -> String {
    format!("{:#}\n", tools_value(&tools_of_table()))
}

/// The file `operations.md`.
#[must_use]
pub fn operations_markdown() -> String {
    let mut page = String::from(
        "# Operations\n\n\
         Generated from the table in `agentstack-api`; do not edit.\n\n\
         Each operation has REST routes, and is an MCP tool unless it says otherwise. In a path, a part in braces is the \
         argument of that name; the other arguments of a `GET` or `DELETE` go into the query, else into the \
         JSON body.\n\n",
    );
    let _ = writeln!(page, "Every operation can answer {}.", codes(Spec::COMMON_ERRORS));
    for spec in OPERATIONS {
        let _ = operation(&mut page, spec);
    }
    page
}

fn operation(page: &mut String, spec: &Spec) -> std::fmt::Result {
    let effect = match spec.operation.effect {
        Effect::Read => "reads",
        Effect::Write => "writes",
        Effect::Destructive => "removes",
    };
    writeln!(page, "\n## {}\n\n{}\n", spec.operation.name, spec.description)?;
    let routes = spec.routes.iter().map(|r| format!("`{} {}{}`", r.method.as_str(), Route::BASE, r.path));
    writeln!(page, "- REST: {}\n- Effect: {effect}", list(routes))?;
    if !spec.is_tool {
        writeln!(page, "- No MCP tool")?;
    }
    if !spec.errors.is_empty() {
        writeln!(page, "- Errors besides the common ones: {}", codes(spec.errors))?;
    }
    arguments(page, (spec.input_schema)())?;
    writeln!(page, "\nAnswer:\n\n```text\n{}\n```", shape((spec.output_schema)(), 0))
}

fn arguments(page: &mut String, schema: &Value) -> std::fmt::Result {
    if schema::properties(schema).next().is_none() {
        return writeln!(page, "\nNo arguments.");
    }
    writeln!(page, "\n| argument | required | default | rule | note |\n|---|---|---|---|---|")?;
    for (name, property) in schema::properties(schema) {
        let required = if schema::required(schema).any(|required| required == name) { "yes" } else { "" };
        let note = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let default = property.get("default").map_or_else(String::new, |value| format!("`{value}`"));
        writeln!(page, "| `{name}` | {required} | {default} | {} | {note} |", schema::rule(property))?;
    }
    Ok(())
}

fn codes(codes: &[ErrorCode]) -> String {
    list(codes.iter().map(|code| format!("`{}` ({})", code.as_str(), code.http_status())))
}

fn list(items: impl Iterator<Item = impl Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// A schema in the notation of the contract: `?` after a name says that it can be absent.
fn shape(schema: &Value, indent: usize) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => format!("[{}]", schema.get("items").map_or_else(String::new, |s| shape(s, indent))),
        Some("object") if schema.get("properties").is_some() => {
            let margin = "  ".repeat(indent + 1);
            let field = |(name, property): (&String, &Value)| {
                let sure = schema::required(schema).any(|required| required == name);
                format!("{margin}{name}{}: {}", if sure { "" } else { "?" }, shape(property, indent + 1))
            };
            let fields: Vec<String> = schema::properties(schema).map(field).collect();
            format!("{{\n{}\n{}}}", fields.join("\n"), "  ".repeat(indent))
        }
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    }
}
