//! Licenses, sources, bans and advisories of the dependencies, by cargo-deny and `deny.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{self, cargo, program_at_root};
use crate::quickstart::tool_home;

/// The oldest version that reads our `deny.toml`.
const OLDEST: (u64, u64) = (0, 19);
/// The version we install; another minor version may read the file differently.
const INSTALLED: &str = "^0.20";
/// What cargo-deny writes when it cannot get the advisories, as against finding one.
const NOT_FETCHED: &str = "failed to fetch advisory database";

/// Returns what could not be checked.
pub(crate) fn run() -> Result<Vec<String>> {
    let tool = find_or_install()?;
    process::run(program_at_root(
        &tool,
        &["check", "--hide-inclusion-graph", "bans", "licenses", "sources"],
    ))?;
    advisories(&tool)
}

fn advisories(tool: &Path) -> Result<Vec<String>> {
    let mut command = program_at_root(tool, &["check", "advisories"]);
    let line = process::display(&command);
    println!("$ {line}");
    let output = command.output().with_context(|| format!("could not start `{line}`"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    eprint!("{report}");
    if output.status.success() {
        return Ok(Vec::new());
    }
    if report.contains(NOT_FETCHED) {
        return Ok(vec!["advisories: not checked (no network)".to_owned()]);
    }
    bail!("`{line}` failed ({})", output.status)
}

/// On the path, else where an earlier run put it; a fresh clone on the same machine need not build it again.
fn find_or_install() -> Result<PathBuf> {
    let tools = tool_home("CARGO_HOME", ".cargo")?.join("agentstack-tools");
    let own = tools.join("bin").join("cargo-deny");
    if let Some(found) = [PathBuf::from("cargo-deny"), own.clone()].into_iter().find(|tool| is_usable(tool)) {
        return Ok(found);
    }
    let mut install =
        cargo(&["install", "cargo-deny", "--version", INSTALLED, "--locked", "--force", "--root"]);
    install.arg(&tools);
    process::run(install)?;
    if is_usable(&own) {
        return Ok(own);
    }
    bail!("cargo-deny was installed, but {} does not run", own.display())
}

fn is_usable(tool: &Path) -> bool {
    let Ok(output) = program_at_root(tool, &["--version"]).output() else { return false };
    version(&String::from_utf8_lossy(&output.stdout)).is_some_and(|version| version >= OLDEST)
}

/// Major and minor of `cargo-deny 0.20.2`.
fn version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.trim().strip_prefix("cargo-deny ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("cargo-deny 0.20.2\n"), Some((0, 20)));
        assert!(version("cargo-deny 0.9.1\n").is_some_and(|found| found < OLDEST));
        assert_eq!(version("something else"), None);
    }
}
