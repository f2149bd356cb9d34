//! The two programs that are compared.

#![expect(clippy::disallowed_methods, reason = "building and starting programs is what is done here")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

pub(crate) struct Programs {
    ours: PathBuf,
    echo: PathBuf,
}

impl Programs {
    /// Finds them beside the program that runs, which lies in `<target>/release/examples`.
    pub(crate) fn find(build: bool) -> Result<Self> {
        let own = std::env::current_exe()?;
        let examples = own.parent().context("the program lies in a folder")?;
        let release = examples.parent().context("the folder lies in another")?;
        let programs = Self { ours: release.join("agentstack-mcp"), echo: examples.join("echo") };
        let missing = !programs.ours.is_file() || !programs.echo.is_file();
        if build || missing {
            // One after the other: together, the features of the example would be built into the binary.
            cargo_build(&["--bin", "agentstack-mcp"])?;
            cargo_build(&["--example", "echo"])?;
        }
        Ok(programs)
    }

    /// Our server with `home` as its whole world.
    pub(crate) fn ours(&self, home: &Path) -> Command {
        let mut command = piped(&self.ours);
        command.current_dir(home);
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env(variable, home);
        }
        command
    }

    /// The server that keeps nothing.
    pub(crate) fn echo(&self) -> Command {
        piped(&self.echo)
    }
}

fn piped(program: &Path) -> Command {
    let mut command = Command::new(program);
    // What it logs is written as always, and read by nobody.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn cargo_build(what: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--quiet", "--manifest-path"]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).args(what);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("building {} failed ({status})", what.join(" ")),
        Err(error) => Err(error).context("starting cargo"),
    }
}
