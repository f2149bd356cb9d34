//! Measures the servers by the bench examples of their own crates, in release mode.

use anyhow::Result;

use crate::process::{self, cargo};

/// Measures `agentstack-rest` beside a server that answers with a constant.
pub(crate) fn run_http(arguments: &[&str]) -> Result<()> {
    let mut build =
        cargo(&["build", "--release", "--quiet", "-p", "agentstack-rest", "--example", "constant"]);
    build.args(["-p", "agentstack-rest-server", "--bin", "agentstack-rest", "--example", "bench_http"]);
    process::run(build)?;
    let mut command = cargo(&[
        "run",
        "--release",
        "--quiet",
        "-p",
        "agentstack-rest-server",
        "--example",
        "bench_http",
        "--",
    ]);
    command.args(arguments);
    process::run(command)
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let mut command =
        cargo(&["run", "--release", "--quiet", "-p", "agentstack-mcp-server", "--example", "bench", "--"]);
    command.args(arguments);
    process::run(command)
}
