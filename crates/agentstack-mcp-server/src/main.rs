//! `agentstack-mcp`: memory for one MCP client, over standard input and output.
//!
//! Standard output carries JSON-RPC and nothing else; everything for people goes to standard error.

mod arguments;

use std::process::ExitCode;
use std::time::Duration;

use agentstack::config::{Overrides, Transport};
use agentstack::{AgentStack, LogFormat, Options};
use anyhow::Context;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Arguments;

/// How long the last records and the log's signature may take: what was acknowledged is on the disk long before.
const LAST_WRITES: Duration = Duration::from_millis(700);

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    agentstack::scrub_panics();
    let format = if arguments.log_json { LogFormat::Json } else { LogFormat::Text };
    agentstack::init_logging(arguments.log, format);
    // One thread is enough for one client, and the store has threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.context("starting").and_then(|runtime| {
        let served = runtime.block_on(serve(arguments));
        // A read of standard input that is still waiting must not hold the process back.
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one message for whoever started it")]
            {
                eprintln!("agentstack-mcp: {}", agentstack::redactor().scrub(&format!("{error:#}")));
            }
            ExitCode::from(3)
        }
    }
}

/// The help, or what is wrong with the command line: that quotes what was typed.
#[expect(clippy::print_stderr, reason = "for whoever started it")]
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    eprint!("{}", agentstack::redactor().scrub(&error.to_string()));
    ExitCode::from(2)
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let overrides =
        Overrides { memory_path: arguments.database, key_file: arguments.key_file, ..Overrides::default() };
    let mut options = Options::load(arguments.config, overrides)?;
    let token = options.token.take();
    anyhow::ensure!(
        token.is_none() || arguments.agent.is_none(),
        "for whom the token in AGENTSTACK_TOKEN speaks is said by the token, not by --agent"
    );
    anyhow::ensure!(
        options.transport == Transport::Stdio,
        "the configuration's mcp.transport is \"http\": start agentstack-rest, which serves MCP at /mcp"
    );
    let stack = AgentStack::open(options).await?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let reloading = async {
        loop {
            if hung_up.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
            // What is wrong is in the log: without a policy calls are denied, without a new key the one before stays.
            let _ = stack.reload().await;
        }
    };
    let serving = async {
        match token {
            Some(token) => stack.serve_stdio_with(token).await,
            None => stack.serve_stdio(AgentStack::local_principal(arguments.agent)).await,
        }
    };
    let served = tokio::select! {
        served = serving => served,
        _ = terminated.recv() => Ok(()),
        _ = interrupted.recv() => Ok(()),
        () = reloading => Ok(()),
    };
    if tokio::time::timeout(LAST_WRITES, stack.close()).await.is_err() {
        agentstack::log_error("the records of the last reads may not have been written");
    }
    Ok(served?)
}
