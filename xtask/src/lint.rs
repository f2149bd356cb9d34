//! Formatting and clippy, with warnings as errors.

use anyhow::Result;

use crate::process::{self, cargo};

pub(crate) fn run() -> Result<()> {
    process::run(cargo(&["fmt", "--all", "--check"]))?;
    process::run(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}
