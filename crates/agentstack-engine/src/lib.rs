//! The use cases: what happens between a call and the store.
//!
//! [`Engine::call`] is the one way in: authorize → scope → use case → store, and one audit record and
//! one log line for each call, whatever became of it.
//!
//! **Invariant:** no JSON-RPC, no HTTP, no SQL, no policy. What a caller is told of an error is chosen
//! here; what caused it goes to the log.

mod admission;
mod agent;
mod answer;
mod audit;
mod code_host;
mod coordination;
mod cursor;
mod drift;
mod embedding;
mod engine;
mod export;
mod failure;
mod identity;
mod import;
mod journal;
mod maintain;
mod memory;
mod models;
mod outgoing;
mod plugin;
mod policy;
mod quarantine;
mod quota;
mod readings;
mod run;
mod screen;
mod session;
mod system;
mod task;
mod token;
mod watch;

pub use admission::CallLimits;
pub use agentstack_storage::Figures;
pub use agentstack_storage::TaskBounds;
pub use code_host::CodeHosting;
pub use coordination::{AgentKind, Allowance, Coordination, RunLimits};
pub use drift::{DriftRule, Likeness};
pub use embedding::{EmbeddingStep, Reembedding, embed_in_background};
pub use engine::{AUTHENTICATION, Ended, Engine, Observer, Parts, Settings};
pub use export::{ExportAsked, ExportCounts, ExportedVersion};
pub use import::{
    FoundRecord, ImportOptions, ImportProblem, ImportReason, ImportReport, Imported, LeftOut, LeftRecords,
    MemoryImportOptions, MemoryImportReport, MemoryRecord, MemorySource, SessionToken, TokenKeeper,
};
pub use maintain::Maintained;
pub use models::{Chat, Embedding, Models};
pub use plugin::{InstallProblem, Installing, PluginConfig, PluginTool, Plugins};
pub use run::Progress;
pub use watch::{Rule, SIGNAL, Signal, Thresholds, Watch, WatchSettings};
