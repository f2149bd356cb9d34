//! An origin can be revoked, with all that is derived from it, in one command (S21).

use agentstack_audit::{Decision, Outcome};
use serde_json::{Value, json};

use super::{keys_in, operate, reviews, set, version_id};
use crate::support::World;

const HOUR: i64 = 60 * 60 * 1_000;

fn counts(done: &Value) -> (u64, u64) {
    (done["revoked"].as_u64().unwrap(), done["quarantined"].as_u64().unwrap())
}

async fn revoke(world: &World, arguments: Value) -> (u64, u64) {
    counts(&operate(world, "quarantine_revoke_origin", arguments).await.ok())
}

async fn assert_dry_run(world: &World) {
    let [eve, ann] = [world.client("eve").await, world.client("ann").await];
    eve.share("team", "poison", "text").await;
    eve.store("own", "text").await;
    assert!(ann.shared("team", "poison").await.is_some());
    ann.share("team", "made", "text").await;
    let origin = json!({ "originPrincipal": "embedded:eve" });
    let dry = json!({ "originPrincipal": "embedded:eve", "dryRun": true });
    for _ in 0..2 {
        let said = operate(world, "quarantine_revoke_origin", dry.clone()).await;
        let request = said.request;
        let said = said.ok();
        assert_eq!((counts(&said), &said["dryRun"]), ((2, 1), &json!(true)));
        // That somebody asked is recorded; there is nothing to count.
        let [record] = &world.records_of(request).await[..] else { panic!("one record") };
        assert_eq!((record.decision, record.outcome), (Decision::Allow, Outcome::Ok));
        assert!(record.counts.is_empty());
        assert_eq!(keys_in(world, "unverified").await, set(&["team/made", "team/poison"]));
        assert_eq!(ann.shared("team", "poison").await.as_deref(), Some("text"));
    }
    let done = operate(world, "quarantine_revoke_origin", origin.clone()).await;
    let [record] = &world.records_of(done.request).await[..] else { panic!("one record") };
    assert_eq!((record.operation.as_str(), record.outcome), ("quarantine_revoke_origin", Outcome::Ok));
    assert_eq!(record.principal, "operator:root");
    assert_eq!((record.counts["revoked"], record.counts["quarantined"]), (2, 1));
    let done = done.ok();
    assert_eq!((counts(&done), &done["dryRun"]), ((2, 1), &json!(false)));
    assert_eq!(keys_in(world, "revoked").await, set(&["own", "team/poison"]));
    assert_eq!(keys_in(world, "quarantined").await, set(&["team/made"]));
    assert_eq!(keys_in(world, "unverified").await, set(&[]));
    assert_eq!(eve.content("own").await, None);
    // Once is enough; and one that was held by mistake comes back with all it was.
    assert_eq!(revoke(world, dry).await, (0, 0));
    assert_eq!(revoke(world, origin).await, (0, 0));
    let [held] = &reviews(world, "quarantined").await[..] else { panic!("one version") };
    operate(world, "quarantine_approve", json!({ "id": held["id"] })).await.ok();
    let got = ann.ok("memory_get", json!({ "key": "made", "namespace": "team" })).await;
    let label = &got["entry"]["label"];
    assert_eq!((&label["trust"], &label["origin"]["principal"]), (&json!("trusted"), &json!("embedded:ann")));
}

#[tokio::test]
async fn s21_a_dry_run_says_what_would_be_and_changes_nothing() {
    for world in [World::new(), World::sqlite().await] {
        assert_dry_run(&world).await;
    }
}

