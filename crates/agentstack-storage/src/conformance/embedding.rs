//! Vectors: who waits for one, what is found by them, and when they go.

use agentstack_core::{MatchType, Trust, VersionId};

use super::world::{Call, MEMORY_SEARCH, SESSION_ACTIVE, World, entry, pending, search};
use crate::embedding::EMBEDDED_CHARS;
use crate::text::Match;
use crate::{
    Again, EmbeddingFigures, EmbeddingModel, Found, Meaning, ModelFigures, NewEntry, Search, Vector, Waiting,
    WaitingId, Wish,
};

impl Call<'_> {
    /// Stores an entry that is to have a vector, or not.
    pub async fn store_wishing(&self, wish: Wish, key: &str, content: &str) {
        self.try_store(NewEntry { wish, ..entry(key, content) }).await.unwrap();
    }

    pub async fn waiting(&self, limit: u32) -> Vec<Waiting> {
        let scope = self.scope(&SESSION_ACTIVE).await;
        self.world.store.waiting(&scope, limit).await.unwrap()
    }

    pub async fn keep_vectors(
        &self,
        model: &EmbeddingModel,
        vectors: Vec<(WaitingId, Option<Vector>)>,
    ) -> u64 {
        let scope = self.scope(&SESSION_ACTIVE).await;
        self.world.store.keep_vectors(&scope, model, vectors, pending(&scope)).await.unwrap()
    }

    /// Makes all wait, a few at a time; returns how many do.
    pub async fn embed_again(&self, model: &EmbeddingModel) -> u64 {
        let (mut waiting, mut next) = (0, Some(0));
        while let Some(after) = next {
            let done = self.embed_some_again(model, after, 3).await;
            (waiting, next) = (waiting + done.waiting, done.next);
        }
        waiting
    }

    pub async fn embed_some_again(&self, model: &EmbeddingModel, after: i64, most: u32) -> Again {
        let scope = self.scope(&SESSION_ACTIVE).await;
        self.world.store.embed_again(&scope, model, (after, most), pending(&scope)).await.unwrap()
    }

    pub async fn embedding_figures(&self) -> EmbeddingFigures {
        let scope = self.scope(&SESSION_ACTIVE).await;
        self.world.store.embedding_figures(&scope).await.unwrap()
    }

    /// Takes the embedder's work over for so long.
    pub async fn lease(&self, worker: u8, millis: i64) -> bool {
        let scope = self.scope(&SESSION_ACTIVE).await;
        let until = scope.at().plus_millis(millis);
        self.world.store.lease_embedding(&scope, [worker; 16], until).await.unwrap()
    }

    /// Embeds all that waits, by [`vector`].
    pub async fn embed(&self, model: &EmbeddingModel) -> u64 {
        let waiting = self.waiting(u32::MAX).await;
        let vectors = waiting.iter().map(|one| (one.id, Some(vector(&one.text, model)))).collect();
        self.keep_vectors(model, vectors).await
    }

    async fn meaning(&self, text: &str, model: &EmbeddingModel, alone: bool) -> Found {
        self.search(meaning(text, model, alone)).await
    }
}

/// A model of 8 dimensions, or as many as said.
#[must_use]
pub fn model(name: &str, dimension: u32) -> EmbeddingModel {
    EmbeddingModel { name: name.to_owned(), dimension }
}

/// A vector that says which of the letters from `a` on a text has how often; of other letters nothing.
#[must_use]
pub fn vector(text: &str, model: &EmbeddingModel) -> Vector {
    let mut numbers = vec![0.01_f32; model.dimension as usize];
    for letter in text.chars() {
        let place = (letter as usize).wrapping_sub('a' as usize);
        if let Some(number) = numbers.get_mut(place) {
            *number += 1.0;
        }
    }
    Vector::new(&numbers).unwrap()
}

/// Searches by the meaning of a text, as [`vector`] has it.
#[must_use]
pub fn meaning(text: &str, model: &EmbeddingModel, alone: bool) -> Search {
    let meaning = Meaning { model: model.clone(), vector: vector(text, model), alone };
    Search { meaning: Some(meaning), ..search(text, Match::Any) }
}

fn found(found: &Found) -> Vec<(&str, MatchType)> {
    found.hits.iter().map(|hit| (hit.entry.summary.key.as_str(), hit.match_type)).collect()
}

