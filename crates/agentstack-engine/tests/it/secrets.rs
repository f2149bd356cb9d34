//! What is told to the product stays out of its logs (S40).

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use agentstack_access::{Caller, Principal, Role};
use agentstack_api::OPERATIONS;
use agentstack_core::{ResumeToken, Secret};
use agentstack_engine::Settings;
use agentstack_guard::{Redactor, samples};
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;

use crate::support::{UNKNOWN, World, object, sample, spec, takes_session};

/// What has the shape of somebody's secret. In parts, so that nobody takes this file for a leak.
const SECRETS: &[&str] = &[
    concat!("AKIA", "IOSFODNN7CANARY0"),
    concat!("ghp", "_0123456789canary0123456789canary0123"),
    concat!("sk-ant", "-api03-canarycanarycanarycanarycanary"),
    concat!("xoxb", "-123456789012-canarycanarycanary"),
    concat!("AIza", "SyCanaryCanaryCanaryCanaryCanary123"),
    concat!("-----BEGIN RSA ", "PRIVATE KEY-----\ncanary\n-----END"),
    concat!("postgres://canary:", "hunter2@example.org/db"),
    concat!("eyJhbGciOi", "JIUzI1NiJ9.canary.canary"),
    "hunter2 canary \u{1b}[31m\u{202e}",
];

/// Every line that is logged on this thread while the guard lives, of every crate and at every level.
struct Captured {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// While there is one subscriber only, a thread that has none decides for all whether a line that it comes upon first is
/// ever written. So there are two.
static ANOTHER: LazyLock<tracing::Dispatch> =
    LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));

