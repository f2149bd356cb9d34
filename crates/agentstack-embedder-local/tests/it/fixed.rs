//! Static models: the vectors are those that model2vec computes.
#![expect(clippy::unreadable_literal, reason = "the numbers are as they were printed")]

use serde_json::json;

use crate::world::{TEXTS, World, assert_near, vectors};

/// Printed by `tests/reference/reference.py tiny`, with model2vec 0.10.0 itself: the four texts, one of 512 words and
/// then another two, one of 513 and then another two, and one that is cut by its characters.
const UNIT: [[f32; 6]; 7] = [
    [-0.505291, -0.742624, -0.305541, -0.100919, -0.247077, -0.169126],
    [0.0; 6],
    [0.286819, -0.444074, 0.301574, 0.239723, -0.387074, 0.649840],
    [0.433936, 0.176637, -0.412090, -0.635594, -0.301179, -0.340577],
    [-0.194014, -0.667554, -0.513335, 0.358901, -0.313839, 0.160971],
    [-0.193633, -0.667043, -0.513164, 0.360024, -0.313640, 0.161975],
    [-0.193633, -0.667042, -0.513165, 0.360024, -0.313641, 0.161975],
];

/// The first and the third without a length of one, from the same run.
const PLAIN: [[f32; 6]; 2] = [
    [-0.090750, -0.133375, -0.054875, -0.018125, -0.044375, -0.030375],
    [0.101357, -0.156929, 0.106571, 0.084714, -0.136786, 0.229643],
];

fn texts() -> Vec<String> {
    let long = [
        format!("{}fox world", "a ".repeat(511)),
        format!("{}fox world", "a ".repeat(512)),
        format!("{}fox", "a   ".repeat(400)),
    ];
    TEXTS.into_iter().map(str::to_owned).chain(long).collect()
}

#[tokio::test]
async fn the_mean_of_the_pieces_is_the_vector() {
    let world = World::fixed();
    let model = world.model();
    assert_near(&vectors(&model, &texts()).await, &UNIT);
    let description = model.check().unwrap();
    assert_eq!((description.dimension, description.max_tokens), (6, 512));
}

#[tokio::test]
async fn the_length_is_left_where_the_model_says_so() {
    let world = World::fixed();
    world.change("config.json", "/normalize", json!(false));
    assert_near(&vectors(&world.model(), &[TEXTS[0], TEXTS[2]]).await, &PLAIN);
}

#[tokio::test]
async fn the_model_may_say_where_a_text_ends() {
    let world = World::fixed();
    world.change("config.json", "/max_length", json!(2));
    let model = world.model();
    let found = vectors(&model, &["a b", "a b c d", "a fox"]).await;
    assert_eq!(found[0], found[1]);
    assert!(found[0] != found[2]);
}
