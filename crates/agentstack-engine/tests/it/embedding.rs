//! Search by meaning: who waits, what is found, and what is answered while the embedder does not.

mod drift;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agentstack_access::Principal;
use agentstack_engine::{Embedding, EmbeddingStep, Models, Settings, embed_in_background};
use agentstack_providers::{EmbedRequest, Embedder, Embeddings, ProviderError};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Client, World};

const WORKING: u8 = 0;
const DOWN: u8 = 1;
const REFUSING: u8 = 2;
const SILENT: u8 = 3;
const SHORT: u8 = 4;
const UNEVEN: u8 = 5;
const EMPTY: u8 = 6;
const WIDE: u8 = 7;

/// An embedder of meanings: a vector says of which of some subjects a text speaks.
#[derive(Debug, Default)]
struct Subjects {
    state: AtomicU8,
    dimension: AtomicU8,
    asked: Mutex<Vec<Vec<String>>>,
    answered: Notify,
    /// What it calls itself, if not `subjects`.
    name: &'static str,
}

const SUBJECTS: [&[&str]; 3] = [&["car", "automobile", "vehicle"], &["doctor", "physician"], &["poison"]];

impl Subjects {
    fn turn(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }

    fn asked(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let speaks = |subject: &&[&str]| subject.iter().any(|word| text.contains(word));
        let subjects = SUBJECTS.iter().map(|subject| if speaks(subject) { 1.0 } else { 0.05 });
        let rest = std::iter::repeat_n(0.05, usize::from(self.dimension.load(Ordering::SeqCst)));
        subjects.chain(rest).collect()
    }
}

#[async_trait]
impl Embedder for Subjects {
    async fn embed(&self, request: &EmbedRequest) -> Result<Embeddings, ProviderError> {
        self.asked.lock().unwrap().push(request.texts.clone());
        let refused = || Err(ProviderError::BadRequest { status: 400, kind: None });
        match self.state.load(Ordering::SeqCst) {
            DOWN => {
                return Err(ProviderError::Unavailable {
                    status: 503,
                    retry_after: Some(Duration::from_mins(7)),
                });
            }
            REFUSING => return refused(),
            SILENT => std::future::pending().await,
            _ => {}
        }
        // One text, it does not take.
        if request.texts.iter().any(|text| text.contains("poison")) {
            return refused();
        }
        let mut vectors: Vec<Vec<f32>> = request.texts.iter().map(|text| self.vector(text)).collect();
        match self.state.load(Ordering::SeqCst) {
            SHORT => drop(vectors.pop()),
            UNEVEN => vectors.iter_mut().skip(1).for_each(|vector| vector.push(1.0)),
            EMPTY => vectors.iter_mut().for_each(Vec::clear),
            WIDE => vectors.iter_mut().for_each(|vector| vector.resize(8_193, 1.0)),
            _ => {}
        }
        self.answered.notify_one();
        let model = if self.name.is_empty() { "subjects" } else { self.name };
        Ok(Embeddings { model: model.to_owned(), vectors, tokens: None })
    }
}

fn embedding(embedder: &Arc<Subjects>) -> Embedding {
    Embedding { provider: Arc::clone(embedder) as _, name: "fake".to_owned(), model: "any".to_owned() }
}

fn world(embedder: &Arc<Subjects>) -> World {
    let models = Models { embedding: Some(embedding(embedder)), ..Models::default() };
    World::with_settings(Settings { models, watch: None, ..Settings::default() })
}

/// Embeds all that waits; returns how many.
async fn embed(world: &World) -> u64 {
    let mut done = 0;
    loop {
        match world.engine.embed_some().await {
            EmbeddingStep::Done(some) => done += some,
            EmbeddingStep::Idle => return done,
            other => panic!("{other:?}"),
        }
    }
}

fn keys(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|hit| hit["key"].as_str().unwrap()).collect()
}

