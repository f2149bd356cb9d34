//! The example plugins.
//!
//! The component in C is small and lies in `fixtures`. Those in JavaScript are not in the repository:
//! `AGENTSTACK_EXAMPLE_PLUGINS` names a folder with all of them; `cargo xtask test-plugins` builds it. Without it nothing is
//! shown of them here.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use agentstack_plugins::{
    Asked, CallProblem, HttpMethod, LoadedPlugin, Manifest, PluginCall, PluginEntry, PluginHost,
    PluginResponse, Refusal,
};
use agentstack_plugins_wasm::WasmHost;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::world::{Fake, Question};

/// Of `fixtures/word-statistics.wasm`, which `examples/build/build.mjs` writes to the byte.
const WORD_STATISTICS: &str = "6613b3e78b4ad3f54e9a6169d8bc4180927f7b3d59c8d05d32943a5c833ef774";

fn in_crate(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where the components are")]
fn built(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(std::env::var_os("AGENTSTACK_EXAMPLE_PLUGINS")?);
    Some(fs::read(folder.join(format!("{name}.wasm"))).unwrap())
}

fn word_statistics() -> Vec<u8> {
    fs::read(in_crate("tests/fixtures/word-statistics.wasm")).unwrap()
}

fn manifest(name: &str) -> Manifest {
    let text = fs::read(in_crate(&format!("examples/{name}/plugin.json"))).unwrap();
    Manifest::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A plugin and its manifest.
struct Example {
    manifest: Manifest,
    plugin: Arc<dyn LoadedPlugin>,
}

impl Example {
    async fn load(name: &str, component: Vec<u8>) -> Self {
        let plugin = WasmHost::new().load(component.into()).await.unwrap();
        Self { manifest: manifest(name), plugin }
    }

    /// Calls a tool within the limits of the manifest; arguments and answer are held against its schemas.
    async fn call(&self, tool: &str, arguments: Value, services: &Arc<Fake>) -> Result<Value, CallProblem> {
        let Value::Object(arguments) = arguments else { panic!("{arguments}") };
        let tool = self.manifest.tool(&tool.parse().unwrap()).unwrap();
        let limits = *self.manifest.requests().limits();
        let call = PluginCall {
            tool: tool.name().to_string(),
            arguments: tool.arguments(arguments).unwrap(),
            limits,
            services: Arc::<Fake>::clone(services),
        };
        let answer: Map<String, Value> =
            self.plugin.call(call).await.map(|answer| tool.answer(answer.as_bytes(), &limits).unwrap())?;
        Ok(Value::Object(answer))
    }
}

fn entry(content: &str, trusted: bool) -> PluginEntry {
    PluginEntry { key: "key".to_owned(), content: content.to_owned(), version: 1, trusted }
}

#[test]
fn the_manifests_are_good() {
    for name in ["word-statistics", "fetcher", "template"] {
        assert_eq!(manifest(name).name().as_str(), name);
    }
}

#[test]
fn the_component_in_c_is_the_one_that_was_built() {
    let hash: Vec<String> =
        Sha256::digest(word_statistics()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash.concat(), WORD_STATISTICS);
    if let Some(rebuilt) = built("word-statistics") {
        assert!(rebuilt == word_statistics(), "another one comes of the source than the one in fixtures");
    }
}

#[tokio::test]
async fn the_words_of_an_entry_are_counted() {
    let example = Example::load("word-statistics", word_statistics()).await;
    let content = "The quick \"fox\" and the lazy dog's fox; THE end.\nÇa va, ça VA!";
    let services = Arc::new(Fake { entry: Ok(Some(entry(content, false))), ..Fake::default() });
    let answer = example.call("of_entry", json!({"key": "a \"key\" \\ ✓ 🦀\n", "top": 3}), &services).await;
    let expected = json!({
        "entries": 1, "untrusted": 1, "characters": 62, "words": 14, "distinctWords": 10,
        "frequent": [
            {"word": "the", "count": 3}, {"word": "fox", "count": 2}, {"word": "va", "count": 2},
        ],
    });
    assert_eq!(answer, Ok(expected));
    let asked = Question::Get(Asked::Session, "a \"key\" \\ ✓ 🦀\n".to_owned());
    assert_eq!(services.asked(), [asked]);
}

#[tokio::test]
async fn the_words_of_a_search_are_counted_together() {
    let example = Example::load("word-statistics", word_statistics()).await;
    let entries = Ok(vec![entry("one two", true), entry("two three", false), entry("", true)]);
    let services = Arc::new(Fake { entries, ..Fake::default() });
    let arguments = json!({"query": "two", "limit": 7, "shared": "team-notes"});
    let expected = json!({
        "entries": 3, "untrusted": 1, "characters": 16, "words": 4, "distinctWords": 3,
        "frequent": [
            {"word": "two", "count": 2}, {"word": "one", "count": 1}, {"word": "three", "count": 1},
        ],
    });
    assert_eq!(example.call("of_search", arguments, &services).await, Ok(expected));
    let place = Asked::Shared("team-notes".to_owned());
    assert_eq!(services.asked(), [Question::Search(place, "two".to_owned(), 7)]);
}

#[tokio::test]
async fn many_and_long_words_are_counted() {
    let example = Example::load("word-statistics", word_statistics()).await;
    let words: Vec<String> = (0..50_000).map(|index| format!("w{} ", index % 20_000)).collect();
    let content = words.concat() + &"é".repeat(1_000);
    let services = Arc::new(Fake { entry: Ok(Some(entry(&content, true))), ..Fake::default() });
    let answer = example.call("of_entry", json!({"key": "key", "top": 20}), &services).await.unwrap();
    assert_eq!((&answer["words"], &answer["distinctWords"]), (&json!(50_001), &json!(20_001)));
    assert_eq!(answer["frequent"][19], json!({"word": "w1014", "count": 3}));
}

#[tokio::test]
async fn a_word_is_cut_between_characters() {
    let example = Example::load("word-statistics", word_statistics()).await;
    let content = format!("a{}", "é".repeat(1_000));
    let services = Arc::new(Fake { entry: Ok(Some(entry(&content, true))), ..Fake::default() });
    let answer = example.call("of_entry", json!({"key": "key"}), &services).await.unwrap();
    assert_eq!(answer["frequent"][0]["word"], json!(format!("a{}", "é".repeat(49))));
}

#[tokio::test]
async fn what_is_not_there_or_not_granted_is_said() {
    let example = Example::load("word-statistics", word_statistics()).await;
    let nothing = json!({
        "entries": 0, "untrusted": 0, "characters": 0, "words": 0, "distinctWords": 0, "frequent": [],
    });
    let key = || json!({"key": "key"});
    assert_eq!(example.call("of_entry", key(), &Arc::default()).await, Ok(nothing));
    for (refusal, text) in [
        (Refusal::Denied, "this part of memory was not granted"),
        (Refusal::Invalid("a rule".to_owned()), "a rule"),
        (Refusal::Unavailable, "memory is not available"),
    ] {
        let services = Arc::new(Fake { entry: Err(refusal), ..Fake::default() });
        let outcome = example.call("of_entry", key(), &services).await;
        assert_eq!(outcome, Err(CallProblem::Failed(text.to_owned())));
    }
}

#[tokio::test]
async fn built_the_template_says_hello() {
    let Some(component) = built("template") else { return };
    let example = Example::load("template", component).await;
    let hello = |services: Arc<Fake>| {
        let example = &example;
        async move { example.call("say_hello", json!({"name": "Zoë"}), &services).await }
    };
    let set = Arc::new(Fake { setting: Ok(Some("Grüezi".to_owned())), ..Fake::default() });
    assert_eq!(hello(set).await, Ok(json!({"text": "Grüezi, Zoë!"})));
    assert_eq!(hello(Arc::default()).await, Ok(json!({"text": "Hello, Zoë!"})));
    let denied = Arc::new(Fake { setting: Err(Refusal::Denied), ..Fake::default() });
    assert_eq!(hello(denied).await, Ok(json!({"text": "Hello, Zoë!"})));
}

const PAGE: &str = "<!doctype html><html><head><title>A &amp; B\n&#x2713;</title>
    <style>p { color: red }</style><script>alert('no')</script></head>
    <body><h1>Heading</h1><!-- nothing --><p>Some&nbsp;<b>text</b> &lt;here&gt;.</p></body></html>";

fn page(kind: &str, body: &[u8]) -> Arc<Fake> {
    let headers = vec![("content-type".to_owned(), kind.to_owned())];
    let response = Some(Ok(PluginResponse { status: 200, headers, body: body.to_vec() }));
    Arc::new(Fake { response, version: Ok(3), ..Fake::default() })
}

#[tokio::test]
async fn built_the_fetcher_fetches_and_stores() {
    let Some(component) = built("fetcher") else { return };
    let example = Example::load("fetcher", component).await;
    let services = page("text/html; charset=utf-8", PAGE.as_bytes());
    let arguments = json!({"url": "https://example.com/a", "storeAs": "page"});
    let answer = example.call("fetch_page", arguments, &services).await;
    let expected = json!({
        "status": 200, "contentType": "text/html; charset=utf-8", "title": "A & B ✓",
        "excerpt": "Heading Some text <here>.", "truncated": false, "storedVersion": 3,
    });
    assert_eq!(answer, Ok(expected));
    let asked = services.asked();
    let Some(Question::Fetch(request)) = asked.first() else { panic!("{asked:?}") };
    assert_eq!((request.method, request.url.as_str()), (HttpMethod::Get, "https://example.com/a"));
    let Some(Question::Store(Asked::Session, key, content)) = asked.last() else { panic!("{asked:?}") };
    let stored: Value = serde_json::from_str(content).unwrap();
    assert_eq!((key.as_str(), &stored["title"]), ("page", &json!("A & B ✓")));
}

#[tokio::test]
async fn built_the_fetcher_says_when_it_is_refused() {
    let Some(component) = built("fetcher") else { return };
    let example = Example::load("fetcher", component).await;
    for (refusal, text) in [
        (Refusal::Denied, "fetch: denied"),
        (Refusal::Invalid("no such port".to_owned()), "fetch: no such port"),
        (Refusal::Unavailable, "fetch: unavailable"),
    ] {
        let services = Arc::new(Fake { response: Some(Err(refusal)), ..Fake::default() });
        let outcome = example.call("fetch_page", json!({"url": "https://other.example"}), &services).await;
        assert_eq!(outcome, Err(CallProblem::Failed(text.to_owned())));
        assert_eq!(services.asked().len(), 1);
    }
}

#[tokio::test]
async fn built_the_fetcher_takes_large_pages_and_what_is_no_text() {
    let Some(component) = built("fetcher") else { return };
    let example = Example::load("fetcher", component).await;
    let fetch = || json!({"url": "https://example.com/"});
    let large = page("text/plain", "long ".repeat(100_000).as_bytes());
    let answer = example.call("fetch_page", fetch(), &large).await.unwrap();
    assert_eq!(answer["truncated"], json!(true));
    assert_eq!(answer["excerpt"].as_str().map(str::len), Some(2_000));
    let broken = page("text/plain", b"Z\xc3\xbcrich \xf0\x9f\xa6\x80 \xff\xed\xa0\x80 \xc3");
    let answer = example.call("fetch_page", fetch(), &broken).await.unwrap();
    assert_eq!(answer["excerpt"], json!("Zürich 🦀 \u{fffd}\u{fffd} \u{fffd}"));
    let image = page("image/png", b"\x89PNG");
    let answer = example.call("fetch_page", fetch(), &image).await.unwrap();
    assert_eq!(answer["excerpt"], json!(""));
}
