//! `agentstack plugin`

mod install;
mod sign;

use std::path::{Path, PathBuf};

use agentstack::plugins::{Grants, MemoryOperation, Package, Place, Verified, verify};
use agentstack::view::PluginView;
use agentstack::{AgentStack, PluginSetup, Reply};
use anyhow::{Context, bail};
use serde_json::json;

use crate::operator::{Refused, call, end};
use crate::terminal::confirm;
use crate::{Verdict, open};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Make a key to sign plugins with, in minisign's form.
    Keygen(sign::Keygen),
    /// Sign the plugin in a folder: writes its plugin.minisig.
    Sign(sign::Sign),
    /// Install the plugin in a folder, or a higher version of one: shows what it asks for, and asks whether it is granted.
    Install(install::Install),
    /// Verify the plugin in a folder as an installation would, and show what it asks for. Nothing is changed.
    Verify {
        /// The folder with its files.
        folder: PathBuf,
    },
    /// List the plugins that are installed.
    List,
    /// Show a plugin with its tools and what it was granted, or why it cannot be loaded.
    Show(Named),
    /// Let a plugin that was disabled be called again.
    Enable(Named),
    /// Let no call of a plugin begin from now on, in every process that uses the database.
    Disable(Named),
    /// Remove a plugin with what it was granted.
    Remove {
        /// Its name.
        name: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(clap::Args)]
pub(crate) struct Named {
    /// Its name.
    name: String,
}

pub(crate) async fn run(config: Option<PathBuf>, command: Command, as_json: bool) -> anyhow::Result<Verdict> {
    match command {
        Command::Keygen(asked) => return sign::keygen(&asked, as_json),
        Command::Sign(asked) => return sign::sign(&asked, as_json),
        Command::Verify { folder } => return look(config, &folder, as_json),
        Command::Install(asked) => return install::run(config, asked, as_json).await,
        Command::Remove { ref name, yes } if !yes => {
            let question =
                format!("Remove the plugin `{name}`? Only a higher version can be installed after it.");
            if !confirm(&question, "say --yes")? {
                println!("Nothing was changed.");
                return Ok(Verdict::Well);
            }
        }
        _ => {}
    }
    let enabled = PluginSetup::load(config.clone())?.enabled;
    let stack = open(config).await?;
    let done = registry(&stack, command, as_json).await;
    if done.is_ok() && !enabled && !as_json {
        eprintln!("Plugins are off: none is called before `plugins.enabled` is true.");
    }
    end(stack, done, "plugin").await
}

async fn registry(stack: &AgentStack, command: Command, as_json: bool) -> Result<(), Refused> {
    let named = |name: &str| json!({ "plugin": name });
    let reply = match &command {
        Command::Show(Named { name }) => call(stack, "plugin_show", named(name)).await?,
        Command::Enable(Named { name }) => call(stack, "plugin_enable", named(name)).await?,
        Command::Disable(Named { name }) => call(stack, "plugin_disable", named(name)).await?,
        Command::Remove { name, .. } => call(stack, "plugin_remove", named(name)).await?,
        _ => call(stack, "plugin_list", json!({})).await?,
    };
    if as_json {
        println!("{:#}", reply.to_value());
        return Ok(());
    }
    match reply {
        Reply::ListPlugins(list) => list.plugins.iter().for_each(|plugin| println!("{}", line(plugin))),
        Reply::ShowPlugin(shown) => {
            println!("{}", line(&shown.plugin));
            println!("  hash {}", shown.plugin.hash);
            if let Some(at) = shown.plugin.loaded_at {
                println!("  last loaded {at}");
            }
            // What its author says is anybody's text: what a terminal would obey is written out.
            if let Some(description) = &shown.description {
                println!("  {description:?}");
            }
            for tool in &shown.tools {
                println!("  tool {}  {:?}", tool.name, tool.description);
            }
            let grants: Result<Grants, _> = serde_json::from_value(json!(shown.plugin.grants));
            if let Ok(grants) = grants {
                for grant in describe(&grants) {
                    println!("  granted: {grant}");
                }
            }
            if let Some(problem) = &shown.problem {
                println!("  cannot be loaded: {problem}");
            }
        }
        Reply::EnablePlugin(done) => {
            println!("{}", if done.changed { "Enabled." } else { "It was enabled already." });
        }
        Reply::DisablePlugin(done) => {
            println!("{}", if done.changed { "Disabled." } else { "It was disabled already." });
        }
        _ => println!("Removed."),
    }
    Ok(())
}

