//! `agentstack doctor`

use std::path::PathBuf;

use agentstack::core::{Clock as _, SystemClock};
use agentstack::doctor::{Finding, Severity, examine};
use serde_json::json;

use crate::Verdict;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Mend what is safe to: take away rights that nobody should have, and remove what was left over.
    #[arg(long)]
    fix: bool,
    /// Show what is as it should be, too.
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) async fn run(
    config: Option<PathBuf>,
    arguments: &Arguments,
    as_json: bool,
) -> anyhow::Result<Verdict> {
    let mut found = examine(config.clone(), SystemClock.now()).await;
    let mendable: Vec<_> = found.iter().filter_map(|finding| finding.fix.clone()).collect();
    let mut fixed = 0;
    if arguments.fix && !mendable.is_empty() {
        for fix in &mendable {
            match fix.apply() {
                Ok(()) => fixed += 1,
                Err(error) => eprintln!("agentstack: {error}"),
            }
        }
        found = examine(config, SystemClock.now()).await;
    }
    for finding in &mut found {
        finding.reason = agentstack::redactor().scrub(&finding.reason).into_owned();
    }
    let worst = found.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
    if as_json {
        println!("{:#}", json!({ "worst": worst, "fixed": fixed, "findings": found }));
    } else {
        tell(&found, arguments.verbose, fixed);
    }
    Ok(if worst == Severity::Failure { Verdict::Wrong } else { Verdict::Well })
}

fn tell(found: &[Finding], verbose: bool, fixed: usize) {
    for finding in found.iter().filter(|it| verbose || it.severity > Severity::Ok) {
        let word = match finding.severity {
            Severity::Ok => "ok",
            Severity::Note => "note",
            Severity::Warning => "WARNING",
            Severity::Failure => "FAILURE",
        };
        println!("{word:8}{:20}{}", finding.check, finding.reason);
        if let Some(mend) = &finding.mend {
            println!("{:28}mend: {mend}", "");
        }
    }
    if fixed > 0 {
        println!("{fixed} things were mended.");
    }
    let count = |severity| found.iter().filter(|it| it.severity == severity).count();
    println!(
        "{} checks: {} failures, {} warnings, {} notes.",
        found.len(),
        count(Severity::Failure),
        count(Severity::Warning),
        count(Severity::Note)
    );
}
