//! Programs of Debian's, fetched and unpacked: nothing is installed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::clients::text;
use crate::process::{self, program_at_root, require};

/// Fetches packages, whose signatures apt checks, unless they are there already; returns the folder they are unpacked in.
pub(crate) fn unpacked(packages: &[&str], work: &Path) -> Result<PathBuf> {
    let unpacked = work.join("unpacked");
    // Made last: what was interrupted is begun anew.
    let done = work.join("done");
    if done.is_file() {
        return Ok(unpacked);
    }
    let all = packages.join(", ");
    require("apt-get", &format!("it fetches from Debian: {all}"))?;
    require("dpkg", &format!("it unpacks from Debian: {all}"))?;
    if work.exists() {
        std::fs::remove_dir_all(work).with_context(|| format!("emptying {}", work.display()))?;
    }
    std::fs::create_dir_all(work).with_context(|| format!("making {}", work.display()))?;
    let download = || {
        let mut command = program_at_root("apt-get", &["download", "--quiet"]);
        command.args(packages).current_dir(work);
        process::run(command)
    };
    if download().is_err() {
        // Its lists may be old, or not there yet.
        process::run(program_at_root("apt-get", &["update", "--quiet"]))?;
        download()?;
    }
    let mut found = 0;
    for entry in std::fs::read_dir(work).with_context(|| format!("reading {}", work.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            process::run(program_at_root("dpkg", &["-x", &text(&path)?, &text(&unpacked)?]))?;
            found += 1;
        }
    }
    if found != packages.len() {
        bail!("apt-get was to leave {} packages, and left {found}", packages.len());
    }
    std::fs::write(&done, "").with_context(|| format!("writing {}", done.display()))?;
    Ok(unpacked)
}
