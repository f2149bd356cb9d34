//! What belongs to one call: who answers it and how much it may still use up.

use std::sync::Arc;

use agentstack_core::Clock;
use agentstack_plugins::{CallLimit, CallLimits, CallProblem, Services};
use wasmtime::{Error, ResourceLimiter, Result, Trap, WasmBacktrace};

/// Most bytes of the host's memory that one question of a plugin can take, or its answer before it is measured. It holds
/// the longest content that memory has, 1,000,000 characters of four bytes, and what goes with it.
pub const HOST_CALL_BYTES: usize = 5 * 1024 * 1024;

/// Most of each that a component can have. What compilers make has less than ten instances, a memory and two tables.
pub(crate) const INSTANCES: usize = 32;
pub(crate) const MEMORIES: usize = 8;
pub(crate) const TABLES: usize = 32;
/// Handles that are live at a time, which are in the host's memory.
pub(crate) const HANDLES: usize = 10_000;
/// What an element of a table takes.
const ELEMENT_BYTES: usize = size_of::<usize>();
/// Longest text about a failure, in characters.
const TEXT_CHARS: usize = 500;

/// The state of a call.
pub(crate) struct CallState {
    pub(crate) services: Arc<dyn Services>,
    pub(crate) clock: Arc<dyn Clock>,
    limits: CallLimits,
    /// Questions that were asked.
    asked: u64,
    /// Bytes of memories and tables.
    used: u64,
    /// The limit at which the host has ended it.
    reached: Option<CallLimit>,
}

impl CallState {
    pub(crate) fn new(services: Arc<dyn Services>, clock: Arc<dyn Clock>, limits: CallLimits) -> Self {
        Self { services, clock, limits, asked: 0, used: 0, reached: None }
    }

    /// Counts a question, and lets others have their turn: what the host does for a plugin takes no fuel.
    pub(crate) async fn ask(&mut self) -> Result<()> {
        if self.asked >= self.limits.host_calls() {
            return Err(self.end(CallLimit::HostCalls));
        }
        self.asked += 1;
        tokio::task::yield_now().await;
        Ok(())
    }

    fn end(&mut self, limit: CallLimit) -> Error {
        self.reached = Some(limit);
        Error::msg(limit.as_str())
    }

    /// Bytes more of memory, of which `current` are there already.
    fn grow(
        &mut self,
        current: usize,
        desired: usize,
        element: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        // Its own declaration forbids it: it is told so, as in every other host.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let more = desired.saturating_sub(current).saturating_mul(element);
        self.used = self.used.saturating_add(more as u64);
        if self.used > self.limits.memory_bytes() { Err(self.end(CallLimit::Memory)) } else { Ok(true) }
    }

    /// Why there is no answer, after the engine said so.
    pub(crate) fn problem(&self, error: &Error) -> CallProblem {
        if let Some(limit) = self.reached {
            return CallProblem::Limit(limit);
        }
        if error.downcast_ref::<Trap>() == Some(&Trap::OutOfFuel) {
            return CallProblem::Limit(CallLimit::Fuel);
        }
        let text = error.root_cause().to_string();
        // Not while its code ran: so it is the answer that is too long to be copied. The type of that error is wasmtime's
        // secret; a test shows that the text is still the one.
        let while_it_ran = error.downcast_ref::<WasmBacktrace>().is_some();
        if !while_it_ran && text.contains("fuel allocated for hostcalls") {
            return CallProblem::Limit(CallLimit::Output);
        }
        CallProblem::Trapped(short(&text))
    }
}

impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        self.grow(current, desired, 1, maximum)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        Err(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        self.grow(current, desired, ELEMENT_BYTES, maximum)
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        Err(error)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

/// A text that may hold anything, cut.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
