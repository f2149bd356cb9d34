//! The real thing: `all-MiniLM-L6-v2` in a folder, against known vectors, with its speed.
//!
//!     cargo run -p agentstack-embedder-local --example real_model -- FOLDER
//!
//! `cargo xtask test-local-model` fetches the folder and runs this. Anything that is not as it should be ends it.

#![expect(clippy::print_stdout, reason = "it is run for what it prints")]
#![expect(clippy::indexing_slicing, reason = "a vector that is missing ends it")]
#![expect(clippy::unreadable_literal, reason = "the numbers are as they were printed")]

use std::time::Instant;

use agentstack_embedder_local::LocalModel;
use agentstack_providers::{EmbedRequest, Embedder as _};

type Failure = Box<dyn std::error::Error>;

/// What is known of the vectors of some texts: every 48th number, the sum of all, and the sum of all multiplied by the
/// sine of their place. Printed by `tests/reference/reference.py FOLDER`, with the pieces of Hugging Face's `tokenizers`
/// 0.23.3 and BERT in 64 bits by numpy 2.4.6. The first line is on the model's card, too: 0.0677, 0.0635, 0.0487, …
const KNOWN: [(&str, [f32; 10]); 6] = [
    (
        "This is an example sentence",
        [
            0.067657, 0.048306, -0.048271, -0.064359, -0.031553, 0.124017, 0.114682, 0.029436, 0.271751,
            0.859811,
        ],
    ),
    (
        "Each sentence is converted",
        [
            0.086439, -0.000891, -0.057246, 0.043439, 0.044705, 0.092753, 0.080973, -0.023535, -0.004967,
            -0.111699,
        ],
    ),
    (
        "",
        [
            -0.118838, 0.063324, 0.029042, 0.007964, -0.086478, 0.069688, -0.022747, -0.104721, 0.629072,
            0.739622,
        ],
    ),
    (
        "Ça va, garçon? Straße, naïve café — “quoted”…",
        [
            -0.008575, -0.005426, -0.008306, 0.005849, -0.023253, 0.071644, 0.089726, -0.038729, 0.074623,
            0.359726,
        ],
    ),
    (
        "日本語のテキスト and 中文字符, 한국어도",
        [
            -0.008500, -0.093138, -0.073131, 0.002000, 0.076583, -0.026391, 0.021743, 0.047856, -0.482186,
            1.10495,
        ],
    ),
    (
        "\u{0}\u{7}tab\tnew\nline\u{200b} zero\u{ad}width \u{fffd} \u{e0041} 🙂👩‍👩‍👧 ﷽ ＡＢＣ",
        [
            0.022774, 0.078387, -0.001139, -0.078828, -0.005372, -0.014754, 0.061216, -0.049161, -0.122785,
            -0.619978,
        ],
    ),
];

/// The same of a text that is longer than the model looks at: "word0 word1 … word399".
const KNOWN_LONG: [f32; 10] =
    [0.003043, -0.031856, 0.078335, -0.036345, 0.105861, 0.031511, 0.112521, 0.022741, -1.313111, 0.559535];

/// The first is nearer to the second than to the third.
const ORDER: [[&str; 3]; 12] = [
    ["How do I reset my password?", "I forgot my login credentials", "The soup needs more salt"],
    ["The cat sits on the mat", "A kitten is resting on a rug", "Interest rates rose in May"],
    ["Rust prevents data races", "The compiler forbids shared mutation", "Iron oxidizes in water"],
    ["The meeting moved to Thursday", "We meet one day later than planned", "She paints with oil"],
    ["The database is slow", "Queries take a long time to finish", "The river is deep"],
    ["He is allergic to peanuts", "Nuts make him ill", "He is fond of chess"],
    [
        "Deploy failed on staging",
        "The release did not go out to the test servers",
        "The play opened on Broadway",
    ],
    ["The user prefers dark mode", "She likes a black background in the editor", "The train left on time"],
    ["Paris is the capital of France", "The French government sits in Paris", "Bread is baked from flour"],
    ["Back up the files every night", "Copies of the data are made daily", "The owl hunts at night"],
    ["The flight was cancelled", "Our plane did not leave", "The bird flew away"],
    ["Use tabs, not spaces", "Indent the code with tab characters", "There is space on the shelf"],
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("usage: real_model FOLDER")?;
    let model = LocalModel::open(folder);
    let begun = Instant::now();
    let description = model.check()?;
    println!("read in {} ms: {description:?}", begun.elapsed().as_millis());
    assert_eq!((description.dimension, description.max_tokens), (384, 256));
    known(&model).await?;
    order(&model).await?;
    for (words, least) in [(20, 20), (200, 20)] {
        speed(&model, words, least).await?;
    }
    Ok(())
}

