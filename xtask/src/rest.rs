//! Runs the suites of other people's clients and testers against a running `agentstack-rest`.
//!
//! The suites live with the server they test; here they get a server, an operator's token and what they need installed.

mod server;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::clients::{install_npm, python_environment, text};
use crate::process::{self, program_at_root, require};
use crate::quickstart::in_empty_home;
use crate::workspace;

use server::Server;

const SUITES: &str = "crates/agentstack-rest-server/tests/clients";
const DOCUMENT: &str = "docs/reference/openapi.json";

/// The suites in Python, each with its arguments; quick ones first.
const PYTHON: &[(&str, &[&str])] =
    &[("document.py", &[DOCUMENT]), ("rest.py", &[]), ("mcp_http.py", &[]), ("fuzz.py", &[])];

pub(crate) fn run() -> Result<()> {
    require("python3", "schemathesis and the official Python client need it")?;
    require("node", "the conformance suite and the official TypeScript client need it")?;
    require("npm", "it installs the conformance suite and the official TypeScript client")?;
    let binaries = crate::test::build()?;
    let target = workspace::metadata()?.target_directory;
    let work = target.join("rest");
    let suites = workspace::root().join(SUITES);
    let python = suites.join("python");
    let interpreter = python_environment(&work.join("python"), &python.join("requirements.txt"))?;
    for suite in ["typescript", "conformance"] {
        install_npm(&suites.join(suite), &work.join(suite))?;
    }
    let server = Server::start(&binaries.join("agentstack-rest"), &work.join("server"))?;
    let mut failed = Vec::new();
    let mut suite = |name: &str, mut command: Command| -> Result<()> {
        let home = work.join("home");
        in_empty_home(&mut command, &home)?;
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("AGENTSTACK_URL", server.url()).env("AGENTSTACK_TOKEN", server.token());
        // One that fails does not keep the others from their say.
        if let Err(error) = process::run(command) {
            failed.push(format!("{name}: {error:#}"));
        }
        Ok(())
    };
    for (script, arguments) in PYTHON {
        let mut command = program_at_root(&interpreter, &[&text(&python.join(script))?]);
        command.args(*arguments);
        suite(script, command)?;
    }
    for name in ["typescript", "conformance"] {
        suite(name, node(&work.join(name))?)?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{}\n  the server's log: {}", failed.join("\n  "), server.log().display())
}

fn node(folder: &Path) -> Result<Command> {
    let mut command = program_at_root("node", &[&text(&folder.join("suite.mjs"))?]);
    command.current_dir(folder);
    Ok(command)
}

/// Empties a folder that is ours.
fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))
}
