//! The sandbox that runs plugins (S48): WebAssembly components, on wasmtime.
//!
//! [`WasmHost`] makes a component ready, which takes seconds and is done once. Each call then runs in a store of its own,
//! with nothing left over from an earlier one: nothing that a plugin learned from one caller can reach another. What it
//! can import are the interfaces of `wit/plugin.wit` and nothing else; WASI is not there, so there is no file, socket,
//! environment or random number to take away from it.
//!
//! What a call can use up is bounded, each bound with a [`CallLimit`](agentstack_plugins::CallLimit) that says so:
//!
//! | limit | how |
//! |---|---|
//! | `fuel` | Counted by the compiled code. After each 100,000 units other tasks of the runtime get their turn, so a plugin that spins holds up nobody, on whatever kind of runtime. |
//! | `timeMs` | A timer around all of it, what it waits for included. One instruction on a block of memory is not interrupted: the timer can be late by the time it takes to fill `memoryBytes`. |
//! | `memoryBytes` | All linear memories of the call together, and tables at 8 bytes an element. Who asks for more is ended, instead of told that there is none: no code of a plugin runs on without memory. |
//! | `outputBytes` | Measured in UTF-8. What is copied out of the plugin to be measured is bounded, too. |
//! | `hostCalls` | Every call of an import counts, lines for the log too. |
//!
//! Besides, what one question or answer can make the host allocate is bounded ([`HOST_CALL_BYTES`]), however cleverly its lists
//! overlap, and so are stacks, instances, memories, tables and handles.
//!
//! No thread runs for it in between, and the process has the engine only once something was loaded. From then on it has
//! wasmtime's handlers for `SIGSEGV`, `SIGFPE` and `SIGILL`, which is how code finds out that it left its memory; a fault
//! that is not a plugin's goes on to the handlers that were there before.
//!
//! **Invariant:** no unsafe code, so no compiled code is ever taken from anywhere but the compiler; no word of a plugin is
//! trusted; every import counts.

mod bindings;
mod call;
mod check;
mod engine;
mod host;
mod imports;
mod state;

pub use host::WasmHost;
pub use state::HOST_CALL_BYTES;
