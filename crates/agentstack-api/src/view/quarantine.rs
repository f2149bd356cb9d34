//! The answers to operators about the trust of what is stored.

use agentstack_core::{AgentId, MemoryKey, Metadata, Namespace, SessionId, Tag, Timestamp, VersionId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{LabelView, shown, shown_each};

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
    /// The live sessions that were shown something of the origin: at most a hundred.
    #[schemars(with = "Vec<Map<String, Value>>", extend("x-exact" = shown_each("ReaderView")))]
    pub readers: Vec<ReaderView>,
    /// How many sessions that have ended since.
    pub ended_readers: u64,
    /// Those to whom it was shown outside of any session: at most a hundred.
    pub reading_holders: Vec<String>,
}

/// A session that was shown something.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReaderView {
    /// The session.
    #[schemars(with = "String")]
    pub session_id: SessionId,
    /// Who holds it.
    pub holder: String,
}

/// Answer of `quarantine_forget_origin`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForgetOriginView {
    /// True.
    pub success: bool,
    /// Whether nothing was changed, as was asked.
    pub dry_run: bool,
    /// How many versions were deleted: current, past and held back.
    pub versions: u64,
    /// How many sessions of the principal were ended, with all that was in them.
    pub sessions: u64,
    /// How many identities, tokens, agents and tasks were deleted.
    pub identities: u64,
    /// Tokens.
    pub tokens: u64,
    /// Agents of sessions that live on.
    pub agents: u64,
    /// Tasks of those.
    pub tasks: u64,
    /// The proof that it was done, to be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>", extend("x-exact" = shown("ReceiptView")))]
    pub receipt: Option<ReceiptView>,
}

/// What proves that something was done: the audit log has this record in this place.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptView {
    /// `agentstack-receipt:v1`.
    pub form: &'static str,
    /// The record, as it stands in the log.
    pub record: String,
    /// The hash of the record before it.
    pub previous: String,
    /// Its own.
    pub hash: String,
    /// The signature under the log up to there, or later.
    pub checkpoint: String,
}

impl ReceiptView {
    /// What every receipt has as its `form`.
    pub const FORM: &'static str = "agentstack-receipt:v1";
}
