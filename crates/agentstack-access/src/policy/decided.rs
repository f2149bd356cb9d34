//! What the built-in rules decide, worked out beforehand.
//!
//! To read the rules takes two milliseconds and four megabytes of the engine's code, which is much of what a process
//! that serves one client over pipes takes at all. The built-in rules look at nothing but the role and the kind of
//! resource, so `cargo xtask codegen` asks them once about each and writes down the answers; the tests hold the answers
//! against the rules. What is not written down is asked of the rules.

use std::collections::BTreeMap;
use std::fmt::Write;

use agentstack_core::{Namespace, SessionId};

use super::{Policy, Resource, Ruling, Subject};
use crate::{Operation, Role};

/// One line for each operation and kind of resource: both, and the roles that are permitted.
const DECIDED: &str = include_str!("builtin.decisions");

/// The answers.
#[derive(Debug)]
pub(super) struct Decided(BTreeMap<(&'static str, &'static str), &'static str>);

impl Decided {
    pub(super) fn read() -> Self {
        let lines = DECIDED.lines().filter(|line| !line.starts_with('#'));
        let answers = lines.filter_map(|line| {
            let (operation, rest) = line.split_once(' ')?;
            let (kind, roles) = rest.split_once(':')?;
            Some(((operation, kind), roles))
        });
        Self(answers.collect())
    }

    pub(super) fn ruling(&self, role: Role, operation: &Operation, resource: Resource<'_>) -> Option<Ruling> {
        let roles = self.0.get(&(operation.name, kind(resource)))?;
        let permitted = roles.split_whitespace().any(|permitted| permitted == role.as_str());
        Some(if permitted { Ruling::Permitted } else { Ruling::Denied })
    }
}

fn kind(resource: Resource<'_>) -> &'static str {
    match resource {
        Resource::Service => "service",
        Resource::Session(_) => "session-own",
        Resource::ForeignSession(_) => "session-foreign",
        Resource::Namespace(Namespace::Session(_)) => "namespace-own",
        Resource::Namespace(Namespace::Shared(_)) => "namespace-shared",
    }
}

/// The answers to be written down: what the rules say about each operation on each kind of resource to each role.
#[must_use]
pub fn builtin_decisions(operations: &[&'static Operation]) -> String {
    let policy = Policy::builtin(operations);
    let mut text =
        "# What builtin.cedar permits to which roles; written by `cargo xtask codegen`.\n".to_owned();
    let session = SessionId::from_bytes([0; 16]);
    let own = Namespace::Session(session);
    let Ok(shared) = "shared".parse().map(Namespace::Shared) else { return text };
    let resources = [
        Resource::Service,
        Resource::Session(session),
        Resource::ForeignSession(session),
        Resource::Namespace(&own),
        Resource::Namespace(&shared),
    ];
    for operation in operations {
        for resource in resources.into_iter().filter(|resource| resource.fits(operation.reach)) {
            let _ = write!(text, "{} {}:", operation.name, kind(resource));
            for role in Role::ALL {
                let subject = Subject { name: "somebody", role, agent: None };
                if policy.explain(subject, operation, resource).ruling == Ruling::Permitted {
                    let _ = write!(text, " {role}");
                }
            }
            text.push('\n');
        }
    }
    text
}
