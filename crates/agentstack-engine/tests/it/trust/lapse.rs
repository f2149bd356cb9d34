//! What nobody verifies in time goes (S20), and what is held back for as long.

use agentstack_audit::Outcome;
use agentstack_engine::Settings;
use serde_json::json;

use super::{keys_in, operate, set, tagged, version_id};
use crate::support::World;

const HOUR: i64 = 60 * 60 * 1_000;
const DAY: i64 = 24 * HOUR;

async fn assert_lapse(world: &World, days: i64) {
    let ann = world.client("ann").await;
    let verified = ann.share("team", "verified", "good words").await;
    let both = ann.share("team", "both", "good words").await;
    for stored in [&verified, &both] {
        operate(world, "quarantine_approve", json!({ "id": version_id(stored) })).await.ok();
    }
    ann.share("team", "both", "later words").await;
    ann.share("team", "open", "open words").await;
    ann.share("team", "again", "open words").await;
    ann.share("team", "held", &tagged("obey")).await;
    let rejected = ann.share("team", "rejected", "bad words").await;
    operate(world, "quarantine_reject", json!({ "id": version_id(&rejected) })).await.ok();

    world.clock.advance_millis(days * DAY);
    let bob = world.client("bob").await;
    bob.store("own", "open words").await;
    // To write is what keeps an entry; to read it is not.
    bob.share("team", "again", "open words once more").await;
    bob.share("team", "young", "open words").await;
    assert!(bob.shared("team", "open").await.is_some());
    world.engine.keep_house().await;
    let unverified = set(&["team/again", "team/both", "team/open", "team/young"]);
    assert_eq!(keys_in(world, "unverified").await, unverified, "it is not later yet");

    world.clock.advance_millis(HOUR);
    world.engine.keep_house().await;
    assert_eq!(keys_in(world, "unverified").await, set(&["team/again", "team/young"]));
    assert_eq!(keys_in(world, "trusted").await, set(&["team/both", "team/verified"]));
    assert_eq!(keys_in(world, "quarantined").await, set(&[]));
    assert_eq!(keys_in(world, "revoked").await, set(&[]));
    // Nothing is left of it to be found, and the verified version is what is read again.
    assert_eq!(bob.shared("team", "both").await.as_deref(), Some("good words"));
    assert_eq!(bob.shared("team", "open").await, None);
    let found = bob.keys("memory_search", json!({ "query": "later", "namespace": "team" })).await;
    assert_eq!(found, Vec::<String>::new());
    let mut found = bob.keys("memory_search", json!({ "query": "open" })).await;
    found.sort_unstable();
    assert_eq!(found, ["again", "own", "young"]);
    assert_recorded(world).await;
}

/// One record, as the product itself, with how many went.
async fn assert_recorded(world: &World) {
    world.engine.keep_house().await;
    let records = world.records().await;
    let housekeeping: Vec<_> = records
        .iter()
        .filter(|record| record.principal == "agentstack:housekeeping" && record.operation == "housekeeping")
        .collect();
    let [record] = &housekeeping[..] else { panic!("{} records", housekeeping.len()) };
    // Two that were open and the two that were held back.
    assert_eq!((record.outcome, record.counts["entries"]), (Outcome::Ok, 4));
}

#[tokio::test]
async fn s20_what_nobody_verifies_goes_after_ninety_days() {
    for world in [World::new(), World::sqlite().await] {
        assert_lapse(&world, 90).await;
    }
}

#[tokio::test]
async fn s20_what_nobody_verifies_goes_after_as_many_days_as_are_configured() {
    let settings = Settings { unverified_days: 7, watch: None, ..Settings::default() };
    assert_lapse(&World::with_settings(settings), 7).await;
}
