//! Any text has a vector, and the same one whoever stands beside it.

use std::sync::LazyLock;

use agentstack_embedder_local::LocalModel;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::world::{World, vectors};

/// Texts that other programs have stumbled over.
const NAUGHTY: [&str; 24] = [
    "\0",
    "\u{feff}",
    "\u{fffd}\u{fffe}\u{ffff}",
    "\u{202e}\u{2066}test\u{2069}",
    "Z\u{351}\u{36b}\u{343}\u{36a}\u{302}\u{346}a\u{334}\u{335}\u{321}lgo",
    "ﷺ ﷽",
    "ｔｈｅ　ｆｏｘ",
    "𝕥𝕙𝕖 𝖋𝖔𝖝",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇭",
    "\u{1f468}\u{1f3ff}",
    "İıſẞßŉǰ",
    "각힣\u{1100}\u{1161}\u{11a8}",
    "田中さんにあげて下さい",
    "ثم نفس سقطت وبالتحديد",
    "\u{e0041}\u{e0042}\u{e007f}",
    "\u{10ffff}\u{f8ff}",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "[CLS][SEP][PAD][UNK][MASK]##aff ## #",
    "%s%s%n $HOME `id` \\u0000",
    "\r\n\t \u{b}\u{c}\u{85}\u{2028}\u{2029}\u{a0}\u{3000}",
    "１２３ ⅷ ½ ²",
    "\u{0301}\u{0301}\u{0301}",
    "…“”‘’«»—–‐",
];

struct Tried {
    runtime: Runtime,
    models: [LocalModel; 2],
    _worlds: [World; 2],
}

static TRIED: LazyLock<Tried> = LazyLock::new(|| {
    let worlds = [World::bert(), World::fixed()];
    let models = worlds.each_ref().map(World::model);
    Tried { runtime: Builder::new_current_thread().build().unwrap(), models, _worlds: worlds }
});

/// Both models embed all of them, together and one by one, and it is the same.
fn assert_embedded(texts: &[String]) {
    for model in &TRIED.models {
        let made = TRIED.runtime.block_on(async {
            let together = vectors(model, texts).await;
            for (text, vector) in texts.iter().zip(&together) {
                assert_eq!(vectors(model, &[text]).await[0], *vector, "{text:?}");
            }
            together
        });
        assert_eq!(made.len(), texts.len());
        for (text, vector) in texts.iter().zip(made) {
            let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
            let is_unit = (length - 1.0).abs() < 1e-5;
            assert!(is_unit || (vector.len() == 6 && length == 0.0), "{text:?}: {vector:?}");
        }
    }
}

#[test]
fn naughty_texts_have_vectors() {
    let mut texts: Vec<String> = NAUGHTY.into_iter().map(str::to_owned).collect();
    texts.push("a".repeat(1 << 20));
    texts.push(" ".repeat(1 << 20));
    texts.push("\u{301}".repeat(1 << 18));
    texts.push("日".repeat(1 << 18));
    texts.push("!".repeat(1 << 20));
    assert_embedded(&texts);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_a_vector_and_a_batch_is_one_by_one(
        texts in prop::collection::vec(
            prop_oneof![any::<String>(), "(hello|fox|[a-d]{1,9}|[,.!]| |é|日){0,40}", "\\PC{0,200}"],
            1..9,
        ),
    ) {
        assert_embedded(&texts);
    }
}