pub async fn what_is_wished_for_waits_in_the_order_of_its_entries(world: &World) {
    let (ann, operator) = (world.local("ann").start().await, world.operator());
    ann.store_wishing(Wish::Wanted, "one", "aaa").await;
    ann.named("team").store_wishing(Wish::Wanted, "two", "bbb").await;
    ann.store_wishing(Wish::Declined, "three", "ccc").await;
    ann.store_wishing(Wish::None, "four", "ddd").await;
    let texts = |waiting: &[Waiting]| waiting.iter().map(|one| one.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&operator.waiting(10).await), ["aaa", "bbb"]);
    assert_eq!(texts(&operator.waiting(1).await), ["aaa"]);
    assert_eq!(operator.embed(&model("m", 8)).await, 2);
    assert!(operator.waiting(10).await.is_empty());
    let figures = EmbeddingFigures {
        models: vec![ModelFigures { model: model("m", 8), vectors: 2 }],
        waiting: 0,
        failed: 0,
        declined: 1,
        entries: 4,
    };
    assert_eq!(operator.embedding_figures().await, figures);
    // From the first vector on, what is stored waits unless it is not to.
    ann.store_wishing(Wish::None, "five", "eee").await;
    assert_eq!(texts(&operator.waiting(10).await), ["eee"]);
}

pub async fn s41_vectors_are_operators_business(world: &World) {
    let (ann, operator) = (world.local("ann").start().await, world.operator());
    ann.store_wishing(Wish::Wanted, "one", "aaa").await;
    let waiting = operator.waiting(1).await;
    assert!(ann.waiting(10).await.is_empty());
    assert_eq!(ann.embedding_figures().await, EmbeddingFigures::default());
    let model = model("m", 8);
    assert_eq!(ann.keep_vectors(&model, vec![(waiting[0].id, Some(vector("a", &model)))]).await, 0);
    assert_eq!((ann.embed_again(&model).await, ann.lease(1, 1_000).await), (0, false));
    assert_eq!(operator.waiting(1).await, waiting);
}

pub async fn the_beginning_of_a_long_content_is_embedded(world: &World) {
    let (ann, operator) = (world.local("ann").start().await, world.operator());
    let most = EMBEDDED_CHARS as usize;
    for length in [most - 1, most, most + 1, 3 * most] {
        let content: String = "a".chars().chain(std::iter::repeat('👍')).take(length).collect();
        ann.store_wishing(Wish::Wanted, "key", &content).await;
        let expected: String = content.chars().take(most).collect();
        assert!(operator.waiting(1).await[0].text == expected, "{length}");
    }
}

pub async fn a_meaning_finds_what_has_no_word_in_common(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    for (key, content) in [("first", "aaab"), ("second", "cccda"), ("third", "aabb")] {
        ann.store_wishing(Wish::Wanted, key, content).await;
    }
    let before = ann.meaning("aaa", &model, false).await;
    assert_eq!((before.hits.len(), before.without_vector), (0, 3));
    operator.embed(&model).await;
    let alone = ann.meaning("aaa", &model, true).await;
    let expected =
        [("first", MatchType::Semantic), ("third", MatchType::Semantic), ("second", MatchType::Semantic)];
    assert_eq!((found(&alone), alone.without_vector), (expected.to_vec(), 0));
    assert!(alone.hits[0].score > 0.9 && alone.hits[2].score < 0.5, "{alone:?}");
    let hybrid = ann.meaning("cccda aaa", &model, false).await;
    assert_eq!(found(&hybrid)[0], ("second", MatchType::Hybrid));
    // What has no vector yet is found by its words.
    ann.store_wishing(Wish::Wanted, "fourth", "cccda").await;
    let hybrid = ann.meaning("cccda", &model, false).await;
    assert_eq!(hybrid.without_vector, 1);
    assert!(found(&hybrid).contains(&("fourth", MatchType::Text)));
    let strict = Search { threshold: 0.9, ..meaning("aaa", &model, true) };
    assert_eq!(found(&ann.search(strict).await), [("first", MatchType::Semantic)]);
}

