//! What a call asks for, every value checked.
//!
//! Programs that embed the product make these themselves; for calls from outside [`crate::parse`] does.

mod audit;
mod coordination;
mod github;
mod plugin;

use std::fmt;

use agentstack_access::{Claim, Limits, Role};
use agentstack_core::{
    AgentId, Content, MemoryKey, Metadata, QueryText, ResumeToken, SharedName, Tag, Timestamp, TokenId,
    VersionId,
};

use crate::InputError;

pub use audit::{AUDIT_OUTCOMES, AuditFilter, QueryAudit};
pub use coordination::{
    ActivateIdentity, AgentName, AgentStatusOf, AssignTask, CheckDrift, CompleteTask, CreateIdentity,
    CreateTask, DeactivateIdentity, DriftMetrics, GetIdentity, GetTask, IdentityAudit, IdentityName,
    ListIdentities, ListTasks, Recall, RetireIdentity, RunAgent, SpawnAgent, StopAgent, StoreAnswer,
    TaskRelationships, UpdateAgentStatus, UpdateIdentity,
};

pub use github::{
    CreateIssue, CreatePullRequest, GetIssue, GetPullRequest, ListIssues, ListPullRequests, RepositoryInfo,
};

pub use plugin::{CallPlugin, DisablePlugin, EnablePlugin, ListPlugins, RemovePlugin, ShowPlugin};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // By hand, as a derived enum takes `{"any": null}` for `"any"`.
                match String::deserialize(deserializer)?.as_str() {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(serde::de::Error::custom("not one of the words")),
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($word),*] })
            }
        }
    )*};
}

words! {
    /// By what a search finds.
    SearchMode {
        /// By the best that the installation has.
        #[default]
        Auto = "auto",
        /// By words.
        Text = "text",
        /// By meaning.
        Semantic = "semantic",
        /// By both.
        Hybrid = "hybrid",
    }

    /// How the words of a query must occur in an entry.
    MatchRule {
        /// One of them at least; more make a better result.
        #[default]
        Any = "any",
        /// All of them.
        All = "all",
        /// All of them, side by side, in this order.
        Phrase = "phrase",
        /// Each as the beginning of a word.
        Prefix = "prefix",
    }

    /// The least trust of what is shown.
    MinTrust {
        /// What an operator has verified.
        Trusted = "trusted",
        /// All that is not held back.
        #[default]
        Unverified = "unverified",
    }

    /// What an operator looks through.
    ReviewState {
        /// What is held back until somebody has looked at it.
        #[default]
        Quarantined = "quarantined",
        /// What was rejected, and what came from an origin that was revoked.
        Revoked = "revoked",
        /// Shared entries that nobody has verified.
        Unverified = "unverified",
        /// Shared entries that somebody has verified.
        Trusted = "trusted",
    }

    /// Which relationships of a task are shown.
    TaskDirection {
        /// Those in which it comes first.
        Outgoing = "outgoing",
        /// Those in which it comes second.
        Incoming = "incoming",
        /// All.
        #[default]
        Both = "both",
    }
}

/// Where a listing goes on, as the answer before said: opaque, 1 to 512 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// Longest cursor, in characters.
    pub const CHARS: usize = 512;

    /// The text of the cursor.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Cursor {
    type Error = InputError;

    fn try_from(text: String) -> Result<Self, InputError> {
        if (1..=Self::CHARS).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(InputError::new("cursor", "must be the nextCursor of an answer"))
        }
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A cursor can hold a key, and keys are content.
        write!(f, "Cursor({} bytes)", self.0.len())
    }
}

/// Where a page of a listing begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageStart {
    /// After this many entries.
    Offset(u32),
    /// Where the page before ended.
    Cursor(Cursor),
}

/// `memory_store`
#[derive(Debug, Clone)]
pub struct StoreMemory {
    /// Whose call it is about.
    pub claim: Claim,
    /// The key to store under.
    pub key: MemoryKey,
    /// The text.
    pub content: Content,
    /// The caller's own object.
    pub metadata: Metadata,
    /// The tags, each once.
    pub tags: Vec<Tag>,
    /// The version that must be the current one; 0 if the key must be free.
    pub if_version: Option<u32>,
    /// Whether an embedding is asked for.
    pub generate_embedding: bool,
}

/// `memory_search`
#[derive(Debug, Clone)]
pub struct SearchMemory {
    /// Whose call it is about.
    pub claim: Claim,
    /// What to search for.
    pub query: QueryText,
    /// Most results.
    pub limit: u32,
    /// By what to search.
    pub mode: SearchMode,
    /// How the words must occur.
    pub matching: MatchRule,
    /// Tags that a result must have, all of them.
    pub tags: Vec<Tag>,
    /// The agent whose entries are searched, if only one's are.
    pub agent: Option<AgentId>,
    /// Least score of a result, 0 to 1.
    pub threshold: Option<f64>,
    /// Least trust of a result.
    pub min_trust: MinTrust,
    /// Whether as a text besides, in which each content is fenced.
    pub as_text: bool,
    /// Where the answer before ended.
    pub cursor: Option<Cursor>,
}

