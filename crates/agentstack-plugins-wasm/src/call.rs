//! One call of a component that is ready.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agentstack_core::Clock;
use agentstack_plugins::{CallLimit, CallProblem, LoadedPlugin, PluginCall};
use async_trait::async_trait;
use wasmtime::{Result as Outcome, Store};

use crate::bindings::PluginPre;
use crate::state::{CallState, HANDLES, HOST_CALL_BYTES, short};

/// Fuel after which other tasks get their turn: less than a tenth of a millisecond.
const TURN_FUEL: u64 = 100_000;

/// A component that is ready.
pub(crate) struct Ready {
    plugin: PluginPre<CallState>,
    clock: Arc<dyn Clock>,
}

impl Ready {
    pub(crate) fn new(plugin: PluginPre<CallState>, clock: Arc<dyn Clock>) -> Self {
        Self { plugin, clock }
    }

    /// A store for one call: nothing in it is of another.
    fn store(&self, state: CallState, fuel: u64) -> Outcome<Store<CallState>> {
        let mut store = Store::new(self.plugin.engine(), state);
        store.limiter(|state| state);
        store.set_hostcall_fuel(HOST_CALL_BYTES);
        store.set_max_component_handles(HANDLES);
        store.set_fuel(fuel)?;
        store.fuel_async_yield_interval(Some(TURN_FUEL))?;
        Ok(store)
    }

    async fn run(&self, call: PluginCall) -> Result<String, CallProblem> {
        let PluginCall { tool, arguments, limits, services } = call;
        let state = CallState::new(services, Arc::clone(&self.clock), limits);
        let store = self.store(state, limits.fuel());
        let mut store = store.map_err(|error| CallProblem::Trapped(short(&format!("{error:#}"))))?;
        let answer = async {
            let plugin = self.plugin.instantiate_async(&mut store).await?;
            plugin.call_call(&mut store, &tool, &arguments).await
        };
        match answer.await {
            Ok(Ok(answer)) if answer.len() as u64 > limits.output_bytes() => {
                Err(CallProblem::Limit(CallLimit::Output))
            }
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(text)) => Err(CallProblem::Failed(short(&text))),
            Err(error) => Err(store.data().problem(&error)),
        }
    }
}

#[async_trait]
impl LoadedPlugin for Ready {
    async fn call(&self, call: PluginCall) -> Result<String, CallProblem> {
        let time = Duration::from_millis(call.limits.time_ms());
        let answer = tokio::time::timeout(time, self.run(call)).await;
        answer.unwrap_or(Err(CallProblem::Limit(CallLimit::Time)))
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}
