//! How well what is asked for is found: 60 notes of a team, and 48 questions that a colleague would ask, each with the note
//! that answers it. Some share its words, some none. The vectors are those of all-MiniLM-L6-v2, in 8 bits, so that the
//! test needs no model.
//!
//! `docs/search.md` has the table that this prints.
#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "it prints a table of shares")]

use agentstack_core::limits::{SESSION_AGE_MS, SESSION_IDLE_MS};
use agentstack_storage::conformance::world::{new_session, search};
use agentstack_storage::conformance::{Call, World};
use agentstack_storage::text::Match;
use agentstack_storage::{EmbeddingModel, Found, Meaning, Search, Vector, Wish};
use serde_json::Value;

fn model() -> EmbeddingModel {
    EmbeddingModel { name: "all-MiniLM-L6-v2".to_owned(), dimension: 384 }
}

fn vector(kept: &Value) -> Vector {
    let digits = kept["vector"].as_str().unwrap().as_bytes();
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
    let (pairs, _) = digits.as_chunks::<2>();
    let number = |[high, low]: &[u8; 2]| f32::from((digit(*high) << 4 | digit(*low)).cast_signed());
    Vector::new(&pairs.iter().map(number).collect::<Vec<f32>>()).unwrap()
}

/// The entries that were found, best first.
fn order(found: &Found) -> Vec<u64> {
    found.hits.iter().map(|hit| hit.entry.summary.key.as_str().parse().unwrap()).collect()
}

/// Ranks of two lists put together as in Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
/// individual Rank Learning Methods" (2009), with their constant of 60.
fn by_ranks(lists: [&[u64]; 2]) -> Vec<u64> {
    let share = |list: &[u64], entry: u64| {
        list.iter().position(|found| *found == entry).map_or(0.0, |place| 1.0 / (61.0 + place as f64))
    };
    let mut all: Vec<(f64, u64)> =
        (0..60).map(|entry| (lists.iter().map(|list| share(list, entry)).sum(), entry)).collect();
    all.retain(|(score, _)| *score > 0.0);
    all.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    all.into_iter().map(|(_, entry)| entry).collect()
}

/// The mean reciprocal rank, and the share of answers among the first five.
#[derive(Default, Clone, Copy)]
struct Quality {
    reciprocal: f64,
    among_five: f64,
}

impl Quality {
    fn count(&mut self, found: &[u64], answer: u64, questions: usize) {
        if let Some(place) = found.iter().position(|entry| *entry == answer) {
            self.reciprocal += 1.0 / (place + 1) as f64 / questions as f64;
            self.among_five += f64::from(u8::from(place < 5)) / questions as f64;
        }
    }
}

async fn filled(world: &World, entries: &[Value]) {
    let operator = world.operator();
    for (place, vector) in operator.waiting(100).await.into_iter().zip(entries.iter().map(vector)) {
        operator.keep_vectors(&model(), vec![(place.id, Some(vector))]).await;
    }
}

async fn asked(call: &Call<'_>, question: &Value) -> [Vec<u64>; 5] {
    let text = question["text"].as_str().unwrap();
    let meaning = |alone| Search {
        meaning: Some(Meaning { model: model(), vector: vector(question), alone }),
        ..search(text, Match::Any)
    };
    let all = order(&call.search(search(text, Match::All)).await);
    let any = order(&call.search(search(text, Match::Any)).await);
    let semantic = order(&call.search(meaning(true)).await);
    let hybrid = order(&call.search(meaning(false)).await);
    let ranks = by_ranks([&any, &semantic]);
    [all, any, semantic, ranks, hybrid]
}

#[tokio::test]
async fn hybrid_finds_more_than_text_and_text_more_than_all_of_its_words() {
    let labelled: Value = serde_json::from_str(include_str!("quality.json")).unwrap();
    let (entries, questions) =
        (labelled["entries"].as_array().unwrap(), labelled["questions"].as_array().unwrap());
    let world = World::new(crate::open().await);
    let call = world.local("ann").start_with(new_session(&world, SESSION_IDLE_MS, SESSION_AGE_MS).0).await;
    for (place, entry) in entries.iter().enumerate() {
        call.store_wishing(Wish::Wanted, &place.to_string(), entry["text"].as_str().unwrap()).await;
    }
    filled(&world, entries).await;
    let names = ["all of the words", "any of the words", "meaning", "ranks of both", "hybrid"];
    let mut qualities = [Quality::default(); 5];
    for question in questions {
        let answer = question["relevant"][0].as_u64().unwrap();
        for (quality, found) in qualities.iter_mut().zip(asked(&call, question).await) {
            quality.count(&found, answer, questions.len());
        }
    }
    for (name, quality) in names.iter().zip(qualities) {
        println!("{name:18} MRR {:.3}  among the first five {:.3}", quality.reciprocal, quality.among_five);
    }
    let [all, any, semantic, ranks, hybrid] = qualities.map(|quality| quality.reciprocal);
    assert!(hybrid > any + 0.05 && any > all + 0.05, "{hybrid} {any} {all}");
    assert!(hybrid > ranks + 0.05, "{hybrid} {ranks}");
    // These questions were made to have few words in common with their answers: where meaning is best, words do no harm.
    assert!(hybrid > semantic - 0.03, "{hybrid} {semantic}");
}
