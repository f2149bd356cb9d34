//! Versions that are held back, decisions of operators, and what is derived from what.

use agentstack_core::{EntrySummary, Trust, VersionId};
use std::collections::BTreeSet;

use super::world::{
    Call, MEMORY_GET, QUARANTINE_APPROVE, QUARANTINE_LIST, REVOKE_ORIGIN, World, draft, entry, key, listing,
    pending, search,
};
use crate::review::HOLDER_READS_MS;
use crate::text::Match;
use crate::{
    NewEntry, OriginFilter, Reading, Review, ReviewFilter, Reviews, Revocation, StorageError, Target,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

impl Call<'_> {
    /// Stores an entry that is to be held back.
    pub async fn store_held(&self, key: &str, content: &str) -> EntrySummary {
        self.try_store(NewEntry { held: true, ..entry(key, content) }).await.unwrap()
    }

    /// Reads an entry, and notes it as the engine does.
    pub async fn read(&self, key: &str) -> String {
        let found = self.get(key).await.unwrap();
        self.shown(&[found.summary]).await;
        found.content
    }

    /// Notes that entries were shown.
    pub async fn shown(&self, entries: &[EntrySummary]) {
        let scope = self.scope(&MEMORY_GET).await;
        let readings: Vec<Reading> =
            entries.iter().filter_map(|entry| Reading::of_entry(&scope, entry)).collect();
        self.world.store.note_readings(&scope, &readings, draft(&scope)).await.unwrap();
    }

    pub async fn reviews(&self, filter: ReviewFilter) -> Reviews {
        let scope = self.scope(&QUARANTINE_LIST).await;
        self.world.store.reviews(&scope, filter).await.unwrap()
    }

    pub async fn review(&self, id: VersionId) -> Option<(Review, String)> {
        let scope = self.scope(&QUARANTINE_LIST).await;
        self.world.store.review(&scope, id).await.unwrap()
    }

    pub async fn decide(&self, id: VersionId, to: Trust) -> Result<Option<Review>, StorageError> {
        let scope = self.scope(&QUARANTINE_APPROVE).await;
        self.world.store.decide(&scope, id, to, pending(&scope)).await
    }

    pub async fn revoke(&self, origin: &OriginFilter) -> Revocation {
        let scope = self.scope(&REVOKE_ORIGIN).await;
        self.world.store.revoke_origin(&scope, origin, Some(pending(&scope))).await.unwrap()
    }

    pub async fn would_revoke(&self, origin: &OriginFilter) -> Revocation {
        let scope = self.scope(&REVOKE_ORIGIN).await;
        self.world.store.revoke_origin(&scope, origin, None).await.unwrap()
    }

    /// Removes what nobody has verified for a number of days.
    pub async fn expire(&self, days: i64) -> u64 {
        self.expire_hours(24 * days).await
    }

    pub async fn expire_hours(&self, hours: i64) -> u64 {
        let scope = self.scope(&REVOKE_ORIGIN).await;
        let before = scope.at().plus_millis(-hours * DAY_MS / 24);
        self.world.store.expire(&scope, before, pending(&scope)).await.unwrap()
    }
}

/// Those in a state.
#[must_use]
pub fn all(trust: Trust) -> ReviewFilter {
    ReviewFilter { trust, limit: 1_000, after: None }
}

#[must_use]
pub fn id(entry: &EntrySummary) -> VersionId {
    VersionId { entry: entry.id, version: entry.version }
}

/// What is of a local user.
#[must_use]
pub fn of(name: &str) -> OriginFilter {
    OriginFilter { principal: Some(format!("local:{name}")), ..OriginFilter::default() }
}

/// The keys of what is in a state.
async fn keys_in(world: &World, trust: Trust) -> BTreeSet<String> {
    let found = world.operator().reviews(all(trust)).await;
    found.reviews.iter().map(|review| review.key.as_str().to_owned()).collect()
}

