//! Embedding again, with an embedder on this machine that speaks as Ollama does.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use serde_json::{Value, json};

use crate::Workplace;
use crate::quarantine::call_tools;

/// An embedder: its vectors say how often a text has each of the first letters.
struct Embedder {
    port: u16,
    dimension: Arc<AtomicUsize>,
    /// How many questions it still answers before it falls silent.
    left: Arc<AtomicUsize>,
    silent: mpsc::Receiver<()>,
}

impl Embedder {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (dimension, left) = (Arc::new(AtomicUsize::new(4)), Arc::new(AtomicUsize::new(usize::MAX)));
        let (tell, silent) = mpsc::channel();
        let (numbers, questions) = (Arc::clone(&dimension), Arc::clone(&left));
        std::thread::spawn(move || {
            let mut unanswered = vec![];
            for stream in listener.incoming().map_while(Result::ok) {
                let taken =
                    questions.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                if taken.is_ok() {
                    answer(stream, numbers.load(Ordering::SeqCst));
                } else {
                    unanswered.push(stream);
                    let _ = tell.send(());
                }
            }
        });
        Self { port, dimension, left, silent }
    }

    fn configure(&self, workplace: &Workplace) {
        let config = json!({
            "memory": {
                "path": workplace.path().join("data/aistack.db"),
                "vectorSearch": { "enabled": true, "provider": "ollama", "model": "letters" },
            },
            "providers": { "ollama": { "baseUrl": format!("http://127.0.0.1:{}", self.port), "maxRetries": 0 } },
        });
        let folder = workplace.path().join("home/agentstack");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        let file = folder.join("config.json");
        fs::write(&file, config.to_string()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn answer(stream: TcpStream, dimension: usize) {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    // Whoever asked may have ended before it had said all.
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else { return };
    let vector = |text: &Value| -> Vec<f64> {
        let letter = |number: usize| char::from(b'a' + u8::try_from(number).unwrap());
        let count = |number| text.as_str().unwrap().matches(letter(number)).count();
        (0..dimension).map(|number| f64::from(u32::try_from(count(number)).unwrap()) + 0.1).collect()
    };
    let vectors: Vec<Vec<f64>> = asked["input"].as_array().unwrap().iter().map(vector).collect();
    let text = json!({ "model": asked["model"], "embeddings": vectors, "prompt_eval_count": 3 }).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    // Whoever asked may have been killed.
    let _ = reader.get_mut().write_all(format!("{head}{text}").as_bytes());
}

fn store_many(workplace: &Workplace) {
    let store = |number: usize| {
        let content = format!("{} {number}", ["aaa", "bbb", "cab"][number % 3]);
        ("memory_store", json!({ "key": format!("key {number}"), "content": content, "namespace": "team" }))
    };
    call_tools(workplace, &(0..100).map(store).collect::<Vec<_>>());
}

fn search(workplace: &Workplace, more: &Value) -> Value {
    let mut arguments = json!({ "query": "aaaa" });
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call_tools(workplace, &[("memory_search", arguments)]).remove(0)
}

#[test]
fn s41_a_changed_model_is_embedded_again_also_after_a_kill() {
    let (workplace, embedder) = (Workplace::new(), Embedder::start());
    embedder.configure(&workplace);
    store_many(&workplace);
    let first = workplace.expect(&["memory", "reembed"], 0);
    assert!(first.contains("100 entries have a vector of ollama/letters (4 dimensions)."), "{first}");

    embedder.dimension.store(6, Ordering::SeqCst);
    // The first question tells the model, the next ones are of 32 entries each.
    embedder.left.store(3, Ordering::SeqCst);
    let mut killed = Command::new(env!("CARGO_BIN_EXE_agentstack"))
        .args(["memory", "reembed"])
        .current_dir(workplace.path())
        .env_clear()
        .env("XDG_CONFIG_HOME", workplace.path().join("home"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    embedder.silent.recv().unwrap();
    killed.kill().unwrap();
    let mut said = String::new();
    killed.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    killed.wait().unwrap();
    assert!(said.contains("100 vectors of ollama/letters (4 dimensions) are replaced."), "{said}");
    assert!(said.contains("100 entries wait for a vector of ollama/letters (6 dimensions)."), "{said}");

    embedder.left.store(usize::MAX, Ordering::SeqCst);
    let again = workplace.expect(&["memory", "reembed"], 0);
    assert!(again.contains("36 entries wait for a vector of ollama/letters (6 dimensions)."), "{again}");
    assert!(again.contains("100 entries have a vector of ollama/letters (6 dimensions)."), "{again}");
    let done: Value = serde_json::from_str(&workplace.expect(&["--json", "memory", "reembed"], 0)).unwrap();
    assert_eq!(
        (&done["dimension"], &done["vectors"], &done["embedded"]),
        (&json!(6), &json!(100), &json!(0))
    );
    let found = search(&workplace, &json!({ "mode": "semantic", "limit": 1 }));
    assert!(found["results"][0]["content"].as_str().unwrap().starts_with("aaa"), "{found}");
    assert_eq!((&found["searchedBy"], &found["notEmbedded"]), (&json!("semantic"), &json!(0)));
    workplace.expect(&["audit", "verify"], 0);
}

#[test]
fn while_the_embedder_is_away_words_are_found_and_nothing_is_thrown_away() {
    let (workplace, embedder) = (Workplace::new(), Embedder::start());
    embedder.configure(&workplace);
    store_many(&workplace);
    workplace.expect(&["memory", "reembed"], 0);
    embedder.left.store(0, Ordering::SeqCst);
    drop(embedder.silent);
    // It takes the connection and says nothing, so that the search gives up on it.
    let found = search(&workplace, &json!({ "query": "aaa" }));
    assert_eq!((&found["searchedBy"], &found["count"]), (&json!("text"), &json!(10)));
    assert!(found["notice"].as_str().unwrap().contains("does not answer"), "{found}");
}

#[test]
fn without_an_embedder_there_is_nothing_to_embed_again() {
    let workplace = Workplace::new();
    workplace.expect(&["quickstart"], 0);
    let refused = workplace.expect(&["memory", "reembed"], 3);
    assert!(refused.contains("memory.vectorSearch.enabled"), "{refused}");
}
