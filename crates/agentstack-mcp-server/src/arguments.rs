//! The command line, by itself so that the manual page can be made of it.

use std::path::PathBuf;

use agentstack::core::AgentId;
use clap::Parser;

/// Encrypted, session-isolated memory for AI agents, as an MCP server over stdio.
#[derive(Parser)]
#[command(name = "agentstack-mcp", version)]
pub(crate) struct Arguments {
    /// The configuration file [default: ./aistack.config.json, else the user's, else safe defaults].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The database file, instead of memory.path.
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// The key file, instead of security.keySource.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Speak for this agent only: a call that names another is refused.
    #[arg(long, value_name = "ID")]
    pub(crate) agent: Option<AgentId>,
    /// What to log to standard error: error, warn, info, debug or off.
    #[arg(long, value_name = "LEVEL", env = "AGENTSTACK_LOG", default_value = "info")]
    pub(crate) log: agentstack::LevelFilter,
    /// Log as JSON, one object a line.
    #[arg(long)]
    pub(crate) log_json: bool,
}
