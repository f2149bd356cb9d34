//! Builds the example plugins and runs them in the sandbox.
//!
//! The compilers come from npm, as the lock file beside the examples pins them, and lie below `target`: nothing is installed.

use anyhow::{Context, Result};

use crate::clients::{install_npm, text};
use crate::process::{self, program_at_root, require};
use crate::workspace;

const CRATE: &str = "crates/agentstack-plugins-wasm";
/// The variable that tells the tests where the components are.
const BUILT: &str = "AGENTSTACK_EXAMPLE_PLUGINS";

pub(crate) fn run() -> Result<()> {
    require("node", "it runs the compilers of the example plugins")?;
    require("npm", "it fetches the compilers of the example plugins")?;
    let sources = workspace::root().join(CRATE);
    let work = workspace::metadata()?.target_directory.join("plugins");
    let (tools, built) = (work.join("build"), work.join("components"));
    install_npm(&sources.join("examples/build"), &tools)?;
    // What an earlier run has built is not what is tested.
    if built.exists() {
        std::fs::remove_dir_all(&built).with_context(|| format!("emptying {}", built.display()))?;
    }
    let script = text(&tools.join("build.mjs"))?;
    process::run(program_at_root("node", &[&script, &text(&sources)?, &text(&built)?]))?;
    crate::test::named("examples::", BUILT, &built)
}
