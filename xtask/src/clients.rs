//! Runs the suites written against the official Python and TypeScript MCP clients.
//!
//! The suites themselves live with the server they test; here they only get what they need.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, program_at_root, require};
use crate::quickstart::in_empty_home;
use crate::{test, workspace};

const SUITES: &str = "crates/agentstack-mcp-server/tests/clients";

/// With a folder of corpora the suites store and recall those besides their own.
pub(crate) fn run(corpora: Option<&str>) -> Result<()> {
    let corpora = corpora.map(test::corpora_folder).transpose()?;
    require("python3", "the suite of the official Python client needs it")?;
    require("node", "the suite of the official TypeScript client needs it")?;
    require("npm", "it installs the official TypeScript client")?;
    let target = workspace::metadata()?.target_directory;
    let binary = test::build()?.join("agentstack-mcp");
    let work = target.join("clients");
    python(&work, &binary, corpora.as_deref())?;
    typescript(&work, &binary)
}

fn python(work: &Path, binary: &Path, corpora: Option<&Path>) -> Result<()> {
    let suite = suite("python")?;
    let interpreter = python_environment(&work.join("python"), &suite.join("requirements.txt"))?;
    let mut command =
        in_suite(&interpreter, &suite.join("suite.py"), binary, &work.join("python-home"), &suite)?;
    command.env_remove(test::CORPORA);
    if let Some(folder) = corpora {
        command.env(test::CORPORA, folder);
    }
    process::run(command)
}

fn typescript(work: &Path, binary: &Path) -> Result<()> {
    let copy = work.join("typescript");
    install_npm(&suite("typescript")?, &copy)?;
    process::run(in_suite(
        Path::new("node"),
        &copy.join("suite.mjs"),
        binary,
        &work.join("typescript-home"),
        &copy,
    )?)
}

/// An environment in `folder` with what the file of requirements asks for. Returns its interpreter.
pub(crate) fn python_environment(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let interpreter = folder.join("bin").join("python");
    // An environment whose interpreter has gone away is made anew; a good one is reused.
    if require(&text(&interpreter)?, "").is_err() {
        process::run(program_at_root("python3", &["-m", "venv", "--clear", &text(folder)?]))?;
    }
    let requirements = text(requirements)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", &requirements];
    process::run(program_at_root(&interpreter, &pip))?;
    Ok(interpreter)
}

/// A suite for Node and what its lock file pins, copied so that `node_modules` never lies among the sources.
pub(crate) fn install_npm(source: &Path, copy: &Path) -> Result<()> {
    copy_files(source, copy)?;
    let mut install = program_at_root("npm", &["ci", "--no-audit", "--no-fund"]);
    install.current_dir(copy);
    process::run(install)
}

fn in_suite(runner: &Path, script: &Path, binary: &Path, home: &Path, folder: &Path) -> Result<Command> {
    let mut command = program_at_root(runner, &[&text(script)?, &text(binary)?]);
    command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
    in_empty_home(&mut command, home)?;
    Ok(command)
}

fn suite(language: &str) -> Result<PathBuf> {
    let folder = workspace::root().join(SUITES).join(language);
    if folder.is_dir() {
        return Ok(folder);
    }
    bail!("there is no suite in {SUITES}/{language}")
}

/// Copies the files directly in `source`; leaves what else is in `target` (an earlier install) alone.
fn copy_files(source: &Path, target: &Path) -> Result<()> {
    std::fs::create_dir_all(target).with_context(|| format!("making {}", target.display()))?;
    for entry in std::fs::read_dir(source).with_context(|| format!("listing {}", source.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let from = entry.path();
            std::fs::copy(&from, target.join(entry.file_name()))
                .with_context(|| format!("copying {}", from.display()))?;
        }
    }
    Ok(())
}

pub(crate) fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?.to_owned())
}