pub async fn a_page_goes_on_where_the_one_before_ended(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    for number in 0..9 {
        ann.store_wishing(Wish::Wanted, &number.to_string(), &"ab".repeat(number + 1)).await;
    }
    operator.embed(&model).await;
    let whole = ann.meaning("ab", &model, true).await;
    let mut paged = vec![];
    for offset in [0, 4, 8] {
        let page = ann.search(Search { limit: 4, offset, ..meaning("ab", &model, true) }).await;
        assert_eq!(page.more, offset < 8);
        paged.extend(page.hits);
    }
    assert_eq!(paged, whole.hits);
}

pub async fn s41_vectors_of_different_models_never_mix(world: &World) {
    let (ann, operator) = (world.local("ann").start().await, world.operator());
    let (old, new) = (model("m", 8), model("m", 9));
    ann.store_wishing(Wish::Wanted, "old", "aaa").await;
    operator.embed(&old).await;
    ann.store_wishing(Wish::Wanted, "new", "aaa").await;
    operator.embed(&new).await;
    let by = async |model: &EmbeddingModel| {
        let found = ann.meaning("aaa", model, true).await;
        let keys: Vec<String> =
            found.hits.iter().map(|hit| hit.entry.summary.key.as_str().to_owned()).collect();
        (keys, found.without_vector)
    };
    assert_eq!(by(&old).await, (vec!["old".to_owned()], 1));
    assert_eq!(by(&new).await, (vec!["new".to_owned()], 1));
    assert_eq!(by(&model("other", 8)).await, (vec![], 2));
    let figures = operator.embedding_figures().await;
    assert_eq!((figures.models.len(), figures.of_others(&new), figures.of_others(&old)), (2, 1, 1));
    assert_eq!(operator.embed_again(&new).await, 1);
    assert_eq!(operator.embed_again(&new).await, 1, "once more changes nothing");
    operator.embed(&new).await;
    assert_eq!(by(&new).await, (vec!["new".to_owned(), "old".to_owned()], 0));
    assert_eq!(operator.embedding_figures().await.models, [ModelFigures { model: new, vectors: 2 }]);
}

pub async fn s41_a_vector_of_another_dimension_than_its_model_is_none(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    for (key, content) in [("one", "aaa"), ("two", "bbb"), ("three", "ccc")] {
        ann.store_wishing(Wish::Wanted, key, content).await;
    }
    let waiting = operator.waiting(9).await;
    let made = [8, 9, 7].map(|dimension| Some(vector("aaa", &self::model("m", dimension))));
    let made = waiting.iter().map(|one| one.id).zip(made).collect();
    assert_eq!(operator.keep_vectors(&model, made).await, 1);
    let found = ann.meaning("aaa", &model, true).await;
    assert_eq!((self::found(&found), found.without_vector), (vec![("one", MatchType::Semantic)], 2));
    assert_eq!(operator.embedding_figures().await.failed, 2);
}

pub async fn others_get_their_turn_while_all_entries_are_to_be_embedded_again(world: &World) {
    let (ann, operator) = (world.local("ann").start().await, world.operator());
    let (old, new) = (model("m", 8), model("m", 9));
    for number in 0..7 {
        ann.store_wishing(Wish::Wanted, &number.to_string(), "aaa").await;
    }
    operator.embed(&old).await;
    let left = async || operator.embedding_figures().await.of_others(&new);
    let first = operator.embed_some_again(&new, 0, 3).await;
    assert_eq!((first.waiting, left().await), (3, 4));
    ann.delete("5").await;
    let second = operator.embed_some_again(&new, first.next.unwrap(), 3).await;
    assert_eq!((second.waiting, left().await), (3, 0));
    let last = operator.embed_some_again(&new, second.next.unwrap(), 3).await;
    assert_eq!(last, Again::default());
    assert_eq!(operator.embed(&new).await, 6);
}

