//! What a component gives back, and what is made of it.

use agentstack_plugins::{CallLimit, CallLimits, CallProblem};
use serde_json::json;

use crate::guest::{alone, parse, with_memory};
use crate::world::{limits, once};

/// A component that answers with this place and length.
fn answering(memory: &str, data: &str, at: u32, length: u32) -> Vec<u8> {
    with_memory(
        memory,
        &format!(
            r#"{data} (func (export "call") (param i32 i32 i32 i32) (result i32)
                (call $answer (i32.const {at}) (i32.const {length})))"#
        ),
    )
}

const SMALL: &str = r#"(memory (export "memory") 2)"#;

fn trapped(outcome: &Result<String, CallProblem>) -> &str {
    match outcome {
        Err(CallProblem::Trapped(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn s48_an_answer_may_be_as_long_as_it_may_and_no_longer() {
    let most = limits(json!({"outputBytes": 1_000}));
    let fits = once(answering(SMALL, "", 70_000, 1_000), most).await;
    assert_eq!(fits.map(|answer| answer.len()), Ok(1_000));
    for length in [1_001, 1_999, 2_000, 2_001, 60_000] {
        let outcome = once(answering(SMALL, "", 70_000, length), most).await;
        assert_eq!(outcome, Err(CallProblem::Limit(CallLimit::Output)), "{length}");
    }
}

#[tokio::test]
async fn s48_a_long_failure_is_cut_and_a_huge_one_not_taken() {
    let failing = |length: u32| {
        with_memory(
            r#"(memory (export "memory") 1000)"#,
            &format!(
                r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
                    (call $fail (i32.const 131072) (i32.const {length})))"#
            ),
        )
    };
    let outcome = once(failing(60_000), CallLimits::default()).await;
    assert_eq!(outcome, Err(CallProblem::Failed(format!("{}…", "\0".repeat(500)))));
    let outcome = once(failing(6_000_000), CallLimits::default()).await;
    assert_eq!(outcome, Err(CallProblem::Limit(CallLimit::Output)));
}

#[tokio::test]
async fn s48_an_answer_of_100_mebibytes_is_not_taken() {
    let memory = r#"(memory (export "memory") 2000)"#;
    let most = CallLimits::CEILINGS;
    let outcome = once(answering(memory, "", 65_536, 100 << 20), most).await;
    assert_eq!(outcome, Err(CallProblem::Limit(CallLimit::Output)));
}

#[tokio::test]
async fn s48_an_answer_that_is_not_in_memory_is_a_trap() {
    for (at, length) in [(65_536, 1 << 30), (0xffff_0000, 10), (0xffff_ffff, 0xffff_ffff), (131_073, 0)] {
        let outcome = once(answering(SMALL, "", at, length), CallLimits::default()).await;
        assert!(trapped(&outcome).contains("out of bounds"), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_place_of_an_answer_has_to_be_one() {
    for place in ["0xfffffff0", "2049"] {
        let component = alone(&format!(
            r#"(func (export "call") (param i32 i32 i32 i32) (result i32) (i32.const {place}))"#
        ));
        let outcome = once(component, CallLimits::default()).await;
        assert!(trapped(&outcome).contains("pointer"), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_neither_is_a_trap() {
    let component = alone(
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            (call $outcome (i32.const 2) (i32.const 0) (i32.const 0)))"#,
    );
    let outcome = once(component, CallLimits::default()).await;
    assert!(trapped(&outcome).contains("discriminant"), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_that_is_no_text_is_a_trap() {
    for bytes in [r"\ff", r"a\c3", r"\ed\a0\80", r"\c0\80"] {
        let data = format!(r#"(data (i32.const 70000) "{bytes}")"#);
        let length = u32::try_from(bytes.matches('\\').count() + bytes.matches("a\\").count()).unwrap();
        let outcome = once(answering(SMALL, &data, 70_000, length), CallLimits::default()).await;
        assert!(trapped(&outcome).contains("utf-8"), "{bytes}: {outcome:?}");
    }
}

/// The limit is one of UTF-8, whatever the plugin's own encoding is.
#[tokio::test]
async fn s48_an_answer_in_utf_16_is_measured_as_what_it_becomes() {
    let component = |units: u32| {
        parse(&format!(
            r#"(component
                (core module $main
                    (memory (export "memory") 2)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                    (func (export "call") (param i32 i32 i32 i32) (result i32)
                        (memory.fill (i32.const 65536) (i32.const 0x20) (i32.const 65536))
                        (i32.store (i32.const 4) (i32.const 65536))
                        (i32.store (i32.const 8) (i32.const {units}))
                        (i32.const 0)))
                (core instance $main (instantiate $main))
                (func (export "call") (param "tool" string) (param "arguments" string)
                        (result (result string (error string)))
                    (canon lift (core func $main "call") string-encoding=utf16
                        (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#
        ))
    };
    // Each unit is 0x2020, three bytes in UTF-8.
    let most = limits(json!({"outputBytes": 3_000}));
    assert_eq!(once(component(1_000), most).await, Ok("†".repeat(1_000)));
    assert_eq!(once(component(1_001), most).await, Err(CallProblem::Limit(CallLimit::Output)));
    assert_eq!(once(component(30_000), most).await, Err(CallProblem::Limit(CallLimit::Output)));
}
