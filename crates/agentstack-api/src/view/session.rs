//! The answers about sessions.

use agentstack_core::{Metadata, ResumeToken, SessionId, Timestamp};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// What state a session is in. One that has ended is not shown: it is not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// It can be used.
    Active,
}

/// A session.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Its id.
    #[schemars(with = "String")]
    pub id: SessionId,
    /// Its state.
    #[schemars(with = "String")]
    pub status: SessionState,
    /// When it began.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// When it expires if nothing happens.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
}

impl SessionView {
    /// A live session.
    #[must_use]
    pub fn active(id: SessionId, started_at: Timestamp, expires_at: Timestamp) -> Self {
        Self { id, status: SessionState::Active, started_at, expires_at }
    }
}

/// Answer of `session_start`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartSessionView {
    /// True.
    pub success: bool,
    /// The session.
    pub session: SessionView,
    /// With what another process of the same user enters it.
    #[serde(serialize_with = "reveal")]
    #[schemars(with = "String")]
    pub resume_token: ResumeToken,
}

/// The one answer that shows the token.
fn reveal<S: Serializer>(token: &ResumeToken, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.reveal())
}

impl StartSessionView {
    /// A session that has begun.
    #[must_use]
    pub fn new(session: SessionView, resume_token: ResumeToken) -> Self {
        Self { success: true, session, resume_token }
    }
}

/// Answer of `session_end`.
#[derive(Serialize, JsonSchema)]
pub struct EndSessionView {
    /// True.
    pub success: bool,
    /// What went with the session.
    pub removed: RemovedView,
}

/// How much went with a session.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct RemovedView {
    /// Memory entries.
    pub entries: u64,
    /// Agents.
    pub agents: u64,
    /// Tasks.
    pub tasks: u64,
}

impl EndSessionView {
    /// A session that has ended.
    #[must_use]
    pub fn new(removed: RemovedView) -> Self {
        Self { success: true, removed }
    }
}

/// Answer of `session_status`.
#[derive(Serialize, JsonSchema)]
pub struct SessionStatusView {
    /// The session.
    pub session: SessionDetailView,
}

/// A session and what is in it.
#[derive(Serialize, JsonSchema)]
pub struct SessionDetailView {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView,
    /// Number of its memory entries.
    pub entries: u64,
    /// Number of its agents that have not stopped.
    pub agents: u64,
    /// Number of its tasks that have not ended.
    pub tasks: u64,
    /// The object its starter gave.
    #[serde(skip_serializing_if = "Metadata::is_empty", serialize_with = "super::object")]
    #[schemars(with = "Map<String, Value>")]
    pub metadata: Metadata,
}

/// Answer of `session_active`.
#[derive(Serialize, JsonSchema)]
pub struct ActiveSessionsView {
    /// How many.
    pub count: usize,
    /// The caller's live sessions.
    pub sessions: Vec<SessionView>,
}
