//! What is kept: content, metadata, entries and their versions.

use std::fmt;

use serde_json::{Map, Value};

use crate::limits;
use crate::name::bounded;
use crate::{AgentId, EntryId, InvalidName, Label, MemoryKey, Namespace, Tag, Timestamp};

/// The text of an entry: 1 to 1,000,000 characters. Does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, given up.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl TryFrom<String> for Content {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        bounded(&text, limits::CONTENT_CHARS, "must be 1 to 1,000,000 characters")?;
        Ok(Self(text))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

/// A caller's own JSON object beside an entry: at most 64 KiB and 32 levels. Does not print itself.
#[derive(Clone, PartialEq, Default)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    /// The object.
    #[must_use]
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Map<String, Value>> for Metadata {
    type Error = InvalidName;

    fn try_from(object: Map<String, Value>) -> Result<Self, InvalidName> {
        let deep = object.values().map(depth).max().unwrap_or(0) >= limits::METADATA_DEPTH;
        let size = serde_json::to_string(&object).map_or(usize::MAX, |text| text.len());
        if deep || size > limits::METADATA_BYTES {
            return Err(InvalidName("must be an object of at most 64 KiB as JSON and 32 levels"));
        }
        Ok(Self(object))
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} fields)", self.0.len())
    }
}

/// Levels of arrays and objects in a value; a plain value has none. The transport has bounded the
/// nesting (`limits::JSON_DEPTH`), so recursion is safe here.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The current version of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What every listing shows.
    pub summary: EntrySummary,
    /// The text.
    pub content: String,
}

/// An entry without its content.
#[derive(Debug, Clone, PartialEq)]
pub struct EntrySummary {
    /// The entry, through all its versions.
    pub id: EntryId,
    /// Its key.
    pub key: MemoryKey,
    /// Where it lives.
    pub namespace: Namespace,
    /// 1 for the first, one more with each change.
    pub version: u32,
    /// The agent it belongs to, if it was stored for one.
    pub agent_id: Option<AgentId>,
    /// Its tags, in the order given.
    pub tags: Vec<Tag>,
    /// The caller's own object.
    pub metadata: Metadata,
    /// When the first version was stored.
    pub created_at: Timestamp,
    /// When this version was stored.
    pub updated_at: Timestamp,
    /// Where this version comes from.
    pub label: Label,
    /// Length of the content in characters.
    pub chars: u32,
}

/// A version of an entry, current or past.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// The entry that it is one of.
    pub entry: EntryId,
    /// Its number.
    pub version: u32,
    /// Its text.
    pub content: String,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its object.
    pub metadata: Metadata,
    /// The agent it was stored for.
    pub agent_id: Option<AgentId>,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// Where it comes from.
    pub label: Label,
}

/// What made an entry a search result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchType {
    /// Its words.
    Text,
    /// Its meaning.
    Semantic,
    /// Both.
    Hybrid,
}

/// A search result.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The entry.
    pub entry: Entry,
    /// 0 to 1, higher is better, from the entries of the entry's own namespace only.
    pub score: f64,
    /// What matched.
    pub match_type: MatchType,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(value: &Value) -> Result<Metadata, InvalidName> {
        Metadata::try_from(value.as_object().unwrap().clone())
    }

    #[test]
    fn s19_content_ends_at_a_million_characters() {
        for letter in ["a", "猫", "👍"] {
            assert!(Content::try_from(letter.repeat(999_999)).is_ok());
            assert!(Content::try_from(letter.repeat(1_000_000)).is_ok());
            assert!(Content::try_from(letter.repeat(1_000_001)).is_err());
        }
        assert!(Content::try_from(String::new()).is_err());
    }

    #[test]
    fn s19_metadata_ends_at_64_kib_and_32_levels() {
        let frame = json!({"a": ""}).to_string().len();
        for (size, fits) in [(-1, true), (0, true), (1, false)] {
            let text = "x".repeat((limits::METADATA_BYTES - frame).checked_add_signed(size).unwrap());
            assert_eq!(metadata(&json!({ "a": text })).is_ok(), fits, "{size}");
        }
        for (levels, fits) in [(31, true), (32, true), (33, false)] {
            let nested = (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
            assert_eq!(metadata(&nested).is_ok(), fits, "{levels} levels");
        }
    }

    #[test]
    fn s40_content_and_metadata_do_not_print_themselves() {
        let content = Content::try_from("canary".to_owned()).unwrap();
        let metadata = metadata(&json!({"canary": "canary"})).unwrap();
        let key: MemoryKey = "canary".parse().unwrap();
        assert!(!format!("{content:?} {metadata:?} {key:?}").contains("canary"));
    }
}
