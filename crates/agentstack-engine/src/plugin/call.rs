//! A call of a plugin's tool.

use std::sync::Arc;
use std::time::Duration;

use agentstack_access::{Claim, Scope};
use agentstack_api::InputError;
use agentstack_api::command::CallPlugin;
use agentstack_api::view::CallPluginView;
use agentstack_core::PluginName;
use agentstack_plugins::{CallProblem, Granted, Mismatch, PluginCall};
use tokio::sync::SemaphorePermit;

use super::services::CallServices;
use super::{Plugins, granted};
use crate::Engine;
use crate::failure::Failure;

/// How many calls of plugins are under way at a time in one process: each may take as much memory as it was granted.
pub(crate) const CALLS_AT_ONCE: usize = 8;
/// How long a call waits for its turn.
const TURN: Duration = Duration::from_secs(5);

impl Engine {
    pub(crate) async fn call_plugin(
        &self,
        scope: &Scope,
        ask: CallPlugin,
    ) -> Result<CallPluginView, Failure> {
        let plugins = self.plugins()?;
        let record = self.enabled_plugin(scope, &ask.plugin).await?;
        let (entry, component) = self.component_of(plugins, &record, scope.request()).await?;
        let manifest = entry.manifest().ok_or(Failure::Absent)?;
        let tool = manifest.tool(&ask.tool).ok_or(Failure::Absent)?;
        let arguments = tool.arguments(ask.arguments).map_err(|mismatch| not_taken(&mismatch))?;
        let granted = granted(&record, manifest.requests())?;
        let limits = *granted.grants().limits();
        let offered = manifest.name().offered(tool.name());
        let _turn = self.plugin_turn(scope, &ask.plugin).await?;
        let services = self.services(scope, ask.claim, plugins, granted, ask.plugin, offered.clone())?;
        let call =
            PluginCall { tool: tool.name().to_string(), arguments, limits, services: Arc::new(services) };
        let answered =
            component.call(call).await.map_err(|problem| self.plugin_problem(scope, &offered, problem))?;
        let result = tool.answer(answered.as_bytes(), &limits).map_err(|mismatch| {
            tracing::warn!(target: "agentstack::plugin", tool = offered, request = %scope.request(), problem = ?mismatch.to_string());
            Failure::PluginAnswer(mismatch)
        })?;
        self.plugin_answer(scope, &record, offered, result)
    }

    /// One of the turns of calls, which ends when it is dropped.
    async fn plugin_turn(&self, scope: &Scope, plugin: &PluginName) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(turn) = self.plugin_turns().try_acquire() {
            return Ok(turn);
        }
        let turn = tokio::time::timeout(TURN, self.plugin_turns().acquire()).await;
        let Ok(Ok(turn)) = turn else { return Err(Failure::TooMuch { retry_after_seconds: 1 }) };
        // Whoever waited may have waited while it was disabled.
        self.enabled_plugin(scope, plugin).await?;
        Ok(turn)
    }

    /// Why there is no answer. A plugin's own words are for the operator: to a caller they would be words of nobody whom it
    /// trusts, and errors stand in no fence.
    fn plugin_problem(&self, scope: &Scope, tool: &str, problem: CallProblem) -> Failure {
        let words = self.scrub(&problem.to_string());
        tracing::warn!(target: "agentstack::plugin", tool, request = %scope.request(), problem = ?words);
        Failure::Plugin(problem)
    }

    fn services(
        &self,
        scope: &Scope,
        claim: Claim,
        plugins: &Plugins,
        granted: Granted,
        plugin: PluginName,
        tool: String,
    ) -> Result<CallServices, Failure> {
        let engine = self.shared().ok_or(Failure::Unrecorded)?;
        let config = plugins.config.get(&plugin).cloned().unwrap_or_default();
        let web = Arc::clone(&plugins.web);
        Ok(CallServices { engine, caller: scope.caller(), claim, granted, plugin, tool, web, config })
    }
}

/// Arguments that the tool does not take.
fn not_taken(mismatch: &Mismatch) -> Failure {
    let error = match mismatch {
        Mismatch::Rule { at, keyword } => InputError::new(
            format!("arguments{at}"),
            format_args!("must be what `{keyword}` of the tool's schema says"),
        ),
        other => InputError::new("arguments", other),
    };
    Failure::Input(error)
}

/// The word under which the audit log keeps why a call has no answer.
pub(crate) fn reason(problem: &CallProblem) -> &'static str {
    use agentstack_plugins::CallLimit::{Fuel, HostCalls, Memory, Output, Time};
    match problem {
        CallProblem::Failed(_) => "plugin_failed",
        CallProblem::Limit(Fuel) => "limit_fuel",
        CallProblem::Limit(Time) => "limit_time",
        CallProblem::Limit(Memory) => "limit_memory",
        CallProblem::Limit(Output) => "limit_output",
        CallProblem::Limit(HostCalls) => "limit_host_calls",
        _ => "trap",
    }
}
