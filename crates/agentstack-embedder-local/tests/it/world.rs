//! Tiny models in folders of the tests' own. `tests/reference/reference.py` makes the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use agentstack_embedder_local::LocalModel;
use agentstack_providers::{EmbedRequest, Embedder as _, Embeddings, ProviderError};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const VOCABULARY: &str = "[PAD] [UNK] [CLS] [SEP] [MASK] hello world , ! cafe un ##aff ##able 日 本 the fox jump \
    ##s ##ed over a ##a b ##b c ##c d ##d café Hello i ##i . [ ] sep ##2 ё е 🙂 strasse straße — ß ÉCOLE école ecole";

/// The texts whose vectors are known.
pub(crate) const TEXTS: [&str; 4] = [
    "Hello, world!",
    "",
    "Café 日本 unaffable — zzz unaffablez",
    "the fox jumps over the fox jumped over a b c d",
];

/// A tensor: its type, its shape and its bytes.
pub(crate) type Tensor = (&'static str, Vec<usize>, Vec<u8>);

/// A folder with a model.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) tensors: BTreeMap<String, Tensor>,
}

impl World {
    /// A BERT with mean pooling whose vectors are of length one.
    pub(crate) fn bert() -> Self {
        let world = Self { folder: TempDir::new().unwrap(), tensors: bert_tensors() };
        world.json("config.json", &bert_config());
        world.json(
            "tokenizer.json",
            &tokenizer(&json!({
                "type": "TemplateProcessing",
                "single": [
                    { "SpecialToken": { "id": "[CLS]", "type_id": 0 } },
                    { "Sequence": { "id": "A", "type_id": 0 } },
                    { "SpecialToken": { "id": "[SEP]", "type_id": 0 } },
                ],
            })),
        );
        world.json("sentence_bert_config.json", &json!({ "max_seq_length": 12, "do_lower_case": false }));
        world.json("modules.json", &modules(&["Transformer", "Pooling", "Normalize"]));
        world.json(
            "1_Pooling/config.json",
            &json!({
                "word_embedding_dimension": 8,
                "pooling_mode_cls_token": false,
                "pooling_mode_mean_tokens": true,
            }),
        );
        world.weights();
        world
    }

    /// A static model whose vectors are of length one.
    pub(crate) fn fixed() -> Self {
        let rows = VOCABULARY.split_whitespace().count();
        let tensors = BTreeMap::from([named("embeddings", &[rows, 6])]);
        let world = Self { folder: TempDir::new().unwrap(), tensors };
        world.json("config.json", &json!({ "model_type": "model2vec", "normalize": true, "hidden_dim": 6 }));
        world.json("tokenizer.json", &tokenizer(&Value::Null));
        world.weights();
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn model(&self) -> LocalModel {
        LocalModel::open(self.path())
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let file = self.file(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    pub(crate) fn json(&self, name: &str, value: &Value) {
        self.write(name, value.to_string());
    }

    /// Changes one value in a file; `null` takes it out.
    pub(crate) fn change(&self, name: &str, pointer: &str, value: Value) {
        let mut whole: Value = serde_json::from_slice(&fs::read(self.file(name)).unwrap()).unwrap();
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        let parent = whole.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(last).unwrap();
        } else {
            parent.insert(last.to_owned(), value);
        }
        self.json(name, &whole);
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
    }

    /// Writes the weights as they are now.
    pub(crate) fn weights(&self) {
        self.write("model.safetensors", safetensors(&self.tensors));
    }
}

/// The vectors of some texts.
pub(crate) async fn vectors(model: &LocalModel, texts: &[impl AsRef<str>]) -> Vec<Vec<f32>> {
    embedded(model, texts).await.unwrap().vectors
}

pub(crate) async fn embedded(
    model: &LocalModel,
    texts: &[impl AsRef<str>],
) -> Result<Embeddings, ProviderError> {
    let texts = texts.iter().map(|text| text.as_ref().to_owned()).collect();
    model.embed(&EmbedRequest { model: "any".to_owned(), texts }).await
}

#[track_caller]
pub(crate) fn assert_near(found: &[Vec<f32>], expected: &[impl AsRef<[f32]>]) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let expected = expected.as_ref();
        assert_eq!(found.len(), expected.len());
        let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 3e-6, "{index}: off by {off}\n{found:?}\n{expected:?}");
    }
}

