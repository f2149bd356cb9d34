//! `agentstack quarantine`, and the commands about origins of `agentstack memory`

use std::io::Write as _;
use std::path::PathBuf;

use agentstack::view::{ForgetOriginView, ReviewView, RevokeOriginView, ShowQuarantineView};
use agentstack::{AgentStack, Reply, fence, keys};
use anyhow::anyhow;
use serde_json::{Map, Value, json};

use crate::Verdict;
use crate::operator::{Refused, call, end};
use crate::terminal::confirm;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List what is held back until somebody has looked at it, newest first.
    List {
        /// What to list: quarantined, revoked, or shared entries that are unverified or trusted.
        #[arg(long, default_value = "quarantined")]
        state: String,
    },
    /// Show a version with its content, fenced; what is not seen is written out.
    Show {
        /// Its id, as `quarantine list` shows it.
        id: String,
    },
    /// Say that a version can be trusted. One that is held back is read again.
    Approve {
        /// Its id.
        id: String,
    },
    /// Say that a version cannot be trusted: nobody reads it any more.
    Reject {
        /// Its id.
        id: String,
    },
}

#[derive(clap::Args)]
pub(crate) struct RevokeOrigin {
    #[command(flatten)]
    origin: Origin,
    /// Only say what would become of it.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args)]
pub(crate) struct Forget {
    #[command(flatten)]
    origin: Origin,
    /// A new private file for the receipt [default: standard output].
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Only say what would become of it.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args)]
struct Origin {
    /// The principal, as labels name it: `local:…`, `token:…`, `oauth:…`.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["agent", "tool"])]
    principal: Option<String>,
    /// Only what was written for this agent.
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Only what was written through this tool; the name of a plugin stands for all of its tools.
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// Only what was written from this time on, such as 2026-01-15T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

impl Origin {
    fn arguments(&self, dry_run: bool) -> Value {
        json!({
            "originPrincipal": self.principal,
            "agentId": self.agent,
            "originTool": self.tool,
            "since": self.since,
            "dryRun": dry_run,
        })
    }
}

pub(crate) async fn run(stack: AgentStack, command: Command, as_json: bool) -> anyhow::Result<Verdict> {
    let done = match command {
        Command::List { state } => list(&stack, &state, as_json).await,
        Command::Show { id } => show(&stack, &id, as_json).await,
        Command::Approve { id } => decide(&stack, "quarantine_approve", &id, as_json).await,
        Command::Reject { id } => decide(&stack, "quarantine_reject", &id, as_json).await,
    };
    end(stack, done, "version").await
}

pub(crate) async fn revoke_origin(
    stack: AgentStack,
    asked: RevokeOrigin,
    as_json: bool,
) -> anyhow::Result<Verdict> {
    let done = revoke(&stack, asked, as_json).await;
    end(stack, done, "version").await
}

pub(crate) fn unexpected() -> Refused {
    Refused::Other(anyhow!("an answer to another question"))
}

/// All pages, one after the other.
async fn list(stack: &AgentStack, state: &str, as_json: bool) -> Result<(), Refused> {
    let mut all: Vec<ReviewView> = vec![];
    let mut cursor = None;
    loop {
        let arguments = json!({ "state": state, "limit": 100, "cursor": cursor });
        let Reply::ListQuarantine(page) = call(stack, "quarantine_list", arguments).await? else {
            return Err(unexpected());
        };
        if !as_json {
            page.versions.iter().for_each(|version| println!("{}", line(version)));
        }
        all.extend(page.versions);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if as_json {
        println!("{:#}", json!({ "count": all.len(), "versions": all }));
    }
    Ok(())
}

fn line(version: &ReviewView) -> String {
    let findings = version.label.findings.iter().map(|finding| finding.kind.to_string());
    let findings: Vec<String> = findings.collect();
    // A key is anybody's text: what a terminal would obey is written out.
    format!(
        "{}  {}  {}  {:?}  by {:?}  {}",
        version.id,
        version.since,
        version.namespace,
        version.key.as_str(),
        version.label.origin.principal,
        findings.join(" ")
    )
}

async fn show(stack: &AgentStack, id: &str, as_json: bool) -> Result<(), Refused> {
    let mut offset = 0;
    let mut content = String::new();
    let mut shown: ShowQuarantineView = loop {
        let arguments = json!({ "id": id, "offset": offset });
        let Reply::ShowQuarantine(view) = call(stack, "quarantine_show", arguments).await? else {
            return Err(unexpected());
        };
        content.push_str(&view.content);
        match view.next_offset {
            Some(next) => offset = next,
            None => break view,
        }
    };
    shown.content = content;
    if as_json {
        println!("{:#}", json!(shown));
        return Ok(());
    }
    let Value::Object(mut header) = json!(shown) else { return Err(unexpected()) };
    header.remove("content");
    println!("{}", fenced(header, &shown.content)?);
    Ok(())
}

/// A content that neither a terminal nor a model takes for anything but data.
pub(crate) fn fenced(header: Map<String, Value>, content: &str) -> Result<String, Refused> {
    let items = [fence::Fenced { header, content }];
    let failed = |what: &str| Refused::Other(anyhow!("{what}"));
    for _ in 0..3 {
        let nonce = agentstack::core::random::nonce().map_err(|error| failed(&error.to_string()))?;
        if let Some(text) = fence::render(&items, &nonce) {
            return Ok(text);
        }
    }
    Err(failed("the content cannot be fenced"))
}

async fn decide(stack: &AgentStack, operation: &str, id: &str, as_json: bool) -> Result<(), Refused> {
    let reply = call(stack, operation, json!({ "id": id })).await?;
    match reply {
        reply if as_json => println!("{:#}", reply.to_value()),
        Reply::ApproveQuarantine(done) | Reply::RejectQuarantine(done) => {
            println!("{} is {}.", done.version.id, done.version.label.trust);
        }
        _ => return Err(unexpected()),
    }
    Ok(())
}

async fn revoke(stack: &AgentStack, asked: RevokeOrigin, as_json: bool) -> Result<(), Refused> {
    let would = revoke_once(stack, &asked, true).await?;
    let asks = !asked.dry_run && !asked.yes;
    if asks && !confirmed(&would).map_err(Refused::Other)? {
        eprintln!("Nothing was changed.");
        return Ok(());
    }
    let done = if asked.dry_run { would } else { revoke_once(stack, &asked, false).await? };
    if as_json {
        println!("{:#}", json!(done));
    } else {
        let verb = if done.dry_run { "would be" } else { "are" };
        println!(
            "{} versions {verb} revoked, {} derived from them {verb} quarantined.",
            done.revoked, done.quarantined
        );
        for reader in &done.readers {
            println!("Shown to session {} of {:?}.", reader.session_id, reader.holder);
        }
        for holder in &done.reading_holders {
            println!("Shown to {holder:?} outside of any session.");
        }
        if done.ended_readers > 0 {
            println!("Shown to {} sessions that have ended since.", done.ended_readers);
        }
    }
    Ok(())
}

async fn revoke_once(
    stack: &AgentStack,
    asked: &RevokeOrigin,
    dry_run: bool,
) -> Result<RevokeOriginView, Refused> {
    match call(stack, "quarantine_revoke_origin", asked.origin.arguments(dry_run)).await? {
        Reply::RevokeOrigin(done) => Ok(done),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn forget(stack: AgentStack, asked: Forget, as_json: bool) -> anyhow::Result<Verdict> {
    let done = forgotten(&stack, &asked, as_json).await;
    end(stack, done, "version").await
}

async fn forgotten(stack: &AgentStack, asked: &Forget, as_json: bool) -> Result<(), Refused> {
    let would = forget_once(stack, asked, true).await?;
    if !asked.dry_run && !asked.yes {
        let question = format!("Delete {} for good?", counted(&would));
        if !confirm(&question, "say --yes, or --dry-run to see what would become of it")
            .map_err(Refused::Other)?
        {
            eprintln!("Nothing was changed.");
            return Ok(());
        }
    }
    // The place for the receipt first: what is gone cannot be proven again.
    let place = asked.receipt.as_deref().filter(|_| !asked.dry_run).map(keys::new_private_file).transpose();
    let place = place.map_err(|error| Refused::Other(error.into()))?;
    let done = if asked.dry_run { Ok(would) } else { forget_once(stack, asked, false).await };
    let done = done.inspect_err(|_| drop(asked.receipt.as_ref().map(std::fs::remove_file)))?;
    if let (Some(mut place), Some(receipt)) = (place, &done.receipt) {
        let kept = place.write_all(json!(receipt).to_string().as_bytes()).and_then(|()| place.sync_all());
        if let Err(error) = kept {
            println!("{}", json!(receipt));
            let error = anyhow::Error::new(error)
                .context("it is done, and the receipt, which is shown here, was not kept");
            return Err(Refused::Other(error));
        }
    }
    if as_json {
        println!("{:#}", json!(done));
        return Ok(());
    }
    let verb = if done.dry_run { "would be deleted" } else { "are deleted" };
    eprintln!("{} {verb}.", counted(&done));
    if let (Some(receipt), None) = (&done.receipt, &asked.receipt) {
        println!("{}", json!(receipt));
    }
    Ok(())
}

fn counted(of: &ForgetOriginView) -> String {
    format!(
        "{} versions, {} sessions, {} identities, {} tokens, {} agents and {} tasks",
        of.versions, of.sessions, of.identities, of.tokens, of.agents, of.tasks
    )
}

async fn forget_once(stack: &AgentStack, asked: &Forget, dry_run: bool) -> Result<ForgetOriginView, Refused> {
    match call(stack, "quarantine_forget_origin", asked.origin.arguments(dry_run)).await? {
        Reply::ForgetOrigin(done) => Ok(done),
        _ => Err(unexpected()),
    }
}

fn confirmed(would: &RevokeOriginView) -> anyhow::Result<bool> {
    let question = format!("Revoke {} versions and quarantine {}?", would.revoked, would.quarantined);
    confirm(&question, "say --yes, or --dry-run to see what would become of it")
}
