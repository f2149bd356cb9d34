//! AgentStack, put together: configuration → keys → store → engine → transport.
//!
//! A program that embeds it opens an [`AgentStack`] and makes calls on its [`Engine`] for principals of
//! its own:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use agentstack::{AgentStack, Caller, Options, Principal, Role};
//!
//! let stack = AgentStack::open(Options::load(None, Default::default())?).await?;
//! let planner = Arc::new(Principal::embedded("planner", Role::Developer));
//! let spec = agentstack::find_operation("session_start").ok_or("no such operation")?;
//! let reply = stack.engine().dispatch(&Caller::new(planner), spec, Default::default()).await;
//! println!("{}", reply.map_err(|error| error.message().to_owned())?.to_value());
//! stack.close().await;
//! # Ok(())
//! # }
//! ```

mod code_host;
pub mod config;
pub mod doctor;
mod import;
pub mod keys;
mod log;
mod maintenance;
mod operator_token;
mod plugin_setup;
pub mod policy;
pub mod providers;
mod stack;
mod transfer;

pub use agentstack_access::{Caller, Claim, NamespaceClaim, Principal, Role};
pub use agentstack_api::{
    Command, ErrorBody, ErrorCode, OPERATIONS, Reply, command, document, find as find_operation, parse, view,
};
pub use agentstack_audit as audit;
pub use agentstack_core as core;
pub use agentstack_engine::{
    CallLimits, CodeHosting, EmbeddingStep, Engine, ExportCounts, ImportProblem, ImportReason, ImportReport,
    Imported, InstallProblem, Installing, LeftOut, LeftRecords, MemoryImportReport, Plugins, Reembedding,
    Settings,
};
pub use agentstack_github as github;
pub use agentstack_guard::{Redactor, Scrubbing, fence};
pub use agentstack_plugins as plugins;
pub use agentstack_rest::{Certificate, HttpSettings, Metrics, Server};
pub use agentstack_storage_sqlite::{
    Checked, Checking, Encryption, Fault, Holdings, KeyMaterial, MaintenanceError, MasterKey,
    ReferenceFileProblem,
};

pub use import::{ImportAsked, ImportFailure, TokenFileProblem};
pub use log::{LogFormat, init_logging, log_error, redactor, scrub_panics};
pub use maintenance::{MaintenanceProblem, Rekeyed};
pub use plugin_setup::PluginSetup;
pub use stack::{AgentStack, Options, StartError};
pub use tracing::level_filters::LevelFilter;
pub use transfer::{ExportFailure, ExportFormat, MemoryExportAsked, MemoryImportAsked, MemoryImportFailure};
