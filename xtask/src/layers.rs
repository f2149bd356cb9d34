//! The layers of the workspace: what `layers.toml` permits, and what the crates really name.

mod check;
mod graph;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace;

pub(crate) use check::check;
pub(crate) use graph::{mermaid, table};

/// The crate that runs the checks: held against the file as every other, but not part of the picture.
const TOOLING: &str = "xtask";

/// `layers.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layers {
    /// Outside crates that only those with a permission may name.
    pub(crate) fenced: BTreeSet<String>,
    pub(crate) crates: BTreeMap<String, Layer>,
}

/// What one crate is for and what it may name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    pub(crate) what: String,
    /// Workspace crates it may depend on.
    #[serde(default)]
    pub(crate) uses: BTreeSet<String>,
    /// Fenced outside crates it may depend on.
    #[serde(default)]
    pub(crate) may_name: BTreeSet<String>,
    /// Workspace and fenced crates its tests may name besides.
    #[serde(default)]
    pub(crate) dev: BTreeSet<String>,
}

impl Layers {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("reading layers.toml")
    }

    pub(crate) fn load() -> Result<Self> {
        Self::parse(&workspace::read("layers.toml")?)
    }

    /// The crates of the product, without the tool that checks them.
    fn product(&self) -> impl Iterator<Item = (&String, &Layer)> {
        self.crates.iter().filter(|(name, _)| *name != TOOLING)
    }
}

pub(crate) fn run() -> Result<()> {
    let layers = Layers::load()?;
    let violations = check(&layers, &workspace::metadata()?.packages);
    if violations.is_empty() {
        println!("{} crates keep to layers.toml", layers.crates.len());
        return Ok(());
    }
    for violation in &violations {
        println!("{violation}");
    }
    bail!("{} violations of layers.toml", violations.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_to_its_layers() {
        let violations = check(&Layers::load().unwrap(), &workspace::metadata().unwrap().packages);
        let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let error = Layers::parse("fenced = []\n[crates.a]\nwhat = \"x\"\nusse = []\n").unwrap_err();
        assert!(format!("{error:#}").contains("usse"), "{error:#}");
    }
}
