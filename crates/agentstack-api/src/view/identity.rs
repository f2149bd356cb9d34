//! The answers about identities.

use agentstack_core::{
    AgentId, AgentType, Capability, Identity, IdentityId, IdentityStatus, Metadata, RequestId, SessionId,
    Timestamp,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{shown, shown_each};

/// Something an identity can do.
#[derive(Serialize, JsonSchema)]
pub struct CapabilityView {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl From<Capability> for CapabilityView {
    fn from(capability: Capability) -> Self {
        Self { name: capability.name, version: capability.version }
    }
}

/// An identity, in brief.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentitySummaryView {
    /// Its id.
    #[schemars(with = "String")]
    pub agent_id: IdentityId,
    /// What kind of agent it is.
    #[schemars(with = "String")]
    pub agent_type: AgentType,
    /// Where it is in its life.
    #[schemars(with = "String", extend("enum" = ["created", "active", "dormant", "retired"]))]
    pub status: IdentityStatus,
    /// How often it was made or changed.
    pub version: u32,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub display_name: Option<AgentId>,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// When an agent was last spawned with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub last_active_at: Option<Timestamp>,
}

/// An identity.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityView {
    /// Most of it.
    #[serde(flatten)]
    pub summary: IdentitySummaryView,
    /// The principal it belongs to.
    pub owner: String,
    /// Why it is in its state, in the words of whoever brought it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it can do.
    pub capabilities: Vec<CapabilityView>,
    /// The object its owner gave.
    #[serde(skip_serializing_if = "Metadata::is_empty", serialize_with = "super::object")]
    #[schemars(with = "Map<String, Value>")]
    pub metadata: Metadata,
}

impl From<Identity> for IdentitySummaryView {
    fn from(identity: Identity) -> Self {
        Self {
            agent_id: identity.id,
            agent_type: identity.agent_type,
            status: identity.status,
            version: identity.version,
            display_name: identity.display_name,
            created_at: identity.created_at,
            updated_at: identity.updated_at,
            last_active_at: identity.last_active_at,
        }
    }
}

impl From<Identity> for IdentityView {
    fn from(mut identity: Identity) -> Self {
        Self {
            owner: std::mem::take(&mut identity.owner),
            reason: identity.reason.take(),
            description: identity.description.take(),
            capabilities: std::mem::take(&mut identity.capabilities).into_iter().map(Into::into).collect(),
            metadata: std::mem::take(&mut identity.metadata),
            summary: identity.into(),
        }
    }
}

/// Answer of the operations that make or change an identity.
#[derive(Serialize, JsonSchema)]
pub struct IdentityChangedView {
    /// True.
    pub success: bool,
    /// The identity.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("IdentityView")))]
    pub identity: IdentityView,
}

impl From<Identity> for IdentityChangedView {
    fn from(identity: Identity) -> Self {
        Self { success: true, identity: identity.into() }
    }
}

/// Answer of `identity_create`.
pub type CreateIdentityView = IdentityChangedView;
/// Answer of `identity_update`.
pub type UpdateIdentityView = IdentityChangedView;
/// Answer of `identity_activate`.
pub type ActivateIdentityView = IdentityChangedView;
/// Answer of `identity_deactivate`.
pub type DeactivateIdentityView = IdentityChangedView;
/// Answer of `identity_retire`.
pub type RetireIdentityView = IdentityChangedView;

/// Answer of `identity_get`.
#[derive(Serialize, JsonSchema)]
pub struct GetIdentityView {
    /// The identity.
    #[schemars(with = "Map<String, Value>", extend("x-exact" = shown("IdentityView")))]
    pub identity: IdentityView,
}

/// Answer of `identity_list`.
#[derive(Serialize, JsonSchema)]
pub struct ListIdentitiesView {
    /// How many there are.
    pub total: u64,
    /// How many are listed.
    pub count: usize,
    /// This page, the newest first.
    #[schemars(with = "Vec<Map<String, Value>>", extend("x-exact" = shown_each("IdentitySummaryView")))]
    pub identities: Vec<IdentitySummaryView>,
}

/// A record of the audit log.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// Its place in the log.
    pub sequence: u64,
    /// When.
    pub at: String,
    /// Who called.
    pub principal: String,
    /// In which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub session_id: Option<SessionId>,
    /// What was called.
    pub operation: String,
    /// What came of it.
    pub outcome: String,
    /// The call.
    #[schemars(with = "String")]
    pub request_id: RequestId,
}

/// Answer of `identity_audit`.
#[derive(Serialize, JsonSchema)]
pub struct IdentityAuditView {
    /// How many are shown.
    pub count: usize,
    /// The newest records, newest first.
    #[schemars(with = "Vec<Map<String, Value>>", extend("x-exact" = shown_each("RecordView")))]
    pub records: Vec<RecordView>,
}
