//! What a component must be to run here: known before anything of it runs.

use agentstack_plugins::CallLimits;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Type};

use crate::state::{MEMORIES, TABLES, short};

/// What it may import.
const IMPORTS: [&str; 6] = [
    "agentstack:plugin/types@1.0.0",
    "agentstack:plugin/log@1.0.0",
    "agentstack:plugin/memory@1.0.0",
    "agentstack:plugin/http@1.0.0",
    "agentstack:plugin/config@1.0.0",
    "agentstack:plugin/clock@1.0.0",
];
/// A page of linear memory.
const PAGE_BYTES: u64 = 64 * 1024;

/// Why the component cannot run here, if it cannot. What it exports besides is nobody's business.
pub(crate) fn check(engine: &Engine, component: &Component) -> Result<(), String> {
    let kind = component.component_type();
    if let Some((name, _)) = kind.imports(engine).find(|(name, _)| !IMPORTS.contains(name)) {
        return Err(format!("it imports `{}`, which is not there for plugins", short(name)));
    }
    match kind.get_export(engine, "call").map(|export| export.ty) {
        Some(ComponentItem::ComponentFunc(function)) if is_call(&function) => {}
        Some(_) => return Err("what it exports as `call` is not of the type in plugin.wit".to_owned()),
        None => return Err("it has no export `call`".to_owned()),
    }
    let needs = component.resources_required().ok_or("it takes in a module when it starts")?;
    let most = CallLimits::CEILINGS.memory_bytes();
    if needs.num_memories as usize > MEMORIES || needs.num_tables as usize > TABLES {
        return Err(format!("it has more than {MEMORIES} memories or {TABLES} tables"));
    }
    if needs.max_initial_memory_size.is_some_and(|pages| pages.saturating_mul(PAGE_BYTES) > most) {
        return Err(format!("it starts with a memory of more than {most} bytes"));
    }
    Ok(())
}

/// Whether it is `func(tool: string, arguments: string) -> result<string, string>`.
fn is_call(function: &ComponentFunc) -> bool {
    let texts = |outcome: &Type| match outcome {
        Type::Result(outcome) => {
            matches!(outcome.ok(), Some(Type::String)) && matches!(outcome.err(), Some(Type::String))
        }
        _ => false,
    };
    let names = ["tool", "arguments"];
    let takes = function.params().len() == names.len()
        && function
            .params()
            .zip(names)
            .all(|((name, kind), expected)| name == expected && matches!(kind, Type::String));
    takes
        && !function.async_()
        && function.results().len() == 1
        && function.results().all(|kind| texts(&kind))
}
