//! Starts other programs: shows what it starts, and names the whole command when it fails.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A cargo command at the workspace's root, by the cargo that runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    program_at_root(&program, arguments)
}

/// Any program at the workspace's root.
pub(crate) fn program_at_root(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace::root());
    command
}

/// A block of shell lines at the workspace's root; stops at the first that fails.
pub(crate) fn shell(script: &str) -> Command {
    program_at_root("bash", &["-euo", "pipefail", "-c", script])
}

/// Runs it with our own terminal.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let line = display(&command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("could not start `{line}`"))?;
    succeeded(status, &line)
}

/// Runs it and returns what it wrote to its standard output.
pub(crate) fn capture(mut command: Command) -> Result<String> {
    let line = display(&command);
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("could not start `{line}`"))?;
    succeeded(output.status, &line)?;
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` did not print UTF-8"))
}

/// Runs it, shows its standard output as it comes, and hands each line to `see` as well.
pub(crate) fn watch(mut command: Command, mut see: impl FnMut(&str)) -> Result<()> {
    let line = display(&command);
    println!("$ {line}");
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("could not start `{line}`"))?;
    let output = child.stdout.take().context("the child has no standard output")?;
    for text in BufReader::new(output).split(b'\n') {
        let text = text.with_context(|| format!("reading the output of `{line}`"))?;
        let text = String::from_utf8_lossy(&text);
        println!("{text}");
        see(&text);
    }
    succeeded(child.wait()?, &line)
}

/// Whether a program can be started at all, so that a missing one is named before the work begins.
pub(crate) fn require(program: &str, why: &str) -> Result<()> {
    let probe = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match probe {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("`{program} --version` failed ({status}); {why}"),
        Err(error) => bail!("cannot run {program} ({error}); {why}"),
    }
}

fn succeeded(status: ExitStatus, line: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("`{line}` failed ({status})")
}

/// The command as one could type it.
pub(crate) fn display(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let mut words = vec![quoted(program)];
    words.extend(command.get_args().map(quoted));
    words.join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_could_be_typed() {
        let command = program_at_root("/usr/bin/env", &["a=1", "two words", "it's", ""]);
        assert_eq!(display(&command), r"env a=1 'two words' 'it'\''s' ''");
    }

    #[test]
    fn a_failing_command_is_named() {
        let error = run(shell("exit 3")).unwrap_err();
        assert!(error.to_string().contains("bash -euo pipefail -c 'exit 3'"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named_with_the_reason() {
        let error = require("agentstack-no-such-program", "needed for a test").unwrap_err().to_string();
        assert!(
            error.contains("agentstack-no-such-program") && error.contains("needed for a test"),
            "{error}"
        );
    }

    #[test]
    fn watching_sees_every_line() {
        let mut seen = Vec::new();
        watch(shell("echo one; echo two"), |line| seen.push(line.to_owned())).unwrap();
        assert_eq!(seen, ["one", "two"]);
    }
}
