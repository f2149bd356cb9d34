//! How code is compiled and run.

use std::num::NonZeroUsize;

use wasmtime::{Config, Engine, Result, WasmFeatures};

/// What the compiled code may have on its stack. More is a trap: a plugin that calls itself without end gets there in
/// milliseconds.
const WASM_STACK_BYTES: usize = 512 * 1024;
/// What is left on the same stack for the host's side of a call: as much as a thread of the runtime has.
const HOST_STACK_BYTES: usize = 2 * 1024 * 1024;

/// What of WebAssembly there is: what compilers for it emit unless told otherwise. What is not named here is refused:
/// threads, shared and 64-bit memory, exceptions, garbage collection, whatever comes next.
///
/// Several memories in a module is what wasmtime itself makes use of, between the parts of a component. Without it, it
/// panics on such a component.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::BULK_MEMORY_OPT)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::COMPONENT_MODEL);

/// The engine: the compiler and what it compiled.
pub(crate) fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(FEATURES, true)
        .concurrency_support(false)
        .consume_fuel(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(WASM_STACK_BYTES + HOST_STACK_BYTES)
        // The same arguments lead to the same answer, on whatever processor.
        .cranelift_nan_canonicalization(true)
        // Operators are told what happened, not at which address; one frame says whether the plugin's code was running.
        .wasm_backtrace_max_frames(Some(NonZeroUsize::MIN))
        .generate_address_map(false)
        .native_unwind_info(false);
    Engine::new(&config)
}
