//! Whatever is asked, in whatever order: SQLite and the reference store answer alike.

mod told;

use std::sync::Arc;

use agentstack_audit::SigningKey;
use agentstack_core::{EntryId, Secret, Trust};
use agentstack_storage::conformance::embedding::{meaning, model, vector};
use agentstack_storage::conformance::trust::{all, of};
use agentstack_storage::conformance::world::{entry, listing, metadata, new_session, search, tags};
use agentstack_storage::conformance::{Call, Opened, World};
use agentstack_storage::reference::ReferenceStore;
use agentstack_storage::text::Match;
use agentstack_storage::{
    AgentFilter, EmbeddingModel, Listing, NewEntry, OriginFilter, Page, Review, ReviewFilter, Search, Target,
    Wish,
};
use agentstack_storage_sqlite::IndexBounds;
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use self::told::{found, pages, shown};
use crate::support;

const HOUR: i64 = 60 * 60 * 1_000;

#[derive(Debug, Clone)]
enum Step {
    Store {
        place: Place,
        key: u8,
        words: Vec<u8>,
        tags: Vec<u8>,
        if_version: Option<u32>,
        held: bool,
        wish: Wish,
    },
    Get {
        place: Place,
        key: u8,
        version: Option<u32>,
    },
    Delete {
        place: Place,
        key: u8,
    },
    History {
        place: Place,
        key: u8,
        limit: u32,
    },
    Restore {
        place: Place,
        key: u8,
        version: u32,
    },
    List {
        place: Place,
        tags: Vec<u8>,
        agent: Option<(u8, bool)>,
        limit: u32,
        offset: u32,
        cursor: bool,
    },
    Search {
        place: Place,
        words: Vec<u8>,
        how: u8,
        tags: Vec<u8>,
        agent: Option<(u8, bool)>,
        cut: (u32, u32, u8),
        meaning: Option<(u8, bool)>,
    },
    Session {
        who: usize,
        what: u8,
    },
    Wait {
        millis: i64,
    },
    /// An operator decides about the `nth` version in a state.
    Decide {
        from: Trust,
        nth: usize,
        to: Trust,
    },
    Revoke {
        who: usize,
        agent: Option<u8>,
        hours: Option<i64>,
        dry: bool,
    },
    Forget {
        who: usize,
        agent: Option<u8>,
        dry: bool,
    },
    Expire {
        hours: i64,
    },
    Review {
        trust: Trust,
        limit: u32,
    },
    /// Some of what waits is embedded by one of two models, and some of that fails.
    Embed {
        model: u8,
        limit: u32,
        fails: u8,
    },
    EmbedAgain {
        model: u8,
    },
}

/// Who calls, and about what.
#[derive(Debug, Clone)]
struct Place {
    who: usize,
    shared: u8,
    agent: Option<u8>,
    bound: bool,
}

const WORDS: [&str; 12] = [
    "deploy",
    "deployment",
    "fooBar",
    "foo",
    "東京都",
    "京都",
    "running",
    "run",
    "the",
    "👍",
    "don't",
    "v1.2",
];
const AGENTS: [&str; 2] = ["a", "b"];
const TAGS: [&str; 3] = ["x", "y", "x y"];

fn text(words: &[u8]) -> String {
    words.iter().map(|word| WORDS[*word as usize % WORDS.len()]).collect::<Vec<_>>().join(" ")
}

fn some_tags(numbers: &[u8]) -> Vec<agentstack_core::Tag> {
    tags(&numbers.iter().map(|tag| TAGS[*tag as usize % TAGS.len()]).collect::<Vec<_>>())
}

fn filter(agent: Option<(u8, bool)>) -> Option<AgentFilter> {
    let (agent, include_common) = agent?;
    Some(AgentFilter { agent: AGENTS[agent as usize % 2].parse().unwrap(), include_common })
}

fn place() -> impl Strategy<Value = Place> {
    (0..2_usize, 0..4_u8, proptest::option::weighted(0.3, 0..2_u8), any::<bool>())
        .prop_map(|(who, shared, agent, bound)| Place { who, shared, agent, bound })
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![2 => Just(Wish::Wanted), 1 => Just(Wish::Declined), 1 => Just(Wish::None)]
}

fn some_model(number: u8) -> EmbeddingModel {
    model("m", [26, 8][number as usize])
}

fn state() -> impl Strategy<Value = Trust> {
    proptest::sample::select(Trust::ALL)
}

