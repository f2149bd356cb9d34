//! What a set of rules can make of the name of a shared namespace.
//!
//! There are endlessly many names, but a rule compares them only with texts that stand in it, with what is known of
//! the caller, and by `like`. So all names that none of these mention fare alike, and asking about one of them answers
//! for all; only `like` escapes that.

use std::collections::BTreeSet;

use agentstack_core::SharedName;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet};
use serde_json::Value;

use super::model::{NAMESPACE, OWN_NAMESPACE};

/// What rules make of names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Whether a rule can tell one shared namespace from another.
    pub(super) apart: bool,
    /// The names that stand in the rules.
    pub(super) mentioned: BTreeSet<SharedName>,
    /// For rules that compare by `like`: the same rules without those comparisons, permitting all that the rules
    /// themselves could. What these deny is denied whatever the name.
    pub(super) generous: Option<PolicySet>,
}

impl Names {
    pub(super) fn of(set: &PolicySet) -> Self {
        let mut found = Found::default();
        let mut generous = PolicySet::new();
        let mut any_like = false;
        for policy in set.policies() {
            // What cannot be looked at is taken to look at everything.
            let Ok(json) = policy.to_json() else {
                return Self { apart: true, mentioned: found.mentioned, generous: None };
            };
            found.look(&json);
            any_like |= has_like(&json);
            if let Some(policy) = without_like(policy, json) {
                let _ = generous.add(policy);
            }
        }
        Self { apart: found.apart, mentioned: found.mentioned, generous: any_like.then_some(generous) }
    }

    /// A name that no rule mentions.
    pub(super) fn unmentioned(&self) -> Option<SharedName> {
        // One more than there are mentioned ones cannot all be mentioned.
        (0..=self.mentioned.len())
            .filter_map(|number| format!("x{number}").parse().ok())
            .find(|name| !self.mentioned.contains(name))
    }
}

#[derive(Default)]
struct Found {
    apart: bool,
    mentioned: BTreeSet<SharedName>,
}

impl Found {
    /// Looks at a rule, or a part of one, in Cedar's JSON form.
    fn look(&mut self, part: &Value) {
        match part {
            Value::String(text) => self.mentioned.extend(text.parse::<SharedName>().ok()),
            Value::Array(parts) => parts.iter().for_each(|part| self.look(part)),
            Value::Object(fields) => {
                let text = |name| fields.get(name).and_then(Value::as_str);
                let names_one =
                    text("type") == Some(NAMESPACE) && text("id").is_some_and(|id| id != OWN_NAMESPACE);
                let reads_name =
                    text("attr") == Some("name") && !fields.get("left").is_some_and(is_principal);
                self.apart |= names_one || reads_name;
                fields.values().for_each(|part| self.look(part));
            }
            _ => {}
        }
    }
}

fn is_principal(part: &Value) -> bool {
    part.get("Var").and_then(Value::as_str) == Some("principal")
}

/// Whether something else than an attribute of the caller is compared by `like`.
fn has_like(part: &Value) -> bool {
    match part {
        Value::Array(parts) => parts.iter().any(has_like),
        Value::Object(fields) => fields.iter().any(|(name, part)| {
            let of_caller = || {
                part.pointer("/left/./left")
                    .or_else(|| part.pointer("/left/has/left"))
                    .is_some_and(is_principal)
            };
            (name == "like" && !of_caller()) || has_like(part)
        }),
        _ => false,
    }
}

/// The rule without its conditions that compare by `like`: then it permits more. A prohibition goes altogether.
fn without_like(policy: &Policy, mut json: Value) -> Option<Policy> {
    if !has_like(&json) {
        return Some(policy.clone());
    }
    if policy.effect() == Effect::Forbid {
        return None;
    }
    if let Some(conditions) = json.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|condition| !has_like(condition));
    }
    Policy::from_json(Some(PolicyId::new(policy.id())), json).ok()
}