fn keys(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A caller sees nothing of an entry.
async fn assert_hidden(call: &Call<'_>, name: &str, word: &str) {
    assert_eq!(call.get(name).await, None);
    for version in 1..4 {
        assert_eq!(call.get_at(name, Target::Version(version)).await, None);
    }
    assert_eq!(call.history(name).await, vec![]);
    assert!(call.restore(name, 1).await.is_none());
    assert_eq!(call.list(listing(100)).await.total, 0);
    assert_eq!(call.search(search(word, Match::Any)).await.hits, vec![]);
    assert_eq!(call.search(search(word, Match::Prefix)).await.hits, vec![]);
}

pub async fn s12_whatever_is_written_begins_unverified(world: &World) {
    let ann = world.local("ann").start().await;
    let operator = world.operator().start().await;
    for call in [ann.clone(), ann.named("team"), operator.clone(), operator.named("team")] {
        assert_eq!(call.store("key", "text").await.label.trust, Trust::Unverified);
    }
    // Also over what somebody has verified, and made of it.
    let team = ann.named("team");
    let stored = team.store("key", "text").await;
    assert!(world.operator().decide(id(&stored), Trust::Trusted).await.unwrap().is_some());
    assert_eq!(team.restore("key", stored.version).await.unwrap().label.trust, Trust::Unverified);
    assert_eq!(team.store("key", "text").await.label.trust, Trust::Unverified);
}

pub async fn s16_what_is_held_back_is_on_no_read_path(world: &World) {
    let ann = world.local("ann").start().await;
    for call in [ann.clone(), ann.named("team")] {
        let stored = call.store_held("key canary", "canary words").await;
        assert_eq!((stored.label.trust, stored.version), (Trust::Quarantined, 1));
        assert_hidden(&call, "key canary", "canary").await;
        assert_hidden(&call, "key canary", "words").await;
        assert!(!call.delete("key canary").await);
    }
    assert_eq!(ann.status().await.entries, 0);
    let scope = world.operator().scope(&QUARANTINE_LIST).await;
    assert_eq!(world.store.figures(&scope).await.unwrap().entries, 0);
}

pub async fn s16_what_was_there_stays_current(world: &World) {
    let team = world.local("ann").start().await.named("team");
    let first = team.store("key", "good words").await;
    let held = team.store_held("key", "bad words").await;
    assert_eq!((held.version, held.id), (2, first.id));
    assert_eq!(team.get("key").await.unwrap().content, "good words");
    assert_eq!(team.found("bad", Match::Any).await, Vec::<String>::new());
    // Its number is taken, and a version may still be expected.
    let next = NewEntry { if_version: Some(1), ..entry("key", "better words") };
    let next = team.try_store(next).await.unwrap();
    assert_eq!((next.version, next.id), (3, first.id));
    let versions: Vec<u32> = team.history("key").await.iter().map(|version| version.version).collect();
    assert_eq!(versions, [3, 1]);
    // A key that has nothing else goes on where it was.
    let held = team.store_held("other", "bad words").await;
    let next = team.store("other", "good words").await;
    assert_eq!((next.id, next.version), (held.id, 2));
}

pub async fn operators_see_what_is_held_back(world: &World) {
    let ann = world.local("ann").start().await;
    let stored = [
        ann.store_held("one", "text").await,
        ann.named("team").store_held("two", "text").await,
        ann.named("team").store_held("three", "a longer text").await,
    ];
    ann.named("team").store("open", "text").await;
    ann.store("own", "text").await;
    let operator = world.operator();
    let listed = operator.reviews(all(Trust::Quarantined)).await;
    let ids: Vec<VersionId> = listed.reviews.iter().map(|review| review.id).collect();
    assert_eq!(ids, [id(&stored[2]), id(&stored[1]), id(&stored[0])]);
    let newest = &listed.reviews[0];
    assert_eq!((newest.key.as_str(), newest.chars), ("three", 13));
    assert_eq!((&newest.label, &newest.namespace), (&stored[2].label, &stored[2].namespace));
    assert_eq!(newest.since, stored[2].updated_at);
    // Page by page.
    let first = operator.reviews(ReviewFilter { limit: 2, ..all(Trust::Quarantined) }).await;
    let rest = operator.reviews(ReviewFilter { after: first.next, ..all(Trust::Quarantined) }).await;
    assert_eq!((first.reviews.len(), rest.reviews.len(), rest.next), (2, 1, None));
    assert_eq!(rest.reviews[0].id, id(&stored[0]));
    // Of what is open, what is shared.
    assert_eq!(keys_in(world, Trust::Unverified).await, keys(&["open"]));
    let (review, content) = operator.review(id(&stored[2])).await.unwrap();
    assert_eq!((&review, content.as_str()), (newest, "a longer text"));
    assert_eq!(operator.review(VersionId { version: 9, ..id(&stored[2]) }).await, None);
}

pub async fn s13_an_approved_version_goes_where_its_number_says(world: &World) {
    let team = world.local("ann").start().await.named("team");
    let operator = world.operator();
    let alone = team.store_held("alone", "lonely words").await;
    let approved = operator.decide(id(&alone), Trust::Trusted).await.unwrap().unwrap();
    assert_eq!(approved.label.trust, Trust::Trusted);
    let got = team.get("alone").await.unwrap();
    assert_eq!((got.summary.id, got.summary.version, got.content.as_str()), (alone.id, 1, "lonely words"));
    assert_eq!(got.summary.label.origin, alone.label.origin);
    assert_eq!((got.summary.created_at, got.summary.updated_at), (alone.created_at, alone.updated_at));
    assert_eq!(team.found("lonely", Match::Any).await, ["alone"]);
    // Over a version before it, and beneath one after it.
    for after in [false, true] {
        let name = if after { "past" } else { "newest" };
        team.store(name, "first words").await;
        let held = team.store_held(name, "second ones").await;
        if after {
            team.store(name, "third ones").await;
        }
        assert!(operator.decide(id(&held), Trust::Trusted).await.unwrap().is_some());
        let versions: Vec<(u32, Trust)> =
            team.history(name).await.iter().map(|one| (one.version, one.label.trust)).collect();
        let rest = [(2, Trust::Trusted), (1, Trust::Unverified)];
        let newest = after.then_some((3, Trust::Unverified));
        assert_eq!(versions, newest.into_iter().chain(rest).collect::<Vec<_>>());
        let found = team.found("second", Match::Any).await;
        assert_eq!(found, if after { vec!["newest"] } else { vec![name] });
        assert_eq!(team.found("first", Match::Any).await, Vec::<String>::new());
    }
    assert_eq!(keys_in(world, Trust::Quarantined).await, keys(&[]));
}

pub async fn s13_a_version_is_approved_and_no_other(world: &World) {
    let team = world.local("ann").start().await.named("team");
    let looked_at = team.store("key", "harmless").await;
    let later = team.store("key", "harmful").await;
    let operator = world.operator();
    assert!(operator.decide(id(&looked_at), Trust::Trusted).await.unwrap().is_some());
    assert_eq!(team.get("key").await.unwrap().summary.label.trust, Trust::Unverified);
    assert_eq!(team.history("key").await[1].label.trust, Trust::Trusted);
    assert!(operator.decide(id(&later), Trust::Trusted).await.unwrap().is_some());
    let again = operator.decide(id(&later), Trust::Trusted).await;
    assert!(matches!(again, Err(StorageError::State { what: "version", is: "trusted", .. })), "{again:?}");
    let unknown = VersionId { version: 9, ..id(&later) };
    assert_eq!(operator.decide(unknown, Trust::Trusted).await.unwrap(), None);
}

pub async fn a_rejected_version_leaves_what_was_before(world: &World) {
    let team = world.local("ann").start().await.named("team");
    team.store("key", "first words").await;
    let second = team.store("key", "second thoughts").await;
    let operator = world.operator();
    let rejected = operator.decide(id(&second), Trust::Revoked).await.unwrap().unwrap();
    assert_eq!(rejected.label.trust, Trust::Revoked);
    let got = team.get("key").await.unwrap();
    assert_eq!((got.summary.version, got.content.as_str()), (1, "first words"));
    assert_eq!(team.found("first", Match::Any).await, ["key"]);
    assert_eq!(team.found("thoughts", Match::Any).await, Vec::<String>::new());
    assert_eq!(team.history("key").await.len(), 1);
    assert_eq!(team.store("key", "third words").await.version, 3);
    // The last one takes the entry with it, and can come back.
    let only = team.store("only", "lonely words").await;
    operator.decide(id(&only), Trust::Revoked).await.unwrap().unwrap();
    assert_eq!(team.get("only").await, None);
    assert_eq!(keys_in(world, Trust::Revoked).await, keys(&["key", "only"]));
    operator.decide(id(&only), Trust::Trusted).await.unwrap().unwrap();
    assert_eq!(team.get("only").await.unwrap().summary.label.trust, Trust::Trusted);
    assert!(world.verified().await.is_intact());
}

pub async fn what_is_held_back_goes_with_its_entry_and_its_session(world: &World) {
    let ann = world.local("ann").start().await;
    let team = ann.named("team");
    ann.store_held("of the session", "text").await;
    team.store("key", "text").await;
    team.store_held("key", "text").await;
    assert!(team.delete("key").await);
    assert_eq!(keys_in(world, Trust::Quarantined).await, keys(&["of the session"]));
    assert_eq!(team.store("key", "text").await.version, 1);
    ann.end().await;
    assert_eq!(keys_in(world, Trust::Quarantined).await, keys(&[]));
}

pub async fn only_what_is_trusted_is_found_if_asked(world: &World) {
    let team = world.local("ann").start().await.named("team");
    let verified = team.store("verified", "some words").await;
    team.store("open", "some words").await;
    world.operator().decide(id(&verified), Trust::Trusted).await.unwrap().unwrap();
    let asked = crate::Search { trusted_only: true, ..search("words", Match::Any) };
    let found = team.search(asked).await;
    let found: Vec<&str> = found.hits.iter().map(|hit| hit.entry.summary.key.as_str()).collect();
    assert_eq!(found, ["verified"]);
}

fn team<'w>(call: &Call<'w>) -> Call<'w> {
    call.named("team")
}

