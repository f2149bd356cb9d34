//! What is no plugin, and what of WebAssembly there is not.

use agentstack_plugins::CallLimits;

use crate::guest::{alone, importing, parse, with_memory};
use crate::world::{once, refusal};

const UNUSED: &str = r#"(func (export "call") (param i32 i32 i32 i32) (result i32) unreachable)"#;

#[tokio::test]
async fn s48_an_import_that_is_not_there_is_named() {
    for name in [
        "wasi:filesystem/types@0.2.3",
        "wasi:sockets/tcp@0.2.3",
        "wasi:clocks/monotonic-clock@0.2.3",
        "wasi:cli/environment@0.2.3",
        "wasi:random/random@0.2.3",
        "agentstack:plugin/processes@1.0.0",
        "agentstack:plugin/log@1.0.1",
        "agentstack:plugin/log@2.0.0",
        "agentstack:plugin/log",
        "log",
    ] {
        let text = refusal(importing(name)).await;
        assert_eq!(text, format!("it imports `{name}`, which is not there for plugins"));
    }
}

#[tokio::test]
async fn s48_an_import_of_another_type_is_refused() {
    let text = refusal(importing("agentstack:plugin/clock@1.0.0")).await;
    assert!(text.contains("agentstack:plugin/clock@1.0.0"), "{text}");
}

#[tokio::test]
async fn s48_a_function_of_the_root_cannot_be_imported() {
    let component = parse(r#"(component (import "system" (func)))"#);
    assert!(refusal(component).await.contains("it imports `system`"));
}

#[tokio::test]
async fn s48_a_call_of_another_type_is_refused() {
    let exporting = |params: &str, result: &str, core: &str, options: &str| {
        parse(&format!(
            r#"(component
                (core module $main
                    (memory (export "memory") 2)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                    (func (export "call") {core} unreachable))
                (core instance $main (instantiate $main))
                (func (export "call") {params} {result} (canon lift (core func $main "call") {options})))"#
        ))
    };
    let strings = r#"(param "tool" string) (param "arguments" string)"#;
    let texts = "(result (result string (error string)))";
    let memory = r#"(memory (core memory $main "memory")) (realloc (core func $main "realloc"))"#;
    let four = "(param i32 i32 i32 i32) (result i32)";
    for (params, result, core, options) in [
        ("", "", "", ""),
        (r#"(param "tool" string)"#, texts, "(param i32 i32) (result i32)", memory),
        (r#"(param "arguments" string) (param "tool" string)"#, texts, four, memory),
        (strings, "(result string)", four, memory),
        (strings, "(result (result string))", four, memory),
        (strings, "(result (result (list u8) (error string)))", four, memory),
        (strings, "", "(param i32 i32 i32 i32)", memory),
        (r#"(param "tool" u32) (param "arguments" u32)"#, texts, "(param i32 i32) (result i32)", memory),
    ] {
        let text = refusal(exporting(params, result, core, options)).await;
        assert!(text.contains("not of the type in plugin.wit"), "{params} {result}: {text}");
    }
    assert!(refusal(parse("(component)")).await.contains("no export `call`"));
}

/// Tools that make components leave exports behind.
#[tokio::test]
async fn what_else_it_exports_does_not_matter() {
    let component = parse(
        r#"(component
            (core module $main
                (memory (export "memory") 2)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                (func (export "init"))
                (func (export "call") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
            (core instance $main (instantiate $main))
            (func (export "init") (canon lift (core func $main "init")))
            (func (export "call") (param "tool" string) (param "arguments" string)
                    (result (result string (error string)))
                (canon lift (core func $main "call")
                    (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#,
    );
    assert_eq!(once(component, CallLimits::default()).await, Ok(String::new()));
}

#[tokio::test]
async fn a_module_is_no_component_and_neither_is_a_text() {
    assert_ne!(refusal(parse("(module)")).await, "");
    assert_ne!(refusal(b"(component)".to_vec()).await, "");
    assert_ne!(refusal(Vec::new()).await, "");
    assert_ne!(refusal(b"\0asm".to_vec()).await, "");
}

#[tokio::test]
async fn s48_what_compilers_do_not_emit_unless_told_to_is_refused() {
    let features = [
        ("threads must be enabled", with_memory(r#"(memory (export "memory") 2 3 shared)"#, UNUSED)),
        ("threads support is not enabled", alone(&format!("(func atomic.fence) {UNUSED}"))),
        ("memory64", alone(&format!("(table i64 1 funcref) {UNUSED}"))),
        ("exceptions proposal", alone(&format!("(tag) {UNUSED}"))),
        ("gc feature", alone(&format!("(type (struct (field i32))) {UNUSED}"))),
        ("function references", alone(&format!("(type $f (func)) (func (param (ref $f))) {UNUSED}"))),
        ("tail calls support", alone(&format!("(func $f return_call $f) {UNUSED}"))),
        (
            "relaxed SIMD support",
            alone(&format!(
                "(func (param v128 v128) (result v128)
                    (i8x16.relaxed_swizzle (local.get 0) (local.get 1))) {UNUSED}"
            )),
        ),
    ];
    for (said, component) in features {
        let text = refusal(component).await;
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[tokio::test]
async fn what_compilers_emit_is_there() {
    let component = alone(
        r#"(table $t 1 funcref)
        (func $two (result i32 i32) (i32.const 1) (i32.const 2))
        (func (export "call") (param i32 i32 i32 i32) (result i32)
            (drop (i32.trunc_sat_f64_s (f64.const nan)))
            (drop (i32.extend8_s (i32.const 255)))
            (drop (v128.const i64x2 1 2))
            (memory.fill (i32.const 0) (i32.const 32) (i32.const 4))
            (drop (i32.add (call $two)))
            (call $answer (i32.const 0) (i32.const 4)))"#,
    );
    assert_eq!(once(component, CallLimits::default()).await, Ok("    ".to_owned()));
}