pub async fn what_is_declined_is_so_too_when_it_comes_back(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    ann.store_wishing(Wish::Wanted, "plain", "aaa").await;
    operator.embed(&model).await;
    let is_left_alone = async |text: &str| {
        let waiting = operator.waiting(9).await;
        assert!(waiting.iter().all(|one| one.text != text), "{waiting:?}");
    };
    // What was held back.
    let held = NewEntry { held: true, wish: Wish::Declined, ..entry("held", "bbb") };
    let held = ann.try_store(held).await.unwrap();
    operator.decide(VersionId { entry: held.id, version: held.version }, Trust::Trusted).await.unwrap();
    is_left_alone("bbb").await;
    // What was in the place of another one, and is so again.
    let declined = |key, text| NewEntry { wish: Wish::Declined, ..entry(key, text) };
    ann.try_store(declined("key", "ccc")).await.unwrap();
    let second = ann.try_store(NewEntry { wish: Wish::Wanted, ..entry("key", "ddd") }).await.unwrap();
    assert_eq!(operator.waiting(9).await.len(), 1);
    operator.decide(VersionId { entry: second.id, version: 2 }, Trust::Revoked).await.unwrap();
    is_left_alone("ccc").await;
    // What is restored.
    ann.store_wishing(Wish::Wanted, "key", "eee").await;
    ann.restore("key", 1).await.unwrap();
    is_left_alone("ccc").await;
    // What is revoked and comes back.
    let whole = ann.try_store(declined("whole", "fff")).await.unwrap();
    let id = VersionId { entry: whole.id, version: 1 };
    operator.decide(id, Trust::Quarantined).await.unwrap();
    operator.decide(id, Trust::Trusted).await.unwrap();
    is_left_alone("fff").await;
    assert_eq!(operator.embedding_figures().await.declined, 3);
}

pub async fn s41_a_vector_goes_with_its_version(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    ann.store_wishing(Wish::Wanted, "key", "aaa").await;
    let stale = operator.waiting(1).await;
    operator.embed(&model).await;
    ann.store_wishing(Wish::Wanted, "key", "bbb").await;
    let found = ann.meaning("aaa", &model, true).await;
    assert_eq!((found.hits.len(), found.without_vector), (0, 1));
    // What was made of the version before comes too late.
    assert_eq!(operator.keep_vectors(&model, vec![(stale[0].id, Some(vector("aaa", &model)))]).await, 0);
    operator.embed(&model).await;
    assert_eq!(ann.meaning("bbb", &model, true).await.hits.len(), 1);
    ann.restore("key", 1).await.unwrap();
    assert_eq!(operator.waiting(9).await[0].text, "aaa", "a version that comes back waits again");
    operator.embed(&model).await;
    ann.delete("key").await;
    let figures = operator.embedding_figures().await;
    assert_eq!((figures.models, figures.waiting, figures.entries), (vec![], 0, 0));
}

pub async fn s41_vectors_end_with_their_session(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    ann.store_wishing(Wish::Wanted, "one", "aaa").await;
    ann.store_wishing(Wish::Wanted, "two", "bbb").await;
    ann.named("team").store_wishing(Wish::Wanted, "three", "ccc").await;
    let waiting = operator.waiting(9).await;
    operator.embed(&model).await;
    ann.end().await;
    assert_eq!(
        operator.embedding_figures().await.models,
        [ModelFigures { model: model.clone(), vectors: 1 }]
    );
    let late = waiting.iter().map(|one| (one.id, Some(vector("d", &model)))).collect();
    assert_eq!(operator.keep_vectors(&model, late).await, 0, "nothing waits any more");
}

pub async fn what_is_declined_or_failed_is_not_tried(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    ann.store_wishing(Wish::Wanted, "one", "aaa").await;
    ann.store_wishing(Wish::Wanted, "two", "aab").await;
    let waiting = operator.waiting(9).await;
    ann.store_wishing(Wish::Declined, "two", "aab").await;
    let answers = waiting.iter().map(|one| (one.id, None)).collect();
    assert_eq!(operator.keep_vectors(&model, answers).await, 0);
    assert!(operator.waiting(9).await.is_empty());
    let figures = operator.embedding_figures().await;
    assert_eq!((figures.failed, figures.declined), (1, 1));
    assert_eq!(ann.meaning("aaa", &model, true).await.without_vector, 1, "what is declined does not count");
    assert_eq!(operator.embed_again(&model).await, 1, "what failed is tried again then");
    operator.embed(&model).await;
    // A caller who changes his mind is heard.
    ann.store_wishing(Wish::Wanted, "two", "aab").await;
    assert_eq!(operator.embed(&model).await, 1);
}