/// `memory_get`
#[derive(Debug, Clone)]
pub struct GetMemory {
    /// Whose call it is about.
    pub claim: Claim,
    /// The key.
    pub key: MemoryKey,
    /// The version, if not the current one.
    pub version: Option<u32>,
    /// How many characters of the content to skip.
    pub offset: u32,
    /// How many characters of the content to give; all that fit into an answer, if not said.
    pub length: Option<u32>,
    /// Least trust that it must have.
    pub min_trust: MinTrust,
    /// Whether as a text besides, in which each content is fenced.
    pub as_text: bool,
}

/// `quarantine_list`
#[derive(Debug, Clone)]
pub struct ListQuarantine {
    /// Nothing is claimed.
    pub claim: Claim,
    /// In which state.
    pub state: ReviewState,
    /// Most versions.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}

/// `quarantine_show`
#[derive(Debug, Clone)]
pub struct ShowQuarantine {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which version.
    pub id: VersionId,
    /// How many characters of the content to skip.
    pub offset: u32,
    /// How many characters of the content to give; all that fit into an answer, if not said.
    pub length: Option<u32>,
}

/// `quarantine_approve`
#[derive(Debug, Clone)]
pub struct ApproveQuarantine {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which version.
    pub id: VersionId,
}

/// `quarantine_reject`
#[derive(Debug, Clone)]
pub struct RejectQuarantine {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which version.
    pub id: VersionId,
}

/// `quarantine_revoke_origin`
#[derive(Debug, Clone)]
pub struct RevokeOrigin {
    /// Nothing is claimed.
    pub claim: Claim,
    /// The principal, as labels name it. At least one of this, the agent and the tool is said.
    pub principal: Option<String>,
    /// The agent, as labels name it.
    pub agent: Option<AgentId>,
    /// The tool, as labels name it, or the family of tools whose names begin with this and `_`.
    pub tool: Option<String>,
    /// From when on.
    pub since: Option<Timestamp>,
    /// Whether only to say what would become of it.
    pub dry_run: bool,
}

/// `memory_list`
#[derive(Debug, Clone)]
pub struct ListMemory {
    /// Whose call it is about.
    pub claim: Claim,
    /// Most entries.
    pub limit: u32,
    /// Where to begin.
    pub start: PageStart,
    /// Tags that an entry must have, all of them.
    pub tags: Vec<Tag>,
    /// The agent whose entries are listed, if only one's are.
    pub agent: Option<AgentId>,
}

/// `memory_delete`
#[derive(Debug, Clone)]
pub struct DeleteMemory {
    /// Whose call it is about.
    pub claim: Claim,
    /// The key.
    pub key: MemoryKey,
}

/// `memory_history`
#[derive(Debug, Clone)]
pub struct MemoryHistory {
    /// Whose call it is about.
    pub claim: Claim,
    /// The key.
    pub key: MemoryKey,
    /// Most versions.
    pub limit: u32,
}

/// `memory_restore`
#[derive(Debug, Clone)]
pub struct RestoreMemory {
    /// Whose call it is about.
    pub claim: Claim,
    /// The key.
    pub key: MemoryKey,
    /// The version to make current again.
    pub version: u32,
}

/// `session_start`
#[derive(Debug, Clone)]
pub struct StartSession {
    /// Nothing is claimed.
    pub claim: Claim,
    /// The caller's own object.
    pub metadata: Metadata,
    /// The token of the session to enter, if not a new one is to begin.
    pub resume_token: Option<ResumeToken>,
    /// Seconds after which the session expires, if sooner than the installation says.
    pub ttl_seconds: Option<u32>,
}

/// `token_create`
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Who will show it.
    pub subject: SharedName,
    /// Its role in the policy.
    pub role: Role,
    /// The one agent it speaks for.
    pub agent: Option<AgentId>,
    /// What it is good for.
    pub limits: Limits,
    /// After how many seconds it ends by itself.
    pub expires_in_seconds: Option<u32>,
}

/// `token_list`
#[derive(Debug, Clone)]
pub struct ListTokens {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Most tokens.
    pub limit: u32,
    /// The last token of the page before.
    pub before: Option<TokenId>,
}

/// `token_revoke`
#[derive(Debug, Clone)]
pub struct RevokeToken {
    /// Nothing is claimed.
    pub claim: Claim,
    /// Which.
    pub id: TokenId,
}

macro_rules! claims {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            /// Whose call it is about.
            pub claim: Claim,
        }
    )*};
}

claims! {
    /// `session_end`
    EndSession;
    /// `session_status`
    SessionStatus;
    /// `session_active`
    ActiveSessions;
    /// `agent_list`
    ListAgents;
    /// `agent_types`
    AgentTypes;
    /// `system_status`
    SystemStatus;
    /// `system_health`
    SystemHealth;
    /// `system_config`
    SystemConfig;
}
