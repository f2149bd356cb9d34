//! minisign itself proves our signatures, and signs with our keys.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

use crate::process::{self, cargo, program_at_root};

/// The variable that tells the test where minisign is.
const MINISIGN: &str = "AGENTSTACK_MINISIGN";

/// Returns what could not be checked.
pub(crate) fn run() -> Result<Vec<String>> {
    let program = PathBuf::from("minisign");
    let probe = program_at_root(&program, &["-v"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        return Ok(vec!["minisign: not compared with ours (not installed)".to_owned()]);
    }
    let mut command = cargo(&["test", "-p", "agentstack-plugins", "--", "minisign_itself"]);
    command.env(MINISIGN, program);
    process::run(command)?;
    Ok(Vec::new())
}