impl Captured {
    fn start() -> Self {
        LazyLock::force(&ANOTHER);
        let text: Arc<Mutex<Vec<u8>>> = Arc::default();
        let sink = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || Sink(Arc::clone(&sink)))
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

/// What a secret would look like in a log, however it was escaped.
fn traces(secret: &str) -> Vec<String> {
    let escaped = json!(secret).to_string();
    let mut traces = vec![secret.to_owned(), escaped.trim_matches('"').to_owned(), format!("{secret:?}")];
    traces.extend(secret.contains("canary").then(|| "canary".to_owned()));
    traces
}

fn assert_absent(text: &str, secrets: &[&str], place: &str) {
    for secret in secrets {
        for trace in traces(secret) {
            let at = text.find(&trace);
            assert!(at.is_none(), "{trace:?} in {place}: {:?}", at.and_then(|at| text.get(at..)));
        }
    }
}

async fn tell_everything(world: &World) -> Vec<String> {
    let mut tokens = Vec::new();
    let client = world.enter_with(
        Principal::embedded("planner", Role::Developer),
        json!({
            "metadata": { SECRETS[0]: SECRETS[1] },
        }),
    );
    let client = client.await;
    tokens.push(client.token.clone());
    let unknown = ResumeToken::generate().unwrap().reveal().to_owned();
    for token in [&client.token, &unknown, &format!("{unknown}0"), &client.token.to_uppercase()] {
        let _ = client.call("session_start", json!({ "resumeToken": token })).await;
        tokens.push(token.clone());
    }
    let made = client.as_operator().ok("token_create", json!({ "subject": "ci", "role": "agent" })).await;
    tokens.push(made["secret"].as_str().unwrap().to_owned());
    for token in tokens.clone() {
        if let Err(refusal) = world.engine.find_principal(&token).await {
            let _ = world.engine.refuse_credential(refusal, agentstack_core::RequestId::generate()).await;
        }
    }
    for secret in SECRETS {
        let told = json!({ "key": secret, "content": secret, "tags": [secret.get(..20)], "metadata": { *secret: secret } });
        // A secret is no key: the guard refuses some of these, and takes others out of the rest.
        let _ = client.call("memory_store", told).await;
        for arguments in [
            json!({ "query": secret }),
            json!({ "query": secret, "match": "phrase", "tags": [secret.get(..20)] }),
        ] {
            client.ok("memory_search", arguments).await;
        }
        for name in ["memory_get", "memory_history", "memory_delete"] {
            client.ok(name, json!({ "key": secret })).await;
        }
        // As every argument of every operation, and in the name of one.
        let name = format!("{secret} ");
        for spec in OPERATIONS {
            let fields = (spec.input_schema)()["properties"].as_object().unwrap();
            for field in
                fields.keys().map(String::as_str).filter(|field| *field != "agentId").chain([name.as_str()])
            {
                let mut arguments = sample(spec);
                if takes_session(spec) {
                    arguments["sessionId"] = json!(UNKNOWN);
                }
                arguments[field] = json!(secret);
                let _ = client.anywhere(spec.operation.name, arguments).await;
            }
        }
    }
    tokens
}

#[tokio::test]
async fn s40_no_secret_is_in_the_audit_log_or_in_a_log_line() {
    let logged = Captured::start();
    let world = World::new();
    let tokens = tell_everything(&world).await;
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let lines = world.lines().await.join("\n");
    let logged = logged.text();
    assert!(logged.lines().count() > 100 && lines.lines().count() > 100, "the calls have left their lines");
    for (text, place) in [(&lines, "the audit log"), (&logged, "the log")] {
        assert_absent(text, SECRETS, place);
        assert_absent(text, &tokens, place);
    }
    // S46: whatever was said, a record is one line of printable ASCII.
    assert!(lines.bytes().all(|byte| byte == b'\n' || matches!(byte, b' '..=b'~')));
}

#[tokio::test]
async fn s40_a_failing_call_is_logged_with_its_cause_and_nothing_else() {
    let logged = Captured::start();
    let store = Arc::new(crate::faulty::Faulty::new());
    let world = World::over(Arc::clone(&store) as _, Box::new(()));
    let client = world.client("planner").await;
    store.break_writes();
    let told = json!({ "key": "hunter2", "content": "hunter2", "metadata": { "a": "hunter2" } });
    assert_eq!(client.call("memory_store", told).await.code(), "unavailable");
    let logged = logged.text();
    assert!(logged.contains("a call failed") && logged.contains("the storage device is full"), "{logged}");
    assert!(!logged.contains("hunter2"), "{logged}");
}

/// How many samples go through each field alone; all of them go through it together.
const ALONE: usize = 6;

/// Everything that a caller can say, one field after the other: what comes back as an error.
async fn errors_of_everything(world: &World) -> Vec<String> {
    let samples = samples();
    let together: Vec<&str> = samples.iter().map(|sample| sample.text.as_str()).collect();
    let together = together.join("\n");
    let client = world.client("planner").await;
    let caller = Caller::new(Arc::clone(&client.as_operator().principal));
    let mut alone = samples.iter().cycle();
    let mut errors = Vec::new();
    for spec in OPERATIONS {
        let fields = (spec.input_schema)()["properties"].as_object().unwrap().clone();
        for field in fields.keys() {
            let texts =
                alone.by_ref().take(ALONE).map(|sample| sample.text.as_str()).chain([together.as_str()]);
            for text in texts {
                for value in [json!(text), json!([text]), json!({ text: text })] {
                    let mut arguments = sample(spec);
                    if takes_session(spec) {
                        arguments["sessionId"] = json!(client.session);
                    }
                    arguments[field] = value;
                    let answer = world.engine.dispatch(&caller, spec, object(arguments)).await;
                    errors.extend(answer.err().map(|e| format!("{e:?} {} {}", e.to_mcp(), e.to_problem())));
                }
            }
        }
    }
    // As the name of a field, which an error repeats if it is a plain one.
    for sample in &samples {
        let arguments = object(json!({ sample.secret.clone(): 1, "key": "a", "content": "b" }));
        let error = world.engine.dispatch(&caller, spec("memory_store"), arguments).await.err().unwrap();
        if sample.text == sample.secret {
            errors.push(format!("{error:?} {} {}", error.to_mcp(), error.to_problem()));
        }
    }
    errors
}

#[tokio::test]
async fn s40_something_of_every_form_is_in_no_error_log_line_or_record() {
    let logged = Captured::start();
    let world = World::new();
    let errors = errors_of_everything(&world).await;
    let lines = world.lines().await;
    let logged = logged.text();
    assert!(errors.len() > 1_000 && lines.len() > 1_000 && logged.lines().count() > 1_000);
    for (text, place) in
        [(errors.join("\n"), "an error"), (lines.join("\n"), "the audit log"), (logged, "the log")]
    {
        for sample in samples() {
            let escaped = json!(sample.secret).to_string();
            let is_there = text.contains(&sample.secret) || text.contains(escaped.trim_matches('"'));
            assert!(!is_there, "{} in {place}", sample.text);
        }
    }
}

#[tokio::test]
async fn s40_a_name_that_holds_a_secret_is_no_name_in_a_record() {
    let redactor = Redactor::default();
    redactor.know(&Secret::new("canary of the webhook".to_owned()));
    let world = World::with_settings(Settings { redactor, ..Settings::default() });
    let logged = Captured::start();
    let key = samples().into_iter().find(|sample| sample.text.starts_with("AKIA")).unwrap().secret;
    for secret in [key.as_str(), "canary of the webhook"] {
        let client = world.enter(Principal::embedded(&format!("of {secret}"), Role::Developer)).await;
        client.ok("memory_store", json!({ "key": "a", "content": "text", "agentId": secret })).await;
        let long = format!("{secret} {}", "x".repeat(127 - secret.len()));
        client.ok("memory_store", json!({ "key": "b", "content": "text", "agentId": long })).await;
    }
    let lines = world.lines().await.join("\n");
    for (text, place) in [(&lines, "the audit log"), (&logged.text(), "the log")] {
        assert!(!text.contains(&key) && !text.contains("canary of the webhook"), "{place}: {text}");
        assert!(text.contains("embedded:of [redacted]"), "{place}: {text}");
    }
    assert!(lines.contains("\"agentId\":\"[redacted]\""), "{lines}");
}

#[tokio::test]
async fn a_usual_session_has_nothing_to_scrub() {
    let world = World::new();
    let logged = Captured::start();
    for spec in OPERATIONS {
        let client = world.client("planner").await;
        let owner = client.as_operator();
        let _ = owner.call(spec.operation.name, sample(spec)).await;
        // Refused: for want of rights, and of a session that is there.
        let _ = client.anywhere(spec.operation.name, sample(spec)).await;
        let mut arguments = sample(spec);
        arguments["sessionId"] = json!(UNKNOWN);
        let _ = client.anywhere(spec.operation.name, arguments).await;
    }
    let redactor = Redactor::default();
    let (logged, lines) = (logged.text(), world.lines().await);
    assert!(logged.lines().count() > 100 && lines.len() > 100);
    for line in logged.lines().chain(lines.iter().map(String::as_str)) {
        assert_eq!(redactor.scrub(line), line);
        assert_eq!(redactor.scrub_json(line), line);
    }
}