/// The vectors of known texts are the known ones, and of length one.
async fn known(model: &LocalModel) -> Result<(), Failure> {
    let long = (0..400).map(|number| format!("word{number}")).collect::<Vec<_>>().join(" ");
    let known = KNOWN.iter().map(|(text, numbers)| (*text, *numbers)).chain([(long.as_str(), KNOWN_LONG)]);
    let (texts, known): (Vec<&str>, Vec<[f32; 10]>) = known.unzip();
    let mut furthest = 0.0_f32;
    for ((text, known), vector) in texts.iter().zip(known).zip(embed(model, &texts).await?) {
        assert_eq!(vector.len(), 384);
        let length = dot(&vector, &vector).sqrt();
        assert!((length - 1.0).abs() < 1e-5, "{text}: a length of {length}");
        for (place, known) in known[..8].iter().enumerate() {
            let off = (vector[place * 48] - known).abs();
            assert!(off < 1e-4, "{text}: number {place} is {} instead of {known}", vector[place * 48]);
            furthest = furthest.max(off);
        }
        // A sum of so many numbers may be off by more than one of them.
        let sines = (0_u16..384).map(|place| f32::from(place).sin());
        let sums = [vector.iter().sum(), vector.iter().zip(sines).map(|(a, b)| a * b).sum::<f32>()];
        for (sum, known) in sums.iter().zip(&known[8..]) {
            assert!((sum - known).abs() < 1e-4, "{text}: a sum is {sum} instead of {known}");
        }
    }
    println!("{} texts have the known vectors, off by {furthest:.1e} at most", texts.len());
    Ok(())
}

/// What means the same is nearer than what does not.
async fn order(model: &LocalModel) -> Result<(), Failure> {
    let mut narrowest = f32::MAX;
    for texts in ORDER {
        let vectors = embed(model, &texts).await?;
        let [near, far] = [dot(&vectors[0], &vectors[1]), dot(&vectors[0], &vectors[2])];
        assert!(near > far + 0.1, "{texts:?}: {near} and {far}");
        narrowest = narrowest.min(near - far);
    }
    println!(
        "{} of {} pairs are nearer than their strangers, by {narrowest:.2} at least",
        ORDER.len(),
        ORDER.len()
    );
    Ok(())
}

/// The median time of a text alone, and of 32 together.
async fn speed(model: &LocalModel, words: usize, rounds: usize) -> Result<(), Failure> {
    const POOL: [&str; 14] = [
        "memory", "agent", "session", "the", "quick", "river", "stone", "walks", "under", "bright",
        "morning", "coffee", "database", "index",
    ];
    let text = (0..words).map(|i| POOL[(i * 7 + i / 3) % POOL.len()]).collect::<Vec<_>>().join(" ");
    for count in [1, 32] {
        let texts = vec![text.as_str(); count];
        let mut times = Vec::new();
        for _ in 0..if count == 1 { rounds } else { 5 } {
            let begun = Instant::now();
            assert_eq!(embed(model, &texts).await?.len(), count);
            times.push(begun.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        let rate = f64::from(u16::try_from(count)?) / median;
        println!("{count:2} of {words:3} words: {:7.1} ms, {rate:6.1} texts a second", median * 1e3);
    }
    Ok(())
}

async fn embed(model: &LocalModel, texts: &[&str]) -> Result<Vec<Vec<f32>>, Failure> {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    Ok(model.embed(&EmbedRequest { model: String::new(), texts }).await?.vectors)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
