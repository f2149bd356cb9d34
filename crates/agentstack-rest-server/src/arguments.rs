//! The command line, by itself so that the manual page can be made of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Encrypted, session-isolated memory for AI agents, over REST and MCP (streamable HTTP).
#[derive(Parser)]
#[command(name = "agentstack-rest", version)]
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
    /// Where to listen, instead of http.listen.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// What to log to standard error: error, warn, info, debug or off.
    #[arg(long, value_name = "LEVEL", env = "AGENTSTACK_LOG", default_value = "info")]
    pub(crate) log: agentstack::LevelFilter,
    /// Log as JSON, one object a line.
    #[arg(long)]
    pub(crate) log_json: bool,
    /// Serve nothing: ask the server that runs with this configuration whether it is ready. Exit code 0 if it is, 1 if not.
    #[arg(long)]
    pub(crate) check_ready: bool,
}
