//! Drift: whether a task is one of its own ancestors again.

use std::collections::HashMap;

use agentstack_access::Scope;
use agentstack_api::command::CheckDrift;
use agentstack_api::view::{CheckDriftView, DriftMetricsView, DriftView};
use agentstack_core::{DriftAction, Task, TaskId, Timestamp};
use agentstack_storage::text::analyze;
use agentstack_storage::{Drift, StorageError, Vector};

use crate::Engine;
use crate::embedding::is_about_a_text;
use crate::failure::Failure;

/// By what tasks are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Likeness {
    /// By the words of their inputs.
    #[default]
    Words,
    /// By the meaning of their inputs, which are sent to the embedder for it.
    Meaning,
}

/// How a new task is compared with its ancestors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftRule {
    /// By what.
    pub likeness: Likeness,
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
        let inputs = |task: &'_ Task| Some((task.id, task.input.as_ref()?.as_str().to_owned()));
        let (tasks, inputs): (Vec<TaskId>, Vec<String>) = ancestors.iter().filter_map(inputs).unzip();
        let likeness = match rule.likeness {
            Likeness::Words => inputs.iter().map(|other| Some(similarity(input, other))).collect(),
            Likeness::Meaning => self.alike(rule, input, &inputs).await?,
        };
        // Rounded, as a figure that is shown: nobody compares the sixteenth digit.
        let rounded = |(task, similar): (TaskId, Option<f64>)| Some((task, (similar? * 1e4).round() / 1e4));
        let compared = tasks.into_iter().zip(likeness).filter_map(rounded);
        let most = compared.max_by(|(_, one), (_, other)| one.total_cmp(other));
        Ok(most.map(|(ancestor, similarity)| Drift { ancestor, similarity, action: rule.action(similarity) }))
    }

    /// How like an input is to others by meaning, if both have a vector. An embedder that is away leaves it at that where a
    /// warning is all that could come of it; what could have to be prevented is not let through unseen.
    async fn alike(
        &self,
        rule: &DriftRule,
        input: &str,
        others: &[String],
    ) -> Result<Vec<Option<f64>>, Failure> {
        if others.is_empty() {
            return Ok(vec![]);
        }
        let texts = std::iter::once(input).chain(others.iter().map(String::as_str));
        match self.embedded(texts).await {
            Ok(vectors) => {
                let (own, others) = vectors.split_first().ok_or(Failure::NotConfigured)?;
                let cosine = |other: &Option<Vector>| Some(own.as_ref()?.cosine(other.as_ref()?)?.max(0.0));
                Ok(others.iter().map(cosine).collect())
            }
            Err(Failure::Provider(error)) if !rule.prevents || is_about_a_text(&error) => {
                tracing::warn!(error = %error, "a task was not compared with its ancestors");
                Ok(vec![])
            }
            Err(failure) => Err(failure),
        }
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
        let rule = DriftRule {
            likeness: Likeness::Words,
            threshold: 0.9,
            warning: Some(0.5),
            ancestors: 3,
            prevents: true,
        };
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
