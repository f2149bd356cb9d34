//! Values of rows as what they have to be here.

use agentstack_core::{
    AgentId, AgentType, Capability, Content, EntryId, MemoryKey, Metadata, Namespace, SessionId, Tag, TaskId,
    TaskText, Timestamp, json, limits,
};
use agentstack_storage::import::Cell;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{ImportReason, MemoryRecord};

type Checked<T> = Result<T, ImportReason>;

/// A text, if there is one.
pub(super) fn text(cell: &Cell) -> Checked<Option<&str>> {
    match cell {
        Cell::Null => Ok(None),
        Cell::Text(text) => Ok(Some(text)),
        Cell::TooLong => Err(ImportReason::TooLong),
        Cell::Number(_) | Cell::Other => Err(ImportReason::WrongType),
    }
}

fn needed(cell: &Cell) -> Checked<&str> {
    text(cell)?.ok_or(ImportReason::WrongType)
}

/// The other product's ids are UUIDs, as ours are.
pub(super) fn id(cell: &Cell) -> Checked<&str> {
    let text = needed(cell)?;
    text.parse::<SessionId>().map(|_| text).map_err(|_| ImportReason::Id)
}

/// A word or a name that is needed.
pub(super) fn word<T: std::str::FromStr>(cell: &Cell, reason: ImportReason) -> Checked<T> {
    needed(cell)?.parse().map_err(|_| reason)
}

/// A name that need not be there. An empty one is none.
pub(super) fn name(cell: &Cell) -> Checked<Option<AgentId>> {
    let text = text(cell)?.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|_| ImportReason::Agent)).transpose()
}

pub(super) fn key(cell: &Cell) -> Checked<MemoryKey> {
    word(cell, ImportReason::Key)
}

/// A namespace as it is called there; that of a session keeps the session's id.
pub(super) fn namespace(cell: &Cell) -> Checked<Namespace> {
    word(cell, ImportReason::Namespace)
}

pub(super) fn content(cell: &Cell) -> Checked<Content> {
    Content::try_from(needed(cell)?.to_owned()).map_err(|_| ImportReason::Content)
}

/// The text of a task. An empty one is none.
pub(super) fn task_text(cell: &Cell) -> Checked<Option<TaskText>> {
    let text = text(cell)?.filter(|text| !text.is_empty());
    text.map(|text| TaskText::try_from(text.to_owned()).map_err(|_| ImportReason::TaskText)).transpose()
}

/// What an identity is for, and the like.
pub(super) fn description(cell: &Cell) -> Checked<Option<String>> {
    let text = text(cell)?.filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.chars().count() > limits::DESCRIPTION_CHARS) {
        return Err(ImportReason::Description);
    }
    Ok(text.map(str::to_owned))
}

pub(super) fn agent_type(cell: &Cell) -> Checked<AgentType> {
    word(cell, ImportReason::AgentType)
}

fn strict<T: for<'de> Deserialize<'de>>(text: &str, reason: ImportReason) -> Checked<T> {
    let text = json::check(text.as_bytes()).map_err(|_| reason)?;
    serde_json::from_str(text).map_err(|_| reason)
}

/// A JSON object, as strict as one that comes over the wire (S30).
pub(super) fn metadata(cell: &Cell) -> Checked<Metadata> {
    let reason = ImportReason::Metadata;
    let Some(text) = text(cell)? else { return Ok(Metadata::default()) };
    let object: Option<Map<String, Value>> = strict(text, reason)?;
    Metadata::try_from(object.unwrap_or_default()).map_err(|_| reason)
}

/// What an identity can do: of several of one name the last. What is switched off is not taken, as it would be on here.
pub(super) fn capabilities(cell: &Cell) -> Checked<Vec<Capability>> {
    #[derive(Deserialize)]
    struct Given {
        name: String,
        version: Option<String>,
        #[serde(default = "on")]
        enabled: bool,
    }
    fn on() -> bool {
        true
    }
    let reason = ImportReason::Capabilities;
    let Some(text) = text(cell)? else { return Ok(vec![]) };
    let given: Vec<Given> = strict(text, reason)?;
    if given.len() > limits::CAPABILITIES {
        return Err(reason);
    }
    let mut all: Vec<Capability> = vec![];
    for one in given.into_iter().filter(|one| one.enabled) {
        let version = one.version.unwrap_or_else(|| Capability::FIRST_VERSION.to_owned());
        let capability = Capability::new(one.name, version).map_err(|_| reason)?;
        all.retain(|known| known.name != capability.name);
        all.push(capability);
    }
    Ok(all)
}

