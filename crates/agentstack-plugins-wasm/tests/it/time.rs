//! Time: its limit, and that a plugin takes nobody else's.

use std::sync::Arc;
use std::time::Duration;

use agentstack_plugins::{CallLimit, CallLimits, CallProblem};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::guest::{alone, asking};
use crate::world::{Fake, call, limits, load};

fn spinning() -> Vec<u8> {
    alone(
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            (loop $on (br $on)) unreachable)"#,
    )
}

fn waiting() -> Vec<u8> {
    asking(
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            (call $http_fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024))
            unreachable)"#,
    )
}

/// So much fuel that only the time ends it.
fn milliseconds(time: u64) -> CallLimits {
    limits(json!({"fuel": 50_000_000_000_u64, "timeMs": time}))
}

const LIMIT_OF_TIME: Result<String, CallProblem> = Err(CallProblem::Limit(CallLimit::Time));

#[tokio::test]
async fn s48_a_loop_with_much_fuel_runs_out_of_time() {
    let plugin = load(spinning()).await;
    let begun = Instant::now();
    assert_eq!(plugin.call(call(milliseconds(50), &Arc::default())).await, LIMIT_OF_TIME);
    let took = begun.elapsed();
    assert!((Duration::from_millis(50)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn s48_waiting_for_an_answer_runs_out_of_time() {
    let plugin = load(waiting()).await;
    let services = Arc::new(Fake::default());
    assert_eq!(plugin.call(call(milliseconds(50), &services)).await, LIMIT_OF_TIME);
    assert_eq!(services.asked().len(), 1);
    assert_eq!(Arc::strong_count(&services), 1, "nothing of the call is left");
}

/// This runtime has one thread, so whoever does not let go of it has it for good.
#[tokio::test(flavor = "current_thread")]
async fn s48_a_plugin_that_spins_holds_up_nobody() {
    let plugin = load(spinning()).await;
    let spinning =
        tokio::spawn(async move { plugin.call(call(milliseconds(60_000), &Arc::default())).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let timer = timeout(Duration::from_millis(20), std::future::pending::<()>()).await;
    assert!(timer.is_err() && !spinning.is_finished(), "timers and other tasks get their turn");
    spinning.abort();
    assert!(spinning.await.unwrap_err().is_cancelled(), "and it ends when nobody waits for it any more");
}

/// What the host does for a plugin takes no fuel, so each question is a turn for others by itself.
#[tokio::test(flavor = "current_thread")]
async fn s48_a_plugin_that_asks_and_asks_holds_up_nobody() {
    let component = asking(
        r#"(func (export "call") (param i32 i32 i32 i32) (result i32)
            (loop $on (call $log_write (i32.const 0) (i32.const 0) (i32.const 0)) (br $on)) unreachable)"#,
    );
    let plugin = load(component).await;
    let services = Arc::new(Fake::default());
    let asking = plugin.call(call(limits(json!({"hostCalls": 10_000})), &services));
    tokio::select! {
        biased;
        outcome = asking => panic!("{outcome:?}"),
        () = tokio::task::yield_now() => {}
    }
    assert!(services.asked().len() <= 1, "{}", services.asked().len());
}

#[tokio::test]
async fn s48_dropping_a_call_ends_it_and_all_it_waits_for() {
    let plugin = load(waiting()).await;
    let services = Arc::new(Fake::default());
    let waiting = plugin.call(call(milliseconds(60_000), &services));
    tokio::select! {
        outcome = waiting => panic!("{outcome:?}"),
        () = services.waiting.notified() => {}
    }
    assert_eq!(Arc::strong_count(&services), 1);
    assert_eq!(services.asked().len(), 1);
}
