//! No call knows of another.

use std::sync::Arc;

use agentstack_plugins::{CallLimits, PluginCall};

use crate::guest::{alone, asking};
use crate::world::{Fake, call, load};

/// Counts its calls in a global, in memory and in the length of its memory and its table, and says how many there were
/// before: `000` and a break of the line if it remembers nothing.
fn remembering() -> Vec<u8> {
    alone(
        r#"(global $calls (mut i32) (i32.const 48))
        (table $table 0 100 funcref)
        (func (export "call") (param i32 i32 i32 i32) (result i32)
            (i32.store8 (i32.const 100) (global.get $calls))
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.store8 (i32.const 101) (i32.add (i32.const 48) (i32.load8_u (i32.const 50))))
            (i32.store8 (i32.const 50) (i32.const 1))
            (i32.store8 (i32.const 102) (i32.add (i32.const 46) (memory.size)))
            (drop (memory.grow (i32.const 1)))
            (i32.store8 (i32.const 103) (i32.add (i32.const 48) (table.size $table)))
            (drop (table.grow $table (ref.null func) (i32.const 1)))
            (call $answer (i32.const 100) (i32.const 4)))"#,
    )
}

#[tokio::test]
async fn s48_a_call_knows_nothing_of_the_one_before() {
    let plugin = load(remembering()).await;
    for _ in 0..3 {
        let answer = plugin.call(call(CallLimits::default(), &Arc::default())).await;
        assert_eq!(answer, Ok("0000".to_owned()));
    }
}

/// Both are in the middle of their work at once: each has stored its own tool, and waits.
#[tokio::test]
async fn s48_calls_at_the_same_time_know_nothing_of_each_other() {
    let component = asking(
        r#"(func (export "call") (param $t i32) (param $tn i32) (param i32 i32) (result i32)
            (memory.copy (i32.const 512) (local.get $t) (local.get $tn))
            (call $log_write (i32.const 0) (i32.const 512) (local.get $tn))
            (call $log_write (i32.const 0) (i32.const 512) (local.get $tn))
            (call $answer (i32.const 512) (local.get $tn)))"#,
    );
    let plugin = load(component).await;
    let services = [Arc::new(Fake::default()), Arc::new(Fake::default())];
    let named = |tool: &str, services: &Arc<Fake>| {
        plugin.call(PluginCall { tool: tool.to_owned(), ..call(CallLimits::default(), services) })
    };
    let [one, two] = &services;
    let (first, second) = tokio::join!(named("first", one), named("second", two));
    assert_eq!((first, second), (Ok("first".to_owned()), Ok("second".to_owned())));
    assert!(one.asked().iter().all(|question| format!("{question:?}").contains("first")));
    assert!(two.asked().iter().all(|question| format!("{question:?}").contains("second")));
}

/// A trap spoils its own instance and nothing else.
#[tokio::test]
async fn s48_a_call_knows_nothing_of_the_trap_before() {
    let component = alone(
        r#"(func (export "call") (param $t i32) (param $tn i32) (param i32 i32) (result i32)
            (if (i32.eq (local.get $tn) (i32.const 4)) (then unreachable))
            (call $answer (local.get $t) (local.get $tn)))"#,
    );
    let plugin = load(component).await;
    let named =
        |tool: &str| PluginCall { tool: tool.to_owned(), ..call(CallLimits::default(), &Arc::default()) };
    assert!(plugin.call(named("trap")).await.is_err());
    assert_eq!(plugin.call(named("works")).await, Ok("works".to_owned()));
}
