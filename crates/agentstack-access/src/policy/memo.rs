//! Decisions that were made already.
//!
//! A policy never changes and a decision depends on nothing but the question, so what was decided once holds as long
//! as the policy does. Another policy comes with a memo of its own.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use agentstack_core::{AgentId, Namespace, SharedName};

use super::Ruling;
use crate::{Principal, Resource, Role};

/// How many decisions are kept: some hundred kilobytes. Whoever asks about ever new namespaces only makes the memo
/// begin anew.
const KEPT: usize = 4_096;

/// All that a decision can depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    name: Arc<str>,
    role: Role,
    agent: Option<AgentId>,
    operation: &'static str,
    resource: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Service,
    Session {
        held: bool,
    },
    OwnNamespace,
    /// A shared namespace; `None` for any, under a policy that does not tell one from another.
    SharedNamespace(Option<SharedName>),
}

impl Question {
    /// `apart` says whether the policy can tell shared namespaces apart.
    pub(super) fn new(
        principal: &Principal,
        operation: &'static str,
        resource: Resource<'_>,
        apart: bool,
    ) -> Self {
        let resource = match resource {
            Resource::Service => Kind::Service,
            Resource::Session(_) => Kind::Session { held: true },
            Resource::ForeignSession(_) => Kind::Session { held: false },
            Resource::Namespace(Namespace::Session(_)) => Kind::OwnNamespace,
            Resource::Namespace(Namespace::Shared(name)) => {
                Kind::SharedNamespace(apart.then(|| name.clone()))
            }
        };
        let (role, agent) = (principal.role(), principal.agent().cloned());
        Self { name: principal.shared_name(), role, agent, operation, resource }
    }
}

/// The decisions of one policy.
#[derive(Debug, Default)]
pub(super) struct Memo(RwLock<HashMap<Question, Ruling>>);

impl Memo {
    /// What was decided, else what `decide` decides now.
    pub(super) fn get(&self, question: Question, decide: impl FnOnce() -> Ruling) -> Ruling {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&question).copied();
        if let Some(ruling) = known {
            return ruling;
        }
        let ruling = decide();
        let mut decisions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if decisions.len() >= KEPT {
            decisions.clear();
        }
        decisions.insert(question, ruling);
        ruling
    }
}
