//! The settings of agents and tasks: kinds of agents, bounds, allowances.

use std::sync::LazyLock;
use std::time::Duration;

use agentstack_core::limits::{
    AGENTS_CONCURRENT, RUN_MS, RUN_TOKENS, TASK_DEPTH, TASK_PARTS, TASKS_PER_SESSION,
};
use agentstack_core::{AgentType, AgentUsage, Timestamp};
use agentstack_storage::TaskBounds;
use serde::Deserialize;

use crate::drift::DriftRule;

/// How agents and tasks are served.
#[derive(Debug, Clone)]
pub struct Coordination {
    /// The kinds of agents there are.
    pub kinds: Vec<AgentKind>,
    /// Most agents of a session that have not stopped.
    pub agents_concurrent: u32,
    /// How many and how deep tasks may be.
    pub tasks: TaskBounds,
    /// How a new task is compared with its ancestors, if it is.
    pub drift: Option<DriftRule>,
    /// What each agent may use before it is stopped, if anything is counted against it.
    pub allowance: Option<Allowance>,
    /// What runs of agents are held to.
    pub runs: RunLimits,
}

/// What runs of agents are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// How long one may take.
    pub time: Duration,
    /// Most of one holder at one time.
    pub concurrent: u32,
    /// Most tokens of an answer.
    pub tokens: u32,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { time: Duration::from_millis(RUN_MS), concurrent: AGENTS_CONCURRENT, tokens: RUN_TOKENS }
    }
}

impl Default for Coordination {
    fn default() -> Self {
        Self {
            kinds: AgentKind::builtin().to_vec(),
            agents_concurrent: AGENTS_CONCURRENT,
            tasks: TaskBounds { depth: TASK_DEPTH, parts: TASK_PARTS, tasks: TASKS_PER_SESSION },
            drift: None,
            allowance: None,
            runs: RunLimits::default(),
        }
    }
}

impl Coordination {
    /// The kind of agent with this name.
    pub(crate) fn kind(&self, agent_type: &AgentType) -> Option<&AgentKind> {
        self.kinds.iter().find(|kind| kind.agent_type == *agent_type)
    }
}

/// A kind of agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentKind {
    /// Its name.
    pub agent_type: AgentType,
    /// What it does.
    pub description: String,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// How to instruct a model that is to be such an agent.
    pub system_prompt: String,
}

/// A kind of agent as `agents/types.json` has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    #[serde(rename = "type")]
    name: String,
    description: String,
    capabilities: Vec<String>,
}

const TYPES: &str = include_str!("../agents/types.json");
/// What every prompt ends with.
const COMMON: &str = include_str!("../agents/common.md");
const PROMPTS: [(&str, &str); 11] = [
    ("coder", include_str!("../agents/coder.md")),
    ("researcher", include_str!("../agents/researcher.md")),
    ("tester", include_str!("../agents/tester.md")),
    ("reviewer", include_str!("../agents/reviewer.md")),
    ("adversarial", include_str!("../agents/adversarial.md")),
    ("architect", include_str!("../agents/architect.md")),
    ("coordinator", include_str!("../agents/coordinator.md")),
    ("analyst", include_str!("../agents/analyst.md")),
    ("devops", include_str!("../agents/devops.md")),
    ("documentation", include_str!("../agents/documentation.md")),
    ("security-auditor", include_str!("../agents/security-auditor.md")),
];

static BUILTIN: LazyLock<Vec<AgentKind>> = LazyLock::new(|| {
    // The files are part of the program, and a test reads them.
    let described: Vec<Described> = serde_json::from_str(TYPES).unwrap_or_default();
    described.into_iter().filter_map(Described::kind).collect()
});

impl Described {
    fn kind(self) -> Option<AgentKind> {
        let (_, prompt) = PROMPTS.iter().find(|(name, _)| *name == self.name)?;
        AgentKind::new(self.name.parse().ok()?, self.description, self.capabilities, prompt).into()
    }
}

impl AgentKind {
    /// A kind whose system prompt begins with `prompt` and ends with what all agents are told.
    #[must_use]
    pub fn new(agent_type: AgentType, description: String, capabilities: Vec<String>, prompt: &str) -> Self {
        let system_prompt = format!("{}\n\n{}", prompt.trim_end(), COMMON.trim_end());
        Self { agent_type, description, capabilities, system_prompt }
    }

    /// The kinds that the product has.
    #[must_use]
    pub fn builtin() -> &'static [Self] {
        &BUILTIN
    }
}