pub async fn s16_what_is_held_back_is_found_by_no_meaning(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    ann.store_wishing(Wish::Wanted, "plain", "aaa").await;
    operator.embed(&model).await;
    let held = NewEntry { held: true, wish: Wish::Wanted, ..entry("held", "aaa") };
    let held = ann.try_store(held).await.unwrap();
    assert!(operator.waiting(9).await.is_empty());
    let id = VersionId { entry: held.id, version: held.version };
    operator.decide(id, Trust::Trusted).await.unwrap();
    assert_eq!(operator.embed(&model).await, 1, "once it is approved, it waits");
    assert_eq!(ann.meaning("aaa", &model, true).await.hits.len(), 2);
    operator.decide(id, Trust::Revoked).await.unwrap();
    let found = ann.meaning("aaa", &model, true).await;
    assert_eq!((found.hits.len(), found.without_vector), (1, 0));
}

pub async fn s05_a_meaning_is_answered_from_what_its_caller_may_read(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    for (key, content) in [("one", "aaab"), ("two", "abcd"), ("three", "ccd")] {
        ann.store_wishing(Wish::Wanted, key, content).await;
        ann.for_agent("a").store_wishing(Wish::Wanted, &format!("{key} of a"), content).await;
        ann.named("team").store_wishing(Wish::Wanted, key, content).await;
    }
    operator.embed(&model).await;
    ann.named("team").store_wishing(Wish::Wanted, "four", "ad").await;
    let answers = async || {
        let mut answers = vec![];
        for alone in [false, true] {
            for call in
                [ann.clone(), ann.named("team"), ann.with_shared(), ann.bound_to("a"), ann.bound_to("b")]
            {
                let found = call.meaning("aaab ccd", &model, alone).await;
                let hit =
                    |hit: &agentstack_core::Hit| (hit.score.to_bits(), hit.entry.summary.id, hit.match_type);
                answers.push((
                    found.hits.iter().map(hit).collect::<Vec<_>>(),
                    found.more,
                    found.without_vector,
                ));
            }
        }
        answers
    };
    let alone = answers().await;
    assert_eq!(alone.iter().map(|(hits, ..)| hits.len()).collect::<Vec<_>>()[5..], [6, 3, 9, 6, 3]);
    assert_eq!(alone.iter().map(|(.., without)| *without).collect::<Vec<_>>()[5..], [0, 1, 1, 0, 0]);
    let bob = world.local("bob").start().await;
    for number in 0..50 {
        bob.store_wishing(Wish::Wanted, &number.to_string(), "aaab ccd").await;
    }
    assert_eq!(answers().await, alone, "while another's wait");
    operator.embed(&model).await;
    let embedded = answers().await;
    bob.end().await;
    assert_eq!(answers().await, embedded, "after the end of another's session");
    // That of the team's was embedded as well; the others are as they were.
    assert_eq!((&embedded[0], &embedded[3], &embedded[5]), (&alone[0], &alone[3], &alone[5]));
}

pub async fn filters_hold_for_meanings_too(world: &World) {
    let (ann, operator, model) = (world.local("ann").start().await, world.operator(), model("m", 8));
    let tagged = NewEntry { wish: Wish::Wanted, tags: super::world::tags(&["x"]), ..entry("tagged", "aaa") };
    ann.try_store(tagged).await.unwrap();
    ann.store_wishing(Wish::Wanted, "plain", "aaa").await;
    operator.embed(&model).await;
    let asked = Search { tags: super::world::tags(&["x"]), ..meaning("aaa", &model, true) };
    let scope = ann.scope(&MEMORY_SEARCH).await;
    let got = world.store.search(&scope, asked).await.unwrap();
    assert_eq!((found(&got), got.without_vector), (vec![("tagged", MatchType::Semantic)], 0));
    let trusted = Search { trusted_only: true, ..meaning("aaa", &model, true) };
    assert!(ann.search(trusted).await.hits.is_empty());
}

pub async fn one_worker_embeds_at_a_time(world: &World) {
    let operator = world.operator();
    assert!(operator.lease(1, 1_000).await);
    assert!(!operator.lease(2, 1_000).await);
    assert!(operator.lease(1, 2_000).await, "who has it may go on");
    world.clock.advance_millis(1_999);
    assert!(!operator.lease(2, 1_000).await);
    world.clock.advance_millis(1);
    assert!(operator.lease(2, 1_000).await);
    assert!(!operator.lease(1, 1_000).await);
}
