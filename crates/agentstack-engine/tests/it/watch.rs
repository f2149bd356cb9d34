//! What a signal leaves behind, and what it does not touch.

use std::sync::{Arc, Mutex};

use agentstack_access::{Authorizer, Caller, Policy, Principal, Role, Unauthenticated};
use agentstack_audit::{Decision, Outcome, Record, ResourceHasher};
use agentstack_core::time::ManualClock;
use agentstack_core::{RequestId, Secret, Timestamp};
use agentstack_engine::{Ended, Engine, Observer, Parts, Rule, SIGNAL, Settings, Signal};
use serde_json::{Map, json};

use crate::faulty::Faulty;
use crate::support::{UNKNOWN, World, spec};

fn world() -> World {
    World::with_settings(Settings::default())
}

async fn signals(world: &World) -> Vec<Record> {
    world.records().await.into_iter().filter(|record| record.operation == SIGNAL).collect()
}

#[tokio::test]
async fn s43_who_probes_for_foreign_sessions_leaves_one_signal_an_hour() {
    let world = world();
    let (prober, other) = (world.client("prober").await, world.client("other").await);
    let probe = async || {
        for _ in 0..10 {
            let answer = prober.call("session_status", json!({ "sessionId": other.session })).await;
            assert_eq!(answer.code(), "not_found", "no call is answered another way for it");
            world.clock.advance_millis(10_000);
        }
    };
    probe().await;
    let [signal] = &signals(&world).await[..] else { panic!("one record") };
    assert_eq!(
        (signal.reason.as_str(), signal.principal.as_str()),
        ("foreign_session_probing", "embedded:prober")
    );
    assert_eq!((signal.decision, signal.outcome), (Decision::Allow, Outcome::Ok));
    assert_eq!(signal.session.map(|id| id.to_string()), Some(other.session.clone()));
    assert_eq!((signal.counts["observed"], signal.counts["threshold"]), (5, 5));
    assert_eq!((&signal.agent, &signal.resource), (&None, &None));
    let calls = world.records().await;
    assert!(calls.iter().all(|record| record.operation == SIGNAL || record.request != signal.request));
    world.clock.advance_millis(30 * 60_000);
    probe().await;
    assert_eq!(signals(&world).await.len(), 1);
    world.clock.advance_millis(30 * 60_000);
    probe().await;
    assert_eq!(signals(&world).await.len(), 2);
}

#[tokio::test]
async fn s43_credentials_that_are_not_accepted_leave_a_signal() {
    let world = world();
    for _ in 0..30 {
        world.engine.refuse_credential(Unauthenticated::Unknown, RequestId::generate()).await;
    }
    let [signal] = &signals(&world).await[..] else { panic!("one record") };
    assert_eq!(
        (signal.reason.as_str(), signal.principal.as_str()),
        ("failed_authentications", "unauthenticated")
    );
}

#[tokio::test]
async fn credentials_that_nobody_can_look_at_leave_a_signal_and_nothing_else() {
    let world = world();
    for _ in 0..150 {
        let told =
            world.engine.refuse_credential(Unauthenticated::IssuerUnavailable, RequestId::generate()).await;
        assert_eq!(told.code().as_str(), "unavailable");
    }
    let [signal] = &world.records().await[..] else { panic!("one record") };
    assert_eq!((signal.operation.as_str(), signal.reason.as_str()), (SIGNAL, "error_rate"));
    assert_eq!(signal.principal, "agentstack:installation");
}

#[tokio::test]
async fn what_is_not_watched_leaves_no_signal() {
    let world = World::with_settings(Settings { watch: None, ..Settings::default() });
    let prober = world.client("prober").await;
    for _ in 0..50 {
        prober.call("session_status", json!({ "sessionId": UNKNOWN })).await;
    }
    assert!(signals(&world).await.is_empty());
}

#[derive(Default)]
struct Listener(Mutex<Vec<Signal>>);

impl Observer for Listener {
    fn signal(&self, signal: &Signal) {
        self.0.lock().unwrap().push(signal.clone());
    }
}

#[derive(Default)]
struct Counter(Mutex<usize>);

impl Observer for Counter {
    fn ended(&self, call: &Ended) {
        assert_ne!(call.operation, SIGNAL, "a signal is no call");
        *self.0.lock().unwrap() += 1;
    }
}

#[tokio::test]
async fn every_observer_is_told_and_a_log_that_cannot_be_written_stops_no_signal() {
    let store = Arc::new(Faulty::new());
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let policy = Policy::builtin(&agentstack_api::all_operations());
    let (listener, counter) = (Arc::new(Listener::default()), Arc::new(Counter::default()));
    let observers: Vec<Arc<dyn Observer>> = vec![Arc::clone(&counter) as _, Arc::clone(&listener) as _];
    let engine = Engine::start(Parts {
        store: Arc::clone(&store) as _,
        authorizer: Authorizer::new(
            policy,
            Arc::clone(&store) as _,
            Arc::clone(&clock) as _,
            "default".parse().unwrap(),
        ),
        resources: ResourceHasher::new(&Secret::new([9; 32])),
        clock,
        observer: Some(Arc::new(observers)),
        settings: Settings::default(),
    });
    store.break_everything();
    for _ in 0..150 {
        let caller = Caller::new(Arc::new(Principal::embedded("planner", Role::Developer)));
        let answer = engine.dispatch(&caller, spec("system_status"), Map::new()).await;
        assert_eq!(answer.err().unwrap().code().as_str(), "unavailable");
    }
    assert_eq!(*counter.0.lock().unwrap(), 150);
    let told: Vec<Rule> = listener.0.lock().unwrap().iter().map(|signal| signal.rule).collect();
    assert_eq!(told, [Rule::ErrorRate]);
}