/// What the product says of its embedder.
async fn check(client: &Client<'_>) -> Value {
    let health = client.ok("system_health", json!({})).await;
    let checks = health["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == "embeddings").unwrap().clone()
}

fn operator() -> Arc<Principal> {
    Arc::new(Principal::operator("root"))
}

#[tokio::test]
async fn a_meaning_is_found_once_it_is_embedded_and_the_answer_says_how_many_are_not() {
    let embedder = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    ann.store("one", "the automobile is red").await;
    ann.store("two", "the physician is out").await;
    let before = ann.ok("memory_search", json!({ "query": "car" })).await;
    assert_eq!(
        (keys(&before), &before["searchedBy"], &before["notEmbedded"]),
        (vec![], &json!("hybrid"), &json!(2))
    );
    assert_eq!(embed(&world).await, 2);
    let after = ann.ok("memory_search", json!({ "query": "car" })).await;
    assert_eq!((keys(&after)[0], &after["notEmbedded"]), ("one", &json!(0)));
    assert_eq!(after["results"][0]["matchType"], "semantic");
    assert_eq!(after["results"][0]["snippet"], "the automobile is red");
    let both = ann.ok("memory_search", json!({ "query": "red vehicle", "mode": "hybrid" })).await;
    assert_eq!(both["results"][0]["matchType"], "hybrid");
    let alone =
        ann.ok("memory_search", json!({ "query": "doctor", "mode": "semantic", "threshold": 0.5 })).await;
    assert_eq!((keys(&alone), &alone["searchedBy"]), (vec!["two"], &json!("semantic")));
}

#[tokio::test]
async fn who_asks_for_words_asks_nobody_else() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    ann.store("one", "the automobile").await;
    for more in [json!({ "mode": "text" }), json!({ "useVector": false }), json!({ "match": "phrase" })] {
        let mut asked = json!({ "query": "the automobile" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = ann.ok("memory_search", asked).await;
        assert_eq!(keys(&found), ["one"]);
        assert!(found.get("searchedBy").is_none() && found.get("notEmbedded").is_none());
    }
    assert!(embedder.asked().is_empty());
}

#[tokio::test]
async fn a_store_does_not_wait_for_the_embedder() {
    let embedder: Arc<Subjects> = Arc::default();
    embedder.turn(SILENT);
    let world = world(&embedder);
    let background = tokio::spawn(embed_in_background(Arc::downgrade(&world.engine)));
    let ann = world.client("ann").await;
    for number in 0..50 {
        ann.store(&number.to_string(), "the automobile").await;
    }
    background.abort();
    assert_eq!(world.engine.embedding_figures(operator()).await.unwrap().waiting, 50);
}

#[tokio::test]
async fn a_store_wakes_the_worker() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let background = tokio::spawn(embed_in_background(Arc::downgrade(&world.engine)));
    let ann = world.client("ann").await;
    for number in 0..3 {
        ann.store(&number.to_string(), "the automobile").await;
        embedder.answered.notified().await;
    }
    background.abort();
}

#[tokio::test]
async fn while_the_embedder_is_down_words_are_searched_and_the_answer_says_so() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    ann.store("one", "the automobile").await;
    embed(&world).await;
    embedder.turn(DOWN);
    embedder.asked();
    for mode in ["auto", "hybrid"] {
        let found = ann.ok("memory_search", json!({ "query": "automobile", "mode": mode })).await;
        assert_eq!((keys(&found), &found["searchedBy"]), (vec!["one"], &json!("text")));
        assert!(found["notice"].as_str().unwrap().contains("does not answer"), "{found}");
    }
    assert_eq!(embedder.asked().len(), 1, "it is spared for a while");
    let failed = ann.call("memory_search", json!({ "query": "automobile", "mode": "semantic" })).await;
    assert_eq!(failed.code(), "unavailable");
    ann.store("two", "the vehicle").await;
    // It said when it wants to be asked again.
    assert_eq!(world.engine.embed_some().await, EmbeddingStep::Later(Duration::from_mins(7)));
    let checked = check(&ann).await;
    assert_eq!(checked["status"], "degraded");
    embedder.turn(WORKING);
    world.clock.advance_millis(30_000);
    assert_eq!(embed(&world).await, 1);
    let found = ann.ok("memory_search", json!({ "query": "car" })).await;
    assert_eq!((keys(&found).len(), found.get("notice")), (2, None));
}

