//! `agentstack policy`: none of it needs a database or a key.

mod cases;
mod question;

use std::path::PathBuf;

use agentstack::Principal;
use agentstack::config::{Config, Overrides, Sources};
use agentstack::policy::{
    Explanation, LoadedPolicy, Policy, PolicyError, PolicyProblem, PolicySource, Rule, Ruling,
};
use anyhow::Context;
use serde_json::{Value, json};

use crate::Verdict;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Say whether a policy can be used, and if not, what is wrong in which line.
    Check {
        /// The folder of `.cedar` files [default: the configuration's, else the built-in policy].
        folder: Option<PathBuf>,
    },
    /// Say what the policy makes of a call, and which rules decided.
    Explain(question::Arguments),
    /// Hold the policy against a file of cases that say what is expected.
    Test {
        /// A JSON list of cases; docs/policy.md says what a case is.
        file: PathBuf,
    },
}

pub(crate) fn run(config: Option<PathBuf>, command: Command, as_json: bool) -> anyhow::Result<Verdict> {
    match command {
        Command::Check { folder } => check(config, folder, as_json),
        Command::Explain(arguments) => {
            let question = arguments.question()?;
            let policy = configured(config)?.load()?.policy;
            let explained = question.ask(&policy);
            show(&policy, &explained, as_json);
            Ok(Verdict::Well)
        }
        Command::Test { file } => {
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let cases = cases::read(&text).with_context(|| format!("reading {}", file.display()))?;
            Ok(cases::run(&configured(config)?.load()?.policy, cases, as_json))
        }
    }
}

/// The policy that the configuration names.
fn configured(config: Option<PathBuf>) -> anyhow::Result<PolicySource> {
    let loaded = Config::load(&Sources::of_process(config, Overrides::default())?)?;
    Ok(loaded.config.security.policy.map_or(PolicySource::Builtin, PolicySource::Folder))
}

fn check(config: Option<PathBuf>, folder: Option<PathBuf>, as_json: bool) -> anyhow::Result<Verdict> {
    let source = match folder {
        Some(folder) => PolicySource::Folder(folder),
        None => configured(config)?,
    };
    match source.load() {
        Ok(loaded) => {
            shown(&source, &loaded, as_json);
            Ok(Verdict::Well)
        }
        Err(problem) if as_json => {
            println!("{:#}", json!({ "ok": false, "errors": errors(&problem) }));
            Ok(Verdict::Wrong)
        }
        Err(problem) => {
            let message = format!("{:#}", anyhow::Error::new(problem));
            eprintln!("agentstack: {}", agentstack::redactor().scrub(&message));
            Ok(Verdict::Wrong)
        }
    }
}

fn shown(source: &PolicySource, LoadedPolicy { policy, warnings }: &LoadedPolicy, as_json: bool) {
    let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    warnings.extend(neglected(policy));
    let place = match source {
        PolicySource::Builtin => "the built-in policy".to_owned(),
        PolicySource::Folder(folder) => folder.display().to_string(),
    };
    if as_json {
        let (version, rules) = (policy.version(), policy.rules());
        let report =
            json!({ "ok": true, "policy": place, "version": version, "rules": rules, "warnings": warnings });
        println!("{report:#}");
        return;
    }
    println!("{place} can be used: {} rules, version {}.", policy.rules(), policy.version());
    for warning in warnings {
        println!("  note: {warning}");
    }
}

/// What the product does by itself and this policy does not let it.
fn neglected(policy: &Policy) -> Option<String> {
    let operation = agentstack::policy::operations().into_iter().find(|it| it.name == "housekeeping")?;
    let permitted = policy.may_permit(&Principal::housekeeping(), operation);
    let note = "no rule permits `housekeeping` to operators: expired sessions would not be removed";
    (!permitted).then(|| note.to_owned())
}

fn errors(problem: &PolicyProblem) -> Value {
    match problem {
        PolicyProblem::Rules { source: PolicyError::Invalid(faults), .. } => faults
            .iter()
            .map(|fault| json!({ "file": fault.file, "line": fault.line, "reason": fault.reason }))
            .collect(),
        other => json!([{ "reason": other.to_string() }]),
    }
}

fn show(policy: &Policy, explained: &Explanation, as_json: bool) {
    let word = word(explained.ruling);
    if as_json {
        let rules: Vec<Value> = explained.rules.iter().map(rule).collect();
        let report = json!({
            "decision": word, "policy": policy.version(), "rules": rules, "errors": explained.errors,
        });
        println!("{report:#}");
        return;
    }
    let why = match (explained.ruling, explained.rules.is_empty()) {
        (Ruling::Failed, _) => ": a rule could not be evaluated, which denies",
        (_, true) => ": no rule permits it",
        (_, false) => ", decided by",
    };
    println!("{word}{why}");
    for rule in &explained.rules {
        let effect = if rule.permits { "permit" } else { "forbid" };
        println!("  {} ({effect}, {}:{})", rule.id, rule.file, rule.line);
        for (name, text) in &rule.annotations {
            println!("    {name}: {text}");
        }
    }
    for error in &explained.errors {
        println!("  {error}");
    }
}

fn rule(rule: &Rule) -> Value {
    let annotations: serde_json::Map<String, Value> =
        rule.annotations.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
    json!({
        "id": rule.id,
        "effect": if rule.permits { "permit" } else { "forbid" },
        "file": rule.file,
        "line": rule.line,
        "annotations": annotations,
    })
}

/// A ruling as it is shown and expected.
fn word(ruling: Ruling) -> &'static str {
    if ruling == Ruling::Permitted { "allow" } else { "deny" }
}
