//! The quickstart: what the README's first command runs, and the check that it works for a newcomer.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{self, program_at_root, shell};
use crate::{readme, release, workspace};

/// Builds the release binaries and hands over to `agentstack quickstart`.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let binary = release::build()?.join("agentstack");
    let mut command = program_at_root(binary, &["quickstart"]);
    command.args(arguments);
    process::run(command)
}

/// Runs the README's quickstart as somebody who has never used the product on this machine, and looks at what it has built.
pub(crate) fn check() -> Result<()> {
    let root = workspace::root();
    let (config, data) = (root.join("aistack.config.json"), root.join("data"));
    for theirs in [&config, &data] {
        ensure!(!theirs.exists(), "the quickstart would use {}: move it away first", theirs.display());
    }
    let mut command = shell(&readme::command("quickstart")?);
    in_empty_home(&mut command, &workspace::metadata()?.target_directory.join("quickstart-home"))?;
    let ran = process::run(command);
    // The next time is a first time, too.
    let _ = std::fs::remove_file(config);
    let _ = std::fs::remove_dir_all(data);
    ran?;
    release::check_sizes()
}

/// Gives the command an empty home directory, and keeps cargo and rustup where they are.
pub(crate) fn in_empty_home(command: &mut Command, home: &Path) -> Result<()> {
    if home.exists() {
        std::fs::remove_dir_all(home).with_context(|| format!("emptying {}", home.display()))?;
    }
    std::fs::create_dir_all(home).with_context(|| format!("making {}", home.display()))?;
    command.env("CARGO_HOME", tool_home("CARGO_HOME", ".cargo")?);
    command.env("RUSTUP_HOME", tool_home("RUSTUP_HOME", ".rustup")?);
    command.env("HOME", home);
    for (name, folder) in [
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_CACHE_HOME", ".cache"),
    ] {
        command.env(name, home.join(folder));
    }
    Ok(())
}

/// Where cargo or rustup lives: the variable, else its folder below the home directory.
pub(crate) fn tool_home(variable: &str, folder: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let home = std::env::home_dir().with_context(|| format!("neither {variable} nor HOME is set"))?;
    Ok(home.join(folder))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn the_empty_home_replaces_every_folder_but_the_tools() {
        let home = std::env::temp_dir().join(format!("agentstack-xtask-{}", std::process::id()));
        let mut command = shell("true");
        in_empty_home(&mut command, &home).unwrap();
        assert!(home.is_dir());
        std::fs::remove_dir_all(&home).unwrap();

        let set: BTreeMap<&OsStr, Option<&OsStr>> = command.get_envs().collect();
        let value = |name: &str| set.get(OsStr::new(name)).copied().flatten().map(Path::new).unwrap();
        assert_eq!(value("HOME"), home);
        assert!(value("XDG_CONFIG_HOME").starts_with(&home));
        assert!(!value("CARGO_HOME").starts_with(&home));
        assert!(!value("RUSTUP_HOME").starts_with(&home));
    }
}
