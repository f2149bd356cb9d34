//! `agentstack memory import`

use std::path::PathBuf;
use std::sync::Arc;

use agentstack::core::SharedName;
use agentstack::{AgentStack, LeftRecords, MemoryImportAsked, MemoryImportReport, Options};
use serde_json::json;

use crate::Verdict;
use crate::terminal::{Meter, print_not_taken};

#[derive(clap::Args)]
pub(crate) struct Import {
    /// The file of JSON Lines, or the folder of Markdown files.
    path: PathBuf,
    /// Take all of it into this shared namespace [default: the one that each entry names].
    #[arg(long, value_name = "NAME")]
    namespace: Option<SharedName>,
    /// Make what has another content here the next version of what is here, instead of refusing it.
    #[arg(long)]
    replace: bool,
    /// Say what would be taken, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Imports. Stopped in the middle, it goes on when the same is asked for again.
pub(super) async fn run(config: Option<PathBuf>, asked: Import, as_json: bool) -> anyhow::Result<Verdict> {
    let stack = AgentStack::open(Options::load_or_make(config, asked.dry_run)?).await?;
    let asked = MemoryImportAsked {
        path: asked.path,
        into: asked.namespace,
        replace: asked.replace,
        dry_run: asked.dry_run,
    };
    let mut meter = Meter::of_things(as_json);
    let operator = Arc::new(AgentStack::operator());
    let mut progress = |done, total| meter.at("importing", done, total);
    let done = stack.import_memory(operator, &asked, &mut progress).await;
    drop(meter);
    stack.close().await;
    let report = done?;
    if as_json {
        println!("{:#}", document(&asked, &report));
    } else {
        print(&asked, &report);
    }
    Ok(if report.has_refusals() { Verdict::Wrong } else { Verdict::Well })
}

fn document(asked: &MemoryImportAsked, report: &MemoryImportReport) -> serde_json::Value {
    let (refused, left): (Vec<&LeftRecords>, Vec<&LeftRecords>) =
        report.not_taken.iter().partition(|left| left.reason.is_refusal());
    json!({
        "dryRun": asked.dry_run,
        "entries": report.entries,
        "versions": report.versions,
        "replaced": report.replaced,
        "held": report.held,
        "refused": refused,
        "leftOut": left,
    })
}

fn print(asked: &MemoryImportAsked, report: &MemoryImportReport) {
    let verb = if asked.dry_run { "would be taken" } else { "taken" };
    println!("{} entries and {} past versions {verb}", report.entries, report.versions);
    if report.replaced > 0 {
        println!("{} {verb} as the next version of what is here", report.replaced);
    }
    if report.held > 0 {
        println!("{} of them held back: look through them with `agentstack quarantine list`", report.held);
    }
    print_not_taken(report.not_taken.iter().map(|left| (left.reason.is_refusal(), line(left))));
}

fn line(left: &LeftRecords) -> String {
    // The name of a file is anybody's text.
    let places: Vec<String> = left.places.iter().map(|place| place.escape_debug().to_string()).collect();
    let more = if left.count > left.places.len() as u64 { ", …" } else { "" };
    format!("{}: {} ({}{more})", left.count, left.reason.explanation(), places.join(", "))
}
