//! Writes the documents that are derived from something else, or says which of them are stale.

mod crates;
mod man;
mod markers;
mod proofs;
mod reference;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Whether to write what is stale or only to name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// What a file should hold; `None` for one that should not be there.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// Relative to the workspace's root, with `/`.
    path: String,
    content: Option<Vec<u8>>,
}

impl Wanted {
    fn text(path: &str, text: String) -> Self {
        Self { path: path.to_owned(), content: Some(text.into_bytes()) }
    }

    fn full_path(&self) -> PathBuf {
        workspace::root().join(&self.path)
    }

    fn is_stale(&self) -> bool {
        std::fs::read(self.full_path()).ok() != self.content
    }

    fn write(&self) -> Result<()> {
        let path = self.full_path();
        let Some(content) = &self.content else {
            return std::fs::remove_file(&path).with_context(|| format!("removing {}", self.path));
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("making the folder of {}", self.path))?;
        }
        std::fs::write(&path, content).with_context(|| format!("writing {}", self.path))
    }
}

/// Each names the files it is responsible for; they share none.
const GENERATORS: &[fn() -> Result<Vec<Wanted>>] =
    &[crates::wanted, man::wanted, proofs::wanted, reference::wanted];

/// One generator that fails does not keep the others from their work, so one run tells all.
pub(crate) fn run(mode: Mode) -> Result<()> {
    let mut problems = Vec::new();
    for generator in GENERATORS {
        match generator() {
            Ok(wanted) => {
                for file in wanted.iter().filter(|file| file.is_stale()) {
                    match mode {
                        Mode::Check => problems.push(format!("{} is stale", file.path)),
                        Mode::Write => {
                            file.write()?;
                            println!("wrote {}", file.path);
                        }
                    }
                }
            }
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let hint = if mode == Mode::Check { "; run `cargo xtask codegen`" } else { "" };
    bail!("generated documents{hint}:\n  {}", problems.join("\n  "))
}
