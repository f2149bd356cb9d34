//! Drift: whether a task is one of its own ancestors again.

use std::collections::HashMap;

use agentstack_access::Scope;
use agentstack_api::command::CheckDrift;
use agentstack_api::view::{CheckDriftView, DriftMetricsView, DriftView};
use agentstack_core::{DriftAction, Task, TaskId, Timestamp};
use agentstack_storage::text::analyze;
use agentstack_storage::{Drift, StorageError};

use crate::Engine;
use crate::failure::Failure;

/// How a new task is compared with its ancestors: by the words of their inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftRule {
    /// From which likeness on a task is too much like an ancestor, from 0 to 1.
    pub threshold: f64,
    /// From which likeness on its maker is warned; below `threshold`.
    pub warning: Option<f64>,
    /// How many ancestors it is compared with.
    pub ancestors: u32,
    /// Whether one that is too much like an ancestor is not made.
    pub prevents: bool,
}

impl DriftRule {
    fn action(&self, similarity: f64) -> DriftAction {
        if similarity >= self.threshold {
            if self.prevents { DriftAction::Prevented } else { DriftAction::Warned }
        } else if self.warning.is_some_and(|warning| similarity >= warning) {
            DriftAction::Warned
        } else {
            DriftAction::Allowed
        }
    }
}

/// How like two texts are, from 0 to 1: the cosine between the counts of their stems (Salton, Wong and Yang, "A Vector
/// Space Model for Automatic Indexing", 1975). Order does not count, nor do endings of words.
pub(crate) fn similarity(one: &str, other: &str) -> f64 {
    let (one, other) = (counts(one), counts(other));
    let product: f64 = one.iter().filter_map(|(term, count)| Some(count * other.get(term)?)).sum();
    let length =
        |counts: &HashMap<String, f64>| counts.values().map(|count| count * count).sum::<f64>().sqrt();
    let lengths = length(&one) * length(&other);
    if lengths > 0.0 { (product / lengths).clamp(0.0, 1.0) } else { 0.0 }
}

fn counts(text: &str) -> HashMap<String, f64> {
    let mut counts = HashMap::new();
    for term in analyze(text).terms {
        *counts.entry(term.as_str().to_owned()).or_insert(0.0) += 1.0;
    }
    counts
}

impl Engine {
    /// How a task with this input comes off beside those above it, if there are any to compare it with.
    pub(crate) async fn compare(
        &self,
        scope: &Scope,
        rule: &DriftRule,
        input: Option<&str>,
        parent: Option<TaskId>,
    ) -> Result<Option<Drift>, Failure> {
        let (Some(input), Some(parent)) = (input, parent) else { return Ok(None) };
        let ancestors = self.store().lineage(scope, parent, rule.ancestors).await?;
        if ancestors.is_empty() {
            return Err(StorageError::Missing.into());
        }
        let likeness = |task: &Task| {
            let other = task.input.as_ref()?;
            // Rounded, as a figure that is shown: nobody compares the sixteenth digit.
            Some((task.id, (similarity(input, other.as_str()) * 1e4).round() / 1e4))
        };
        let most = ancestors.iter().filter_map(likeness).max_by(|(_, one), (_, other)| one.total_cmp(other));
        Ok(most.map(|(ancestor, similarity)| Drift { ancestor, similarity, action: rule.action(similarity) }))
    }

    pub(crate) async fn check_drift(
        &self,
        scope: &Scope,
        command: CheckDrift,
    ) -> Result<CheckDriftView, Failure> {
        self.known_kind("taskType", &command.agent_type)?;
        let rule = self.settings().coordination.drift.ok_or(Failure::NotConfigured)?;
        let drift = self.compare(scope, &rule, Some(command.input.as_str()), command.parent).await?;
        Ok(CheckDriftView {
            compared: drift.is_some(),
            is_drift: drift.is_some_and(|drift| drift.similarity >= rule.threshold),
            drift: drift.map(view),
        })
    }

    pub(crate) async fn drift_metrics(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
    ) -> Result<DriftMetricsView, Failure> {
        let figures = self.store().drift_figures(scope, since).await?;
        Ok(DriftMetricsView {
            checks: figures.checks,
            warned: figures.warned,
            prevented: figures.prevented,
            mean_similarity: figures.mean_similarity,
            greatest_similarity: figures.greatest_similarity,
            last_at: figures.last_at,
        })
    }
}

pub(crate) fn view(drift: Drift) -> DriftView {
    DriftView { ancestor_task_id: drift.ancestor, similarity: drift.similarity, action: drift.action }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_as_like_as_their_words() {
        let close = |one: &str, other: &str, expected: f64| {
            let found = similarity(one, other);
            assert!((found - expected).abs() < 0.01, "{one} / {other}: {found}");
        };
        close("Write the tests for the rollback", "write tests for the rollback!", 0.94);
        close("write tests", "tests, writing", 1.0);
        close("write tests", "deploy the server", 0.0);
        close("a b c d", "a b", 0.707);
        close("", "words", 0.0);
        close("...", "...", 0.0);
    }

    #[test]
    fn a_rule_warns_and_prevents_from_its_thresholds_on() {
        use DriftAction::{Allowed, Prevented, Warned};
        let rule = DriftRule { threshold: 0.9, warning: Some(0.5), ancestors: 3, prevents: true };
        for (similarity, prevents, warning, expected) in [
            (0.49, true, Some(0.5), Allowed),
            (0.5, true, Some(0.5), Warned),
            (0.5, true, None, Allowed),
            (0.89, true, Some(0.5), Warned),
            (0.9, true, Some(0.5), Prevented),
            (0.9, false, Some(0.5), Warned),
        ] {
            let rule = DriftRule { warning, prevents, ..rule };
            assert_eq!(rule.action(similarity), expected, "{similarity} {prevents} {warning:?}");
        }
    }

    proptest! {
        #[test]
        fn likeness_is_between_none_and_all_the_same_both_ways_and_full_with_itself(
            one in "[a-z äöü中文.]{0,60}",
            other in "\\PC{0,60}",
        ) {
            let found = similarity(&one, &other);
            prop_assert!((0.0..=1.0).contains(&found));
            prop_assert!((found - similarity(&other, &one)).abs() < 1e-9);
            let itself = similarity(&one, &one);
            prop_assert!(itself == 0.0 || itself > 0.999_999);
        }
    }
}
