//! Cases that a policy is held against.

use agentstack::Role;
use agentstack::core::{AgentId, Namespace};
use agentstack::policy::{Policy, Rule};
use anyhow::{Context, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};

use super::question::{On, Question, Whose, operation, stranger};
use super::word;
use crate::Verdict;

/// A case as it stands in the file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    /// What it shows.
    name: Option<String>,
    role: String,
    principal: Option<String>,
    agent: Option<String>,
    operation: String,
    session: Option<Whose>,
    namespace: Option<String>,
    expect: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Allow,
    Deny,
}

impl Expected {
    fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

pub(super) struct Case {
    name: String,
    question: Question,
    expected: Expected,
}

/// Reads the cases of a file.
pub(super) fn read(text: &str) -> anyhow::Result<Vec<Case>> {
    let written: Vec<Written> = serde_json::from_str(text)?;
    if written.is_empty() {
        anyhow::bail!("there is no case in it");
    }
    let cases = written.into_iter().enumerate();
    cases
        .map(|(index, written)| case(index, written).with_context(|| format!("case {}", index + 1)))
        .collect()
}

fn case(index: usize, written: Written) -> anyhow::Result<Case> {
    let role: Role = written.role.parse().map_err(|error| anyhow!("role {error}"))?;
    let agent = written.agent.map(|agent| agent.parse::<AgentId>());
    let agent = agent.transpose().map_err(|error| anyhow!("agent {error}"))?;
    let namespace = written.namespace.map(|name| name.parse::<Namespace>());
    let namespace = namespace.transpose().map_err(|error| anyhow!("namespace {error}"))?;
    let operation =
        operation(&written.operation).map_err(|error| anyhow!("{}: {error}", written.operation))?;
    let on = On::new(operation, written.session, namespace)?;
    let name = written.name.unwrap_or_else(|| format!("case {}", index + 1));
    let principal = written.principal.unwrap_or_else(|| stranger(role));
    Ok(Case {
        name,
        question: Question { name: principal, role, agent, operation, on },
        expected: written.expect,
    })
}

/// Asks all of them and says which the policy decides otherwise.
pub(super) fn run(policy: &Policy, cases: Vec<Case>, as_json: bool) -> Verdict {
    let count = cases.len();
    let mut failures = Vec::new();
    for Case { name, question, expected } in cases {
        let explained = question.ask(policy);
        let decided = word(explained.ruling);
        if decided == expected.word() {
            continue;
        }
        let rules: Vec<&str> = explained.rules.iter().map(|Rule { id, .. }| id.as_str()).collect();
        if !as_json {
            let by = if rules.is_empty() { "no rule".to_owned() } else { rules.join(", ") };
            println!("{name}: expected {}, but {decided} ({by})", expected.word());
        }
        failures.push(json!({
            "name": name, "expected": expected.word(), "decision": decided, "rules": rules,
            "errors": explained.errors,
        }));
    }
    let failed = failures.len();
    if as_json {
        let report = json!({
            "ok": failed == 0, "policy": policy.version(), "cases": count, "failures": Value::Array(failures),
        });
        println!("{report:#}");
    } else {
        println!("{} of {count} cases as expected, policy {}", count - failed, policy.version());
    }
    if failed == 0 { Verdict::Well } else { Verdict::Wrong }
}
