//! `agentstack memory`

mod export;
mod import;
mod read;

use std::path::PathBuf;

use agentstack::{AgentStack, Options};

use crate::quarantine::{self, Forget, RevokeOrigin};
use crate::{Verdict, open, reembed};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Search shared memory. Contents are shown fenced: they are texts of others.
    Search(read::Search),
    /// Show an entry of shared memory with its content, fenced.
    Get(read::Get),
    /// List entries of shared memory, the newest first.
    List(read::List),
    /// Write shared memory into a new private file or folder. The memory of sessions, and what is held back, is left out.
    Export(export::Export),
    /// Take in what `memory export` has written. All of it is checked as any input, and unverified here.
    Import(import::Import),
    /// Revoke all that a principal, an agent or a tool has written, and quarantine all that was derived from it.
    RevokeOrigin(RevokeOrigin),
    /// Delete for good what a principal, an agent or a tool has written; of a principal, its sessions, identities and
    /// tokens too. Prints a receipt.
    Forget(Forget),
    /// Make vectors of all entries that have none of the configured model, as after the model was changed.
    Reembed,
}

pub(crate) async fn run(config: Option<PathBuf>, command: Command, as_json: bool) -> anyhow::Result<Verdict> {
    match command {
        Command::Search(asked) => read::search(config, &asked, as_json).await,
        Command::Get(asked) => read::get(open(config).await?, &asked, as_json).await,
        Command::List(asked) => read::list(open(config).await?, &asked, as_json).await,
        Command::Export(asked) => export::run(open(config).await?, asked, as_json).await,
        Command::Import(asked) => import::run(config, asked, as_json).await,
        Command::RevokeOrigin(asked) => quarantine::revoke_origin(open(config).await?, asked, as_json).await,
        Command::Forget(asked) => quarantine::forget(open(config).await?, asked, as_json).await,
        Command::Reembed => {
            reembed::run(AgentStack::open(Options::load_to_embed(config)?).await?, as_json).await
        }
    }
}
