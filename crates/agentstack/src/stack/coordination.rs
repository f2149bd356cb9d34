//! How agents and tasks are served.

use std::time::Duration;

use agentstack_core::AgentType;
use agentstack_engine::{AgentKind, Allowance, Coordination, DriftRule, Likeness, RunLimits, TaskBounds};

use crate::config::{Config, DriftBehavior, DriftSimilarity, ResourceExhaustion};

pub(super) fn coordination(config: &Config) -> Coordination {
    let mut kinds = AgentKind::builtin().to_vec();
    for custom in &config.agents.types {
        // Its name was checked when the configuration was read.
        let Ok(name) = custom.name.parse::<AgentType>() else { continue };
        kinds.retain(|kind| kind.agent_type != name);
        let (description, capabilities) = (custom.description.clone(), custom.capabilities.clone());
        kinds.push(AgentKind::new(name, description, capabilities, &custom.system_prompt));
    }
    let (drift, limits) = (&config.drift_detection, &config.limits);
    let is_lexical = drift.similarity == DriftSimilarity::Lexical;
    let rule = DriftRule {
        likeness: if is_lexical { Likeness::Words } else { Likeness::Meaning },
        threshold: drift.threshold,
        warning: drift.warning_threshold,
        ancestors: drift.ancestor_depth,
        prevents: drift.behavior == DriftBehavior::Prevent,
    };
    Coordination {
        kinds,
        agents_concurrent: config.agents.max_concurrent,
        tasks: TaskBounds {
            depth: limits.task_depth,
            parts: limits.task_parts,
            tasks: limits.tasks_per_session,
        },
        drift: drift.enabled.then_some(rule),
        allowance: config.resource_exhaustion.enabled.then(|| allowance(&config.resource_exhaustion)),
        runs: RunLimits {
            time: Duration::from_secs(config.agents.default_timeout_seconds.into()),
            concurrent: config.agents.max_concurrent,
            tokens: config.agents.max_tokens,
        },
    }
}

fn allowance(section: &ResourceExhaustion) -> Allowance {
    let most = |number: u32| (number > 0).then_some(u64::from(number));
    let thresholds = &section.thresholds;
    Allowance {
        operations: most(thresholds.max_api_calls),
        tokens: most(thresholds.max_tokens_consumed),
        subtasks: most(thresholds.max_subtasks_spawned),
        without_result_ms: most(thresholds.max_time_without_deliverable_ms),
        warn_at: section.warning_threshold_percent,
        stops: section.auto_terminate,
    }
}
