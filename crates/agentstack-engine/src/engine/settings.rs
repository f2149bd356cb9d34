//! How an engine works.

use std::sync::Arc;

use agentstack_core::limits::{
    ENTRIES_PER_SESSION, SESSION_AGE_MS, SESSION_IDLE_MS, SESSIONS_PER_PRINCIPAL, UNVERIFIED_DAYS,
};
use agentstack_guard::Redactor;
use serde_json::{Map, Value};

use crate::{CallLimits, CodeHosting, Coordination, Models, Plugins, WatchSettings};

/// The settings of an engine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The product's version.
    pub version: &'static str,
    /// Idle time after which a session expires, in milliseconds.
    pub session_idle_ms: i64,
    /// Age at which a session expires, in milliseconds.
    pub session_age_ms: i64,
    /// How many audit records go by between signed checkpoints.
    pub checkpoint_every: u64,
    /// What each principal is held to, if to anything.
    pub call_limits: Option<CallLimits>,
    /// Most live sessions of one principal.
    pub sessions_per_principal: u64,
    /// Most entries of one session.
    pub entries_per_session: u64,
    /// Days after which shared entries that nobody has verified expire (S20), and what is held back.
    pub unverified_days: u32,
    /// Takes secrets out of errors and audit records (S40).
    pub redactor: Redactor,
    /// What follows from what is found in a content.
    pub guard: Arc<agentstack_guard::Policy>,
    /// How agents and tasks are served.
    pub coordination: Coordination,
    /// What is watched, if anything is.
    pub watch: Option<WatchSettings>,
    /// The models that may be asked.
    pub models: Models,
    /// The host of code that may be asked, if there is one.
    pub code_host: Option<CodeHosting>,
    /// What plugins are run with, if they are on.
    pub plugins: Option<Plugins>,
    /// The configuration as callers may see it: without secrets and paths.
    pub shown_config: Map<String, Value>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            session_idle_ms: SESSION_IDLE_MS,
            session_age_ms: SESSION_AGE_MS,
            checkpoint_every: 1_000,
            call_limits: None,
            sessions_per_principal: SESSIONS_PER_PRINCIPAL,
            entries_per_session: ENTRIES_PER_SESSION,
            unverified_days: UNVERIFIED_DAYS,
            redactor: Redactor::default(),
            guard: Arc::default(),
            coordination: Coordination::default(),
            watch: Some(WatchSettings::default()),
            models: Models::default(),
            code_host: None,
            plugins: None,
            shown_config: Map::new(),
        }
    }
}