/// What an agent may use until somebody gives it a new allowance. `None` is without end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// Calls that name it.
    pub operations: Option<u64>,
    /// Tokens of language models.
    pub tokens: Option<u64>,
    /// Tasks under tasks assigned to it.
    pub subtasks: Option<u64>,
    /// Milliseconds without a completed task.
    pub without_result_ms: Option<u64>,
    /// From which part of it on the agent is warned, from 0 to 1.
    pub warn_at: f64,
    /// Whether an agent that goes on for half as much again is stopped for good.
    pub stops: bool,
}

/// How far an agent is with its allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Normal,
    Warning,
    Paused,
    Stopped,
}

/// At which part of its allowance an agent is stopped.
const STOP_AT: f64 = 1.5;

impl Allowance {
    /// How many tokens an agent that has used this much has left, if they are counted.
    pub(crate) fn tokens_left(&self, usage: &AgentUsage) -> Option<u64> {
        self.tokens.map(|most| most.saturating_sub(usage.tokens))
    }

    /// How far an agent is that has used this much by `now`.
    pub(crate) fn phase(&self, usage: &AgentUsage, now: Timestamp) -> Phase {
        let since = now.as_millis().saturating_sub(usage.result_at.as_millis());
        let used = [
            (usage.operations, self.operations),
            (usage.tokens, self.tokens),
            (usage.subtasks, self.subtasks),
            (u64::try_from(since).unwrap_or(0), self.without_result_ms),
        ];
        let part = used.into_iter().filter_map(|(used, most)| Some(part(used, most?))).fold(0.0, f64::max);
        match part {
            part if part >= STOP_AT && self.stops => Phase::Stopped,
            part if part >= 1.0 => Phase::Paused,
            part if part >= self.warn_at => Phase::Warning,
            _ => Phase::Normal,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "what counts is whether it is about as much, or more")]
fn part(used: u64, most: u64) -> f64 {
    if most == 0 { f64::INFINITY } else { used as f64 / most as f64 }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_eleven_kinds_each_with_its_own_description_capabilities_and_prompt() {
        let kinds = AgentKind::builtin();
        let names: Vec<&str> = kinds.iter().map(|kind| kind.agent_type.as_str()).collect();
        assert_eq!(names, PROMPTS.map(|(name, _)| name));
        for kind in kinds {
            assert!((20..=120).contains(&kind.description.chars().count()), "{}", kind.agent_type);
            assert!((4..=7).contains(&kind.capabilities.len()), "{}", kind.agent_type);
            assert!(kind.system_prompt.starts_with("You are a"), "{}", kind.agent_type);
            assert!(kind.system_prompt.ends_with(COMMON.trim_end()), "{}", kind.agent_type);
            assert!(kind.system_prompt.len() < 8 * 1024, "{}", kind.agent_type);
        }
        let distinct: HashSet<&Vec<String>> = kinds.iter().map(|kind| &kind.capabilities).collect();
        assert_eq!(distinct.len(), kinds.len());
    }

    #[test]
    fn an_allowance_warns_pauses_and_stops_by_whatever_is_used_most() {
        let all = Allowance {
            operations: Some(100),
            tokens: Some(1_000),
            subtasks: Some(10),
            without_result_ms: Some(60_000),
            warn_at: 0.7,
            stops: true,
        };
        let usage = |operations, tokens, subtasks| AgentUsage {
            operations,
            tokens,
            subtasks,
            result_at: Timestamp::from_millis(0),
        };
        for (usage, at, expected) in [
            (usage(0, 0, 0), 0, Phase::Normal),
            (usage(69, 699, 6), 41_999, Phase::Normal),
            (usage(70, 0, 0), 0, Phase::Warning),
            (usage(0, 700, 0), 0, Phase::Warning),
            (usage(0, 0, 7), 0, Phase::Warning),
            (usage(0, 0, 0), 42_000, Phase::Warning),
            (usage(100, 0, 0), 0, Phase::Paused),
            (usage(0, 0, 0), 89_999, Phase::Paused),
            (usage(150, 0, 0), 0, Phase::Stopped),
            (usage(0, 0, 0), 90_000, Phase::Stopped),
            (usage(0, 0, 0), -5, Phase::Normal),
        ] {
            assert_eq!(all.phase(&usage, Timestamp::from_millis(at)), expected, "{usage:?} at {at}");
            let pausing = Allowance { stops: false, ..all };
            assert_eq!(pausing.phase(&usage, Timestamp::from_millis(at)), expected.min(Phase::Paused));
        }
        let none =
            Allowance { operations: None, tokens: None, subtasks: None, without_result_ms: None, ..all };
        assert_eq!(none.phase(&usage(9, 9, 9), Timestamp::from_millis(i64::MAX)), Phase::Normal);
    }
}
