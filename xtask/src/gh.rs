//! Runs the real `gh`, out of Debian's package, against a GitHub of the tests' own.

use anyhow::Result;

use crate::{debian, test, workspace};

/// The variable that tells the tests where it is.
const GH: &str = "AGENTSTACK_GH";

pub(crate) fn run() -> Result<()> {
    let work = workspace::metadata()?.target_directory.join("gh");
    let program = debian::unpacked(&["gh"], &work)?.join("usr/bin/gh");
    test::named("real::", GH, &program)
}
