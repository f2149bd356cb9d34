//! What is kept of a version besides its content: one JSON object under the namespace's secret.

use agentstack_core::{AgentId, FindingSummary, MemoryKey, Metadata, Tag};
use agentstack_storage::StorageError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::index::text_hash;
use crate::veil::Veil;

/// What is kept, as it is written.
#[derive(Serialize)]
pub(crate) struct Facts<'a> {
    pub(crate) key: &'a MemoryKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<&'a AgentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin_agent: Option<&'a AgentId>,
    #[serde(skip_serializing_if = "<[Tag]>::is_empty")]
    pub(crate) tags: &'a [Tag],
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) metadata: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "<[FindingSummary]>::is_empty")]
    pub(crate) findings: &'a [FindingSummary],
    /// Whether it is to have no vector. An entry that gets the version back is to have none either.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) declined: bool,
}

impl Facts<'_> {
    /// The bytes that they are kept as.
    pub(crate) fn cover(&self, veil: &Veil) -> Result<Vec<u8>, StorageError> {
        let text = serde_json::to_string(self).map_err(|error| StorageError::Damaged(Box::new(error)))?;
        veil.cover(&text)
    }
}

/// The same, read back.
pub(crate) struct Known {
    pub(crate) key: MemoryKey,
    pub(crate) agent: Option<AgentId>,
    pub(crate) origin_agent: Option<AgentId>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) metadata: Metadata,
    pub(crate) findings: Vec<FindingSummary>,
    pub(crate) declined: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    key: String,
    agent: Option<String>,
    origin_agent: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    findings: Vec<FindingSummary>,
    #[serde(default)]
    declined: bool,
}

impl Known {
    /// The facts that are kept as these bytes.
    pub(crate) fn uncover(veil: &Veil, bytes: &[u8]) -> Result<Self, StorageError> {
        let text = veil.uncover_bytes(bytes);
        let raw = text.and_then(|text| serde_json::from_slice::<Raw>(&text).ok());
        raw.and_then(Self::checked).ok_or_else(|| StorageError::damaged("the facts of an entry"))
    }

    fn checked(raw: Raw) -> Option<Self> {
        let agent = |text: Option<String>| text.map(|text| text.parse()).transpose().ok();
        Some(Self {
            key: raw.key.try_into().ok()?,
            agent: agent(raw.agent)?,
            origin_agent: agent(raw.origin_agent)?,
            tags: raw.tags.into_iter().map(|tag| tag.try_into().ok()).collect::<Option<_>>()?,
            metadata: raw.metadata.try_into().ok()?,
            findings: raw.findings,
            declined: raw.declined,
        })
    }
}

/// By what an agent is filtered.
pub(crate) fn agent_hash(agent: &AgentId) -> Vec<u8> {
    text_hash(agent.as_str())
}

/// Bytes of the hash of a tag.
const TAG_HASH: usize = 8;

/// By what tags are filtered: the hashes of all, one after the other.
pub(crate) fn tag_hashes(tags: &[Tag]) -> Vec<u8> {
    tags.iter().flat_map(|tag| text_hash(tag.as_str()).into_iter().take(TAG_HASH)).collect()
}