pub async fn s21_what_is_derived_from_a_revoked_origin_is_held_back(world: &World) {
    let (eve, ann, bob, cid) = (
        world.local("eve").start().await,
        world.local("ann").start().await,
        world.local("bob").start().await,
        world.local("cid").start().await,
    );
    team(&ann).store("before", "text").await;
    team(&eve).store("poison", "text").await;
    eve.store("her own", "text").await;
    team(&ann).read("poison").await;
    // Ann's session has read it: in her own words, in parts, in her session and outside of it.
    team(&ann).store("summary", "text").await;
    ann.store("private", "text").await;
    ann.named("docs").store("part", "text").await;
    // Bob has read what she made of it, Cid only what she wrote before.
    team(&bob).read("summary").await;
    team(&bob).store("echo", "text").await;
    team(&cid).read("before").await;
    team(&cid).store("clean", "text").await;
    // What was before goes on, and what has gone says no less.
    team(&ann).store("before", "again, after").await;
    team(&eve).delete("poison").await;
    ann.end().await;
    let operator = world.operator();
    let expected = Revocation { revoked: 1, quarantined: 4 };
    assert_eq!(operator.would_revoke(&of("eve")).await, expected);
    assert_eq!(keys_in(world, Trust::Quarantined).await, keys(&[]));
    assert_eq!(operator.revoke(&of("eve")).await, expected);
    assert_eq!(keys_in(world, Trust::Revoked).await, keys(&["her own"]));
    assert_eq!(keys_in(world, Trust::Quarantined).await, keys(&["summary", "part", "echo", "before"]));
    assert_eq!(keys_in(world, Trust::Unverified).await, keys(&["before", "clean"]));
    assert_eq!(team(&cid).get("before").await.unwrap().content, "text");
    assert_eq!(operator.revoke(&of("eve")).await, Revocation::default());
    assert!(world.verified().await.is_intact());
}

