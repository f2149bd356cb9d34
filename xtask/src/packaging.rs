//! What `docs/packaging` has for those who install the binaries, held against what there is.

mod deb;
#[cfg(test)]
mod image;

use std::path::Path;

use anyhow::{Context, Result};

use crate::process::{self, program_at_root, require};
use crate::workspace;

pub(crate) use deb::run as deb;

const UNIT: &str = "docs/packaging/systemd/agentstack-rest.service";
const DROP_INS: [&str; 2] = ["plugins.conf", "credential.conf"];
/// The most that `systemd-analyze security` may say of the unit, in tenths; it goes from 0 to 100.
const EXPOSURE: &str = "--threshold=15";

/// Asks systemd's own tool about the unit, with and without what may be added to it. Returns what was not checked.
pub(crate) fn test_unit() -> Result<Vec<String>> {
    if require("systemd-analyze", "").is_err() {
        return Ok(vec!["the systemd unit: not checked (no systemd-analyze)".to_owned()]);
    }
    let unit = workspace::root().join(UNIT);
    let systemd = unit.parent().context("the unit lies in a folder")?;
    let work = workspace::metadata()?.target_directory.join("packaging");
    for added in [&[][..], &DROP_INS] {
        let root = work.join(if added.is_empty() { "plain" } else { "added" });
        lay_out(&root, systemd, added)?;
        let root = format!("--root={}", root.display());
        process::run(program_at_root(
            "systemd-analyze",
            &["verify", "--man=no", "--recursive-errors=no", &root, "agentstack-rest.service"],
        ))?;
    }
    let mut security = program_at_root("systemd-analyze", &["security", "--offline=yes", "--no-pager"]);
    security.args([EXPOSURE, UNIT]);
    process::run(security)?;
    Ok(Vec::new())
}

/// A root folder with the unit, and something in the place of each program that it starts.
fn lay_out(root: &Path, systemd: &Path, added: &[&str]) -> Result<()> {
    if root.exists() {
        std::fs::remove_dir_all(root).with_context(|| format!("emptying {}", root.display()))?;
    }
    let units = root.join("etc/systemd/system");
    let drop_ins = units.join("agentstack-rest.service.d");
    let copy = |from: &Path, to: &Path| {
        std::fs::copy(from, to).with_context(|| format!("copying {}", from.display())).map(|_| ())
    };
    for folder in [&drop_ins, &root.join("usr/bin"), &root.join("bin")] {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    copy(&systemd.join("agentstack-rest.service"), &units.join("agentstack-rest.service"))?;
    for name in added {
        copy(&systemd.join(name), &drop_ins.join(name))?;
    }
    for program in ["usr/bin/agentstack-rest", "bin/sh"] {
        copy(Path::new("/bin/sh"), &root.join(program))?;
    }
    Ok(())
}
