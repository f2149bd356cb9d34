//! The model as an embedder: its name, when it is read, and what it does at once.

use std::fs;
use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Waker};

use agentstack_embedder_local::LocalModel;
use agentstack_providers::ProviderError;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::world::{TEXTS, World, embedded, vectors};

#[test]
fn s41_a_changed_file_is_another_model() {
    let world = World::bert();
    let first = world.model().check().unwrap().name;
    let (folder, hash) = first.rsplit_once('-').unwrap();
    assert_eq!(folder, world.path().file_name().unwrap().to_str().unwrap());
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
    assert_eq!(world.model().check().unwrap().name, first, "read again");
    // One bit of one weight, in the middle of the file.
    let mut bytes = fs::read(world.file("model.safetensors")).unwrap();
    let middle = bytes.len() / 4 * 3;
    bytes[middle] ^= 1;
    world.write("model.safetensors", &bytes);
    let second = world.model().check().unwrap().name;
    assert!(second != first);
    bytes[middle] ^= 1;
    world.write("model.safetensors", &bytes);
    assert_eq!(world.model().check().unwrap().name, first);
    world.json("modules.json", &crate::world::modules(&["Transformer", "Pooling"]));
    assert!(world.model().check().unwrap().name != first);
    // What has no part in the vectors has none in the name.
    let third = world.model().check().unwrap().name;
    world.write("README.md", "about the model");
    assert_eq!(world.model().check().unwrap().name, third);
}

/// As `(cd FOLDER; sha256sum config.json model.safetensors tokenizer.json | sha256sum)` prints it.
#[test]
fn s41_the_name_can_be_computed_in_a_shell() {
    let world = World::fixed();
    let sum = |bytes: &[u8]| {
        let digits = Sha256::digest(bytes).iter().flat_map(|byte| [byte >> 4, byte & 15]).collect::<Vec<_>>();
        digits.into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)).collect::<String>()
    };
    let line = |file| format!("{}  {file}\n", sum(&fs::read(world.file(file)).unwrap()));
    let lines = ["config.json", "model.safetensors", "tokenizer.json"].map(line).concat();
    let name = world.model().check().unwrap().name;
    assert!(sum(lines.as_bytes()).starts_with(name.rsplit_once('-').unwrap().1), "{name}");
}

#[tokio::test]
async fn s41_the_answer_has_the_name_of_the_model() {
    let world = World::bert();
    let model = world.model();
    let made = embedded(&model, &TEXTS).await.unwrap();
    assert_eq!(made.model, model.check().unwrap().name);
    assert_eq!(made.dimension(), 8);
    // 6, 2, 11 and 12 pieces, the signs included.
    assert_eq!(made.tokens, Some(31));
}

#[tokio::test]
async fn nothing_is_read_before_it_is_needed() {
    let world = World::bert();
    let model = LocalModel::open(world.path().join("later"));
    let none: [&str; 0] = [];
    let made = embedded(&model, &none).await.unwrap();
    assert_eq!((made.model.as_str(), made.vectors.len()), ("any", 0));
    let error = embedded(&model, &TEXTS).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unusable(_)), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.ends_with("later"), "{cause}");
    // The operator puts the folder there, and nobody has to start again.
    fs::rename(world.path().join("1_Pooling"), world.path().join("kept")).unwrap();
    let later = world.path().join("later");
    fs::create_dir_all(later.join("1_Pooling")).unwrap();
    fs::rename(world.path().join("kept/config.json"), later.join("1_Pooling/config.json")).unwrap();
    for file in ["config.json", "tokenizer.json", "modules.json", "model.safetensors"] {
        fs::rename(world.file(file), later.join(file)).unwrap();
    }
    assert_eq!(embedded(&model, &TEXTS).await.unwrap().vectors.len(), 4);
    // It has been read, and is not read again.
    fs::remove_dir_all(&later).unwrap();
    assert_eq!(embedded(&model, &TEXTS).await.unwrap().vectors.len(), 4);
}

#[tokio::test]
async fn many_at_once_get_their_own_vectors() {
    let world = World::bert();
    let model = world.model();
    let alone = vectors(&model, &TEXTS).await;
    let mut tasks = Vec::new();
    for number in 0..64 {
        let model = model.clone();
        tasks.push((number % 4, tokio::spawn(async move { vectors(&model, &[TEXTS[number % 4]]).await })));
    }
    for (which, task) in tasks {
        assert_eq!(task.await.unwrap()[0], alone[which]);
    }
}

#[tokio::test]
async fn giving_up_leaves_the_model_to_others() {
    let world = World::bert();
    let model = world.model();
    let texts = vec!["the fox jumps over a b c d".repeat(50); 2_000];
    {
        // Asked once, so that the first batch is under way, and then dropped.
        let mut asked = pin!(embedded(&model, &texts));
        assert!(asked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(vectors(&model, &TEXTS).await.len(), 4);
}

#[tokio::test]
async fn a_batch_is_the_same_as_one_by_one() {
    let world = World::bert();
    let model = world.model();
    // More than are computed together, both by their number and by their pieces.
    let texts: Vec<String> = (0..300).map(|number| format!("{} {number} fox", TEXTS[number % 4])).collect();
    let together = vectors(&model, &texts).await;
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(&vectors(&model, &[text]).await[0], vector, "{text}");
    }
}

#[tokio::test]
async fn s40_errors_and_debug_do_not_show_texts() {
    let world = World::fixed();
    let model = world.model();
    let made = embedded(&model, &["canary words"]).await.unwrap();
    assert!(!format!("{model:?}{made:?}").contains("canary"));
    world.json("config.json", &json!({ "model_type": "model2vec", "normalize": "canary" }));
    let error = embedded(&world.model(), &["canary words"]).await.unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
}
