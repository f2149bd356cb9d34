//! What both formats say of a version, and how that is read again.

use agentstack_api::view::LabelView;
use agentstack_core::{AgentId, Content, Metadata, Namespace, SharedName, Tag, Timestamp, json, limits};
use agentstack_engine::{ExportedVersion, ImportReason, MemoryRecord};
use serde_json::{Map, Value, json};

type Read<T> = Result<T, ImportReason>;

/// The greatest number of a version: there has to be one after it.
const VERSION_MOST: u64 = 999_999_998;
/// What is written for people and programs that read an export, and never believed.
const IGNORED: [&str; 2] = ["label", "updatedAt"];

/// All but the content, in the order in which it is written.
pub(super) fn fields(version: ExportedVersion<'_>) -> Vec<(&'static str, Value)> {
    let summary = &version.entry.summary;
    let mut fields = vec![
        ("namespace", json!(summary.namespace)),
        ("key", json!(summary.key)),
        ("version", json!(summary.version)),
    ];
    if !version.is_current {
        fields.push(("current", json!(false)));
    }
    if let Some(agent) = &summary.agent_id {
        fields.push(("agentId", json!(agent)));
    }
    fields.extend([
        ("tags", json!(summary.tags)),
        ("metadata", Value::Object(summary.metadata.as_object().clone())),
        ("createdAt", json!(summary.created_at)),
        ("updatedAt", json!(summary.updated_at)),
        ("label", json!(LabelView::from(summary.label.clone()))),
    ]);
    fields
}

/// A JSON text that is strict in all that it says (S30).
pub(super) fn strict<T: for<'de> serde::Deserialize<'de>>(text: &[u8]) -> Read<T> {
    if std::str::from_utf8(text).is_err() {
        return Err(ImportReason::Utf8);
    }
    let text = json::check(text).map_err(|_| ImportReason::Broken)?;
    serde_json::from_str(text).map_err(|_| ImportReason::Broken)
}

/// The record that fields, the content among them, make up. All of it is checked as any input; labels are passed over.
pub(super) fn record(mut fields: Map<String, Value>) -> Read<MemoryRecord> {
    for name in IGNORED {
        fields.remove(name);
    }
    let record = MemoryRecord {
        namespace: namespace(&needed(&mut fields, "namespace")?)?,
        key: needed(&mut fields, "key")?.try_into().map_err(|_| ImportReason::Key)?,
        content: Content::try_from(needed(&mut fields, "content")?).map_err(|_| ImportReason::Content)?,
        metadata: metadata(fields.remove("metadata"))?,
        tags: tags(fields.remove("tags"))?,
        agent: agent(fields.remove("agentId"))?,
        created_at: time(&needed(&mut fields, "createdAt")?)?,
        version: version(fields.remove("version"))?,
        is_current: match fields.remove("current") {
            None => true,
            Some(Value::Bool(is_current)) => is_current,
            Some(_) => return Err(ImportReason::WrongType),
        },
    };
    if fields.is_empty() { Ok(record) } else { Err(ImportReason::Field) }
}

fn text(value: Value) -> Read<String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(ImportReason::WrongType),
    }
}

fn needed(fields: &mut Map<String, Value>, name: &str) -> Read<String> {
    text(fields.remove(name).ok_or(ImportReason::Field)?)
}

fn namespace(text: &str) -> Read<SharedName> {
    match text.parse().map_err(|_| ImportReason::Namespace)? {
        Namespace::Shared(name) => Ok(name),
        Namespace::Session(_) => Err(ImportReason::SessionMemory),
    }
}

fn metadata(value: Option<Value>) -> Read<Metadata> {
    match value {
        None => Ok(Metadata::default()),
        Some(Value::Object(object)) => Metadata::try_from(object).map_err(|_| ImportReason::Metadata),
        Some(_) => Err(ImportReason::WrongType),
    }
}

fn tags(value: Option<Value>) -> Read<Vec<Tag>> {
    let items = match value {
        None => return Ok(vec![]),
        Some(Value::Array(items)) if items.len() <= limits::TAGS => items,
        Some(Value::Array(_)) => return Err(ImportReason::Tags),
        Some(_) => return Err(ImportReason::WrongType),
    };
    let tags: Vec<Tag> = items
        .into_iter()
        .map(|item| text(item)?.try_into().map_err(|_| ImportReason::Tags))
        .collect::<Read<_>>()?;
    let mut seen = std::collections::HashSet::new();
    if tags.iter().all(|tag| seen.insert(tag)) { Ok(tags) } else { Err(ImportReason::Tags) }
}

fn agent(value: Option<Value>) -> Read<Option<AgentId>> {
    value.map(|value| text(value)?.parse().map_err(|_| ImportReason::Agent)).transpose()
}

fn time(text: &str) -> Read<Timestamp> {
    let time: Timestamp = text.parse().map_err(|_| ImportReason::Time)?;
    if time.as_millis() >= 0 { Ok(time) } else { Err(ImportReason::Time) }
}

fn version(value: Option<Value>) -> Read<u32> {
    let number = value.ok_or(ImportReason::Field)?.as_u64();
    let number = number.filter(|number| (1..=VERSION_MOST).contains(number)).ok_or(ImportReason::Version)?;
    u32::try_from(number).map_err(|_| ImportReason::Version)
}
