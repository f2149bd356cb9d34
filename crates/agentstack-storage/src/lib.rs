//! What a backend promises, and what every backend shares.
//!
//! The traits in [`contract`] are the promise: one small trait an aggregate, every method under a
//! [`agentstack_access::Scope`]. [`text`] turns texts and queries into terms and ranks them: one
//! function for all backends. [`reference::ReferenceStore`] keeps everything in memory and is what the other
//! backends are compared with, by the suite in `conformance` (feature `testing`).
//!
//! **Invariant:** no backend decides who may do what; it proves in the transaction of a call that the
//! scope's session is still alive and held, and touches nothing outside the scope.

pub mod contract;
pub mod coordination;
pub mod embedding;
pub mod error;
pub mod import;
pub mod model;
pub mod plugin;
pub mod reference;
pub mod review;
pub mod text;
pub mod vector;

#[cfg(feature = "testing")]
pub mod conformance;

pub use contract::{
    AgentStore, AuditLog, EmbeddingStore, IdentityStore, ImportStore, MemoryStore, PluginStore, ReviewStore,
    SessionStore, Storage, StoreHealth, TaskStore, TokenStore,
};
pub use coordination::{
    AgentChange, AgentRef, Agents, Direction, Drift, DriftFigures, Ends, Identities, IdentityChange,
    IdentityFilter, IdentityRef, NewAgent, NewTask, TaskBounds, TaskEnd, TaskFilter, Tasks,
};
pub use embedding::{Again, EmbeddingFigures, ModelFigures, Waiting, WaitingId, Wish};
pub use error::StorageError;
pub use model::{
    AgentFilter, Counts, Figures, Found, Health, ListPosition, Listed, Listing, NewEntry, NewSession, Page,
    Pending, Removed, Search, Session, SessionStatus, Stored, Target,
};
pub use plugin::{PluginRecord, PluginState};
pub use review::{
    Forgotten, OriginFilter, Readers, Reading, Recorded, Review, ReviewFilter, ReviewPosition, Reviews,
    Revocation,
};
pub use vector::{EmbeddingModel, Meaning, Vector};
