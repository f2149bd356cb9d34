//! `docs/man/`: the manual pages, made of the command lines of the three binaries.

use std::fs;

use anyhow::{Context, Result};

use crate::codegen::{Wanted, reference};
use crate::process::{self, program_at_root};
use crate::{test, workspace};

const FOLDER: &str = "docs/man";
/// The examples that print the page of a server, and its file.
const SERVERS: [(&str, &str); 2] = [("man_mcp", "agentstack-mcp.1"), ("man_rest", "agentstack-rest.8")];

pub(super) fn wanted() -> Result<Vec<Wanted>> {
    let target = workspace::metadata()?.target_directory;
    let output = target.join("codegen").join("man");
    if output.exists() {
        fs::remove_dir_all(&output).with_context(|| format!("emptying {}", output.display()))?;
    }
    let mut command = program_at_root(test::build()?.join("agentstack"), &["man", "--out"]);
    command.arg(&output);
    process::run(command)?;
    for (example, page) in SERVERS {
        // The operator's binary has them as text, from when it was built.
        let text = process::capture(program_at_root(test::example(example)?, &[]))?;
        let path = output.join(page);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    reference::whole_folder(FOLDER, reference::files(&output)?)
}
