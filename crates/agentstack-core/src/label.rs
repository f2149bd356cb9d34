//! Where an entry comes from and how far it can be trusted. Labels are made by the server (S11).

use serde::Serialize;

use crate::{AgentId, Timestamp};

/// How far an entry can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// A person with the operator's role said so.
    Trusted,
    /// Nobody has: the state in which every entry begins.
    Unverified,
}

/// Who wrote an entry, through what, and when. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The principal, as the credential named it.
    pub principal: String,
    /// The agent the call was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// The operation that wrote it.
    pub tool: String,
    /// When.
    pub at: Timestamp,
}

/// The label of one version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// How far it can be trusted.
    pub trust: Trust,
    /// Where it comes from.
    pub origin: Origin,
}