pub async fn s21_an_origin_may_be_an_agent_and_from_a_time_on(world: &World) {
    let ann = world.local("ann").start().await;
    let team = ann.named("team");
    team.for_agent("a").store("early", "text").await;
    world.clock.advance_millis(1_000);
    let since = world.now();
    team.for_agent("a").store("late", "text").await;
    team.for_agent("b").store("other", "text").await;
    let origin = OriginFilter { agent: Some("a".parse().unwrap()), since: Some(since), ..of("ann") };
    // The session has read nothing: what its agents write side by side is not derived from each other.
    assert_eq!(world.operator().revoke(&origin).await, Revocation { revoked: 1, quarantined: 0 });
    assert_eq!(keys_in(world, Trust::Unverified).await, keys(&["early", "other"]));
}

pub async fn s21_an_origin_may_be_a_tool_or_a_family_of_tools(world: &World) {
    let eve = world.local("eve").start().await.named("team");
    for (key, tool) in [("poison", "notes_add"), ("other", "notes_edit"), ("alike", "notesy_add")] {
        eve.through(tool).store(key, "text").await;
    }
    let ann = world.local("ann").start().await.named("team");
    ann.store("before", "text").await;
    ann.read("poison").await;
    ann.store("summary", "text").await;
    let bob = world.local("bob");
    bob.named("team").read("other").await;
    bob.start().await.named("team").store("from elsewhere", "text").await;
    let by = |tool: &str| OriginFilter { tool: Some(tool.into()), ..OriginFilter::default() };
    let operator = world.operator();
    for (tool, revoked, quarantined) in [("note", 0, 0), ("notes_add", 1, 1), ("notes_a", 0, 0)] {
        assert_eq!(operator.would_revoke(&by(tool)).await, Revocation { revoked, quarantined }, "{tool}");
    }
    assert_eq!(operator.revoke(&by("notes")).await, Revocation { revoked: 2, quarantined: 2 });
    assert_eq!(keys_in(world, Trust::Revoked).await, keys(&["poison", "other"]));
    assert_eq!(keys_in(world, Trust::Quarantined).await, keys(&["summary", "from elsewhere"]));
    assert_eq!(keys_in(world, Trust::Unverified).await, keys(&["alike", "before"]));
}

