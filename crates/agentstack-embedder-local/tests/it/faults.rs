//! Folders that are broken, or made by somebody who means harm: a typed problem with the file's name, and no panic.

use std::fs;

use agentstack_embedder_local::{LocalModelProblem as Problem, TensorProblem};
use serde_json::{Value, json};

use crate::world::{TEXTS, World, embedded, modules, safetensors};

/// Checks that the problem is of this kind and names this file.
macro_rules! assert_problem {
    ($world:expr, $file:expr, $kind:pat $(if $more:expr)?) => {{
        let problem = $world.model().check().unwrap_err();
        assert!(matches!(problem, $kind $(if $more)?), "{problem:?}");
        let path = $world.path().canonicalize().unwrap().join($file);
        assert!(problem.to_string().contains(path.to_str().unwrap()), "{problem}");
    }};
}

#[test]
fn each_file_that_is_missing_is_named() {
    for file in
        ["config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json", "model.safetensors"]
    {
        let world = World::bert();
        world.remove(file);
        assert_problem!(world, file, Problem::Missing { .. });
    }
    let world = World::fixed();
    world.remove("model.safetensors");
    assert_problem!(world, "model.safetensors", Problem::Missing { .. });
    // What has a default may be missing.
    let world = World::bert();
    world.remove("sentence_bert_config.json");
    world.model().check().unwrap();
}

#[test]
fn what_is_no_file_is_not_read() {
    let world = World::bert();
    world.remove("tokenizer.json");
    fs::create_dir(world.file("tokenizer.json")).unwrap();
    assert_problem!(world, "tokenizer.json", Problem::NotAFile { .. });
    #[cfg(target_os = "linux")]
    {
        let world = World::bert();
        world.remove("model.safetensors");
        std::os::unix::fs::symlink("/dev/zero", world.file("model.safetensors")).unwrap();
        assert_problem!(world, "model.safetensors", Problem::NotAFile { .. });
    }
}

#[test]
fn a_file_has_a_most() {
    let world = World::bert();
    for (file, most) in
        [("config.json", 1_u64 << 20), ("tokenizer.json", 64 << 20), ("model.safetensors", 2 << 30)]
    {
        let before = fs::read(world.file(file)).unwrap();
        // A file with a hole: it takes no room, and it is not read.
        fs::File::create(world.file(file)).unwrap().set_len(most + 1).unwrap();
        assert_problem!(world, file, Problem::TooLarge { most: found, .. } if found == most);
        world.write(file, before);
    }
    world.model().check().unwrap();
}

#[test]
fn every_cut_through_every_file_is_a_problem() {
    let world = World::bert();
    for file in ["config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json"] {
        let whole = fs::read(world.file(file)).unwrap();
        for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            world.write(file, &whole[..length]);
            assert_problem!(world, file, Problem::Json { .. });
        }
        world.write(file, whole);
    }
    let whole = fs::read(world.file("model.safetensors")).unwrap();
    for length in (0..whole.len()).step_by(41).chain([7, 8, whole.len() - 1]) {
        world.write("model.safetensors", &whole[..length]);
        assert_problem!(world, "model.safetensors", Problem::Weights { .. });
    }
    world.write("model.safetensors", [whole.as_slice(), &[0]].concat());
    assert_problem!(world, "model.safetensors", Problem::Weights { .. });
    world.write("model.safetensors", whole);
    world.model().check().unwrap();
}

