//! Finds the commands the README promises, so that what we check is what a reader types.

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The shell lines of the fenced block that stands directly below `<!-- command: NAME -->`.
pub(crate) fn command(name: &str) -> Result<String> {
    command_in(&workspace::read("README.md")?, name)
}

fn command_in(text: &str, name: &str) -> Result<String> {
    let marker = format!("<!-- command: {name} -->");
    let mut lines = text.lines().skip_while(|line| line.trim() != marker);
    lines.next().with_context(|| format!("README.md has no line `{marker}`"))?;
    let opening = lines.next().unwrap_or_default();
    if !opening.starts_with("```") {
        bail!("README.md: `{marker}` must stand directly above a fenced block");
    }
    let mut block = Vec::new();
    for line in lines {
        if line.starts_with("```") {
            return not_empty(&block, &marker);
        }
        block.push(line);
    }
    bail!("README.md: the block below `{marker}` is not closed")
}

fn not_empty(block: &[&str], marker: &str) -> Result<String> {
    let script = block.join("\n");
    if script.trim().is_empty() {
        bail!("README.md: the block below `{marker}` is empty");
    }
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_below_the_marker_is_the_command() {
        let text = "# x\n\n```sh\nno\n```\n<!-- command: test -->\n```sh\ncargo test\necho done\n```\nmore\n";
        assert_eq!(command_in(text, "test").unwrap(), "cargo test\necho done");
    }

    #[test]
    fn a_missing_marker_is_named() {
        let error = command_in("# x\n", "test").unwrap_err().to_string();
        assert!(error.contains("<!-- command: test -->"), "{error}");
    }

    #[test]
    fn a_marker_without_a_closed_and_filled_block_is_refused() {
        for rest in ["", "\n```sh\nx\n```\n", "```sh\nx\n", "```sh\n\n```\n"] {
            let text = format!("<!-- command: test -->\n{rest}");
            assert!(command_in(&text, "test").is_err(), "{text:?}");
        }
    }
}