pub(crate) fn modules(kinds: &[&str]) -> Value {
    let module = |(index, kind): (usize, &&str)| {
        let path = if index == 0 { String::new() } else { format!("{index}_{kind}") };
        json!({ "idx": index, "name": index.to_string(), "path": path, "type": format!("sentence_transformers.models.{kind}") })
    };
    kinds.iter().enumerate().map(module).collect()
}

pub(crate) fn bert_config() -> Value {
    json!({
        "model_type": "bert",
        "vocab_size": VOCABULARY.split_whitespace().count(),
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 12,
        "max_position_embeddings": 16,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
    })
}

fn tokenizer(around: &Value) -> Value {
    let vocabulary: BTreeMap<&str, u32> = VOCABULARY.split_whitespace().zip(0..).collect();
    json!({
        "version": "1.0",
        "truncation": { "max_length": 3, "strategy": "LongestFirst", "stride": 0 },
        "added_tokens": [{ "id": 0, "special": true, "content": "[PAD]" }],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true,
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": around,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    })
}

fn bert_tensors() -> BTreeMap<String, Tensor> {
    let rows = VOCABULARY.split_whitespace().count();
    let mut tensors = BTreeMap::from([
        named("embeddings.word_embeddings.weight", &[rows, 8]),
        named("embeddings.position_embeddings.weight", &[16, 8]),
        named("embeddings.token_type_embeddings.weight", &[2, 8]),
        named("embeddings.LayerNorm.weight", &[8]),
        named("embeddings.LayerNorm.bias", &[8]),
    ]);
    for layer in 0..2 {
        for (name, to, from) in [
            ("attention.self.query", 8, 8),
            ("attention.self.key", 8, 8),
            ("attention.self.value", 8, 8),
            ("attention.output.dense", 8, 8),
            ("intermediate.dense", 12, 8),
            ("output.dense", 8, 12),
        ] {
            tensors.extend([
                named(&format!("encoder.layer.{layer}.{name}.weight"), &[to, from]),
                named(&format!("encoder.layer.{layer}.{name}.bias"), &[to]),
            ]);
        }
        for name in ["attention.output.LayerNorm", "output.LayerNorm"] {
            tensors.extend([
                named(&format!("encoder.layer.{layer}.{name}.weight"), &[8]),
                named(&format!("encoder.layer.{layer}.{name}.bias"), &[8]),
            ]);
        }
    }
    tensors
}

fn named(name: &str, shape: &[usize]) -> (String, Tensor) {
    let numbers =
        (0..u32::try_from(shape.iter().product::<usize>()).unwrap()).map(|index| weight(name, index));
    (name.to_owned(), ("F32", shape.to_vec(), numbers.flat_map(f32::to_le_bytes).collect()))
}

/// Some number between -0.5 and 0.5, always the same for the same place.
fn weight(name: &str, index: u32) -> f32 {
    let seed = name.bytes().fold(0_u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let mut x = seed.wrapping_add(index.wrapping_mul(2_654_435_761));
    x ^= x >> 15;
    x = x.wrapping_mul(2_246_822_519);
    x ^= x >> 13;
    (f32::from(u16::try_from(x % 2001).unwrap()) - 1000.0) / 2000.0
}

/// A file in the format of safetensors: the length of the header, the header, the numbers.
pub(crate) fn safetensors(tensors: &BTreeMap<String, Tensor>) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, (kind, shape, bytes)) in tensors {
        let start = data.len();
        data.extend(bytes);
        let about = json!({ "dtype": kind, "shape": shape, "data_offsets": [start, data.len()] });
        header.insert(name.clone(), about);
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}
