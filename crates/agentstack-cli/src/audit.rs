//! `agentstack audit`

mod export;
mod query;

use std::path::PathBuf;
use std::sync::Arc;

use agentstack::audit::Checkpoint;
use agentstack::{AgentStack, Options};
use anyhow::{Context, anyhow};
use serde_json::json;

use crate::terminal::Meter;
use crate::{Verdict, open};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Look up records, newest first.
    Query(query::Query),
    /// Read the whole log and say whether anybody has touched it. Writes nothing.
    Verify {
        /// A file of checkpoints that were kept elsewhere, one a line.
        #[arg(long, value_name = "FILE")]
        checkpoints: Option<PathBuf>,
    },
    /// Take records out of the log, oldest first: as JSON Lines, just as the log has them, or as CSV.
    Export(export::Export),
    /// Sign the log as it is now and print the checkpoint, to be kept elsewhere.
    Checkpoint,
}

pub(crate) async fn run(config: Option<PathBuf>, command: Command, as_json: bool) -> anyhow::Result<Verdict> {
    if let Command::Verify { checkpoints } = command {
        let mut options = Options::load_existing(config)?;
        options.read_only = true;
        let stack = AgentStack::open(options).await?;
        let verdict = verify(&stack, checkpoints, as_json).await;
        stack.close().await;
        return verdict;
    }
    let stack = open(config).await?;
    let verdict = match command {
        Command::Query(asked) => query::run(&stack, asked, as_json).await,
        Command::Export(asked) => export::run(&stack, asked, as_json).await,
        Command::Checkpoint | Command::Verify { .. } => checkpoint(&stack, as_json).await,
    };
    stack.close().await;
    verdict
}

async fn verify(stack: &AgentStack, kept: Option<PathBuf>, as_json: bool) -> anyhow::Result<Verdict> {
    let kept = kept.map_or_else(|| Ok(vec![]), |path| read_checkpoints(&path))?;
    let mut meter = Meter::of_things(as_json);
    let report = stack.verify_audit(kept, |read, total| meter.at("records", read, total)).await;
    drop(meter);
    let report = report.map_err(|error| anyhow!("{}", error.message()))?;
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    if as_json {
        let report = json!({
            "intact": report.is_intact(),
            "records": report.records,
            "checkpointsVerified": report.checkpoints_verified,
            "recordsAfterLastCheckpoint": report.unsigned_tail,
            "problemCount": report.problems_total,
            "problems": problems,
        });
        println!("{report:#}");
    } else {
        let verdict = if report.is_intact() { "intact" } else { "NOT INTACT" };
        println!(
            "The audit log is {verdict}: {} records, {} signed checkpoints, {} records after the last one.",
            report.records, report.checkpoints_verified, report.unsigned_tail
        );
        for problem in &problems {
            println!("  {problem}");
        }
    }
    Ok(if report.is_intact() { Verdict::Well } else { Verdict::Wrong })
}

fn read_checkpoints(path: &std::path::Path) -> anyhow::Result<Vec<Checkpoint>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| line.parse().with_context(|| format!("reading {}", path.display()))).collect()
}

async fn checkpoint(stack: &AgentStack, as_json: bool) -> anyhow::Result<Verdict> {
    let operator = Arc::new(AgentStack::operator());
    let signed =
        stack.engine().checkpoint_audit(operator).await.map_err(|error| anyhow!("{}", error.message()))?;
    match signed {
        Some(checkpoint) if as_json => println!("{}", json!({ "checkpoint": checkpoint.to_string() })),
        Some(checkpoint) => println!("{checkpoint}"),
        None if as_json => println!("{}", json!({ "checkpoint": null })),
        None => eprintln!("The audit log is empty; there is nothing to sign."),
    }
    Ok(Verdict::Well)
}