fn line(plugin: &PluginView) -> String {
    format!(
        "{} {}  {}  signed by {}  installed {}",
        plugin.name, plugin.version, plugin.state, plugin.signer, plugin.installed_at
    )
}

/// Reads and verifies a folder.
fn verified(setup: &PluginSetup, folder: &Path) -> anyhow::Result<Verified> {
    if setup.keys.is_empty() {
        bail!(
            "no key is trusted: put the signer's public key into `plugins.trustedKeys` of the configuration"
        );
    }
    let package = Package::read(folder).with_context(|| folder.display().to_string())?;
    Ok(verify(package, &setup.keys)?)
}

fn look(config: Option<PathBuf>, folder: &Path, as_json: bool) -> anyhow::Result<Verdict> {
    let setup = PluginSetup::load(config)?;
    let verified = match verified(&setup, folder) {
        Ok(verified) => verified,
        Err(error) => {
            if as_json {
                println!("{:#}", json!({ "verified": false, "problem": format!("{error:#}") }));
            } else {
                println!("Not verified: {error:#}.");
            }
            return Ok(Verdict::Wrong);
        }
    };
    if as_json {
        println!("{:#}", summary(&verified));
    } else {
        print(&verified);
    }
    Ok(Verdict::Well)
}

/// What there is to say of a verified plugin, for programs.
fn summary(verified: &Verified) -> serde_json::Value {
    let pin = verified.pin();
    json!({
        "verified": true,
        "name": pin.name,
        "version": pin.version,
        "hash": pin.hash,
        "signer": pin.signer.to_string(),
        "description": verified.manifest().description(),
        "tools": verified.manifest().tools().iter()
            .map(agentstack::plugins::Tool::name).collect::<Vec<_>>(),
        "requests": verified.manifest().requests(),
    })
}

/// The same for people.
fn print(verified: &Verified) {
    let pin = verified.pin();
    println!("{} {}, signed by {}", pin.name, pin.version, pin.signer);
    println!("  {:?}", verified.manifest().description());
    for tool in verified.manifest().tools() {
        println!("  tool {}  {:?}", pin.name.offered(tool.name()), tool.description());
    }
    let asked = describe(verified.manifest().requests());
    for grant in &asked {
        println!("  asks for: {grant}");
    }
    if asked.len() == 1 {
        println!("  asks for nothing else");
    }
}

/// Grants in words, one a line; the last is the limits of a call.
fn describe(grants: &Grants) -> Vec<String> {
    let verb = |operation| match operation {
        MemoryOperation::Get => "read entries of",
        MemoryOperation::Search => "search",
        MemoryOperation::Store => "write to",
    };
    let memory = grants.memory().map(|(place, operation)| match place {
        Place::Session => format!("{} the session it is called in", verb(operation)),
        Place::Shared(name) => format!("{} the shared namespace `{name}`", verb(operation)),
    });
    let hosts = grants.hosts().iter().map(|host| format!("connect to https://{host}"));
    let config = grants.config().iter().map(|key| format!("know its setting `{key}`"));
    let limits = grants.limits();
    let limits = format!(
        "{} instructions, {} ms, {} MiB of memory, {} bytes of answer, {} questions in a call",
        limits.fuel(),
        limits.time_ms(),
        limits.memory_bytes() / (1024 * 1024),
        limits.output_bytes(),
        limits.host_calls()
    );
    memory.chain(hosts).chain(config).chain([limits]).collect()
}
