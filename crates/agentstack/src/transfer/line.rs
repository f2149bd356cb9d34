//! A version as a line of JSON.

use agentstack_engine::{ExportedVersion, ImportReason, MemoryRecord};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::entry;

/// Fields in an order that people like to read.
struct Ordered(Vec<(&'static str, Value)>);

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The line, without its end.
pub(super) fn encode(version: ExportedVersion<'_>) -> std::io::Result<Vec<u8>> {
    let mut fields = entry::fields(version);
    fields.push(("content", json!(version.entry.content)));
    Ok(serde_json::to_vec(&Ordered(fields))?)
}

/// What a line, without its end, says.
pub(super) fn decode(line: &[u8]) -> Result<MemoryRecord, ImportReason> {
    let fields: Map<String, Value> = entry::strict(line)?;
    entry::record(fields)
}
