//! The sections about agents and tasks.

use agentstack_core::limits::RUN_TOKENS;
use serde::{Deserialize, Serialize};

/// Runs of agents.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Agents {
    /// Most agents of one session that have not stopped, and most runs of one caller at one time.
    pub max_concurrent: u32,
    /// Kinds of agents besides the built-in ones.
    pub types: Vec<CustomAgentType>,
    /// Longest run of an agent, in seconds.
    #[serde(rename = "defaultTimeout")]
    pub default_timeout_seconds: u32,
    /// Most tokens of the answer of a run.
    pub max_tokens: u32,
}

impl Default for Agents {
    fn default() -> Self {
        Self { max_concurrent: 5, types: vec![], default_timeout_seconds: 300, max_tokens: RUN_TOKENS }
    }
}

/// A kind of agent of one's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CustomAgentType {
    /// Its name.
    #[serde(rename = "type")]
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// How to instruct a model that is to be such an agent.
    pub system_prompt: String,
}

/// Tells tasks that stray from what they descend from.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct DriftDetection {
    /// Whether it is on.
    pub enabled: bool,
    /// From which likeness on a task strays, from 0 to 1.
    pub threshold: f64,
    /// From which likeness on to warn; below `threshold`. Without it there are no early warnings.
    pub warning_threshold: Option<f64>,
    /// How many ancestors are compared.
    pub ancestor_depth: u32,
    /// What happens to a task that strays.
    pub behavior: DriftBehavior,
    /// By what tasks are compared.
    pub similarity: DriftSimilarity,
    /// Accepted, and without effect: vectors of tasks are not kept.
    pub async_embedding: bool,
}

impl Default for DriftDetection {
    fn default() -> Self {
        Self {
            enabled: false,
            threshold: 0.95,
            warning_threshold: None,
            ancestor_depth: 3,
            behavior: DriftBehavior::Warn,
            similarity: DriftSimilarity::Embedding,
            async_embedding: true,
        }
    }
}

/// By what tasks are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DriftSimilarity {
    /// By meaning.
    #[default]
    Embedding,
    /// By their words.
    Lexical,
}

/// What happens to a task that strays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DriftBehavior {
    /// It is created, with a warning.
    #[default]
    Warn,
    /// It is refused.
    Prevent,
}

/// What an agent may use before it is stopped.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ResourceExhaustion {
    /// Whether it is on.
    pub enabled: bool,
    /// How much.
    pub thresholds: ResourceThresholds,
    /// From which part of it on an agent is warned, from 0 to 1.
    pub warning_threshold_percent: f64,
    /// Whether an agent that goes on is stopped for good.
    pub auto_terminate: bool,
}

impl Default for ResourceExhaustion {
    fn default() -> Self {
        Self {
            enabled: false,
            thresholds: ResourceThresholds::default(),
            warning_threshold_percent: 0.7,
            auto_terminate: false,
        }
    }
}

/// How much an agent may use; 0 is without end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ResourceThresholds {
    /// Calls that name it.
    pub max_api_calls: u32,
    /// Tokens of language models.
    pub max_tokens_consumed: u32,
    /// Tasks under tasks assigned to it.
    pub max_subtasks_spawned: u32,
    /// Milliseconds without a completed task.
    pub max_time_without_deliverable_ms: u32,
}

impl Default for ResourceThresholds {
    fn default() -> Self {
        Self {
            max_api_calls: 1_000,
            max_tokens_consumed: 500_000,
            max_subtasks_spawned: 20,
            max_time_without_deliverable_ms: 30 * 60 * 1_000,
        }
    }
}
