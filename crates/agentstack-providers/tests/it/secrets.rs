//! A key goes into one header and nowhere else (S26, S40), and nothing that comes in is quoted.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use agentstack_providers::{Anthropic, BaseUrl, ChatModel, Embedder, Outlet, ProviderError};
use tracing_subscriber::fmt::MakeWriter;

use crate::server::{Act, STREAM, Server, answer, ok};
use crate::world::{KEY, anthropic, every, key, ollama, openai, quick, request, stream, texts};

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// An error in every form that it could be printed in, with its causes.
fn printed(problem: &ProviderError) -> String {
    let mut text = format!("{problem} {problem:?} {problem:#?}");
    let mut cause = std::error::Error::source(problem);
    while let Some(error) = cause {
        write!(text, " {error} {error:?}").unwrap();
        cause = error.source();
    }
    text
}

/// Answers that say the key back wherever they can, and `private` besides.
fn echoes() -> Vec<Act> {
    let told = format!(
        r#"{{"error":{{"type":"{KEY}","code":"{KEY}","message":"private {KEY}"}},"model":"{KEY}\n","x":"private"}}"#
    );
    let mut acts: Vec<_> = ["200 OK", "400 x", "401 x", "404 private", "429 x", "500 x", "302 x"]
        .into_iter()
        .map(|status| {
            let header = format!("Location: https://{KEY}.example/{KEY}?private");
            Act::Write(answer(status, &[&header, &format!("Retry-After: {KEY}")], &told))
        })
        .collect();
    let event = [STREAM, b"data: ", told.as_bytes(), b"\n\n"].concat();
    let text = [STREAM, told.replace(r#""x""#, "x").as_bytes(), b"\n"].concat();
    acts.extend([Act::Write(event), Act::Write(text)]);
    acts.push(Act::Write(format!("HTTP/1.1 {KEY} private\r\n\r\n").into_bytes()));
    acts.push(Act::Write(format!("{KEY} private").into_bytes()));
    acts.push(Act::Write(format!("HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n").into_bytes()));
    acts
}

#[tokio::test]
async fn s40_no_error_debug_or_log_has_the_key_or_what_came_in() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mut seen = String::new();
    for act in echoes() {
        let server = Server::start(vec![act]).await;
        for model in every(&server, &quick()) {
            write!(seen, "{model:?} {model:#?}").unwrap();
            seen.push_str(&printed(&model.chat(&request()).await.unwrap_err()));
            seen.push_str(&printed(&stream(model.as_ref()).await.1.unwrap_err()));
        }
        seen.push_str(&printed(&openai(&server, quick()).embed(&texts(&["private"])).await.unwrap_err()));
    }
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("asking again"), "something was logged: {logged}");
    for (what, text) in [("printed", &seen), ("logged", &logged)] {
        for secret in [KEY, "private", "You are brief", "Hello, world"] {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{what}: {secret} in {line:?}");
        }
    }
}

#[tokio::test]
async fn s26_the_key_is_in_the_one_header() {
    let server = Server::answering(ok("{}")).await;
    for model in every(&server, &quick()) {
        assert!(model.chat(&request()).await.is_err());
    }
    assert!(ollama(&server, quick()).with_key(key()).chat(&request()).await.is_err());
    let asked = server.asked();
    let with_key: Vec<Vec<_>> = asked
        .iter()
        .map(|asked| asked.headers.iter().filter(|(_, value)| value.contains(KEY)).cloned().collect())
        .collect();
    let pair = |name: &str, value: String| vec![(name.to_owned(), value)];
    let bearer = || pair("authorization", format!("Bearer {KEY}"));
    let expected = [pair("x-api-key", KEY.to_owned()), bearer(), Vec::new(), bearer()];
    assert_eq!(with_key, expected);
    assert!(asked.iter().all(|asked| !asked.line.contains(KEY) && !asked.body.contains(KEY)));
}

#[tokio::test]
async fn s41_what_is_asked_and_answered_does_not_print_itself() {
    let body = r#"{"object":"list","data":[{"embedding":[0.123456,1],"index":0}],"model":"m"}"#;
    let server = Server::answering(ok(body)).await;
    let made = openai(&server, quick()).embed(&texts(&["private"])).await.unwrap();
    let body = r#"{"model":"m","content":[{"type":"text","text":"private"}],"stop_reason":"end_turn"}"#;
    let server = Server::answering(ok(body)).await;
    let said = anthropic(&server, quick()).chat(&request()).await.unwrap();
    assert_eq!(said.text, "private");
    let shown = format!("{made:?} {said:?} {:?} {:?}", request().messages, texts(&["private"]));
    for hidden in ["private", "0.123", "Hello"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[tokio::test]
async fn the_path_of_a_base_address_is_in_no_error() {
    let server = Server::start(vec![Act::Write(b"no HTTP".to_vec())]).await;
    let base = BaseUrl::parse(&format!("{}/secret-path", server.url())).unwrap();
    let model = Anthropic::new(Outlet::new(base, quick()), key());
    let problem = model.chat(&request()).await.unwrap_err();
    assert!(server.asked()[0].line.contains("secret-path"));
    assert!(!printed(&problem).contains("secret-path"), "{problem:?}");
}
