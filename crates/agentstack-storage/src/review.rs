//! What an operator decides about, and what is derived from what.
//!
//! A session is shown versions of others; what it writes from then on is derived from them, for nobody can tell what a
//! model made of what it read (S12). So a backend notes what each session has been shown, in order, and each version says
//! how far its session had read when it was written.

use agentstack_access::Scope;
use agentstack_core::{
    AgentId, EntrySummary, Label, MemoryKey, Metadata, Namespace, Origin, Tag, Timestamp, Trust, VersionId,
};

/// A version that a caller is about to be shown, as it has to be noted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The version.
    pub id: VersionId,
    /// Where its entry lives.
    pub namespace: Namespace,
    /// The key of its entry.
    pub key: MemoryKey,
    /// Who wrote it.
    pub origin: Origin,
}

impl Reading {
    /// What is to be noted when `scope`'s caller is shown a version: nothing if it wrote it itself in its session.
    #[must_use]
    pub fn of(
        scope: &Scope,
        namespace: &Namespace,
        key: &MemoryKey,
        id: VersionId,
        origin: &Origin,
    ) -> Option<Self> {
        let own = origin.principal == scope.principal().name();
        let in_session = matches!(namespace, Namespace::Session(_));
        // An agent bound by its credential is another one than the client that it works for.
        if in_session && own && origin.agent_id.as_ref() == scope.bound_agent() {
            return None;
        }
        Some(Self { id, namespace: namespace.clone(), key: key.clone(), origin: origin.clone() })
    }

    /// The same of an entry.
    #[must_use]
    pub fn of_entry(scope: &Scope, entry: &EntrySummary) -> Option<Self> {
        let id = VersionId { entry: entry.id, version: entry.version };
        Self::of(scope, &entry.namespace, &entry.key, id, &entry.label.origin)
    }
}

/// For how long what a holder was shown outside of any session counts for the sessions it begins, in milliseconds: a
/// day, as long as a session may be idle, and the hour for which it may not be noted anew.
pub const HOLDER_READS_MS: i64 = 25 * 60 * 60 * 1_000;

/// A version that an operator looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// The version.
    pub id: VersionId,
    /// The key of its entry.
    pub key: MemoryKey,
    /// Where its entry lives.
    pub namespace: Namespace,
    /// The agent it belongs to.
    pub agent_id: Option<AgentId>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its object.
    pub metadata: Metadata,
    /// How far it is trusted, where it comes from, and what was found in it.
    pub label: Label,
    /// Length of the content in characters.
    pub chars: u32,
    /// Since when it is held back; if it is not, when it was stored.
    pub since: Timestamp,
}

/// A place in a list of reviews: they are in descending order of (`since`, `id`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReviewPosition {
    /// The time of the review at this place.
    pub since: Timestamp,
    /// Its version.
    pub id: VersionId,
}

/// Which reviews to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewFilter {
    /// In which state.
    pub trust: Trust,
    /// How many.
    pub limit: u32,
    /// After which.
    pub after: Option<ReviewPosition>,
}

/// A page of reviews.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reviews {
    /// This page.
    pub reviews: Vec<Review>,
    /// Where the next one begins, if there is one.
    pub next: Option<ReviewPosition>,
}

/// An origin. What is not said is not asked for; one that says nothing is everybody's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginFilter {
    /// The principal.
    pub principal: Option<String>,
    /// The agent, if only what one has written is meant.
    pub agent: Option<AgentId>,
    /// The tool, or the family of tools whose names begin with this and `_`: a plugin's name stands for all of its tools.
    pub tool: Option<String>,
    /// From when on.
    pub since: Option<Timestamp>,
}

impl OriginFilter {
    /// Whether a version of this origin is meant.
    #[must_use]
    pub fn takes(&self, origin: &Origin) -> bool {
        let of_tool = |asked: &String| {
            let rest = origin.tool.strip_prefix(asked.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        self.principal.as_ref().is_none_or(|principal| *principal == origin.principal)
            && self.tool.as_ref().is_none_or(of_tool)
            && self.agent.as_ref().is_none_or(|agent| Some(agent) == origin.agent_id.as_ref())
            && self.since.is_none_or(|since| origin.at >= since)
    }
}

/// What the revocation of an origin came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Revocation {
    /// Versions of the origin.
    pub revoked: u64,
    /// Versions that were derived from them.
    pub quarantined: u64,
}