#[test]
fn a_header_that_claims_too_much_is_not_believed() {
    let world = World::bert();
    let whole = fs::read(world.file("model.safetensors")).unwrap();
    for length in [u64::MAX, 1 << 63, 100_000_001, (4 << 20) + 1] {
        world.write("model.safetensors", [&length.to_le_bytes(), &whole[8..]].concat());
        assert_problem!(world, "model.safetensors", Problem::Header { most, .. } if most == 4 << 20);
    }
    world.write("model.safetensors", [&(4_u64 << 20).to_le_bytes(), &whole[8..]].concat());
    assert_problem!(world, "model.safetensors", Problem::Weights { .. });
    for about in [
        json!({ "dtype": "F32", "shape": [u64::MAX, 2], "data_offsets": [0, 8] }),
        json!({ "dtype": "F32", "shape": [1_u64 << 40, 1_u64 << 40], "data_offsets": [0, 8] }),
        json!({ "dtype": "F32", "shape": [2], "data_offsets": [8, 0] }),
        json!({ "dtype": "F32", "shape": [2], "data_offsets": [0, 9] }),
        json!({ "dtype": "F32", "shape": [2], "data_offsets": [0, u64::MAX] }),
        json!({ "dtype": "F33", "shape": [2], "data_offsets": [0, 8] }),
        json!([]),
        Value::Null,
    ] {
        let header = json!({ "embeddings": about }).to_string();
        let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 8]].concat();
        world.write("model.safetensors", file);
        assert_problem!(world, "model.safetensors", Problem::Weights { .. });
    }
}

#[test]
fn every_tensor_is_needed_in_its_shape_with_finite_numbers() {
    let names: Vec<String> = World::bert().tensors.into_keys().collect();
    let mut world = World::bert();
    for name in names {
        let good = world.tensors.remove(&name).unwrap();
        world.weights();
        assert_tensor(&world, &name, &TensorProblem::Missing);
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut bad = good.clone();
            let last = bad.2.len() - 4;
            bad.2[last..].copy_from_slice(&number.to_le_bytes());
            world.tensors.insert(name.clone(), bad);
            world.weights();
            assert_tensor(&world, &name, &TensorProblem::NotFinite);
        }
        let mut bad = good.clone();
        bad.1.reverse();
        bad.1.push(1);
        let (found, expected) = (bad.1.clone(), good.1.clone());
        world.tensors.insert(name.clone(), bad);
        world.weights();
        assert_tensor(&world, &name, &TensorProblem::Shape { expected, found });
        world.tensors.insert(name.clone(), ("I32", good.1.clone(), good.2.clone()));
        world.weights();
        assert_tensor(&world, &name, &TensorProblem::Type);
        world.tensors.insert(name, good);
    }
    world.weights();
    world.model().check().unwrap();
}

