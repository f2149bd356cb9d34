//! The answers to operators about the trust of what is stored.

use agentstack_core::{AgentId, MemoryKey, Metadata, Namespace, Tag, Timestamp, VersionId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::LabelView;

/// A version that an operator looks at, without its content.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewView {
    /// The version: the id of its entry and its number.
    #[schemars(with = "String")]
    pub id: VersionId,
    /// The key of its entry.
    #[schemars(with = "String")]
    pub key: MemoryKey,
    /// Where its entry lives.
    #[schemars(with = "String")]
    pub namespace: Namespace,
    /// The agent it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub agent_id: Option<AgentId>,
    /// Its tags.
    #[schemars(with = "Vec<String>")]
    pub tags: Vec<Tag>,
    /// Length of the whole content in characters.
    pub chars: u32,
    /// How far it is trusted, where it comes from, and what was found in it.
    pub label: LabelView,
    /// Since when it is held back; if it is not, when it was stored.
    #[schemars(with = "String")]
    pub since: Timestamp,
}

/// Answer of `quarantine_list`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListQuarantineView {
    /// How many this answer shows.
    pub count: usize,
    /// The versions, newest first.
    pub versions: Vec<ReviewView>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Answer of `quarantine_show`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShowQuarantineView {
    /// The version.
    pub version: ReviewView,
    /// Its content, or the piece of it that was asked for and fits.
    pub content: String,
    /// The caller's own object.
    #[serde(skip_serializing_if = "Metadata::is_empty", serialize_with = "super::object")]
    #[schemars(with = "Map<String, Value>")]
    pub metadata: Metadata,
    /// Whether the content goes on after this.
    #[serde(skip_serializing_if = "super::is_false")]
    pub truncated: bool,
    /// Where it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<u32>,
}

/// Answer of `quarantine_approve` and `quarantine_reject`.
#[derive(Serialize, JsonSchema)]
pub struct DecidedView {
    /// True.
    pub success: bool,
    /// The version, in its new state.
    pub version: ReviewView,
}

/// Answer of `quarantine_approve`.
pub type ApproveQuarantineView = DecidedView;
/// Answer of `quarantine_reject`.
pub type RejectQuarantineView = DecidedView;

/// Answer of `quarantine_revoke_origin`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokeOriginView {
    /// True.
    pub success: bool,
    /// Whether nothing was changed, as was asked.
    pub dry_run: bool,
    /// How many versions of the origin are revoked.
    pub revoked: u64,
    /// How many that were derived from them are quarantined.
    pub quarantined: u64,
}
