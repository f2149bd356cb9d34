//! JSON Schemas of arguments and answers.
//!
//! A schema comes from a plugin, and checking against it runs outside of the sandbox. So what it can cost is bounded
//! before it is used: its size, its depth, and how many schemas it is once every reference is replaced by what it names.
//! Nothing is ever fetched.

use std::collections::HashMap;
use std::fmt;

use agentstack_core::json::JsonError;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

/// Longest arguments of a tool, as JSON.
pub const ARGUMENTS_BYTES: usize = 256 * 1024;
/// Largest schema, as compact JSON.
const BYTES: usize = 32 * 1024;
/// Most levels of a schema once its references are replaced.
const DEPTH: usize = 32;
/// Most values in a schema once its references are replaced.
const EXPANDED: usize = 2_048;
/// Largest compiled pattern, in bytes.
const PATTERN_BYTES: usize = 256 * 1024;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const DEFINITIONS: &str = "#/$defs/";
/// What changes the meaning of references or dialects, and what has to evaluate its parts again and again.
const REFUSED: [&str; 9] = [
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$vocabulary",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// A JSON Schema (2020-12) of objects, small enough to be used on whatever is given to it.
pub struct Schema {
    document: Value,
    validator: Validator,
}

impl Schema {
    /// Checks a schema and makes it ready. Its root must say `"type": "object"`, as MCP wants it of tools.
    ///
    /// A reference must be `#/$defs/` and a name, and must not lead back to itself. A property cannot have the name of one
    /// of the keywords that are refused.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_object(document: Value) -> Result<Self, InvalidSchema> {
        if document.to_string().len() > BYTES {
            return Err(InvalidSchema::TooLarge);
        }
        let Value::Object(root) = &document else { return Err(InvalidSchema::NotOfAnObject) };
        if root.get("type").and_then(Value::as_str) != Some("object") {
            return Err(InvalidSchema::NotOfAnObject);
        }
        if root.get("$schema").is_some_and(|dialect| dialect.as_str() != Some(DIALECT)) {
            return Err(InvalidSchema::OtherDialect);
        }
        let definitions = root.get("$defs").and_then(Value::as_object);
        let extent = Walk { definitions, known: HashMap::new() }.value(&document, 0)?;
        if extent.values > EXPANDED {
            return Err(InvalidSchema::TooManyParts);
        }
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(patterns)
            .should_validate_formats(false)
            .offline()
            .build(&document)
            .map_err(|error| InvalidSchema::NotASchema { at: error.schema_path().to_string() })?;
        Ok(Self { document, validator })
    }

    /// The schema's own text, for clients.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Whether the root names this property.
    pub(crate) fn has_property(&self, name: &str) -> bool {
        self.document.get("properties").is_some_and(|properties| properties.get(name).is_some())
    }

    pub(crate) fn check(&self, value: &Value) -> Result<(), Mismatch> {
        self.validator.validate(value).map_err(|error| Mismatch::Rule {
            at: error.instance_path().to_string().chars().take(200).flat_map(char::escape_debug).collect(),
            keyword: error.kind().keyword().chars().take(64).collect(),
        })
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({} keywords)", self.document.as_object().map_or(0, Map::len))
    }
}

/// How much a part of a schema is once its references are replaced.
#[derive(Clone, Copy)]
struct Extent {
    values: usize,
    levels: usize,
}

struct Walk<'a> {
    definitions: Option<&'a Map<String, Value>>,
    /// The extent of each definition; `None` while it is being measured.
    known: HashMap<&'a str, Option<Extent>>,
}

impl<'a> Walk<'a> {
    /// Measures what stands `depth` levels below the root.
    fn value(&mut self, value: &'a Value, depth: usize) -> Result<Extent, InvalidSchema> {
        if depth > DEPTH {
            return Err(InvalidSchema::TooDeep);
        }
        let mut whole = Extent { values: 1, levels: 0 };
        let mut add = |part: Extent| {
            whole.values = whole.values.saturating_add(part.values);
            whole.levels = whole.levels.max(part.levels + 1);
        };
        match value {
            Value::Array(items) => {
                for item in items {
                    add(self.value(item, depth + 1)?);
                }
            }
            Value::Object(members) => {
                for (keyword, member) in members {
                    add(self.member(keyword, member, depth + 1)?);
                }
            }
            _ => {}
        }
        Ok(whole)
    }

    fn member(&mut self, keyword: &str, value: &'a Value, depth: usize) -> Result<Extent, InvalidSchema> {
        let refused = match keyword {
            "$ref" => return self.reference(value, depth),
            // The root says in which dialect all of it is.
            "$schema" if depth > 1 => Some("$schema"),
            _ => REFUSED.into_iter().find(|refused| *refused == keyword),
        };
        refused.map_or_else(|| self.value(value, depth), |keyword| Err(InvalidSchema::Keyword(keyword)))
    }

    fn reference(&mut self, value: &'a Value, depth: usize) -> Result<Extent, InvalidSchema> {
        let name = value.as_str().and_then(|text| text.strip_prefix(DEFINITIONS));
        // What is escaped in a pointer or a URI would be another spelling of a name.
        let name =
            name.filter(|name| !name.contains(['/', '~', '%', '#'])).ok_or(InvalidSchema::Reference)?;
        match self.known.get(name) {
            Some(Some(known)) if depth + known.levels > DEPTH => return Err(InvalidSchema::TooDeep),
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(InvalidSchema::Circular),
            None => {}
        }
        let target = self.definitions.and_then(|all| all.get(name)).ok_or(InvalidSchema::Reference)?;
        self.known.insert(name, None);
        let extent = self.value(target, depth)?;
        self.known.insert(name, Some(extent));
        Ok(extent)
    }
}

/// Why a schema is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSchema {
    /// It is too large.
    #[error("a schema must be 32 KiB at most")]
    TooLarge,
    /// It is nested too deeply.
    #[error("a schema must have 32 levels at most, each reference counted as what it names")]
    TooDeep,
    /// It is too much once its references are replaced.
    #[error("a schema must have 2,048 values at most, each reference counted as what it names")]
    TooManyParts,
    /// It is not that of an object.
    #[error("a schema must be an object that says `\"type\": \"object\"`")]
    NotOfAnObject,
    /// It is not written in the dialect that is read here.
    #[error("`$schema` must be {DIALECT}")]
    OtherDialect,
    /// It uses something that is not taken from plugins.
    #[error("`{0}` is not taken")]
    Keyword(&'static str),
    /// It refers to something that is not in it.
    #[error("`$ref` must be `#/$defs/` and the name of something that is there")]
    Reference,
    /// It refers to itself.
    #[error("a reference must not lead back to itself")]
    Circular,
    /// It is no schema.
    #[error("not a JSON Schema at `{at}`")]
    NotASchema {
        /// Where.
        at: String,
    },
}

/// Arguments or an answer that are not what the plugin's schema says. Never says what they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// They are too long.
    #[error("must be {most} bytes of JSON at most")]
    TooLarge {
        /// The most there can be.
        most: u64,
    },
    /// They are not strict JSON.
    #[error("must be JSON: {0}")]
    Json(#[from] JsonError),
    /// They are no object.
    #[error("must be a JSON object")]
    NotObject,
    /// They break a rule of the schema.
    #[error("`{at}` must be what `{keyword}` of the schema says")]
    Rule {
        /// Where: a JSON pointer, escaped and cut.
        at: String,
        /// Which keyword.
        keyword: String,
    },
}