pub async fn s21_what_was_read_outside_of_a_session_counts_for_its_holder(world: &World) {
    let eve = world.local("eve").start().await;
    eve.named("team").store("poison", "text").await;
    let ann = world.local("ann");
    let before = ann.start().await;
    ann.named("team").read("poison").await;
    before.named("team").store("in a session", "text").await;
    ann.start().await.named("team").store("in a later one", "text").await;
    world.clock.advance_millis(HOLDER_READS_MS + 1);
    ann.start().await.named("team").store("the day after", "text").await;
    world.local("bob").start().await.named("team").store("somebody else's", "text").await;
    assert_eq!(world.operator().revoke(&of("eve")).await, Revocation { revoked: 1, quarantined: 2 });
    assert_eq!(keys_in(world, Trust::Quarantined).await, keys(&["in a session", "in a later one"]));
}

pub async fn to_restore_a_version_is_to_read_it(world: &World) {
    let (eve, ann) = (world.local("eve").start().await.named("team"), world.local("ann").start().await);
    eve.store("key", "poison").await;
    eve.store("key", "text").await;
    ann.named("team").restore("key", 1).await.unwrap();
    ann.named("docs").store("after", "text").await;
    assert_eq!(world.operator().revoke(&of("eve")).await, Revocation { revoked: 2, quarantined: 2 });
    assert_eq!(ann.named("team").get("key").await, None);
}

pub async fn s20_what_nobody_has_verified_in_time_goes(world: &World) {
    let ann = world.local("ann").start().await;
    let team = ann.named("team");
    let verified = team.store("verified", "good words").await;
    let both = team.store("both", "good words").await;
    for stored in [&verified, &both] {
        world.operator().decide(id(stored), Trust::Trusted).await.unwrap().unwrap();
    }
    team.store("both", "bad words").await;
    team.store("open", "bad words").await;
    team.store_held("held", "bad words").await;
    world.clock.advance_millis(90 * DAY_MS);
    let ann = world.local("ann").start().await;
    let team = ann.named("team");
    ann.store("own", "words").await;
    team.store("new", "new words").await;
    assert_eq!(world.operator().expire(90).await, 0, "it is not later yet");
    world.clock.advance_millis(1);
    assert_eq!(world.operator().expire(90).await, 3);
    assert_eq!(world.operator().expire(90).await, 0);
    assert_eq!(team.found("bad", Match::Any).await, Vec::<String>::new());
    assert_eq!(team.get("both").await.unwrap().content, "good words");
    assert_eq!(keys_in(world, Trust::Trusted).await, keys(&["both", "verified"]));
    assert_eq!(keys_in(world, Trust::Unverified).await, keys(&["new"]));
    assert_eq!(keys_in(world, Trust::Quarantined).await, keys(&[]));
    assert_eq!(ann.keys().await, ["own"]);
    assert!(world.verified().await.is_intact());
}

pub async fn who_is_new_among_the_writers_of_a_shared_namespace_is_known(world: &World) {
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    let is_new = async |call: Call<'_>| call.try_storing(entry("key", "text")).await.unwrap().is_new_origin;
    assert!(!is_new(ann.clone()).await, "a session is nobody else's");
    assert!(!is_new(ann.named("team")).await, "there are no others");
    for call in [bob.named("team"), ann.named("team").for_agent("a")] {
        assert!(is_new(call.clone()).await);
        assert!(!is_new(call).await);
    }
    assert!(!is_new(world.local("ann").start().await.named("team")).await, "in another session");
    // Who wrote what is not there any more is forgotten when nothing is left at all.
    assert!(ann.named("team").delete("key").await);
    assert!(!is_new(bob.named("team")).await);
    assert!(is_new(ann.named("team")).await);
}

pub async fn a_session_that_is_gone_is_shown_nothing(world: &World) {
    let ann = world.local("ann").start().await;
    let shown = ann.named("team").store("key", "text").await;
    let scope = ann.scope(&MEMORY_GET).await;
    let reading = Reading {
        id: id(&shown),
        namespace: shown.namespace.clone(),
        key: key("key"),
        origin: shown.label.origin.clone(),
    };
    ann.end().await;
    let before = world.records().await.len();
    let refused = world.store.note_readings(&scope, &[reading], draft(&scope)).await;
    assert!(matches!(refused, Err(StorageError::SessionGone)), "{refused:?}");
    assert_eq!(world.records().await.len(), before);
}
