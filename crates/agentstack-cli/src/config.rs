//! `agentstack config`

use std::path::PathBuf;

use agentstack::config::{Config, Overrides, Sources};
use anyhow::Context;
use serde_json::{Value, json};

use crate::Verdict;

/// The name of the configuration file.
pub(crate) const FILE: &str = "aistack.config.json";

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Say whether the configuration can be used, and if not, which field is wrong.
    ///
    /// The keys of providers are tried, too: programs that give one are run. Nobody is connected to.
    Check,
    /// Show the configuration in force, without secrets and paths.
    Show,
    /// Print the JSON Schema of the configuration file, for editors.
    Schema,
}

/// The file that is named, or else that of the current folder, made if it is not there. Says whether it was.
pub(crate) fn find_or_make(file: Option<PathBuf>) -> anyhow::Result<(PathBuf, bool)> {
    let file = std::path::absolute(file.unwrap_or_else(|| FILE.into()))?;
    if file.exists() {
        return Ok((file, false));
    }
    std::fs::write(&file, starter()).with_context(|| format!("writing {}", file.display()))?;
    Ok((file, true))
}

/// The file that a first start writes.
fn starter() -> String {
    let config = serde_json::json!({
        "memory": { "path": "./data/aistack.db", "defaultNamespace": "default" },
        "security": { "encryption": true },
    });
    format!("{config:#}\n")
}

pub(crate) fn run(file: Option<PathBuf>, command: &Command, as_json: bool) -> anyhow::Result<Verdict> {
    if matches!(command, Command::Schema) {
        println!("{:#}", agentstack::config::schema());
        return Ok(Verdict::Well);
    }
    let sources = Sources::of_process(file, Overrides::default())?;
    let loaded = Config::load(&sources).map_err(anyhow::Error::new).and_then(|loaded| {
        if matches!(command, Command::Check) {
            loaded.config.check_providers()?;
        }
        Ok(loaded)
    });
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) if as_json => {
            println!("{:#}", json!({ "ok": false, "error": format!("{error:#}") }));
            return Ok(Verdict::Wrong);
        }
        Err(error) => {
            let message = format!("{error:#}");
            eprintln!("agentstack: {}", agentstack::redactor().scrub(&message));
            return Ok(Verdict::Wrong);
        }
    };
    let file = loaded.file.as_ref().map(|file| file.display().to_string());
    match command {
        Command::Show => println!("{:#}", Value::Object(loaded.config.redacted())),
        _ if as_json => println!("{:#}", json!({ "ok": true, "file": file })),
        _ => println!(
            "{} can be used.",
            file.as_deref().unwrap_or("There is no file; the built-in configuration")
        ),
    }
    Ok(Verdict::Well)
}
