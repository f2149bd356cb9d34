//! What a plugin says of itself: `plugin.json`.

use agentstack_core::json::{self, JsonError};
use serde_json::{Map, Value};

use crate::schema::ARGUMENTS_BYTES;
use crate::{CallLimits, Grants, InvalidSchema, Mismatch, PluginName, Schema, ToolName, Version, raw};

/// Largest manifest.
pub const MANIFEST_BYTES: usize = 256 * 1024;
/// The one form of manifests there is.
const FORMAT: u32 = 1;
const TOOLS: usize = 32;
const DESCRIPTION_CHARS: usize = 1_024;

/// A checked manifest: the plugin's name and version, its tools, and what it asks for.
#[derive(Debug)]
pub struct Manifest {
    name: PluginName,
    version: Version,
    description: String,
    tools: Vec<Tool>,
    requests: Grants,
}

impl Manifest {
    /// Reads a `plugin.json`. It is strict JSON with nothing in it that is not known.
    ///
    /// # Errors
    /// The first field that breaks its rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidManifest> {
        if bytes.len() > MANIFEST_BYTES {
            return Err(InvalidManifest::TooLarge);
        }
        let text = json::check(bytes)?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let raw: raw::Manifest = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| InvalidManifest::field(&error.path().to_string(), &error.inner().to_string()))?;
        let field = InvalidManifest::field;
        if raw.format != FORMAT {
            return Err(field("format", "must be 1"));
        }
        describe("description", &raw.description)?;
        if !(1..=TOOLS).contains(&raw.tools.len()) {
            return Err(field("tools", "must be 1 to 32 tools"));
        }
        let mut tools: Vec<Tool> = Vec::with_capacity(raw.tools.len());
        for (index, tool) in raw.tools.into_iter().enumerate() {
            if tools.iter().any(|earlier| earlier.name == tool.name) {
                return Err(field(&format!("tools[{index}].name"), "must be another one than those before"));
            }
            tools.push(Tool::new(index, tool)?);
        }
        let raw::Manifest { name, version, description, requests, .. } = raw;
        Ok(Self { name, version, description, tools, requests })
    }

    /// The plugin's name.
    #[must_use]
    pub fn name(&self) -> &PluginName {
        &self.name
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// What it is for, in its author's words.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its tools, one at least.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The tool of this name.
    #[must_use]
    pub fn tool(&self, name: &ToolName) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == *name)
    }

    /// What it asks for. It has none of it unless the operator grants it.
    #[must_use]
    pub fn requests(&self) -> &Grants {
        &self.requests
    }
}

/// The argument that every tool of a plugin has besides its own.
const SESSION: &str = "sessionId";

/// A tool of a plugin.
#[derive(Debug)]
pub struct Tool {
    name: ToolName,
    description: String,
    input: Schema,
    output: Schema,
}

impl Tool {
    fn new(index: usize, raw: raw::Tool) -> Result<Self, InvalidManifest> {
        let at = |field: &str| format!("tools[{index}].{field}");
        describe(&at("description"), &raw.description)?;
        let schema = |field: &str, schema| {
            Schema::of_object(schema).map_err(|source| InvalidManifest::Schema { field: at(field), source })
        };
        let input = schema("inputSchema", raw.input_schema)?;
        if input.has_property(SESSION) {
            return Err(InvalidManifest::field(
                &at("inputSchema"),
                "must not have a property `sessionId`: that is the product's",
            ));
        }
        Ok(Self {
            input,
            output: schema("outputSchema", raw.output_schema)?,
            name: raw.name,
            description: raw.description,
        })
    }

    /// Its name within the plugin.
    #[must_use]
    pub fn name(&self) -> &ToolName {
        &self.name
    }

    /// What it does, in its author's words. They reach models.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What its arguments must be.
    #[must_use]
    pub fn input(&self) -> &Schema {
        &self.input
    }

    /// What its answers must be.
    #[must_use]
    pub fn output(&self) -> &Schema {
        &self.output
    }

    /// The arguments of a call as the plugin gets them: a JSON text.
    ///
    /// # Errors
    /// When they are not what the tool takes.
    pub fn arguments(&self, arguments: Map<String, Value>) -> Result<String, Mismatch> {
        let arguments = Value::Object(arguments);
        let text = arguments.to_string();
        if text.len() > ARGUMENTS_BYTES {
            return Err(Mismatch::TooLarge { most: ARGUMENTS_BYTES as u64 });
        }
        self.input.check(&arguments)?;
        Ok(text)
    }

    /// The answer that a plugin gave as a JSON text.
    ///
    /// # Errors
    /// When it is longer than it may be, no strict JSON, or not what the tool said it answers.
    pub fn answer(&self, text: &[u8], limits: &CallLimits) -> Result<Map<String, Value>, Mismatch> {
        if text.len() as u64 > limits.output_bytes() {
            return Err(Mismatch::TooLarge { most: limits.output_bytes() });
        }
        let answer = serde_json::from_str(json::check(text)?).map_err(|_| Mismatch::NotObject)?;
        self.output.check(&answer)?;
        match answer {
            Value::Object(answer) => Ok(answer),
            _ => Err(Mismatch::NotObject),
        }
    }
}

fn describe(field: &str, text: &str) -> Result<(), InvalidManifest> {
    let fits = (1..=DESCRIPTION_CHARS).contains(&text.chars().count());
    if fits && !text.contains(|c: char| c.is_control() && c != '\n') {
        return Ok(());
    }
    Err(InvalidManifest::field(field, "must be 1 to 1,024 characters, none of them a control character"))
}

/// Why a manifest is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidManifest {
    /// It is too large.
    #[error("plugin.json is larger than 256 KiB")]
    TooLarge,
    /// It is not strict JSON.
    #[error("plugin.json is not JSON: {0}")]
    Json(#[from] JsonError),
    /// A field breaks its rule.
    #[error("plugin.json: `{field}`: {rule}")]
    Field {
        /// Which; escaped and cut.
        field: String,
        /// What is wrong; escaped and cut.
        rule: String,
    },
    /// A schema cannot be used.
    #[error("plugin.json: `{field}`: {source}")]
    Schema {
        /// Which.
        field: String,
        /// Why.
        source: InvalidSchema,
    },
}

impl InvalidManifest {
    fn field(field: &str, rule: &str) -> Self {
        let short = |text: &str| text.chars().take(200).flat_map(char::escape_debug).collect();
        Self::Field { field: short(field), rule: short(rule) }
    }
}
