//! The first minute: everything the product promises, shown with the user's own documents.

mod team;

use std::io::Write;
use std::path::{Path, PathBuf};

use agentstack::{AgentStack, Options};
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::client::{Client, server_binary};
use crate::markdown::{self, Section};
use crate::{Verdict, config, terminal};

/// What is stored where there is no folder of Markdown.
const BUILT_IN: [(&str, &str); 2] = [
    ("architecture.md", include_str!("../../../docs/architecture.md")),
    ("security.md", include_str!("../../../docs/security.md")),
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A folder of Markdown files to store [default: ./docs, else the product's own pages].
    #[arg(long, value_name = "FOLDER")]
    docs: Option<PathBuf>,
    /// What to search them for.
    #[arg(long, default_value = "What happens to the memory of a session when the session ends?")]
    question: String,
}

pub(crate) async fn run(
    config: Option<PathBuf>,
    arguments: Arguments,
    as_json: bool,
) -> anyhow::Result<Verdict> {
    // What is told on the way is for people.
    terminal::be_quiet(as_json);
    let shown = show(config, arguments).await;
    terminal::be_quiet(false);
    let Shown { config, found, refused, shared, intact } = shown?;
    if as_json {
        let told = json!({
            "config": config.display().to_string(),
            "found": found,
            "foreignSessionRefused": refused,
            "sharedOverHttp": shared,
            "auditLogIntact": intact,
        });
        println!("{told:#}");
    }
    Ok(if found && refused && shared && intact { Verdict::Well } else { Verdict::Wrong })
}

/// What came of it.
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was shown, or was not")]
struct Shown {
    config: PathBuf,
    found: bool,
    refused: bool,
    shared: bool,
    intact: bool,
}

async fn show(config: Option<PathBuf>, arguments: Arguments) -> anyhow::Result<Shown> {
    let server = server_binary()?;
    let (config, is_new) = config::find_or_make(config)?;
    println!("{} {}.", if is_new { "Wrote" } else { "Using" }, config.display());
    let sections = sections(arguments.docs)?;

    println!(
        "\nStarting {} twice: two clients, each with a process and a session of its own.",
        server.display()
    );
    let first = Client::start(&server, &config).await?;
    let second = Client::start(&server, &config).await?;
    let session = start_session(&first).await?;
    let other = start_session(&second).await?;
    println!("  first session   {session}\n  second session  {other}");

    store(&first, &session, &sections).await?;
    let found = search(&first, &session, &arguments.question).await?;
    let refused = show_refusals(&second, &session, &other).await?;

    let ended = first.expect("session_end", json!({ "sessionId": session })).await?;
    println!("\nEnded the first session. Removed: {}.", ended.get("removed").unwrap_or(&Value::Null));
    second.expect("session_end", json!({ "sessionId": other })).await?;
    first.stop().await?;
    second.stop().await?;

    let shared = team::show(&config).await?;
    let intact = verify(&config).await?;
    print_clients(&server, &config);
    Ok(Shown { config, found, refused, shared, intact })
}

fn sections(docs: Option<PathBuf>) -> anyhow::Result<Vec<Section>> {
    let sections = match docs {
        Some(folder) => markdown::read_folder(&folder)?,
        None if Path::new("docs").is_dir() => markdown::read_folder(Path::new("docs"))?,
        None => BUILT_IN.iter().flat_map(|(name, text)| markdown::split(name, text)).collect(),
    };
    if sections.is_empty() {
        bail!("there is no Markdown to store; name a folder with --docs");
    }
    Ok(sections)
}

async fn start_session(client: &Client) -> anyhow::Result<String> {
    let started = client.expect("session_start", json!({ "metadata": { "purpose": "quickstart" } })).await?;
    let id = started.pointer("/session/id").and_then(Value::as_str);
    Ok(id.context("session_start answered without an id")?.to_owned())
}

async fn store(client: &Client, session: &str, sections: &[Section]) -> anyhow::Result<()> {
    println!("\nStoring {} paragraphs, each encrypted, indexed, audited and on the disk:", sections.len());
    let bar = ProgressBar::new(sections.len() as u64);
    bar.set_style(ProgressStyle::with_template("  {bar:40} {pos}/{len}  {per_sec}")?);
    for Section { key, content } in sections {
        let entry = json!({ "sessionId": session, "key": key, "content": content, "tags": ["docs"] });
        client.expect("memory_store", entry).await?;
        bar.inc(1);
    }
    bar.finish();
    let seconds = bar.elapsed().as_secs_f64();
    println!("  {} stored in {seconds:.2} s", sections.len());
    Ok(())
}

async fn search(client: &Client, session: &str, question: &str) -> anyhow::Result<bool> {
    println!("\nAsking: {question}");
    let answer = client
        .expect("memory_search", json!({ "sessionId": session, "query": question, "limit": 3 }))
        .await?;
    let results = answer.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
    for result in &results {
        let text =
            |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
        let score = result.get("score").and_then(Value::as_f64).unwrap_or_default();
        println!("  {score:.2}  {}\n        {}", text("key"), text("snippet"));
    }
    if results.is_empty() {
        println!("  nothing found");
    }
    Ok(!results.is_empty())
}

/// The second client tries to get at the first one's session.
async fn show_refusals(client: &Client, foreign: &str, own: &str) -> anyhow::Result<bool> {
    println!("\nThe second client knows the first session's id and tries to use it:");
    let attempts = [
        ("memory_search", json!({ "sessionId": foreign, "query": "session" })),
        ("memory_list", json!({ "sessionId": own, "namespace": format!("session:{foreign}") })),
        ("session_end", json!({ "sessionId": foreign })),
    ];
    let mut refused = true;
    for (tool, arguments) in attempts {
        let answer = client.call(tool, arguments).await?;
        let error =
            answer.as_ref().err().and_then(|error| error.pointer("/error/code")).and_then(Value::as_str);
        println!("  {tool:14} → {}", error.unwrap_or("ANSWERED: this must not happen"));
        refused &= error == Some("not_found");
    }
    Ok(refused)
}

async fn verify(config: &Path) -> anyhow::Result<bool> {
    let stack = AgentStack::open(Options::load_existing(Some(config.to_owned()))?).await?;
    let report = stack
        .verify_audit(vec![], &[], |_, _| {})
        .await
        .map_err(|error| anyhow::anyhow!("{}", error.message()))?;
    stack.close().await;
    let verdict = if report.is_intact() { "intact" } else { "NOT INTACT" };
    println!(
        "\nAudit log: {} records, {} signed checkpoints, {verdict}.",
        report.records, report.checkpoints_verified
    );
    for problem in &report.problems {
        println!("  {problem}");
    }
    Ok(report.is_intact())
}

fn print_clients(server: &Path, config: &Path) {
    let (server, config) = (server.display().to_string(), config.display().to_string());
    let entry = json!({ "command": server, "args": ["--config", config] });
    println!("\nTo use it, paste one of these.");
    println!("\nClaude Code:\n  claude mcp add agentstack -- '{server}' --config '{config}'");
    println!("\nCursor (.cursor/mcp.json):\n{:#}", json!({ "mcpServers": { "agentstack": entry } }));
    let mut code = entry;
    if let Some(entry) = code.as_object_mut() {
        entry.insert("type".to_owned(), "stdio".into());
    }
    println!("\nVS Code (.vscode/mcp.json):\n{:#}", json!({ "servers": { "agentstack": code } }));
    let _ = std::io::stdout().flush();
}
