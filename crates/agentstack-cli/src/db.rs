//! `agentstack db`

mod import;

use std::path::{Path, PathBuf};

use agentstack::{AgentStack, Checked};
use serde_json::{Value, json};

use crate::terminal::{Meter, passphrase};
use crate::{Verdict, open};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Copy the database, which may be in use, into a new file, and prove the copy.
    Backup(Backup),
    /// Put a backup where the configuration has its database. Nothing is overwritten.
    Restore(Restore),
    /// Give the database another key, while it is in use.
    Rekey(Rekey),
    /// Look at every page, entry, posting and vector in the database. Writes nothing.
    Check,
    /// Take over what `aistack`, the product before this one, has kept: its database file, of versions 1.0 to 1.6.
    Import(import::Import),
}

#[derive(clap::Args)]
pub(crate) struct Backup {
    /// The new file.
    file: PathBuf,
    #[command(flatten)]
    own: Passphrase,
}

#[derive(clap::Args)]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    own: Passphrase,
}

#[derive(clap::Args)]
struct Passphrase {
    /// The backup has a passphrase of its own, which is asked for; without one, it has the key of the installation.
    #[arg(long)]
    passphrase: bool,
    /// The same, from a private file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    fn get(&self, is_new: bool) -> anyhow::Result<Option<agentstack::core::Secret<String>>> {
        let has_own = self.passphrase || self.passphrase_file.is_some();
        has_own.then(|| passphrase(self.passphrase_file.as_deref(), is_new)).transpose()
    }
}

#[derive(clap::Args)]
pub(crate) struct Rekey {
    /// Where the new key lies, or is put, for who then puts it where security.keySource takes it from. Needed unless that
    /// is a file, whose key is replaced.
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
}

pub(crate) async fn run(config: Option<PathBuf>, command: Command, as_json: bool) -> anyhow::Result<Verdict> {
    match command {
        Command::Backup(asked) => backup(config, asked, as_json).await,
        Command::Restore(asked) => restore(config, asked, as_json).await,
        Command::Rekey(asked) => rekey(config, asked, as_json).await,
        Command::Check => check(config, as_json).await,
        Command::Import(asked) => import::run(config, asked, as_json).await,
    }
}

async fn backup(config: Option<PathBuf>, asked: Backup, as_json: bool) -> anyhow::Result<Verdict> {
    let own = asked.own.get(true)?;
    let stack = open(config).await?;
    let total = stack.database_bytes();
    let mut meter = Meter::of_bytes(as_json);
    let made = stack.backup(&asked.file, own, &mut |bytes| meter.at("copying", bytes, total)).await;
    drop(meter);
    stack.close().await;
    tell("Backed up", &asked.file, &made?, as_json);
    Ok(Verdict::Well)
}

async fn restore(config: Option<PathBuf>, asked: Restore, as_json: bool) -> anyhow::Result<Verdict> {
    let own = asked.own.get(false)?;
    let total = std::fs::metadata(&asked.file).map_or(0, |file| file.len());
    let mut meter = Meter::of_bytes(as_json);
    let mut progress = |bytes| meter.at("restoring", bytes, total);
    let (stack, restored) = AgentStack::restore(config, &asked.file, own, &mut progress).await?;
    drop(meter);
    let report = stack.verify_audit(vec![], &[], |_, _| {}).await;
    stack.close().await;
    let report = report.map_err(|error| anyhow::anyhow!("{}", error.message()))?;
    tell("Restored", &asked.file, &restored, as_json);
    if !report.is_intact() {
        eprintln!("agentstack: the audit log in the backup is not intact; run: agentstack audit verify");
        return Ok(Verdict::Wrong);
    }
    Ok(Verdict::Well)
}

fn tell(done: &str, file: &Path, checked: &Checked, as_json: bool) {
    let holdings = holdings(checked);
    if as_json {
        println!("{:#}", json!({ "file": file.display().to_string(), "holds": holdings }));
        return;
    }
    println!("{done} {}: {}.", file.display(), spelled(&holdings));
}

fn holdings(checked: &Checked) -> Value {
    checked.holdings.map_or(Value::Null, |it| {
        json!({
            "sessions": it.sessions,
            "entries": it.entries,
            "pastAndHeldVersions": it.versions,
            "agentsAndTasks": it.agents_and_tasks,
            "identitiesTokensAndPlugins": it.registered,
            "auditRecords": it.head.sequence,
            "auditHead": it.head.hash.to_string(),
        })
    })
}

fn spelled(holdings: &Value) -> String {
    format!(
        "{} entries, {} sessions, {} audit records, of which the last has the hash {}",
        holdings["entries"],
        holdings["sessions"],
        holdings["auditRecords"],
        holdings["auditHead"].as_str().unwrap_or_default()
    )
}

async fn rekey(config: Option<PathBuf>, asked: Rekey, as_json: bool) -> anyhow::Result<Verdict> {
    let mut meter = Meter::of_bytes(as_json);
    let mut progress = |written, total| meter.at("writing anew", written, total);
    let done = AgentStack::rekey(config, asked.new_key_file, &mut progress).await?;
    drop(meter);
    let put = done.put.as_ref().map(|path| path.display().to_string());
    if as_json {
        println!(
            "{:#}",
            json!({
                "finishedEarlierOne": done.finished,
                "putKeyWhereItIsTakenFrom": put,
                "signsAuditLog": done.signs,
            })
        );
        return Ok(Verdict::Well);
    }
    if done.finished {
        println!("A replacement that had been interrupted is finished: the database has its new key.");
    } else {
        println!("The database has a new key.");
    }
    match put {
        Some(put) => println!(
            "Now put the key in {put} where security.keySource takes it from, remove the file, and start again what uses \
             the database."
        ),
        None => println!(
            "Servers that are running take it up with their next call. The old key is destroyed; backups that were made \
             with it open with it only."
        ),
    }
    if !done.signs {
        eprintln!(
            "agentstack: the new key does not sign the audit log, which is not intact: agentstack audit verify"
        );
    }
    Ok(Verdict::Well)
}

async fn check(config: Option<PathBuf>, as_json: bool) -> anyhow::Result<Verdict> {
    let mut meter = Meter::of_things(as_json);
    let checked = AgentStack::check(config, &mut |at| meter.at(at.stage, at.done, at.total)).await?;
    drop(meter);
    let is_sound = checked.total == 0;
    if as_json {
        let faults: Vec<Value> =
            checked.faults.iter().map(|it| json!({ "area": it.area, "what": it.what })).collect();
        let found = json!({
            "sound": is_sound,
            "faultCount": checked.total,
            "faults": faults,
            "holds": holdings(&checked),
        });
        println!("{found:#}");
    } else if is_sound {
        println!("The database is sound: {}.", spelled(&holdings(&checked)));
    } else {
        println!("The database is NOT SOUND: {} faults.", checked.total);
        checked.faults.iter().for_each(|fault| println!("  {fault}"));
        println!("Stop what uses it, move it away, and restore a backup: agentstack db restore");
    }
    Ok(if is_sound { Verdict::Well } else { Verdict::Wrong })
}