fn step() -> impl Strategy<Value = Step> {
    let (key, words, some) = (|| 0..6_u8, || vec(0..12_u8, 1..6), || vec(0..3_u8, 0..2));
    let agent = || proptest::option::weighted(0.3, (0..2_u8, any::<bool>()));
    prop_oneof![
        8 => (place(), key(), words(), some(), proptest::option::weighted(0.2, 0..3_u32), proptest::bool::weighted(0.2), wish())
            .prop_map(|(place, key, words, tags, if_version, held, wish)| {
                Step::Store { place, key, words, tags, if_version, held, wish }
            }),
        2 => (place(), key(), proptest::option::of(0..4_u32))
            .prop_map(|(place, key, version)| Step::Get { place, key, version }),
        2 => (place(), key()).prop_map(|(place, key)| Step::Delete { place, key }),
        1 => (place(), key(), 0..4_u32).prop_map(|(place, key, limit)| Step::History { place, key, limit }),
        2 => (place(), key(), 0..4_u32).prop_map(|(place, key, version)| Step::Restore { place, key, version }),
        3 => (place(), some(), agent(), 0..4_u32, 0..3_u32, any::<bool>()).prop_map(
            |(place, tags, agent, limit, offset, cursor)| Step::List { place, tags, agent, limit, offset, cursor }
        ),
        6 => (place(), words(), 0..4_u8, some(), agent(), (0..4_u32, 0..2_u32, 0..3_u8), proptest::option::of((0..2_u8, any::<bool>())))
            .prop_map(|(place, words, how, tags, agent, cut, meaning)| {
                Step::Search { place, words, how, tags, agent, cut, meaning }
            }),
        3 => (0..2_u8, 0..9_u32, 0..4_u8).prop_map(|(model, limit, fails)| Step::Embed { model, limit, fails }),
        1 => (0..2_u8).prop_map(|model| Step::EmbedAgain { model }),
        1 => (0..2_usize, 0..3_u8).prop_map(|(who, what)| Step::Session { who, what }),
        2 => (0..HOUR / 3_000).prop_map(|seconds| Step::Wait { millis: seconds * 1_000 }),
        3 => (state(), 0..4_usize, state()).prop_map(|(from, nth, to)| Step::Decide { from, nth, to }),
        2 => (0..2_usize, proptest::option::weighted(0.4, 0..2_u8), proptest::option::weighted(0.3, 0..3_i64), any::<bool>())
            .prop_map(|(who, agent, hours, dry)| Step::Revoke { who, agent, hours, dry }),
        1 => (0..2_usize, proptest::option::weighted(0.6, 0..2_u8), any::<bool>())
            .prop_map(|(who, agent, dry)| Step::Forget { who, agent, dry }),
        1 => (0..3_i64).prop_map(|hours| Step::Expire { hours }),
        2 => (state(), 1..9_u32).prop_map(|(trust, limit)| Step::Review { trust, limit }),
    ]
}

/// A store under test, with its callers.
struct Side<'w> {
    world: &'w World,
    callers: Vec<Call<'w>>,
}

impl<'w> Side<'w> {
    async fn new(world: &'w World) -> Self {
        let mut side = Self { world, callers: vec![] };
        for name in ["ann", "bob"] {
            side.callers.push(side.begin(&world.local(name)).await);
        }
        side
    }

    async fn begin(&self, call: &Call<'w>) -> Call<'w> {
        call.start_with(new_session(self.world, HOUR, 4 * HOUR).0).await
    }

    fn at(&self, place: &Place) -> Call<'w> {
        let mut call = self.callers[place.who].clone();
        match place.shared {
            0 => call = call.named("team"),
            1 => call = call.with_shared(),
            _ => {}
        }
        match place.agent.map(|agent| AGENTS[agent as usize]) {
            Some(agent) if place.bound => call.bound_to(agent),
            Some(agent) => call.for_agent(agent),
            None => call,
        }
    }

    /// Ends a session and begins another, or shows it.
    async fn session(&mut self, who: usize, what: u8) -> String {
        if what == 0 {
            let removed = self.callers[who].end().await;
            self.callers[who] = self.begin(&self.callers[who]).await;
            return format!("{removed:?}");
        }
        let status = self.callers[who].status().await;
        let session = &status.session;
        format!("{} {} {} {:?}", status.entries, session.started_at, session.expires_at, session.metadata)
    }

