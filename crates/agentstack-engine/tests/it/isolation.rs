//! A foreign session is a session that is not there.

use agentstack_access::{Principal, Role};
use agentstack_audit::{Decision, Outcome};
use agentstack_core::ResumeToken;
use serde_json::{Value, json};

use crate::support::{Client, UNKNOWN, World, in_sessions, sample, takes};

/// Sessions that a caller cannot use, with the reason.
struct Closed {
    foreign: String,
    ended: String,
    expired: String,
}

impl Closed {
    /// In each there is an entry `known`, as in the caller's own.
    async fn prepare(world: &World, caller: &Client<'_>) -> Self {
        let foreign = world.client("somebody else").await;
        let ended = world.enter(Principal::clone(&caller.principal)).await;
        let expired = world.enter_with(Principal::clone(&caller.principal), json!({ "ttlSeconds": 1 })).await;
        for client in [&foreign, &ended, &expired, caller] {
            client.store("known", "first").await;
            client.store("known", "second").await;
        }
        ended.ok("session_end", json!({})).await;
        world.clock.advance_millis(1_000);
        Self { foreign: foreign.session, ended: ended.session, expired: expired.session }
    }

    fn all(&self) -> [(&'static str, &str); 4] {
        [("foreign", &self.foreign), ("ended", &self.ended), ("expired", &self.expired), ("unknown", UNKNOWN)]
    }
}

/// The ways in which a call can reach for a session.
fn reaches(arguments: &Value, has_namespace: bool, own: &str, other: &str) -> Vec<(&'static str, Value)> {
    let name = |session: &str| format!("session:{session}");
    let with = |session: Option<&str>, namespace: Option<&str>| {
        let mut arguments = arguments.clone();
        for (field, value) in [("sessionId", session.map(str::to_owned)), ("namespace", namespace.map(name))]
        {
            if let Some(value) = value {
                arguments[field] = json!(value);
            }
        }
        arguments
    };
    let mut ways = vec![("its id", with(Some(other), None))];
    if has_namespace {
        ways.push(("its id and namespace", with(Some(other), Some(other))));
        ways.push(("the own id and its namespace", with(Some(own), Some(other))));
        ways.push(("its id and the own namespace", with(Some(other), Some(own))));
    }
    ways
}

async fn assert_matrix(world: &World) {
    let caller = world.client("planner").await;
    let closed = Closed::prepare(world, &caller).await;
    for spec in in_sessions() {
        let name = spec.operation.name;
        let mut told: Vec<(String, String)> = Vec::new();
        for (what, session) in closed.all() {
            let mut ways = reaches(&sample(spec), takes(spec, "namespace"), &caller.session, session);
            if takes(spec, "namespace") && !required(spec.operation.name, "sessionId") {
                let mut arguments = sample(spec);
                arguments["namespace"] = json!(format!("session:{session}"));
                ways.push(("its namespace alone", arguments));
            }
            for (way, arguments) in ways {
                let answer = caller.anywhere(name, arguments).await;
                let what = format!("{name}, a session that is {what}, by {way}");
                assert_eq!(answer.code(), "not_found", "{what}");
                let [record] = &world.records_of(answer.request).await[..] else {
                    panic!("{what}: one record")
                };
                assert_eq!((record.decision, record.outcome), (Decision::Deny, Outcome::NotFound), "{what}");
                assert_eq!(
                    (record.reason.as_str(), record.operation.as_str()),
                    ("session_not_held", name),
                    "{what}"
                );
                told.push((answer.bytes(), what));
            }
        }
        for (bytes, what) in &told {
            assert_eq!(*bytes, told[0].0, "{what}");
        }
    }
    // Its own it may use, with each of them; so the calls above are right but for the session.
    for spec in in_sessions().filter(|spec| spec.operation.name != "session_end") {
        let answer = caller.call(spec.operation.name, sample(spec)).await;
        assert_eq!(answer.code(), "ok", "{}", spec.operation.name);
        if spec.operation.name == "memory_delete" {
            caller.store("known", "first").await;
        }
    }
    assert_eq!(caller.call("session_end", json!({})).await.code(), "ok");
}

fn required(name: &str, field: &str) -> bool {
    let schema = (crate::support::spec(name).input_schema)();
    schema["required"].as_array().is_some_and(|fields| fields.contains(&json!(field)))
}

#[tokio::test]
async fn s02_every_operation_answers_foreign_ended_expired_and_unknown_alike() {
    assert_matrix(&World::new()).await;
}

#[tokio::test]
async fn s02_every_operation_answers_foreign_ended_expired_and_unknown_alike_over_sqlite() {
    assert_matrix(&World::sqlite().await).await;
}

#[tokio::test]
async fn s02_a_viewer_learns_nothing_of_a_foreign_session() {
    let world = World::new();
    let viewer = world.enter(Principal::embedded("viewer", Role::Viewer)).await;
    let closed = Closed::prepare(&world, &world.client("planner").await).await;
    for spec in in_sessions() {
        let mut told = Vec::new();
        for (_, session) in closed.all() {
            let mut arguments = sample(spec);
            arguments["sessionId"] = json!(session);
            told.push(viewer.anywhere(spec.operation.name, arguments).await.bytes());
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{}: {told:?}", spec.operation.name);
    }
}

#[tokio::test]
async fn s02_a_resume_token_of_no_live_session_is_not_found_and_recorded_as_denied() {
    let world = World::new();
    let caller = world.client("planner").await;
    let ended = world.client("somebody else").await;
    ended.ok("session_end", json!({})).await;
    let expired =
        world.enter_with(Principal::embedded("another", Role::Developer), json!({ "ttlSeconds": 1 })).await;
    world.clock.advance_millis(1_000);
    let unknown = ResumeToken::generate().unwrap();
    let mut told = Vec::new();
    for token in [ended.token.as_str(), expired.token.as_str(), unknown.reveal()] {
        let answer = caller.call("session_start", json!({ "resumeToken": token })).await;
        assert_eq!(answer.code(), "not_found");
        let [record] = &world.records_of(answer.request).await[..] else { panic!("one record") };
        assert_eq!((record.decision, record.outcome), (Decision::Deny, Outcome::NotFound));
        assert_eq!(record.reason, "session_not_held");
        assert_eq!(record.session, None);
        told.push(answer.bytes());
    }
    told.dedup();
    // And the same as for a session's id.
    let foreign = caller.call("session_status", json!({ "sessionId": UNKNOWN })).await.bytes();
    assert_eq!(told, [foreign]);
}

#[tokio::test]
async fn a_resume_token_lets_its_bearer_in_and_nobody_else() {
    let world = World::new();
    let first = world.client("planner").await;
    first.store("known", "text").await;
    let second = world.client("planner's other process").await;
    let resumed = second.ok("session_start", json!({ "resumeToken": first.token })).await;
    assert_eq!(resumed["session"]["id"], first.session);
    let inside = Client { session: first.session.clone(), ..second.clone() };
    assert_eq!(inside.content("known").await.as_deref(), Some("text"));
    // The first one holds it still; a third does not.
    assert_eq!(first.content("known").await.as_deref(), Some("text"));
    let third = Client { session: first.session.clone(), ..world.client("third").await };
    assert_eq!(third.call("memory_get", json!({ "key": "known" })).await.code(), "not_found");
}

#[tokio::test]
async fn active_sessions_and_counts_are_the_callers_own() {
    let world = World::new();
    let one = world.client("one").await;
    let other = world.client("other").await;
    other.store("known", "text").await;
    let active = one.ok("session_active", json!({})).await;
    assert_eq!((&active["count"], &active["sessions"][0]["id"]), (&json!(1), &json!(one.session)));
    let status = one.ok("system_status", json!({})).await;
    assert_eq!((&status["sessions"], &status["entries"]), (&json!(1), &json!(0)));
}

/// S06: the caller travels as a value, so calls that cross each other keep to their callers.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s06_ten_thousand_interleaved_calls_answer_their_callers() {
    let world: &'static World = Box::leak(Box::new(World::new()));
    let clients = [world.client("ann").await, world.client("bob").await];
    let lane = |lane: usize| {
        let (client, other) = (clients[lane % 2].clone(), clients[(lane + 1) % 2].session.clone());
        tokio::spawn(async move { take_turns(&client, &other, lane).await })
    };
    for lane in [0, 1, 2, 3, 4, 5, 6, 7].map(lane) {
        lane.await.unwrap();
    }
    let records = world.records().await;
    let by = |name: &str| records.iter().filter(|record| record.principal == name).count();
    // And a session_start each.
    assert_eq!((by("embedded:ann"), by("embedded:bob")), (5_001, 5_001));
}

/// 1,250 calls, two of five with an error in them.
async fn take_turns(client: &Client<'_>, foreign: &str, lane: usize) {
    let mine = client.principal.name();
    for turn in 0..1_250 {
        tokio::task::yield_now().await;
        let key = format!("{lane}-{}", turn % 7);
        let answer = match turn % 5 {
            0 => client.call("memory_store", json!({ "key": key, "content": mine })).await,
            1 => client.call("memory_search", json!({ "query": "embedded ann bob" })).await,
            2 => client.call("memory_get", json!({ "sessionId": foreign, "key": key })).await,
            3 => client.call("memory_get", json!({ "key": key, "length": "x" })).await,
            _ => client.call("memory_list", json!({})).await,
        };
        match (turn % 5, &answer.value) {
            (0 | 1 | 4, Ok(value)) => assert_is_of(value, mine, &client.session, foreign),
            (2, Err(error)) => assert_eq!(error["error"]["code"], "not_found"),
            (3, Err(error)) => assert_eq!(error["error"]["code"], "invalid_input"),
            (_, other) => panic!("{mine}, turn {turn}: {other:?}"),
        }
        if let Err(error) = &answer.value {
            assert_eq!(error["error"]["requestId"], answer.request.to_string());
        }
    }
}

fn assert_is_of(value: &Value, mine: &str, session: &str, foreign: &str) {
    let text = value.to_string();
    assert!(!text.contains(foreign), "{text}");
    let items = value.get("results").or_else(|| value.get("entries")).and_then(Value::as_array);
    let entry = value.get("entry").into_iter();
    for item in entry.chain(items.into_iter().flatten()) {
        assert_eq!(item["label"]["origin"]["principal"], mine);
        assert_eq!(item["namespace"], format!("session:{session}"));
        assert!(item.get("content").is_none_or(|content| content == mine), "{item}");
    }
}
