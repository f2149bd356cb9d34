//! Where the workspace is and what it is made of, as cargo tells it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// What `cargo metadata --no-deps` says, cut down to what we read.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

/// One member of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a member's dependency tables.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for an ordinary dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    // Cargo sets it for what it runs. Two checkouts that share a target directory may share this very binary, so what
    // was true when it was built need not be true now.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let own = Path::new(&own);
    own.parent().unwrap_or(own).to_path_buf()
}

/// Asks cargo for the members and the target directory.
pub(crate) fn metadata() -> Result<Metadata> {
    let text =
        process::capture(process::cargo(&["metadata", "--no-deps", "--format-version", "1", "--quiet"]))?;
    serde_json::from_str(&text).context("reading the output of cargo metadata")
}

/// Reads a file of the workspace, naming it when that fails.
pub(crate) fn read(relative: &str) -> Result<String> {
    std::fs::read_to_string(root().join(relative)).with_context(|| format!("reading {relative}"))
}