#[tokio::test]
async fn without_an_embedder_meaning_cannot_be_asked_for() {
    let world = World::new();
    let ann = world.client("ann").await;
    ann.store("one", "the automobile").await;
    for mode in ["semantic", "hybrid"] {
        let refused = ann.call("memory_search", json!({ "query": "car", "mode": mode })).await;
        assert_eq!(refused.code(), "invalid_input");
    }
    let found = ann.ok("memory_search", json!({ "query": "automobile" })).await;
    assert!(found.get("searchedBy").is_none() && found.get("notice").is_none());
}

#[tokio::test]
async fn what_is_declined_goes_to_nobody() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    let secret = json!({ "key": "one", "content": "my automobile", "generateEmbedding": false });
    ann.ok("memory_store", secret).await;
    ann.store("two", "the automobile").await;
    assert_eq!(embed(&world).await, 1);
    assert_eq!(embedder.asked(), [["the automobile"]]);
    let found = ann.ok("memory_search", json!({ "query": "car" })).await;
    assert_eq!((keys(&found), &found["notEmbedded"]), (vec!["two"], &json!(0)));
}

#[tokio::test]
async fn what_the_embedder_does_not_take_keeps_nobody_else_waiting() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    ann.store("bad", "poison").await;
    ann.store("good", "automobile").await;
    ann.store("long", &format!("automobile {}poison", "-".repeat(3_000))).await;
    assert_eq!(embed(&world).await, 2, "of the long one its beginning was taken");
    let figures = world.engine.embedding_figures(operator()).await.unwrap();
    assert_eq!((figures.waiting, figures.failed), (0, 1));
    // And no search is spared for it: an embedder that takes exception to a text is there.
    let refused = ann.ok("memory_search", json!({ "query": "poison" })).await;
    assert_eq!(refused["searchedBy"], "text");
    let found = ann.ok("memory_search", json!({ "query": "car" })).await;
    assert_eq!((keys(&found).len(), &found["searchedBy"]), (2, &json!("hybrid")));
    // What it takes nothing of is no matter of a text.
    ann.store("next", "vehicle").await;
    embedder.turn(REFUSING);
    assert!(matches!(world.engine.embed_some().await, EmbeddingStep::Later(_)));
    let figures = world.engine.embedding_figures(operator()).await.unwrap();
    assert_eq!((figures.waiting, figures.failed), (1, 1));
}

#[tokio::test]
async fn pauses_grow_while_it_fails() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    world.client("ann").await.store("one", "automobile").await;
    embedder.turn(REFUSING);
    let mut pauses = vec![];
    for _ in 0..9 {
        if let EmbeddingStep::Later(pause) = world.engine.embed_some().await {
            pauses.push(pause.as_secs());
        }
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    embedder.turn(WORKING);
    assert_eq!(embed(&world).await, 1);
    world.client("bob").await.store("one", "automobile").await;
    embedder.turn(REFUSING);
    assert_eq!(world.engine.embed_some().await, EmbeddingStep::Later(Duration::from_secs(5)));
}

#[tokio::test]
async fn s41_a_changed_model_is_reported_with_both_dimensions_and_embedded_again() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    ann.store("one", "automobile").await;
    embed(&world).await;
    embedder.dimension.store(2, Ordering::SeqCst);
    ann.store("two", "automobile").await;
    embed(&world).await;
    let found = ann.ok("memory_search", json!({ "query": "car", "mode": "semantic" })).await;
    assert_eq!((keys(&found), &found["notEmbedded"]), (vec!["two"], &json!(1)));
    let checked = check(&ann).await;
    let detail = checked["detail"].as_str().unwrap();
    for part in ["fake/subjects (5 dimensions)", "fake/subjects (3 dimensions)", "agentstack memory reembed"]
    {
        assert!(detail.contains(part), "{detail}");
    }
    // When the embedder does not answer, nothing is thrown away.
    embedder.turn(DOWN);
    assert_eq!(world.engine.reembed(operator()).await.unwrap_err().code().as_str(), "unavailable");
    embedder.turn(WORKING);
    let begun = world.engine.reembed(operator()).await.unwrap();
    assert_eq!((begun.model.dimension, begun.waiting, begun.before.models.len()), (5, 1, 2));
    assert_eq!(embed(&world).await, 1);
    let found = ann.ok("memory_search", json!({ "query": "car", "mode": "semantic" })).await;
    assert_eq!((keys(&found).len(), &found["notEmbedded"]), (2, &json!(0)));
    assert_eq!(check(&ann).await["status"], "ok");
}