async fn assert_part(world: &World) {
    let [eve, ann, bob] = [world.client("eve").await, world.client("ann").await, world.client("bob").await];
    let share = async |agent: &str, key: &str| {
        let entry = json!({ "key": key, "content": "text", "namespace": "team", "agentId": agent });
        eve.ok("memory_store", entry).await;
    };
    share("good", "early good").await;
    share("bad", "early bad").await;
    assert!(ann.shared("team", "early bad").await.is_some());
    ann.share("team", "of the early", "text").await;
    world.clock.advance_millis(HOUR);
    let since = "2027-01-15T09:00:00.000Z";
    share("good", "late good").await;
    share("bad", "late bad").await;
    assert!(bob.shared("team", "late bad").await.is_some());
    bob.share("team", "of the late", "text").await;
    let origin = json!({ "originPrincipal": "embedded:eve", "agentId": "bad", "since": since });
    assert_eq!(revoke(world, origin.clone()).await, (1, 1));
    assert_eq!(keys_in(world, "revoked").await, set(&["team/late bad"]));
    assert_eq!(keys_in(world, "quarantined").await, set(&["team/of the late"]));
    let stays = ["team/early bad", "team/early good", "team/late good", "team/of the early"];
    assert_eq!(keys_in(world, "unverified").await, set(&stays));
    // An agent of the same name that works for somebody else is somebody else.
    let foreign = json!({ "originPrincipal": "embedded:ann", "agentId": "bad" });
    assert_eq!(revoke(world, foreign).await, (0, 0));
    // A millisecond later there is nothing; from before its time on there is the rest of the agent.
    let mut of_agent = origin.clone();
    of_agent["since"] = json!("2027-01-15T09:00:00.001Z");
    assert_eq!(revoke(world, of_agent.clone()).await, (0, 0));
    of_agent["since"] = json!("2027-01-15T08:00:00.000Z");
    assert_eq!(revoke(world, of_agent).await, (1, 1));
    assert_eq!(keys_in(world, "revoked").await, set(&["team/early bad", "team/late bad"]));
    assert_eq!(keys_in(world, "quarantined").await, set(&["team/of the early", "team/of the late"]));
    assert_eq!(revoke(world, json!({ "originPrincipal": "embedded:eve" })).await, (2, 0));
    assert_eq!(keys_in(world, "unverified").await, set(&[]));
}

#[tokio::test]
async fn s21_an_agent_alone_or_from_a_time_on_can_be_revoked() {
    for world in [World::new(), World::sqlite().await] {
        assert_part(&world).await;
    }
}

/// What eve wrote is gone, and so is she: what was made of it is found all the same.
async fn assert_gone(world: &World) {
    let [eve, ann, bob] = [world.client("eve").await, world.client("ann").await, world.client("bob").await];
    bob.share("team", "before", "text").await;
    eve.share("team", "poison", "text").await;
    eve.share("team", "twice", "bad text").await;
    assert!(ann.shared("team", "poison").await.is_some());
    ann.share("team", "made", "text").await;
    assert!(bob.shared("team", "twice").await.is_some());
    // Over it, so that the bad one is a version of the past, and then over the whole entry.
    bob.share("team", "twice", "better text").await;
    bob.share("team", "after", "text").await;
    eve.ok("memory_delete", json!({ "key": "poison", "namespace": "team" })).await;
    eve.ok("session_end", json!({})).await;
    ann.ok("session_end", json!({})).await;
    for _ in 0..3 {
        // Housekeeping takes away nothing that says what was derived from what.
        world.clock.advance_millis(5 * 24 * HOUR);
        world.engine.keep_house().await;
    }
    let origin = json!({ "originPrincipal": "embedded:eve" });
    assert_eq!(revoke(world, origin).await, (1, 3));
    assert_eq!(keys_in(world, "revoked").await, set(&["team/twice"]));
    assert_eq!(keys_in(world, "quarantined").await, set(&["team/after", "team/made", "team/twice"]));
    assert_eq!(keys_in(world, "unverified").await, set(&["team/before"]));
}

#[tokio::test]
async fn s21_what_was_made_of_it_goes_when_it_and_its_session_are_gone() {
    for world in [World::new(), World::sqlite().await] {
        assert_gone(&world).await;
    }
}

#[tokio::test]
async fn s21_whoever_is_revoked_later_takes_along_what_was_derived_through_others() {
    for world in [World::new(), World::sqlite().await] {
        let world = &world;
        let names = ["c-0", "c-1", "c-2", "c-3", "c-4", "c-5"];
        let mut last: Option<&str> = None;
        for name in names {
            let client = world.client(name).await;
            if let Some(last) = last {
                assert!(client.shared("team", last).await.is_some());
            }
            let stored = client.share("team", name, "text").await;
            // That somebody trusts a link of the chain does not end it.
            if name == "c-3" {
                operate(world, "quarantine_approve", json!({ "id": version_id(&stored) })).await.ok();
            }
            last = Some(name);
        }
        assert_eq!(revoke(world, json!({ "originPrincipal": "embedded:c-2" })).await, (1, 3));
        assert_eq!(keys_in(world, "quarantined").await, set(&["team/c-3", "team/c-4", "team/c-5"]));
        assert_eq!(keys_in(world, "unverified").await, set(&["team/c-0", "team/c-1"]));
    }
}
