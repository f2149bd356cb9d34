//! Components that want more than they may have.

use std::sync::Arc;

use agentstack_plugins::{CallLimit, CallLimits, CallProblem};
use serde_json::json;

use crate::guest::{alone, asking, parse, with_memory};
use crate::world::{Fake, call, limits, load, once, refusal};

const LIMIT_OF_MEMORY: Result<String, CallProblem> = Err(CallProblem::Limit(CallLimit::Memory));
const LIMIT_OF_FUEL: Result<String, CallProblem> = Err(CallProblem::Limit(CallLimit::Fuel));

/// A component whose call is these instructions.
fn running(instructions: &str) -> Vec<u8> {
    alone(&format!(
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            {instructions}
            (call $answer (i32.const 0) (i32.const 0)))"#
    ))
}

async fn ends(component: Vec<u8>) -> Result<String, CallProblem> {
    once(component, limits(json!({"fuel": 5_000_000}))).await
}

async fn trap(component: Vec<u8>) -> String {
    match once(component, CallLimits::default()).await {
        Err(CallProblem::Trapped(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn s48_an_endless_loop_runs_out_of_fuel() {
    assert_eq!(ends(running("(loop $on (br $on))")).await, LIMIT_OF_FUEL);
}

#[tokio::test]
async fn s48_a_start_function_that_loops_runs_out_of_fuel() {
    let component = alone(
        r#"(func $on (loop $on (br $on))) (start $on)
        (func (export "call") (param i32 i32 i32 i32) (result i32) unreachable)"#,
    );
    assert_eq!(ends(component).await, LIMIT_OF_FUEL);
}

#[tokio::test]
async fn s48_an_allocator_that_loops_runs_out_of_fuel() {
    let component = parse(
        r#"(component
            (core module $main
                (memory (export "memory") 2)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop $on (br $on)) unreachable)
                (func (export "call") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $main (instantiate $main))
            (func (export "call") (param "tool" string) (param "arguments" string)
                    (result (result string (error string)))
                (canon lift (core func $main "call")
                    (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#,
    );
    assert_eq!(ends(component).await, LIMIT_OF_FUEL);
}

#[tokio::test]
async fn s48_what_cleans_up_after_an_answer_has_no_fuel_of_its_own() {
    let component = parse(
        r#"(component
            (core module $main
                (memory (export "memory") 2)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                (func (export "call") (param i32 i32 i32 i32) (result i32) (i32.const 0))
                (func (export "clean") (param i32) (loop $on (br $on))))
            (core instance $main (instantiate $main))
            (func (export "call") (param "tool" string) (param "arguments" string)
                    (result (result string (error string)))
                (canon lift (core func $main "call") (post-return (core func $main "clean"))
                    (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#,
    );
    assert_eq!(ends(component).await, LIMIT_OF_FUEL);
}

/// One instruction that fills much memory costs as much as a loop that does.
#[tokio::test]
async fn s48_filling_memory_takes_fuel_by_the_byte() {
    let fill = "(loop $on
        (memory.fill (i32.const 65536) (i32.const 0) (i32.const 65536))
        (br $on))";
    assert_eq!(ends(running(fill)).await, LIMIT_OF_FUEL);
    let large = with_memory(
        r#"(memory (export "memory") 1000)"#,
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536000))
            (call $answer (i32.const 0) (i32.const 0)))"#,
    );
    assert_eq!(ends(large).await, LIMIT_OF_FUEL);
}

/// It is not told that there is none: whatever it does without memory would be nobody's intention.
#[tokio::test]
async fn s48_a_memory_that_grows_and_grows_ends_the_call() {
    assert_eq!(
        ends(running("(loop $on (drop (memory.grow (i32.const 16))) (br $on))")).await,
        LIMIT_OF_MEMORY
    );
    assert_eq!(ends(running("(drop (memory.grow (i32.const 60000)))")).await, LIMIT_OF_MEMORY);
}

#[tokio::test]
async fn s48_a_memory_may_be_as_large_as_it_may_and_no_larger() {
    // Two pages are there.
    let pages = |more: u32| running(&format!("(drop (memory.grow (i32.const {more})))"));
    let most = limits(json!({"memoryBytes": 100 * 65_536}));
    assert_eq!(once(pages(98), most).await, Ok(String::new()));
    assert_eq!(once(pages(99), most).await, LIMIT_OF_MEMORY);
}

#[tokio::test]
async fn s48_a_memory_with_a_declared_end_is_told_that_it_is_there() {
    let component = with_memory(
        r#"(memory (export "memory") 2 3)"#,
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            (if (i32.ne (memory.grow (i32.const 60000)) (i32.const -1)) (then unreachable))
            (if (i32.ne (memory.grow (i32.const 1)) (i32.const 2)) (then unreachable))
            (call $answer (i32.const 0) (i32.const 0)))"#,
    );
    assert_eq!(once(component, limits(json!({"memoryBytes": 3 * 65_536}))).await, Ok(String::new()));
}

#[tokio::test]
async fn s48_a_memory_that_is_too_large_at_once_ends_the_call_or_is_not_loaded() {
    let memory = |pages: u32| {
        with_memory(
            &format!(r#"(memory (export "memory") {pages})"#),
            r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
                (call $answer (i32.const 0) (i32.const 0)))"#,
        )
    };
    assert_eq!(once(memory(1_024), CallLimits::default()).await, Ok(String::new()));
    assert_eq!(once(memory(1_025), CallLimits::default()).await, LIMIT_OF_MEMORY);
    assert_eq!(once(memory(8_192), CallLimits::CEILINGS).await, Ok(String::new()));
    for pages in [8_193, 65_536] {
        let text = refusal(memory(pages)).await;
        assert!(text.contains("starts with a memory of more than 536870912 bytes"), "{text}");
    }
}

/// A component with so many memories of a page, each of which grows by so many.
fn memories(count: usize, pages: u32) -> Vec<u8> {
    let instances = (0..count).map(|index| {
        format!(
            r#"(core instance $more{index} (instantiate $more))
            (alias core export $more{index} "grow" (core func $grow{index}))"#
        )
    });
    let imports = (0..count).map(|index| format!(r#"(import "more" "{index}" (func $grow{index}))"#));
    let exports = (0..count).map(|index| format!(r#"(export "{index}" (func $grow{index}))"#));
    let calls = (0..count).map(|index| format!("(call $grow{index})"));
    let [instances, imports, exports, calls] =
        [instances.collect(), imports.collect(), exports.collect(), calls.collect::<String>()];
    parse(&format!(
        r#"(component
            (core module $more
                (memory 1)
                (func (export "grow")
                    (if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then unreachable))))
            {instances}
            (core module $main
                {imports}
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                (func (export "call") (param i32 i32 i32 i32) (result i32) {calls} (i32.const 0)))
            (core instance $main (instantiate $main (with "more" (instance {exports}))))
            (func (export "call") (param "tool" string) (param "arguments" string)
                    (result (result string (error string)))
                (canon lift (core func $main "call")
                    (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#,
        instances = instances as String,
        imports = imports as String,
        exports = exports as String,
    ))
}

#[tokio::test]
async fn s48_several_memories_share_one_limit() {
    let most = limits(json!({"memoryBytes": 40 * 65_536}));
    assert_eq!(once(memories(3, 12), most).await, Ok(String::new()));
    assert_eq!(once(memories(3, 13), most).await, LIMIT_OF_MEMORY);
}

#[tokio::test]
async fn s48_there_are_not_more_than_a_few_memories() {
    assert_eq!(once(memories(7, 0), CallLimits::default()).await, Ok(String::new()));
    assert!(refusal(memories(8, 0)).await.contains("more than 8 memories"));
}

#[tokio::test]
async fn s48_there_are_not_more_than_a_few_instances() {
    let instances = "(core instance (instantiate $more))".repeat(40);
    let component = parse(&format!(
        r#"(component
            (core module $more)
            {instances}
            (core module $main
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                (func (export "call") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
            (core instance $main (instantiate $main))
            (func (export "call") (param "tool" string) (param "arguments" string)
                    (result (result string (error string)))
                (canon lift (core func $main "call")
                    (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#
    ));
    let text = trap(component).await;
    assert!(text.contains("instance"), "{text}");
}

#[tokio::test]
async fn s48_tables_count_as_memory() {
    let growing = alone(
        r#"(table $t 1 funcref)
        (func (export "call") (param i32 i32 i32 i32) (result i32)
            (drop (table.grow $t (ref.null func) (i32.const 100000)))
            (call $answer (i32.const 0) (i32.const 0)))"#,
    );
    // The memory has two pages, the table a bit less than 800 kB.
    assert_eq!(once(growing.clone(), limits(json!({"memoryBytes": 1_000_000}))).await, Ok(String::new()));
    assert_eq!(once(growing, limits(json!({"memoryBytes": 900_000}))).await, LIMIT_OF_MEMORY);
    let large = alone(
        r#"(table 9000000 funcref)
        (func (export "call") (param i32 i32 i32 i32) (result i32) (i32.const 0))"#,
    );
    assert_eq!(once(large, CallLimits::default()).await, LIMIT_OF_MEMORY);
}

#[tokio::test]
async fn s48_there_are_not_more_than_a_few_tables() {
    let component = alone(&format!(
        r#"{} (func (export "call") (param i32 i32 i32 i32) (result i32) (i32.const 0))"#,
        "(table 1 funcref)".repeat(33)
    ));
    assert!(refusal(component).await.contains("32 tables"));
}

#[tokio::test]
async fn s48_handles_are_bounded() {
    let taking = |handles: u32| {
        parse(&format!(
            r#"(component
                (type $thing (resource (rep i32)))
                (core func $new (canon resource.new $thing))
                (core module $main
                    (import "thing" "new" (func $new (param i32) (result i32)))
                    (memory (export "memory") 1)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                    (func (export "call") (param i32 i32 i32 i32) (result i32)
                        (local $left i32)
                        (local.set $left (i32.const {handles}))
                        (loop $on
                            (drop (call $new (i32.const 1)))
                            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                            (br_if $on (local.get $left)))
                        (i32.const 0)))
                (core instance $main
                    (instantiate $main (with "thing" (instance (export "new" (func $new))))))
                (func (export "call") (param "tool" string) (param "arguments" string)
                        (result (result string (error string)))
                    (canon lift (core func $main "call")
                        (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#
        ))
    };
    assert_eq!(once(taking(10_000), CallLimits::default()).await, Ok(String::new()));
    let text = trap(taking(10_001)).await;
    assert!(text.contains("handle limit"), "{text}");
}

#[tokio::test]
async fn s48_a_function_that_calls_itself_without_end_overflows_its_own_stack() {
    let component = alone(
        r#"(func $deeper (param i64) (result i64)
            (i64.add (i64.const 1) (call $deeper (i64.add (local.get 0) (i64.const 1)))))
        (func (export "call") (param i32 i32 i32 i32) (result i32)
            (drop (call $deeper (i64.const 0)))
            (call $answer (i32.const 0) (i32.const 0)))"#,
    );
    let text = trap(component).await;
    assert!(text.contains("call stack exhausted"), "{text}");
}

/// The host's side of a call is on the same stack, and has room there however deep the plugin is.
#[tokio::test]
async fn s48_a_question_from_the_bottom_of_the_stack_is_answered() {
    let component = asking(
        r#"(func $deeper (param i32)
            (if (i32.eqz (local.get 0))
                (then (call $log_write (i32.const 0) (i32.const 0) (i32.const 0)))
                (else (call $deeper (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "call") (param i32 i32 i32 i32) (result i32)
            (call $deeper (i32.const 8000))
            (call $said))"#,
    );
    let services = Arc::new(Fake::default());
    assert_eq!(load(component).await.call(call(CallLimits::default(), &services)).await, Ok(String::new()));
    assert_eq!(services.asked().len(), 1);
}

#[tokio::test]
async fn s48_a_trap_is_said_in_few_words() {
    let unreachable = trap(running("unreachable")).await;
    assert_eq!(unreachable, "wasm trap: wasm `unreachable` instruction executed");
    let outside = trap(running("(drop (i32.load (i32.const 0x7fffffff)))")).await;
    assert_eq!(outside, "wasm trap: out of bounds memory access");
    let division = trap(running("(drop (i32.div_u (i32.const 1) (memory.grow (i32.const 0))) (drop (i32.div_u (i32.const 1) (i32.const 0))))")).await;
    assert_eq!(division, "wasm trap: integer divide by zero");
}

#[tokio::test]
async fn s48_data_that_does_not_fit_into_its_memory_is_a_trap() {
    let component = alone(
        r#"(data (i32.const 131071) "two")
        (func (export "call") (param i32 i32 i32 i32) (result i32) unreachable)"#,
    );
    assert!(trap(component).await.contains("out of bounds"), "data");
}

/// Eight million bytes of data, over and over: it is one copy, whoever calls.
#[tokio::test]
async fn s48_much_data_is_no_problem() {
    let data = "x".repeat(8_000_000);
    let component = with_memory(
        r#"(memory (export "memory") 200)"#,
        &format!(
            r#"(data (i32.const 4096) "{data}") (data (i32.const 4097) "{data}")
            (func (export "call") (param i32 i32 i32 i32) (result i32)
                (call $answer (i32.const 4096) (i32.const 10)))"#
        ),
    );
    assert_eq!(once(component, CallLimits::default()).await, Ok("x".repeat(10)));
}

#[tokio::test]
async fn s48_questions_without_end_are_cut_off() {
    let component = asking(
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            (loop $on
                (call $config_get (i32.const 0) (i32.const 0) (i32.const 1024))
                (br $on))
            unreachable)"#,
    );
    let services = Arc::new(Fake::default());
    let most = limits(json!({"hostCalls": 7}));
    let outcome = load(component).await.call(call(most, &services)).await;
    assert_eq!(outcome, Err(CallProblem::Limit(CallLimit::HostCalls)));
    assert_eq!(services.asked().len(), 7);
}

/// Lines for the log and looks at the clock count as every other question.
#[tokio::test]
async fn s48_every_import_counts() {
    let questions = [
        "(call $log_write (i32.const 0) (i32.const 0) (i32.const 0))",
        "(call $memory_get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024))",
        "(call $memory_search (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 1024))",
        "(call $memory_store (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 1024))",
        "(call $http_fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 1024))",
        "(call $config_get (i32.const 0) (i32.const 0) (i32.const 1024))",
        "(drop (call $clock_now))",
    ];
    for question in questions {
        let component = asking(&format!(
            r#"(func (export "call") (param i32 i32 i32 i32) (result i32) {question} (call $said))"#
        ));
        let services = Arc::new(Fake::default());
        let outcome = load(component).await.call(call(limits(json!({"hostCalls": 0})), &services)).await;
        assert_eq!(outcome, Err(CallProblem::Limit(CallLimit::HostCalls)), "{question}");
        assert_eq!(services.asked(), [], "{question}");
    }
}

/// A thousand headers that are all the same megabyte.
#[tokio::test]
async fn s48_lists_that_overlap_are_not_unfolded() {
    let component = asking(
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            (local $pair i32)
            (drop (memory.grow (i32.const 64)))
            (local.set $pair (i32.const 65536))
            (loop $next
                (i32.store (local.get $pair) (i32.const 131072))
                (i32.store offset=4 (local.get $pair) (i32.const 1000000))
                (i32.store offset=8 (local.get $pair) (i32.const 131072))
                (i32.store offset=12 (local.get $pair) (i32.const 1000000))
                (local.set $pair (i32.add (local.get $pair) (i32.const 16)))
                (br_if $next (i32.lt_u (local.get $pair) (i32.const 81536))))
            (call $http_fetch (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 65536) (i32.const 1000) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024))
            (call $said))"#,
    );
    asks_for_too_much(component).await;
}

/// A list that costs the plugin nothing but its length: each element is an empty pair, all in one small memory.
#[tokio::test]
async fn s48_lists_of_nothing_are_measured_by_what_they_become() {
    let component = asking(
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            (drop (memory.grow (i32.const 64)))
            (call $http_fetch (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 65536) (i32.const 250000) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024))
            (call $said))"#,
    );
    asks_for_too_much(component).await;
}

/// The bound holds for the questions after the first as well, when the plugin's allocator has run in between.
#[tokio::test]
async fn s48_long_texts_are_taken_up_to_the_bound_in_every_question() {
    let component = |length: u32| {
        asking(&format!(
            r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
                (drop (memory.grow (i32.const 100)))
                (call $config_get (i32.const 0) (i32.const 0) (i32.const 1024))
                (call $log_write (i32.const 0) (i32.const 65536) (i32.const 5242880))
                (call $log_write (i32.const 0) (i32.const 65536) (i32.const {length}))
                (call $said))"#
        ))
    };
    let setting = Ok(Some("a setting".to_owned()));
    let services = Arc::new(Fake { setting, ..Fake::default() });
    let fits = load(component(5_242_880)).await.call(call(CallLimits::default(), &services)).await;
    assert_eq!(fits, Ok(String::new()));
    assert_eq!(services.asked().len(), 3);
    let outcome = load(component(5_242_881)).await.call(call(CallLimits::default(), &services)).await;
    assert!(
        matches!(&outcome, Err(CallProblem::Trapped(text)) if text.contains("too much data")),
        "{outcome:?}"
    );
    assert_eq!(services.asked().len(), 5);
}

async fn asks_for_too_much(component: Vec<u8>) {
    let services = Arc::new(Fake::default());
    let outcome = load(component).await.call(call(CallLimits::default(), &services)).await;
    assert!(
        matches!(&outcome, Err(CallProblem::Trapped(text)) if text.contains("too much data")),
        "{outcome:?}"
    );
    assert_eq!(services.asked(), []);
}