#[tokio::test]
async fn s41_a_changed_model_is_reported_whoever_heard_of_it_first_and_until_it_is_mended() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    ann.store("one", "automobile").await;
    embed(&world).await;
    embedder.dimension.store(2, Ordering::SeqCst);
    // A search is answered with the new model before anything waits for it.
    ann.ok("memory_search", json!({ "query": "car" })).await;
    embed(&world).await;
    assert_eq!(check(&ann).await["status"], "degraded");
    // Another process embeds again: this one hears of it when it looks.
    let models = Models { embedding: Some(embedding(&embedder)), ..Models::default() };
    let other = world.beside(Settings { models, watch: None, ..Settings::default() });
    other.engine.reembed(operator()).await.unwrap();
    assert_eq!(embed(&other).await, 1);
    assert_eq!(check(&ann).await["status"], "degraded");
    embed(&world).await;
    assert_eq!(check(&ann).await["status"], "ok");
}

#[tokio::test]
async fn what_is_no_vector_for_each_text_is_not_kept_and_not_asked_for_again_at_once() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    ann.store("one", "automobile").await;
    ann.store("two", "automobile").await;
    for state in [SHORT, EMPTY, WIDE] {
        embedder.turn(state);
        assert!(matches!(world.engine.embed_some().await, EmbeddingStep::Later(_)), "{state}");
        let found = ann.call("memory_search", json!({ "query": "car", "mode": "semantic" })).await;
        assert_eq!(found.code(), "unavailable", "{state}");
    }
    // One by one they are of one dimension.
    embedder.turn(UNEVEN);
    assert_eq!(embed(&world).await, 2);
    let found = ann.ok("memory_search", json!({ "query": "car", "mode": "semantic" })).await;
    assert_eq!(keys(&found).len(), 2);
}

#[tokio::test]
async fn s40_no_secret_of_the_installation_goes_out_or_comes_back_as_the_name_of_a_model() {
    let embedder = Arc::new(Subjects { name: "canary-of-the-key", ..Subjects::default() });
    let redactor = agentstack_guard::Redactor::default();
    redactor.know(&agentstack_core::Secret::new("canary-of-the-key".to_owned()));
    let guard = Arc::new(agentstack_guard::Policy::off());
    let models = Models { embedding: Some(embedding(&embedder)), ..Models::default() };
    let world =
        World::with_settings(Settings { models, redactor, guard, watch: None, ..Settings::default() });
    let ann = world.client("ann").await;
    ann.store("one", "my automobile canary-of-the-key").await;
    embed(&world).await;
    assert_eq!(embedder.asked(), [["my automobile [redacted]"]]);
    let figures = world.engine.embedding_figures(operator()).await.unwrap();
    assert_eq!(figures.models[0].model.name, "fake/[redacted]");
}

#[tokio::test]
async fn only_an_operator_embeds_again() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    let refused = world.engine.reembed(Arc::clone(&ann.principal)).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "forbidden");
    assert!(world.engine.embedding_figures(Arc::clone(&ann.principal)).await.is_err());
    assert!(embedder.asked().is_empty());
}

#[tokio::test]
async fn s40_what_the_guard_takes_out_does_not_go_out() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    let key = ["sk", "_live_", "4eC39HqLyjWDarjtT1zdp7dc"].concat();
    ann.store("one", &format!("automobile {key}")).await;
    embed(&world).await;
    ann.ok("memory_search", json!({ "query": format!("car {key}") })).await;
    let asked = embedder.asked();
    for (question, word) in asked.iter().zip(["automobile ", "car "]) {
        assert!(question[0].starts_with(word) && !question[0].contains(&key), "{asked:?}");
    }
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn s43_each_question_of_the_worker_is_recorded() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = world(&embedder);
    let ann = world.client("ann").await;
    for number in 0..40 {
        ann.store(&number.to_string(), "automobile").await;
    }
    embed(&world).await;
    let records = world.records().await;
    let questions = records.iter().filter(|record| record.operation == "embedding");
    let counts: Vec<u64> = questions.map(|record| record.counts["entries"]).collect();
    assert_eq!(counts, [32, 8]);
}
