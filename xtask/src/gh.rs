//! Runs the real `gh`, out of Debian's package, against a GitHub of the tests' own.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::clients::text;
use crate::process::{self, cargo, program_at_root, require};
use crate::workspace;

/// The variable that tells the tests where it is.
const GH: &str = "AGENTSTACK_GH";

pub(crate) fn run() -> Result<()> {
    let work = workspace::metadata()?.target_directory.join("gh");
    let program = work.join("unpacked/usr/bin/gh");
    if !program.is_file() {
        fetch(&work)?;
    }
    let mut test = cargo(&["test", "-p", "agentstack-github", "--test", "it", "--", "real::"]);
    test.env(GH, &program);
    let mut ran = 0;
    process::watch(test, |line| ran += crate::test::tests_run(line))?;
    if ran == 0 {
        bail!("no test with the real gh ran");
    }
    Ok(())
}

/// Fetches the package, whose signature apt checks, and unpacks it: nothing is installed.
fn fetch(work: &Path) -> Result<()> {
    require("apt-get", "it fetches the package `gh` of Debian")?;
    require("dpkg", "it unpacks the package `gh` of Debian")?;
    // Nothing of an earlier attempt is taken for this one.
    if work.exists() {
        std::fs::remove_dir_all(work).with_context(|| format!("emptying {}", work.display()))?;
    }
    std::fs::create_dir_all(work).with_context(|| format!("making {}", work.display()))?;
    let download = || {
        let mut command = program_at_root("apt-get", &["download", "--quiet", "gh"]);
        command.current_dir(work);
        process::run(command)
    };
    if download().is_err() {
        // Its lists may be old, or not there yet.
        process::run(program_at_root("apt-get", &["update", "--quiet"]))?;
        download()?;
    }
    let packages = std::fs::read_dir(work).with_context(|| format!("reading {}", work.display()))?;
    let mut packages = packages.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let package = packages.find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let package = package.context("apt-get has left no package")?;
    let (package, unpacked) = (text(&package)?, text(&work.join("unpacked"))?);
    process::run(program_at_root("dpkg", &["-x", &package, &unpacked]))
}
