//! The words every other crate speaks: ids, names, limits, time and secrets.
//!
//! **Invariant:** no I/O, no async, no knowledge of storage, transports or policy. A value of a type
//! in here has been checked once, when it was made, and is never checked again.

pub mod id;
pub mod label;
pub mod limits;
pub mod memory;
pub mod name;
pub mod random;
pub mod secret;
pub mod time;
pub mod token;

pub use id::{AgentId, EntryId, InvalidId, ProcessId, RequestId, SessionId, TokenId};
pub use label::{Label, Origin, Trust};
pub use memory::{Content, Entry, EntrySummary, Hit, MatchType, Metadata, Version};
pub use name::{InvalidName, MemoryKey, Namespace, QueryText, SharedName, Tag};
pub use secret::Secret;
pub use time::{Clock, SystemClock, Timestamp};
pub use token::{ApiToken, ResumeToken, TokenHash};
