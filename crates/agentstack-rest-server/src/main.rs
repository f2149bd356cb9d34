//! `agentstack-rest`: the operations for a team, over REST and MCP, each caller with a token of its own.

mod arguments;
mod ready;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agentstack::config::Overrides;
use agentstack::{AgentStack, Certificate, LogFormat, Metrics, Options};
use anyhow::Context;
use clap::Parser as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Arguments;
use crate::ready::Readiness;

/// Many small things are made and dropped for each request, on all threads: the system's allocator takes twice as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the last records and the log's signature may take: what was acknowledged is on the disk long before.
const LAST_WRITES: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    agentstack::scrub_panics();
    if arguments.check_ready {
        return check_ready(arguments);
    }
    let format = if arguments.log_json { LogFormat::Json } else { LogFormat::Text };
    agentstack::init_logging(arguments.log, format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.context("starting").and_then(|runtime| runtime.block_on(serve(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
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

/// The way out for a health check: 0 the server is ready, 1 it is not, 3 it could not be asked.
fn check_ready(arguments: Arguments) -> ExitCode {
    let Arguments { config, database, key_file, listen, .. } = arguments;
    let overrides = Overrides { memory_path: database, key_file, listen };
    match ready::check(config, overrides) {
        Ok(Readiness::Ready) => ExitCode::SUCCESS,
        Ok(Readiness::Not(why)) => {
            say(&format!("not ready: {why}"));
            ExitCode::from(1)
        }
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::from(3)
        }
    }
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { config, database, key_file, listen, .. } = arguments;
    let overrides = Overrides { memory_path: database, key_file, listen };
    let metrics = Arc::new(Metrics::default());
    let options = Options::load(config, overrides)?.for_http(&metrics);
    let (settings, folder) = (options.http.clone(), options.token_folder.clone());
    allow_many_files();
    let stack = AgentStack::open(options).await?;
    let served = attend(&stack, settings, metrics, folder).await;
    if tokio::time::timeout(LAST_WRITES, stack.close()).await.is_err() {
        agentstack::log_error("the records of the last reads may not have been written");
    }
    served
}

async fn attend(
    stack: &AgentStack,
    settings: agentstack::HttpSettings,
    metrics: Arc<Metrics>,
    folder: Option<PathBuf>,
) -> anyhow::Result<()> {
    let server = stack.bind_http(settings, metrics).await?;
    if let Some(path) = stack.make_first_token(folder.as_deref()).await? {
        say(&format!("the operator's token is in {}", path.display()));
    }
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hung_up = signal(SignalKind::hangup())?;
    say(&format!("listening on {}://{}", server.scheme(), server.address()?));
    if let Some(address) = server.metrics_address() {
        say(&format!("metrics at http://{address}/metrics"));
    }
    let stop = async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    let certificate = server.certificate();
    let reloading = async {
        while hung_up.recv().await.is_some() {
            if let Some(Err(error)) = certificate.as_ref().map(Certificate::reload) {
                agentstack::log_error(&format!(
                    "{:#}",
                    anyhow::Error::new(error).context("the certificate stays")
                ));
            }
            // It comes last, as a program that gives a key may take its time. What is wrong is in the log: without a
            // policy calls are denied, without a new key the one before stays.
            let _ = stack.reload().await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = server.serve(stop) => {}
        () = reloading => {}
    }
    Ok(())
}

/// Each connection is a file: as many as the system lets us have.
fn allow_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// For whoever started it, whatever the log level is.
#[expect(clippy::print_stderr, reason = "the few messages for whoever started it")]
fn say(message: &str) {
    eprintln!("agentstack-rest: {}", agentstack::redactor().scrub(message));
}
