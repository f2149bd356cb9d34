//! The words every other crate speaks: ids, names, limits, time and secrets.
//!
//! **Invariant:** no I/O, no async, no knowledge of storage, transports or policy. A value of a type
//! in here has been checked once, when it was made, and is never checked again.

pub mod agent;
pub mod code_host;
pub mod finding;
pub mod hex;
pub mod id;
pub mod identity;
pub mod json;
pub mod label;
pub mod limits;
pub mod memory;
pub mod name;
pub mod network;
pub mod plugin;
pub mod random;
pub mod run;
pub mod secret;
pub mod task;
pub mod time;
pub mod token;

pub use agent::{Agent, AgentStatus, AgentType, AgentUsage};
pub use code_host::{
    BranchName, HeadBranch, IssueBody, IssueFilter, IssueLabel, IssueNumber, IssueTitle, Login,
    PullRequestFilter, Repository, RepositoryName,
};
pub use finding::{Confidence, FindingField, FindingKind, FindingSummary, Treatment};
pub use id::{
    AgentId, AgentInstanceId, EntryId, IdentityId, InvalidId, ProcessId, RequestId, SessionId, TaskId,
    TokenId,
};
pub use identity::{Capability, Identity, IdentityStatus};
pub use label::{Label, Origin, Trust, VersionId};
pub use memory::{Content, Entry, EntrySummary, Hit, MatchType, Metadata, Version};
pub use name::{InvalidName, MemoryKey, Namespace, QueryText, SharedName, Tag};
pub use plugin::{ConfigKey, PluginName, ToolName};
pub use run::{ModelName, Prompt};
pub use secret::Secret;
pub use task::{DriftAction, Relation, Relationship, RiskLevel, Task, TaskStatus, TaskText};
pub use time::{Clock, SystemClock, Timestamp};
pub use token::{ApiToken, ResumeToken, TokenHash};
