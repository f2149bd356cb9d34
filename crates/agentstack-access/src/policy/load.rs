//! From text to rules: what a folder of `.cedar` files comes to, or every reason why it is not a policy.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::str::FromStr;

use agentstack_core::hex::digits;
use cedar_policy::{Effect, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use sha2::{Digest, Sha256};

use super::names::Names;
use super::schema::schema;
use crate::Operation;

/// A file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its name, for messages.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The file.
    pub file: String,
    /// The line, counted from 1; none if it is about the file as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// There is no rule at all, which would deny everything without a word.
    #[error("there is no rule in it; a policy without rules would deny everything")]
    Empty,
    /// The rules break the language's or the schema's rules.
    #[error("{}", listed(.0))]
    Invalid(Vec<PolicyFault>),
}

fn listed(faults: &[PolicyFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A rule, as whoever asks who decided wants to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id: what its `@id` says, else its file's name and its number there.
    pub id: String,
    /// Whether it permits; else it forbids.
    pub permits: bool,
    /// The file it stands in.
    pub file: String,
    /// The line it begins on.
    pub line: usize,
    /// What is written above it, but its id.
    pub annotations: Vec<(String, String)>,
}

/// Rules that can be asked.
#[derive(Debug)]
pub(super) struct RuleSet {
    pub(super) set: PolicySet,
    pub(super) rules: BTreeMap<String, Rule>,
    pub(super) names: Names,
}

/// Reads files as one set of rules. Only their form is looked at.
pub(super) fn parse(files: &[PolicyFile]) -> Result<RuleSet, PolicyError> {
    let mut rules = RuleSet { set: PolicySet::new(), rules: BTreeMap::new(), names: Names::default() };
    let mut faults = Vec::new();
    for file in files {
        match PolicySet::from_str(&file.text) {
            Ok(parsed) => faults.extend(rules.take_in(file, &parsed)),
            Err(errors) => faults.extend(errors.iter().map(|error| fault(file, error))),
        }
    }
    if !faults.is_empty() {
        return Err(PolicyError::Invalid(faults));
    }
    if rules.set.is_empty() { Err(PolicyError::Empty) } else { Ok(rules) }
}

/// Reads files as a policy over these operations: every name in it must be one of the schema's, and every
/// expression of the type that stands there. Besides, what is odd in it but no fault.
pub(super) fn parse_strictly(
    files: &[PolicyFile],
    operations: &[&'static Operation],
) -> Result<(RuleSet, Vec<PolicyFault>), PolicyError> {
    let mut rules = parse(files)?;
    let (schema, _) = Schema::from_cedarschema_str(&schema(operations)).map_err(|error| {
        let reason = error.to_string();
        PolicyError::Invalid(vec![PolicyFault { file: "policy.cedarschema".to_owned(), line: None, reason }])
    })?;
    let result = Validator::new(schema).validate(&rules.set, ValidationMode::Strict);
    let errors = result.validation_errors().map(|error| rules.fault(files, error.policy_id(), error));
    let errors: Vec<PolicyFault> = errors.collect();
    if !errors.is_empty() {
        return Err(PolicyError::Invalid(errors));
    }
    let warnings = result
        .validation_warnings()
        .map(|warning| rules.fault(files, warning.policy_id(), warning))
        .collect();
    rules.names = Names::of(&rules.set);
    Ok((rules, warnings))
}

impl RuleSet {
    /// Adds the rules of a file. Returns what is wrong with them.
    fn take_in(&mut self, file: &PolicyFile, parsed: &PolicySet) -> Vec<PolicyFault> {
        let at = |text: &str| file.text.find(text).map_or(1, |offset| line(&file.text, offset));
        let mut faults = Vec::new();
        for template in parsed.templates() {
            let reason =
                "a template (`?principal`, `?resource`) is no rule of its own and is not taken".to_owned();
            faults.push(PolicyFault {
                file: file.name.clone(),
                line: Some(at(&template.to_string())),
                reason,
            });
        }
        let mut policies: Vec<_> = parsed.policies().collect();
        policies.sort_by_key(|policy| number(policy.id()));
        for (index, policy) in policies.into_iter().enumerate() {
            let stem = file.name.strip_suffix(".cedar").unwrap_or(&file.name);
            let id = policy.annotation("id").filter(|id| !id.is_empty());
            let id = id.map_or_else(|| format!("{stem}-{}", index + 1), str::to_owned);
            let annotations = policy.annotations().filter(|(name, _)| *name != "id");
            let rule = Rule {
                id: id.clone(),
                permits: policy.effect() == Effect::Permit,
                file: file.name.clone(),
                line: at(&policy.to_string()),
                annotations: annotations.map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
            };
            if let Some(other) = self.rules.get(&id) {
                let reason = format!("the id \"{id}\" is taken by the rule at {}:{}", other.file, other.line);
                faults.push(PolicyFault { file: file.name.clone(), line: Some(rule.line), reason });
            } else if let Err(error) = self.set.add(policy.new_id(PolicyId::new(&id))) {
                faults.push(PolicyFault {
                    file: file.name.clone(),
                    line: Some(rule.line),
                    reason: error.to_string(),
                });
            } else {
                self.rules.insert(id, rule);
            }
        }
        faults
    }

    /// What the validator says of a rule, with its place.
    fn fault(&self, files: &[PolicyFile], id: &PolicyId, said: &dyn Diagnostic) -> PolicyFault {
        let rule = self.rules.get(AsRef::<str>::as_ref(id));
        let file = rule.and_then(|rule| files.iter().find(|file| file.name == rule.file));
        let mut fault = PolicyFault {
            file: file.map(|file| file.name.clone()).unwrap_or_default(),
            line: rule.map(|rule| rule.line),
            reason: told(said),
        };
        fault.line = file.and_then(|file| place(file, said)).or(fault.line);
        fault
    }
}

/// The number that the parser gave a rule: its place in the file.
fn number(id: &PolicyId) -> usize {
    AsRef::<str>::as_ref(id).trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}

fn fault(file: &PolicyFile, said: &dyn Diagnostic) -> PolicyFault {
    PolicyFault { file: file.name.clone(), line: place(file, said), reason: told(said) }
}

/// A message with what helps, in one line.
fn told(said: &dyn Diagnostic) -> String {
    let mut text = said.to_string();
    if let Some(help) = said.help() {
        let _ = write!(text, " ({help})");
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The line that a message points to.
fn place(file: &PolicyFile, said: &dyn Diagnostic) -> Option<usize> {
    let label = said.labels()?.next()?;
    Some(line(&file.text, label.offset()))
}

/// The line at a byte, counted from 1.
fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// A short name for exactly these rules, for the audit log.
pub(super) fn version(files: &[PolicyFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        for part in [&file.name, &file.text] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        }
    }
    let start: String = hash.finalize().into_iter().take(6).flat_map(digits).collect();
    format!("files-{start}")
}
