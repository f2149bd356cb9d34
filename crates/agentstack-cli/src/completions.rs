//! `agentstack completions`: what a shell has to know to complete a command line.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::Verdict;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Whose script it is to be.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Verdict {
    // Not straight to the terminal: a pipe that is closed is an error here, and would be a panic there.
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut crate::Arguments::command(),
        env!("CARGO_BIN_NAME"),
        &mut script,
    );
    if let Err(error) = std::io::stdout().write_all(&script) {
        crate::terminal::lose(&error);
    }
    Verdict::Well
}
