//! The tests: the command the README names, and the extended ones that read the corpora.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{self, cargo, shell};
use crate::{readme, workspace};

/// The variable that tells tests and suites where the corpora lie.
pub(crate) const CORPORA: &str = "AGENTSTACK_CORPORA";

/// The README's test command, to the letter.
pub(crate) fn readme() -> Result<()> {
    let script = readme::command("test")?;
    if script.contains("xtask test") || script.contains("xtask ci") {
        bail!("README.md: the test command starts this command again; name the cargo command itself");
    }
    process::run(shell(&script))
}

/// Builds all that the tests are made of, binaries and examples included; returns where it is. To build one package would be
/// another build of everything beneath it: which features a crate has depends on who else is built.
pub(crate) fn build() -> Result<PathBuf> {
    process::run(cargo(&["test", "--workspace", "--no-run", "--quiet"]))?;
    Ok(workspace::metadata()?.target_directory.join("debug"))
}

/// Builds an example, by the same rule; returns the program.
pub(crate) fn example(name: &str) -> Result<PathBuf> {
    process::run(cargo(&["test", "--workspace", "--no-run", "--quiet", "--example", name]))?;
    Ok(workspace::metadata()?.target_directory.join("debug/examples").join(name))
}

/// Runs the tests of all packages whose names have this in them, with a variable set.
pub(crate) fn named(name: &str, variable: &str, value: &Path) -> Result<()> {
    let mut command = cargo(&["test", "--workspace", "--test", "it", "--", name]);
    command.env(variable, value);
    let mut ran = 0;
    process::watch(command, |line| ran += tests_run(line))?;
    if ran == 0 {
        bail!("no test with `{name}` in its name ran");
    }
    Ok(())
}

/// Only the tests whose name contains `corpora`, with the folder in [`CORPORA`].
pub(crate) fn corpora(folder: &str) -> Result<()> {
    let folder = corpora_folder(folder)?;
    let mut command = cargo(&["test", "--workspace", "--", "corpora"]);
    command.env(CORPORA, &folder);
    let mut ran = 0;
    process::watch(command, |line| ran += tests_run(line))?;
    if ran == 0 {
        bail!("no test with `corpora` in its name ran, so the corpora in {} were not used", folder.display());
    }
    println!("{ran} tests over the corpora");
    Ok(())
}

/// A relative folder is taken from the workspace's root, wherever the command was typed.
pub(crate) fn corpora_folder(folder: &str) -> Result<PathBuf> {
    let path = workspace::root().join(folder);
    let path = path.canonicalize().with_context(|| format!("the corpora are not at {}", path.display()))?;
    if path.is_dir() {
        return Ok(path);
    }
    bail!("the corpora are not at {}: not a folder", path.display())
}

/// How many tests a `test result:` line counts as run.
pub(crate) fn tests_run(line: &str) -> u64 {
    let Some(counts) = line.trim_start().strip_prefix("test result:") else { return 0 };
    let counts = counts.split_once(". ").map_or("", |(_, counts)| counts);
    counts.split("; ").filter_map(|count| count.split_once(' ')).map(counted).sum()
}

fn counted((number, what): (&str, &str)) -> u64 {
    if matches!(what, "passed" | "failed") { number.parse().unwrap_or(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_and_failed_tests_count_as_run() {
        let line =
            "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 40 filtered out; finished in 0.1s";
        assert_eq!(tests_run(line), 12);
        assert_eq!(tests_run("test result: FAILED. 1 passed; 2 failed; 0 ignored"), 3);
        assert_eq!(tests_run("test memory::corpora_are_found ... ok"), 0);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = corpora_folder("no/such/folder").unwrap_err().to_string();
        assert!(error.contains("no/such/folder"), "{error}");
    }
}
