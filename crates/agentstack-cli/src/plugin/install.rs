//! `agentstack plugin install`

use std::path::PathBuf;
use std::sync::Arc;

use agentstack::plugins::{Grants, Succession};
use agentstack::{AgentStack, Caller, Installing, PluginSetup};
use anyhow::{Context, bail};
use serde_json::json;

use super::{describe, print, summary, verified};
use crate::terminal::confirm;
use crate::{Verdict, open};

/// Most bytes of a file of grants.
const GRANTS_BYTES: u64 = 256 * 1024;

#[derive(clap::Args)]
pub(crate) struct Install {
    /// The folder with its files.
    folder: PathBuf,
    /// Grant all that it asks for.
    #[arg(long, conflicts_with = "grants")]
    grant_all: bool,
    /// Grant what is in this file, in the form of `requests` of a manifest.
    #[arg(long, value_name = "FILE")]
    grants: Option<PathBuf>,
    /// Do not ask. Without --grant-all or --grants, a higher version keeps what the one before it was granted, as far as it
    /// asks for it, and a new plugin is granted nothing.
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(config: Option<PathBuf>, asked: Install, as_json: bool) -> anyhow::Result<Verdict> {
    let setup = PluginSetup::load(config.clone())?;
    let verified = match verified(&setup, &asked.folder) {
        Ok(verified) => verified,
        Err(error) => {
            eprintln!("agentstack: not installed: {error:#}");
            return Ok(Verdict::Wrong);
        }
    };
    let stack = open(config).await?;
    let done = install(&stack, &setup, verified, &asked, as_json).await;
    stack.close().await;
    if !setup.enabled && !as_json && done.as_ref().is_ok_and(|verdict| *verdict == Verdict::Well) {
        eprintln!("Plugins are off: none is called before `plugins.enabled` is true.");
    }
    done
}

async fn install(
    stack: &AgentStack,
    setup: &PluginSetup,
    verified: agentstack::plugins::Verified,
    asked: &Install,
    as_json: bool,
) -> anyhow::Result<Verdict> {
    let operator = Caller::new(Arc::new(AgentStack::operator()));
    let shown = summary(&verified);
    if !as_json {
        print(&verified);
    }
    let plan = match stack.engine().plan_plugin(&operator, verified).await {
        Ok(plan) => plan,
        Err(refused) => {
            eprintln!("agentstack: not installed: {refused}");
            return Ok(Verdict::Wrong);
        }
    };
    let Some(chosen) = choose(&plan, asked)? else {
        println!("Nothing was changed.");
        return Ok(Verdict::Well);
    };
    let (name, version) = (plan.verified.pin().name, plan.verified.pin().version);
    if !as_json {
        for grant in describe(&chosen) {
            println!("  granted: {grant}");
        }
    }
    stack.engine().install_plugin(&operator, &setup.packages, plan, chosen.clone()).await?;
    if as_json {
        println!("{:#}", json!({ "success": true, "plugin": shown, "granted": chosen }));
    } else {
        println!("Installed {name} {version}.");
    }
    Ok(Verdict::Well)
}

/// What is granted; nothing if somebody says that it is not to be installed.
fn choose(plan: &Installing, asked: &Install) -> anyhow::Result<Option<Grants>> {
    let requested = plan.verified.manifest().requests();
    let (chosen, question) = if let Some(path) = &asked.grants {
        (read(path)?, "Install it with the grants of the file?")
    } else if asked.grant_all {
        (requested.clone(), "Grant all of this and install it?")
    } else if let Some(before) = &plan.carried_over {
        let new = requested.excess_over(before.grants());
        if let Some(new) = new.filter(|_| !asked.yes) {
            println!("  new: {new}");
            (requested.clone(), "Grant all of this, the new besides, and install it?")
        } else {
            (before.grants().clone(), "Install it with what the version before it was granted?")
        }
    } else if asked.yes {
        (Grants::default().meet(requested), "")
    } else {
        (requested.clone(), "Grant all of this and install it?")
    };
    if plan.succession == Some(Succession::Same) {
        println!("  it is installed already: only what it is granted may change");
    }
    let is_agreed =
        asked.yes || asked.grant_all || confirm(question, "say --grant-all, --grants FILE or --yes")?;
    Ok(is_agreed.then_some(chosen))
}

fn read(path: &std::path::Path) -> anyhow::Result<Grants> {
    let named = || path.display().to_string();
    let length = std::fs::metadata(path).with_context(named)?.len();
    if length > GRANTS_BYTES {
        bail!("{} is larger than {GRANTS_BYTES} bytes", named());
    }
    let bytes = std::fs::read(path).with_context(named)?;
    let text = agentstack::core::json::check(&bytes).with_context(named)?;
    serde_json::from_str(text).with_context(named)
}
