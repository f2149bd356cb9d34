//! Components that are made of components: between those, wasmtime writes code of its own.

use std::sync::Arc;

use agentstack_plugins::{CallLimit, CallLimits, CallProblem, PluginCall};
use serde_json::json;

use crate::guest::{REALLOC, parse};
use crate::world::{call, limits, load, once};

const KINDS: &str = r#"
    (type $pair (tuple u8 string (option f32)))
    (type $list (list $pair))
    (type $variant' (variant (case "number" u64) (case "text" string) (case "nothing")))
    (type $flags' (flags "one" "two"))
    (type $enum' (enum "here" "there"))"#;
const FUNCTION: &str = r#"(func
    (param "s" string) (param "l" $list) (param "v" $variant) (param "f" $flags) (param "e" $enum)
    (param "c" char) (param "b" bool) (result (result (list string) (error string))))"#;

/// What gives a list of the text back, after it has looked at the rest.
fn inner(encoding: &str) -> String {
    format!(
        r#"(component $inner
                {KINDS}
                (export $variant "variant" (type $variant'))
                (export $flags "flags" (type $flags'))
                (export $enum "enum" (type $enum'))
                (core module $main
                    (memory (export "memory") 2)
                    {REALLOC}
                    (func (export "echo") (param i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32) (result i32)
                        (if (i32.ne (i32.load8_u (local.get 2)) (i32.const 7)) (then unreachable))
                        (if (f32.ne (f32.load offset=16 (local.get 2)) (f32.const 1.5)) (then unreachable))
                        (if (i32.ne (local.get 9) (i32.const 0x1f980)) (then unreachable))
                        (i32.store (i32.const 516) (i32.const 600))
                        (i32.store (i32.const 520) (i32.const 1))
                        (i32.store (i32.const 600) (local.get 0))
                        (i32.store (i32.const 604) (local.get 1))
                        (i32.const 512)))
                (core instance $main (instantiate $main))
                (type $t {FUNCTION})
                (func (export "echo") (type $t) (canon lift (core func $main "echo") string-encoding={encoding}
                    (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#
    )
}

/// What has a value of every kind to hand over.
fn outer(encoding: &str) -> String {
    format!(
        r#"(component $outer
                {KINDS}
                (import "variant" (type $variant (eq $variant')))
                (import "flags" (type $flags (eq $flags')))
                (import "enum" (type $enum (eq $enum')))
                (type $t {FUNCTION})
                (import "echo" (func $echo (type $t)))
                (core module $library
                    (memory (export "memory") 2)
                    {REALLOC})
                (core instance $library (instantiate $library))
                (core func $echo (canon lower (func $echo) string-encoding={encoding}
                    (memory (core memory $library "memory")) (realloc (core func $library "realloc"))))
                (core module $main
                    (import "library" "memory" (memory 1))
                    (import "inner" "echo"
                        (func $echo (param i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32)))
                    (func (export "call") (param $t i32) (param $tn i32) (param $a i32) (param $an i32) (result i32)
                        (i32.store8 (i32.const 700) (i32.const 7))
                        (i32.store (i32.const 704) (local.get $t))
                        (i32.store (i32.const 708) (local.get $tn))
                        (i32.store8 (i32.const 712) (i32.const 1))
                        (f32.store (i32.const 716) (f32.const 1.5))
                        (call $echo (local.get $a) (local.get $an) (i32.const 700) (i32.const 1)
                            (i32.const 1) (i64.extend_i32_u (local.get $t)) (local.get $tn)
                            (i32.const 3) (i32.const 1) (i32.const 0x1f980) (i32.const 1) (i32.const 1024))
                        (i32.store (i32.const 516) (i32.load (i32.load (i32.const 1028))))
                        (i32.store (i32.const 520) (i32.load offset=4 (i32.load (i32.const 1028))))
                        (i32.const 512)))
                (core instance $main (instantiate $main
                    (with "library" (instance $library))
                    (with "inner" (instance (export "echo" (func $echo))))))
                (func (export "call") (param "tool" string) (param "arguments" string)
                        (result (result string (error string)))
                    (canon lift (core func $main "call") string-encoding={encoding}
                        (memory (core memory $library "memory")) (realloc (core func $library "realloc")))))"#
    )
}

/// One component hands a value of every kind to another, which hands back a list of the text in it. Each has texts in an
/// encoding of its own.
pub(crate) fn composed(inner_encoding: &str, outer_encoding: &str) -> Vec<u8> {
    let (inner, outer) = (inner(inner_encoding), outer(outer_encoding));
    parse(&format!(
        r#"(component
            {inner}
            (instance $inner (instantiate $inner))
            {outer}
            (instance $outer (instantiate $outer
                (with "variant" (type $inner "variant"))
                (with "flags" (type $inner "flags"))
                (with "enum" (type $inner "enum"))
                (with "echo" (func $inner "echo"))))
            (export "call" (func $outer "call")))"#
    ))
}

const ENCODINGS: [&str; 3] = ["utf8", "utf16", "latin1+utf16"];

#[tokio::test]
async fn the_parts_of_a_component_hand_values_to_each_other() {
    for inner in ENCODINGS {
        for outer in ENCODINGS {
            let plugin = load(composed(inner, outer)).await;
            for text in ["", "plain", "Grüezi", "crab 🦀", "日本語"] {
                let call =
                    PluginCall { arguments: text.to_owned(), ..call(CallLimits::default(), &Arc::default()) };
                assert_eq!(plugin.call(call).await, Ok(text.to_owned()), "{outer} to {inner}");
            }
        }
    }
}

#[tokio::test]
async fn s48_the_parts_of_a_component_share_one_limit() {
    let four_pages = limits(json!({"memoryBytes": 4 * 65_536}));
    let large = || "x".repeat(60_000);
    let plugin = load(composed("utf8", "utf8")).await;
    let with = |arguments: String| PluginCall { arguments, ..call(four_pages, &Arc::default()) };
    assert_eq!(plugin.call(with("small".to_owned())).await, Ok("small".to_owned()));
    assert_eq!(plugin.call(with(large() + &large())).await, Err(CallProblem::Limit(CallLimit::Memory)));
    let little = limits(json!({"fuel": 100}));
    assert_eq!(once(composed("utf8", "utf16"), little).await, Err(CallProblem::Limit(CallLimit::Fuel)));
}