#[track_caller]
fn assert_tensor(world: &World, name: &str, expected: &TensorProblem) {
    match world.model().check().unwrap_err() {
        Problem::Tensor { file, tensor, problem } => {
            assert!(file.ends_with("model.safetensors"));
            assert_eq!((tensor.as_str(), &problem), (name, expected));
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_static_model_has_one_matrix() {
    let mut world = World::fixed();
    let good = world.tensors["embeddings"].clone();
    world.tensors.insert("weights".to_owned(), good.clone());
    world.weights();
    assert_problem!(world, "model.safetensors", Problem::Unsupported { .. });
    world.tensors.clear();
    for (name, shape) in [("other", good.1.clone()), ("embeddings", vec![good.2.len() / 4])] {
        world.tensors = [(name.to_owned(), ("F32", shape, good.2.clone()))].into();
        world.weights();
        assert_problem!(world, "model.safetensors", Problem::Tensor { .. });
    }
    for shape in [vec![0, 6], vec![6, 0]] {
        world.tensors = [("embeddings".to_owned(), ("F32", shape, Vec::new()))].into();
        world.weights();
        assert_problem!(
            world,
            "model.safetensors",
            Problem::Tensor { problem: TensorProblem::NotAMatrix, .. }
        );
    }
    // Fewer rows than there are pieces.
    world.tensors = [("embeddings".to_owned(), ("F32", vec![2, 6], vec![0; 48]))].into();
    world.weights();
    assert_problem!(world, "model.safetensors", Problem::Unsupported { .. });
}

#[test]
fn what_is_not_known_is_refused_rather_than_guessed() {
    let huge = json!(u64::MAX);
    for (file, pointer, value) in [
        ("config.json", "/model_type", json!("xlm-roberta")),
        ("config.json", "/hidden_act", json!("relu")),
        ("config.json", "/position_embedding_type", json!("relative_key")),
        ("config.json", "/num_attention_heads", json!(3)),
        ("config.json", "/num_attention_heads", json!(0)),
        ("config.json", "/hidden_size", json!(0)),
        ("config.json", "/intermediate_size", json!(0)),
        ("config.json", "/layer_norm_eps", json!(-1.0)),
        ("config.json", "/vocab_size", json!(3)),
        ("1_Pooling/config.json", "/pooling_mode_max_tokens", json!(true)),
        ("1_Pooling/config.json", "/pooling_mode_cls_token", json!(true)),
        ("1_Pooling/config.json", "/pooling_mode_mean_tokens", json!(false)),
        ("1_Pooling/config.json", "/pooling_mode", json!("max")),
        // A text of so many pieces would take more memory than there is.
        ("config.json", "/max_position_embeddings", json!(8_193)),
        ("sentence_bert_config.json", "/max_seq_length", json!(2)),
        ("sentence_bert_config.json", "/max_seq_length", json!(0)),
        ("sentence_bert_config.json", "/do_lower_case", json!(true)),
        ("tokenizer.json", "/normalizer/type", json!("Sequence")),
        ("tokenizer.json", "/pre_tokenizer/type", json!("Whitespace")),
        ("tokenizer.json", "/post_processor/type", json!("RobertaProcessing")),
        ("tokenizer.json", "/post_processor", Value::Null),
        ("tokenizer.json", "/model/type", json!("BPE")),
        ("tokenizer.json", "/added_tokens", json!([{ "id": 7, "content": "two words", "special": false }])),
    ] {
        let world = World::bert();
        world.change(file, pointer, value.clone());
        assert_problem!(world, file, Problem::Unsupported { .. });
    }
    for (pointer, value) in [
        ("/model/unk_token", json!("[NO]")),
        ("/model/max_input_chars_per_word", json!(0)),
        ("/model/max_input_chars_per_word", huge.clone()),
        ("/model/continuing_subword_prefix", json!("")),
        ("/model/vocab", json!({ "[CLS]": 2, "[SEP]": 3 })),
    ] {
        let world = World::bert();
        world.change("tokenizer.json", pointer, value.clone());
        assert_problem!(world, "tokenizer.json", Problem::Vocabulary { .. });
    }
    // Numbers that no file can hold are found in the shapes, without a try to hold them.
    for name in ["vocab_size", "hidden_size", "intermediate_size", "type_vocab_size"] {
        for value in [json!(u64::MAX - 1), json!(1_u64 << 40)] {
            let world = World::bert();
            world.change("config.json", &format!("/{name}"), value);
            assert_problem!(world, "model.safetensors", Problem::Tensor { .. });
        }
    }
    let world = World::bert();
    world.change("config.json", "/num_hidden_layers", huge);
    assert_problem!(world, "model.safetensors", Problem::Tensor { problem: TensorProblem::Missing, .. });
}

#[test]
fn a_path_in_the_folder_does_not_lead_out_of_it() {
    for path in ["..", "../other", "/etc", "a/b", ".", ""] {
        let world = World::bert();
        let mut list = modules(&["Transformer", "Pooling"]);
        list[1]["path"] = json!(path);
        world.json("modules.json", &list);
        assert_problem!(world, "modules.json", Problem::Unsupported { .. });
    }
    for kinds in
        [&["Transformer"][..], &["Pooling", "Transformer"], &["Transformer", "Pooling", "Dense"], &[]]
    {
        let world = World::bert();
        world.json("modules.json", &modules(kinds));
        assert_problem!(world, "modules.json", Problem::Unsupported { .. });
    }
}

#[tokio::test]
async fn finite_weights_that_lead_to_infinite_numbers_are_an_error() {
    for mut world in [World::bert(), World::fixed()] {
        for tensor in world.tensors.values_mut() {
            let large = f32::MAX.to_le_bytes();
            tensor.2 = large.repeat(tensor.2.len() / 4);
        }
        world.write("model.safetensors", safetensors(&world.tensors));
        let error = embedded(&world.model(), &TEXTS).await.unwrap_err();
        assert!(error.to_string().contains("not finite"), "{error}");
    }
}