/// Tags, each once.
pub(super) fn tags(cells: &[Cell]) -> Checked<Vec<Tag>> {
    let reason = ImportReason::Tags;
    let mut tags: Vec<Tag> = vec![];
    for cell in cells {
        let tag: Tag = word(cell, reason)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > limits::TAGS { Err(reason) } else { Ok(tags) }
}

/// A point in time since 1970. It may lie in the future, where a clock was fast.
pub(super) fn time(cell: &Cell) -> Checked<Timestamp> {
    match cell {
        Cell::Number(millis) if *millis >= 0 => Ok(Timestamp::from_millis(*millis)),
        _ => Err(ImportReason::Time),
    }
}

/// The same, but not after `now`: nothing is said to have been that has not.
pub(super) fn past_time(cell: &Cell, now: Timestamp) -> Checked<Timestamp> {
    time(cell).map(|time| time.min(now))
}

pub(super) fn past_time_or_none(cell: &Cell, now: Timestamp) -> Checked<Option<Timestamp>> {
    if *cell == Cell::Null { Ok(None) } else { past_time(cell, now).map(Some) }
}

/// The number of a version: nine digits at most, and there has to be one after it.
pub(super) fn version(cell: &Cell) -> Checked<u32> {
    match cell {
        Cell::Number(number @ 1..=999_999_998) => u32::try_from(*number).map_err(|_| ImportReason::Version),
        _ => Err(ImportReason::Version),
    }
}

/// An id that is the same whenever the same thing is imported, and that sorts by the time at which that was made, as ours do:
/// a `UUIDv7` (RFC 9562) whose random bits are a hash.
fn derived(at: Timestamp, parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new().chain_update(b"agentstack import v1");
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let [_, _, millis @ ..] = at.as_millis().max(0).to_be_bytes();
    let hash: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(millis.iter().chain(&hash)) {
        *byte = *from;
    }
    if let Some(byte) = bytes.get_mut(6) {
        *byte = *byte & 0x0f | 0x70;
    }
    if let Some(byte) = bytes.get_mut(8) {
        *byte = *byte & 0x3f | 0x80;
    }
    bytes
}

/// The session that one of there becomes.
pub(super) fn session_id(id: &str, started_at: Timestamp) -> SessionId {
    SessionId::from_bytes(derived(started_at, &[b"session", id.as_bytes()]))
}

/// The task that one of there becomes.
pub(super) fn task_id(id: &str, created_at: Timestamp) -> TaskId {
    TaskId::from_bytes(derived(created_at, &[b"task", id.as_bytes()]))
}

/// The entry that a row becomes: the same as long as nobody has stored anything new in it.
pub(super) fn entry_id(namespace: &Namespace, key: &MemoryKey, id: &str, updated_at: Timestamp) -> EntryId {
    let namespace = namespace.to_string();
    let stored = updated_at.as_millis().to_be_bytes();
    let parts: [&[u8]; 5] = [b"entry", namespace.as_bytes(), key.as_str().as_bytes(), id.as_bytes(), &stored];
    EntryId::from_bytes(derived(updated_at, &parts))
}

/// The entry that a record of an export becomes: the same whenever the same is imported to the same place.
pub(super) fn record_id(namespace: &Namespace, record: &MemoryRecord) -> EntryId {
    let namespace = namespace.to_string();
    let content = record.content.as_str().as_bytes();
    let parts: [&[u8]; 4] = [b"record", namespace.as_bytes(), record.key.as_str().as_bytes(), content];
    EntryId::from_bytes(derived(record.created_at, &parts))
}
