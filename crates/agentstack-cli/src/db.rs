//! `agentstack db`

mod import;

use std::path::PathBuf;

use crate::Verdict;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Take over what `aistack`, the product before this one, has kept: its database file, of versions 1.0 to 1.6.
    Import(import::Import),
}

pub(crate) async fn run(config: Option<PathBuf>, command: Command, as_json: bool) -> anyhow::Result<Verdict> {
    match command {
        Command::Import(asked) => import::run(config, asked, as_json).await,
    }
}
