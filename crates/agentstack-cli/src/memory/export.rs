//! `agentstack memory export`

use std::path::PathBuf;
use std::sync::Arc;

use agentstack::core::SharedName;
use agentstack::{AgentStack, ExportFormat, MemoryExportAsked};
use serde_json::json;

use crate::Verdict;
use crate::terminal::Meter;

/// What it is written as.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A file with one JSON object a line for each entry.
    Jsonl,
    /// A folder with a folder for each namespace, and in it a Markdown file for each entry: YAML front matter, then the
    /// content as it is.
    Markdown,
}

#[derive(clap::Args)]
pub(crate) struct Export {
    /// The new file or folder.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// What it is written as.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Only this shared namespace; may be given several times [default: all].
    #[arg(long, value_name = "NAME")]
    namespace: Vec<SharedName>,
    /// Past versions, too.
    #[arg(long)]
    with_versions: bool,
}

pub(super) async fn run(stack: AgentStack, asked: Export, as_json: bool) -> anyhow::Result<Verdict> {
    let format = match asked.format {
        Format::Jsonl => ExportFormat::Jsonl,
        Format::Markdown => ExportFormat::Markdown,
    };
    let asked = MemoryExportAsked {
        out: asked.out,
        format,
        namespaces: asked.namespace,
        with_versions: asked.with_versions,
    };
    let mut meter = Meter::of_things(as_json);
    let operator = Arc::new(AgentStack::operator());
    let done = stack.export_memory(operator, &asked, |done, total| meter.at("entries", done, total)).await;
    drop(meter);
    stack.close().await;
    let counts = done?;
    let out = asked.out.display();
    if as_json {
        let document =
            json!({ "out": out.to_string(), "entries": counts.entries, "versions": counts.versions });
        println!("{document:#}");
    } else if asked.with_versions {
        println!("{} entries and {} past versions are in {out}.", counts.entries, counts.versions);
    } else {
        println!("{} entries are in {out}.", counts.entries);
    }
    Ok(Verdict::Well)
}
