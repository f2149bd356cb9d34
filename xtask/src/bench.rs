//! Measures `agentstack-mcp` by the bench example of its own crate, in release mode.

use anyhow::Result;

use crate::process::{self, cargo};

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let mut command =
        cargo(&["run", "--release", "--quiet", "-p", "agentstack-mcp-server", "--example", "bench", "--"]);
    command.args(arguments);
    process::run(command)
}
