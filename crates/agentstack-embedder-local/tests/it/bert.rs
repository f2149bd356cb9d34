//! BERT models: the vectors are those that numpy computes.
#![expect(clippy::unreadable_literal, reason = "the numbers are as they were printed")]

use agentstack_embedder_local::LocalModel;
use serde_json::{Value, json};

use crate::world::{TEXTS, VOCABULARY, World, assert_near, modules, vectors};

/// Mean pooling and a length of one. Printed by `tests/reference/reference.py tiny`: the pieces are those of Hugging
/// Face's `tokenizers` 0.23.3, cut at 12 with the signs, and BERT is computed by numpy 2.4.6 in 64 bits.
const MEAN: [[f32; 8]; 4] = [
    [0.384413, 0.332712, 0.109126, 0.550594, 0.263923, 0.293237, 0.494490, -0.162185],
    [0.387582, 0.323624, 0.109794, 0.569872, 0.267403, 0.283404, 0.477142, -0.169563],
    [0.381319, 0.333374, 0.119731, 0.564976, 0.261135, 0.286755, 0.482076, -0.164640],
    [0.381445, 0.328783, 0.122307, 0.570663, 0.260913, 0.285692, 0.477736, -0.166913],
];

/// The row of `[CLS]` as it is, from the same run.
const FIRST: [[f32; 8]; 4] = [
    [0.539509, 0.466341, 0.174025, 0.822230, 0.386426, 0.398146, 0.690965, -0.257839],
    [0.548618, 0.471019, 0.173163, 0.830473, 0.384246, 0.390498, 0.676242, -0.242874],
    [0.538892, 0.465740, 0.174526, 0.820859, 0.382766, 0.404708, 0.691313, -0.258115],
    [0.541121, 0.463416, 0.174328, 0.821671, 0.381213, 0.406471, 0.688112, -0.254743],
];

#[tokio::test]
async fn mean_pooling_gives_the_known_vectors() {
    let world = World::bert();
    let model = world.model();
    assert_near(&vectors(&model, &TEXTS).await, &MEAN);
    let description = model.check().unwrap();
    assert_eq!((description.dimension, description.max_tokens), (8, 12));
}

#[tokio::test]
async fn cls_pooling_gives_the_known_vectors_and_leaves_their_length() {
    let world = World::bert();
    world.json("modules.json", &modules(&["Transformer", "Pooling"]));
    let older = json!({ "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false });
    for config in [older, json!({ "embedding_dimension": 8, "pooling_mode": "cls", "include_prompt": true })]
    {
        world.json("1_Pooling/config.json", &config);
        assert_near(&vectors(&world.model(), &TEXTS).await, &FIRST);
    }
}

#[tokio::test]
async fn the_newer_form_of_mean_pooling_is_the_same() {
    let world = World::bert();
    world.json("1_Pooling/config.json", &json!({ "embedding_dimension": 8, "pooling_mode": "mean" }));
    assert_near(&vectors(&world.model(), &TEXTS).await, &MEAN);
}

#[tokio::test]
async fn a_vocabulary_in_lines_is_the_same_as_a_tokenizer() {
    let world = World::bert();
    world.remove("tokenizer.json");
    let lines: String = VOCABULARY.split_whitespace().flat_map(|piece| [piece, "\n"]).collect();
    world.write("vocab.txt", lines);
    assert_near(&vectors(&world.model(), &TEXTS).await, &MEAN);
    world.json("tokenizer_config.json", &json!({ "do_lower_case": false, "model_max_length": 512 }));
    // "Hello" and "hello" are now two words, and the other texts have no capital letter before the cut.
    let cased = vectors(&world.model(), &TEXTS).await;
    assert!(cased[0] != vectors(&World::bert().model(), &TEXTS[..1]).await[0]);
    assert_near(&cased[3..], &MEAN[3..]);
}

#[tokio::test]
async fn a_whole_model_has_its_encoder_under_another_name() {
    let mut world = World::bert();
    world.tensors =
        world.tensors.into_iter().map(|(name, tensor)| (format!("bert.{name}"), tensor)).collect();
    world.weights();
    assert_near(&vectors(&world.model(), &TEXTS).await, &MEAN);
}

#[tokio::test]
async fn numbers_of_sixteen_bits_are_near_the_others() {
    for (kind, most) in [("BF16", 0.02), ("F16", 0.002)] {
        let mut world = World::bert();
        for tensor in world.tensors.values_mut() {
            tensor.0 = kind;
            tensor.2 = tensor.2.as_chunks::<4>().0.iter().flat_map(|four| sixteen(kind, *four)).collect();
        }
        world.weights();
        let found = vectors(&world.model(), &TEXTS).await;
        let off = found.iter().flatten().zip(MEAN.iter().flatten()).map(|(a, b)| (a - b).abs());
        let off = off.fold(0.0, f32::max);
        assert!(off < most && off > 0.0, "{kind}: {off}");
    }
}

/// The upper bits of a number; those of a half one for numbers between -1 and 1, as ours are.
fn sixteen(kind: &str, four: [u8; 4]) -> [u8; 2] {
    if kind == "BF16" {
        return [four[2], four[3]];
    }
    let bits = u32::from_le_bytes(four);
    let (sign, exponent, fraction) = (bits >> 31, (bits >> 23) & 0xff, bits & 0x7f_ffff);
    let half = if exponent < 113 { sign << 15 } else { sign << 15 | (exponent - 112) << 10 | fraction >> 13 };
    u16::try_from(half).unwrap().to_le_bytes()
}

#[tokio::test]
async fn a_text_is_cut_where_the_model_ends() {
    let world = World::bert();
    let model = world.model();
    let long =
        ["the fox jumps over the fox jumped over a b c d", "the fox jumps over the fox jumped over hello"];
    let found = vectors(&model, &long).await;
    // Ten pieces are looked at, and they are the same.
    assert_eq!(found[0], found[1]);
    for (file, pointer, value, longest) in [
        ("sentence_bert_config.json", "/max_seq_length", json!(1000), 16),
        ("sentence_bert_config.json", "/max_seq_length", Value::Null, 16),
        ("tokenizer_config.json", "", json!({ "model_max_length": 9 }), 9),
        ("tokenizer_config.json", "", json!({ "model_max_length": 1e30 }), 16),
    ] {
        if pointer.is_empty() {
            world.json(file, &value);
        } else {
            world.change(file, pointer, value);
        }
        assert_eq!(world.model().check().unwrap().max_tokens, longest);
    }
}

#[tokio::test]
async fn a_folder_may_be_named_in_many_ways() {
    let world = World::bert();
    let around = world.path().join("1_Pooling").join("..");
    let model = LocalModel::open(around);
    assert_near(&vectors(&model, &TEXTS).await, &MEAN);
    assert_eq!(model.check().unwrap(), world.model().check().unwrap());
}
