//! The binaries that are shipped: how they are built, and how large they may be.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{self, cargo};
use crate::workspace;

/// Their packages and their names.
pub(crate) const BINARIES: [(&str, &str); 3] = [
    ("agentstack-cli", "agentstack"),
    ("agentstack-mcp-server", "agentstack-mcp"),
    ("agentstack-rest-server", "agentstack-rest"),
];

/// What each may have, stripped as it ships; docs/performance.md tells what they do have, and of what.
const MOST_BYTES: u64 = 40_000_000;

/// Builds them; returns the folder they are in. Always all three together: which features a crate has depends on who
/// else is built.
pub(crate) fn build() -> Result<PathBuf> {
    let packages = BINARIES.iter().flat_map(|(package, _)| ["-p", package]);
    process::run(cargo(&["build", "--release"].into_iter().chain(packages).collect::<Vec<_>>()))?;
    folder()
}

/// Says how large they are, and fails if one is too large. Builds nothing.
pub(crate) fn check_sizes() -> Result<()> {
    sizes_in(&folder()?)
}

fn folder() -> Result<PathBuf> {
    Ok(workspace::metadata()?.target_directory.join("release"))
}

fn sizes_in(folder: &Path) -> Result<()> {
    let mut too_large = Vec::new();
    for (_, name) in BINARIES {
        let path = folder.join(name);
        let file = path.metadata();
        let bytes =
            file.with_context(|| format!("{name} is not built: looking at {}", path.display()))?.len();
        println!("{name}: {} MB", megabytes(bytes));
        if bytes > MOST_BYTES {
            too_large.push(format!("{name} has {bytes} bytes"));
        }
    }
    if too_large.is_empty() {
        return Ok(());
    }
    bail!("a binary may have {MOST_BYTES} bytes: {}", too_large.join(", "))
}

/// With one digit behind the point.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn a_binary_that_is_too_large_or_not_there_is_named() {
        let folder = std::env::temp_dir().join(format!("agentstack-sizes-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let make = |name: &str, bytes: u64| File::create(folder.join(name)).unwrap().set_len(bytes).unwrap();
        make("agentstack", 1);
        make("agentstack-mcp", MOST_BYTES);
        let missing = sizes_in(&folder).unwrap_err().to_string();
        make("agentstack-rest", MOST_BYTES);
        let fits = sizes_in(&folder);
        make("agentstack-rest", MOST_BYTES + 1);
        let large = sizes_in(&folder).unwrap_err().to_string();
        fs::remove_dir_all(&folder).unwrap();
        assert!(missing.contains("agentstack-rest is not built"), "{missing}");
        fits.unwrap();
        assert_eq!(large, "a binary may have 40000000 bytes: agentstack-rest has 40000001 bytes");
    }

    #[test]
    fn sizes_are_shown_in_megabytes() {
        assert_eq!([megabytes(0), megabytes(38_960_000)], ["0.0", "38.9"]);
    }
}
