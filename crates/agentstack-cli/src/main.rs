//! `agentstack`: the operator's binary.
//!
//! Exit codes: 0 all is well, 1 something is wrong with what was looked at, 2 the command line is
//! wrong, 3 the command could not run, 141 nobody reads what it prints any more.
#![expect(clippy::print_stderr, reason = "a command line talks to people")]

/// Like the one of the standard library, which panics where nobody reads any more.
macro_rules! println {
    ($($text:tt)*) => { $crate::terminal::line(format_args!($($text)*)) };
}

mod audit;
mod client;
mod completions;
mod config;
mod db;
mod doctor;
mod init;
mod man;
mod markdown;
mod memory;
mod operator;
mod plugin;
mod policy;
mod quarantine;
mod quickstart;
mod reembed;
mod rest;
mod session;
mod terminal;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use agentstack::{AgentStack, LevelFilter, LogFormat, Options};
use anyhow::Context;
use clap::{Parser, Subcommand};

/// Looks after an installation of AgentStack.
#[derive(Parser)]
#[command(name = "agentstack", version)]
struct Arguments {
    /// The configuration file [default: ./aistack.config.json, else the user's, else safe defaults].
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try it out: make config, key and database here, store some documents through the MCP server,
    /// search them, see another session refused, verify the audit log.
    Quickstart(quickstart::Arguments),
    /// Make configuration, key and database here, and nothing else.
    Init,
    /// Look the installation over: what is not as it should be, why that matters, and what mends it.
    Doctor(doctor::Arguments),
    /// Read and prove the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// See and end sessions, whoever started them.
    #[command(subcommand)]
    Session(session::Command),
    /// Look through what is held back, approve it or reject it.
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// Read what is stored, take it out and in, and look after it.
    #[command(subcommand)]
    Memory(memory::Command),
    /// Look after the database.
    #[command(subcommand)]
    Db(db::Command),
    /// Make, list and revoke the tokens with which programs call over HTTP.
    #[command(subcommand)]
    Token(token::Command),
    /// Install plugins, look after them, and sign one's own.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// Look at the policy: what it permits, and why.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Print what a shell needs to complete command lines.
    Completions(completions::Arguments),
    /// Write the manual pages of all three binaries.
    Man(man::Arguments),
}

/// How a command ended, when it could run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Well,
    Wrong,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    agentstack::scrub_panics();
    agentstack::init_logging(LevelFilter::ERROR, LogFormat::Text);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ran = runtime.context("starting").and_then(|runtime| runtime.block_on(run(arguments)));
    match ran {
        Ok(_) if let Some(code) = terminal::lost() => ExitCode::from(code),
        Ok(Verdict::Well) => ExitCode::SUCCESS,
        Ok(Verdict::Wrong) => ExitCode::from(1),
        Err(error) => {
            eprintln!("agentstack: {}", agentstack::redactor().scrub(&format!("{error:#}")));
            ExitCode::from(3)
        }
    }
}

/// The help, or what is wrong with the command line: that quotes what was typed.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    eprint!("{}", agentstack::redactor().scrub(&error.to_string()));
    ExitCode::from(2)
}

async fn run(arguments: Arguments) -> anyhow::Result<Verdict> {
    let Arguments { config, json, command } = arguments;
    match command {
        Command::Quickstart(arguments) => quickstart::run(config, arguments, json).await,
        Command::Init => init::run(config, json).await,
        Command::Doctor(arguments) => doctor::run(config, &arguments, json).await,
        Command::Audit(command) => audit::run(config, command, json).await,
        Command::Session(command) => session::run(open(config).await?, command, json).await,
        Command::Quarantine(command) => quarantine::run(open(config).await?, command, json).await,
        Command::Memory(command) => memory::run(config, command, json).await,
        Command::Db(command) => db::run(config, command, json).await,
        Command::Token(command) => token::run(open(config).await?, command, json).await,
        Command::Plugin(command) => plugin::run(config, command, json).await,
        Command::Config(command) => config::run(config, &command, json),
        Command::Policy(command) => policy::run(config, command, json),
        Command::Completions(_) if json => anyhow::bail!("a script for a shell has no --json form"),
        Command::Completions(arguments) => Ok(completions::run(&arguments)),
        Command::Man(arguments) => man::run(&arguments, json),
    }
}

pub(crate) async fn open(config: Option<PathBuf>) -> anyhow::Result<AgentStack> {
    Ok(AgentStack::open(Options::load_existing(config)?).await?)
}
