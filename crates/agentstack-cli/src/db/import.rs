//! `agentstack db import`

use std::path::PathBuf;
use std::sync::Arc;

use agentstack::{AgentStack, ImportAsked, Imported, LeftOut, Options};
use anyhow::Context;
use serde_json::json;

use crate::Verdict;
use crate::terminal::{Meter, print_not_taken};

#[derive(clap::Args)]
pub(crate) struct Import {
    /// The database file. It is read, and never written to.
    file: PathBuf,
    /// Say what would be taken, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take sessions, with their memory and tasks, and write the tokens with which they are entered into this new file, one
    /// line of JSON a session. Without it no session is taken.
    #[arg(long, value_name = "FILE")]
    resume_tokens: Option<PathBuf>,
    /// Take sessions that have ended, too. They go on here.
    #[arg(long, requires = "resume_tokens")]
    with_ended_sessions: bool,
    /// The name of the principal whom identities are to belong to [default: the operator].
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
}

/// Imports. Stopped in the middle, it goes on when the same is asked for again.
pub(crate) async fn run(config: Option<PathBuf>, asked: Import, as_json: bool) -> anyhow::Result<Verdict> {
    let stack = AgentStack::open(Options::load_or_make(config, asked.dry_run)?).await?;
    let asked = ImportAsked {
        file: asked.file,
        resume_tokens: asked.resume_tokens,
        with_ended_sessions: asked.with_ended_sessions,
        owner: asked.owner,
        dry_run: asked.dry_run,
    };
    let (mut meter, mut looked_at) = (Meter::of_things(as_json), 0);
    let mut progress = |total, rows| {
        looked_at += rows;
        meter.at("rows", looked_at, total);
    };
    let done = stack.import(Arc::new(AgentStack::operator()), &asked, &mut progress).await;
    drop(meter);
    stack.close().await;
    let imported = done.with_context(|| format!("importing {}", asked.file.display()))?;
    if as_json {
        println!("{:#}", document(&asked, &imported));
    } else {
        print(&asked, &imported);
    }
    Ok(if imported.report.has_refusals() { Verdict::Wrong } else { Verdict::Well })
}

fn document(asked: &ImportAsked, imported: &Imported) -> serde_json::Value {
    let report = &imported.report;
    let (refused, left): (Vec<&LeftOut>, Vec<&LeftOut>) =
        report.not_taken.iter().partition(|left| left.reason.is_refusal());
    json!({
        "dryRun": asked.dry_run,
        "wasDone": imported.was_done,
        "taken": report.taken,
        "held": report.held,
        "refused": refused,
        "leftOut": left,
        "otherTables": report.other_tables,
    })
}

fn print(asked: &ImportAsked, imported: &Imported) {
    let report = &imported.report;
    if imported.was_done {
        println!("This was imported before, and nothing was done now. It came to this:");
    }
    let verb = if asked.dry_run { "would be taken" } else { "taken" };
    if report.taken.is_empty() {
        println!("nothing {verb}");
    }
    for (table, count) in &report.taken {
        println!("{table}: {count} {verb}");
    }
    if report.held > 0 {
        println!("{} of them held back: look through them with `agentstack quarantine list`", report.held);
    }
    print_not_taken(report.not_taken.iter().map(|left| (left.reason.is_refusal(), line(left))));
    for (table, rows) in &report.other_tables {
        println!("{table}: {rows} rows, of which nothing is taken");
    }
    if report.taken.contains_key("memory") {
        println!(
            "All of it is unverified and dated today; entries keep the time at which they were first stored. Vectors are \
             not taken: `agentstack memory reembed` makes new ones."
        );
    }
    if let Some(path) = asked.resume_tokens.as_ref().filter(|_| report.taken.contains_key("sessions")) {
        println!(
            "Sessions are entered with the tokens in {}, which nothing else has. One that nobody enters expires.",
            path.display()
        );
    }
}

fn line(left: &LeftOut) -> String {
    let rows: Vec<String> = left.rows.iter().map(ToString::to_string).collect();
    let more = if left.count > left.rows.len() as u64 { ", …" } else { "" };
    format!(
        "{} of {}: {} (rowid {}{more})",
        left.count,
        left.table,
        left.reason.explanation(),
        rows.join(", ")
    )
}
