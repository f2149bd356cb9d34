//! What the compiler makes of `wit/plugin.wit`.

wasmtime::component::bindgen!({
    path: "wit",
    world: "plugin",
    // Async, so that others get their turn; with traps, so that a limit ends the call.
    imports: { default: async | trappable },
    exports: { default: async },
});