    /// What the store answers, without the ids that it makes up.
    async fn answer(&mut self, step: &Step) -> String {
        // A session that has expired is begun anew, on both sides or on neither.
        for who in 0..2 {
            if self.callers[who].active().await.is_empty() {
                self.callers[who] = self.begin(&self.callers[who]).await;
            }
        }
        match step {
            Step::Session { who, what } => self.session(*who, *what).await,
            Step::Wait { millis } => {
                self.world.clock.advance_millis(*millis);
                String::new()
            }
            Step::Decide { .. }
            | Step::Revoke { .. }
            | Step::Forget { .. }
            | Step::Expire { .. }
            | Step::Review { .. } => self.decided(step).await,
            Step::Embed { model, limit, fails } => self.embedded(*model, *limit, *fails).await,
            Step::EmbedAgain { model } => {
                self.world.operator().embed_again(&some_model(*model)).await.to_string()
            }
            Step::List { .. } | Step::Search { .. } => self.found(step).await,
            other => self.called(other).await,
        }
    }

    /// A call about one entry.
    async fn called(&self, step: &Step) -> String {
        match step {
            Step::Store { place, key, words, tags, if_version, held, wish } => {
                let object = metadata(&format!(r#"{{"n": {}.{}}}"#, key, words.len()));
                let (tags, if_version) = (some_tags(tags), *if_version);
                let plain = entry(&name(*key), &text(words));
                let new = NewEntry { tags, if_version, metadata: object, held: *held, wish: *wish, ..plain };
                match self.at(place).try_storing(new).await {
                    Ok(stored) => format!("{} {}", shown(&stored.entry), stored.is_new_origin),
                    Err(error) => format!("{error:?}"),
                }
            }
            Step::Get { place, key, version } => {
                let target = version.map_or(Target::Current, Target::Version);
                let got = self.at(place).get_at(&name(*key), target).await;
                if let Some(entry) = &got {
                    self.at(place).shown(std::slice::from_ref(&entry.summary)).await;
                }
                format!("{:?}", got.map(|entry| (shown(&entry.summary), entry.content)))
            }
            Step::Delete { place, key } => self.at(place).delete(&name(*key)).await.to_string(),
            Step::History { place, key, limit } => {
                let mut history = self.at(place).history_of(&name(*key), *limit).await;
                for version in &mut history {
                    version.entry = EntryId::from_bytes([0; 16]);
                }
                format!("{history:?}")
            }
            Step::Restore { place, key, version } => {
                let restored = self.at(place).restore(&name(*key), *version).await;
                format!("{:?}", restored.as_ref().map(shown))
            }
            other => panic!("{other:?} is about more than an entry"),
        }
    }

    /// Lists and searches.
    async fn found(&self, step: &Step) -> String {
        match step {
            Step::List { place, tags, agent, limit, offset, cursor } => {
                let asked = Listing {
                    tags: some_tags(tags),
                    agent: filter(*agent),
                    page: Page::Offset(*offset),
                    ..listing(*limit)
                };
                pages(&self.at(place), asked, *cursor).await
            }
            Step::Search {
                place,
                words,
                how,
                tags,
                agent,
                cut: (limit, offset, threshold),
                meaning: about,
            } => {
                let how = [Match::Any, Match::All, Match::Phrase, Match::Prefix][*how as usize];
                let asked = Search {
                    tags: some_tags(tags),
                    agent: filter(*agent),
                    limit: *limit,
                    offset: *offset,
                    threshold: f64::from(*threshold) / 10.0,
                    meaning: about
                        .and_then(|(of, alone)| meaning(&text(words), &some_model(of), alone).meaning),
                    ..search(&text(words), how)
                };
                found(&self.at(place), asked).await
            }
            other => panic!("{other:?} finds nothing"),
        }
    }

    /// Embeds some of what waits, but not every one.
    async fn embedded(&self, model: u8, limit: u32, fails: u8) -> String {
        let (operator, model) = (self.world.operator(), some_model(model));
        let waiting = operator.waiting(limit).await;
        let made = waiting.iter().enumerate().map(|(place, one)| {
            let fails = place % 4 < fails as usize / 2;
            (one.id, (!fails).then(|| vector(&one.text, &model)))
        });
        let kept = operator.keep_vectors(&model, made.collect()).await;
        let texts: Vec<&String> = waiting.iter().map(|one| &one.text).collect();
        format!("{kept} {texts:?} {:?}", operator.embedding_figures().await)
    }

    /// What operators do.
    async fn decided(&self, step: &Step) -> String {
        let operator = self.world.operator();
        match step {
            Step::Decide { from, nth, to } => {
                let reviews = operator.reviews(all(*from)).await.reviews;
                let Some(chosen) = reviews.get(*nth) else { return String::new() };
                format!("{:?}", operator.decide(chosen.id, *to).await.map(|done| done.as_ref().map(reviewed)))
            }
            Step::Revoke { who, agent, hours, dry } => {
                let origin = OriginFilter {
                    agent: agent.map(|agent| AGENTS[agent as usize].parse().unwrap()),
                    since: hours.map(|hours| self.world.now().plus_millis(-hours * HOUR)),
                    ..of(["ann", "bob"][*who])
                };
                let would = operator.would_revoke(&origin).await;
                // It does what it said it would.
                let done = if *dry { would } else { operator.revoke(&origin).await };
                assert_eq!(done, would);
                format!("{done:?}")
            }
            Step::Forget { who, agent, dry } => {
                let origin = OriginFilter {
                    agent: agent.map(|agent| AGENTS[agent as usize].parse().unwrap()),
                    ..of(["ann", "bob"][*who])
                };
                let (readers, would) =
                    (operator.readers(&origin).await, operator.would_forget(&origin).await);
                let done = if *dry { would } else { operator.forget(&origin).await.0 };
                assert_eq!(done, would);
                format!("{done:?} {} {}", readers.sessions.len(), readers.holders.len())
            }
            Step::Expire { hours } => operator.expire_hours(*hours).await.to_string(),
            Step::Review { trust, limit } => {
                let first = operator.reviews(ReviewFilter { limit: *limit, ..all(*trust) }).await;
                let next = first.next;
                let rest = operator.reviews(ReviewFilter { after: next, ..all(*trust) }).await;
                let mut shown = vec![];
                for review in first.reviews.iter().chain(&rest.reviews) {
                    let (found, content) = operator.review(review.id).await.unwrap();
                    assert_eq!(found, *review);
                    shown.push((reviewed(review), content));
                }
                format!("{} {shown:?}", next.is_some())
            }
            other => panic!("{other:?} is no operator's"),
        }
    }
}

/// A review without the ids that the store makes up.
fn reviewed(review: &Review) -> String {
    let Review { id, key, namespace, agent_id, tags, metadata, label, chars, since } = review;
    let namespace = match namespace {
        agentstack_core::Namespace::Session(_) => "own".to_owned(),
        agentstack_core::Namespace::Shared(name) => name.to_string(),
    };
    format!(
        "{namespace} {} {} {agent_id:?} {tags:?} {:?} {label:?} {chars} {since}",
        key.as_str(),
        id.version,
        metadata.as_object()
    )
}

fn name(key: u8) -> String {
    format!("key {} {}", key, WORDS[key as usize])
}

pub(crate) fn reference() -> World {
    let store = ReferenceStore::new(SigningKey::new(&Secret::new([7; 32])));
    World::new(Opened { verifying: store.verifying_key(), store: Arc::new(store), keep: Box::new(()) })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_like_the_reference(steps in vec(step(), 1..60), small in proptest::bool::weighted(0.8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = TempDir::new().unwrap();
            // Most of the time, every few entries are merged.
            let bounds = if small { support::small_bounds() } else { IndexBounds::default() };
            let worlds = [reference(), support::world_with(&support::path(&folder), false, bounds).await];
            let mut expected = Side::new(&worlds[0]).await;
            let mut sqlite = Side::new(&worlds[1]).await;
            for step in &steps {
                let answers = (sqlite.answer(step).await, expected.answer(step).await);
                prop_assert_eq!(&answers.0, &answers.1, "{:?}", step);
            }
            let records = [&worlds[0], &worlds[1]].map(World::records);
            let [one, other] = records;
            let shape = |record: &agentstack_audit::Record| (record.operation.clone(), record.at.clone(), record.counts.clone());
            let (one, other) = (one.await, other.await);
            prop_assert_eq!(one.iter().map(shape).collect::<Vec<_>>(), other.iter().map(shape).collect::<Vec<_>>());
            prop_assert!(worlds[1].verified().await.is_intact());
            Ok(())
        })?;
    }
}
