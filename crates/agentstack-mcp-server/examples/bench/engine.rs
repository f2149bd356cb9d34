//! What the engine does without a transport: scopes and encryption, where a client would only blur it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agentstack::{AgentStack, Caller, Encryption, MasterKey, Options, Principal, find_operation};
use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use crate::Effort;
use crate::report::Report;
use crate::series::Series;

/// Entries of a session in the comparison of scopes.
pub(crate) const SESSION_ENTRIES: usize = 200;
/// A word that every entry has.
pub(crate) const COMMON: &str = "deployment";

const WORDS: [&str; 32] = [
    "amber", "branch", "cache", "delta", "engine", "filter", "gateway", "harbor", "index", "journal",
    "kernel", "ledger", "matrix", "network", "object", "packet", "quorum", "router", "schema", "token",
    "update", "vector", "worker", "yield", "zone", "account", "budget", "client", "driver", "export",
    "format", "groups",
];

/// A word that one entry has.
pub(crate) fn rare(n: usize) -> String {
    format!("unique{n}word")
}

/// A text of so many bytes. Always the same for the same number.
pub(crate) fn content(n: usize, bytes: usize) -> String {
    let mut text = format!("{COMMON} {}", rare(n));
    let mut state = n.wrapping_mul(0x9E37_79B9).wrapping_add(12_345);
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push(' ');
        text.push_str(WORDS.get((state >> 33) % WORDS.len()).copied().unwrap_or_default());
    }
    text.truncate(bytes);
    text
}

/// An engine in a folder of its own.
struct Engine {
    stack: AgentStack,
    principal: Arc<Principal>,
    _folder: tempfile::TempDir,
}

impl Engine {
    async fn open(folder: tempfile::TempDir, encryption: Encryption) -> Result<Self> {
        let key = MasterKey::generate()?;
        let mut options = Options::new(folder.path().join("data").join("bench.db"), &key);
        if encryption == Encryption::Off {
            options.keys = key.derive().without_encryption();
        }
        let stack = AgentStack::open(options).await?;
        Ok(Self { stack, principal: Arc::new(AgentStack::local_principal(None)), _folder: folder })
    }

    async fn call(&self, operation: &str, arguments: Value) -> Result<(Value, Duration)> {
        let Value::Object(arguments) = arguments else { return Err(anyhow!("arguments are an object")) };
        let spec = find_operation(operation).context("there is such an operation")?;
        let begun = Instant::now();
        let reply =
            self.stack.engine().dispatch(&Caller::new(Arc::clone(&self.principal)), spec, arguments).await;
        let value = reply.map_err(|error| anyhow!("{operation}: {}", error.message()))?.to_value();
        Ok((value, begun.elapsed()))
    }

    /// Fills a new session; returns its id.
    async fn fill(&self, entries: usize) -> Result<Value> {
        let (mut started, _) = self.call("session_start", json!({})).await?;
        let session = started.pointer_mut("/session/id").map(Value::take).context("a session has an id")?;
        for n in 0..entries {
            self.store(&session, &format!("entry-{n}"), n).await?;
        }
        Ok(session)
    }

    async fn store(&self, session: &Value, key: &str, n: usize) -> Result<Duration> {
        let arguments = json!({"sessionId": session, "key": key, "content": content(n, 90)});
        Ok(self.call("memory_store", arguments).await?.1)
    }

    async fn search(&self, session: &Value, word: &str) -> Result<Duration> {
        Ok(self.call("memory_search", json!({"sessionId": session, "query": word})).await?.1)
    }

    async fn get(&self, session: &Value, n: usize) -> Result<Duration> {
        Ok(self.call("memory_get", json!({"sessionId": session, "key": format!("entry-{n}")})).await?.1)
    }
}

/// A folder in memory where there is one: filling a large database is not what is measured.
fn fast_folder() -> Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

/// A search in one session of many, and in the only one.
pub(crate) async fn scopes(effort: Effort, report: &mut Report) -> Result<()> {
    let many = Engine::open(fast_folder()?, Encryption::On).await?;
    let mut sessions = Vec::with_capacity(effort.sessions);
    for _ in 0..effort.sessions {
        sessions.push(many.fill(SESSION_ENTRIES).await?);
    }
    let among = sessions.get(effort.sessions / 2).context("there are sessions")?;
    let one = Engine::open(fast_folder()?, Encryption::On).await?;
    let alone = one.fill(SESSION_ENTRIES).await?;
    let mut times: [Series; 3] = Default::default();
    for round in 0..=effort.rounds {
        let [in_many, in_one, in_turn] = &mut times;
        for series in [&mut *in_many, &mut *in_one, &mut *in_turn] {
            series.begin();
        }
        for _ in 0..effort.calls {
            in_many.add(many.search(among, COMMON).await?);
            in_one.add(one.search(&alone, COMMON).await?);
        }
        for call in 0..effort.calls {
            let other = sessions.get((round * effort.calls + call) * 37 % sessions.len());
            in_turn.add(many.search(other.context("there are sessions")?, COMMON).await?);
        }
        if round == 0 {
            times = Default::default();
        }
    }
    let [in_many, in_one, in_turn] = &times;
    let total = effort.sessions * SESSION_ENTRIES;
    report.time("search of 200 entries alone", in_one);
    report.time(&format!("search of 200 among {total}"), in_many);
    report.time(&format!("search of 200 among {total}, another session each time"), in_turn);
    report.figure("among many, of alone", in_many.ratio(in_one), "×", Some(1.3));
    many.stack.close().await;
    one.stack.close().await;
    Ok(())
}

/// The same calls with and without encryption.
pub(crate) async fn encryption(effort: Effort, report: &mut Report) -> Result<()> {
    let on = Engine::open(tempfile::tempdir()?, Encryption::On).await?;
    let off = Engine::open(tempfile::tempdir()?, Encryption::Off).await?;
    // What is stored meanwhile goes elsewhere, so that what is searched stays as it is.
    let pair = [
        (&on, on.fill(effort.entries).await?, on.fill(0).await?),
        (&off, off.fill(effort.entries).await?, off.fill(0).await?),
    ];
    let mut times: [[Series; 4]; 2] = Default::default();
    for round in 0..=effort.rounds {
        for series in times.iter_mut().flatten() {
            series.begin();
        }
        for call in 0..effort.calls {
            let n = round * effort.calls + call;
            for ((engine, session, aside), [get, rarely, common, store]) in pair.iter().zip(&mut times) {
                get.add(engine.get(session, n % effort.entries).await?);
                rarely.add(engine.search(session, &rare(n % effort.entries)).await?);
                common.add(engine.search(session, COMMON).await?);
                store.add(engine.store(aside, &format!("more-{n}"), n).await?);
            }
        }
        if round == 0 {
            times = Default::default();
        }
    }
    let [with, without] = &times;
    let names = ["get", "search rare", "search common", "store"];
    for ((name, with), without) in names.iter().zip(with).zip(without) {
        report.time(&format!("engine: {name}, encrypted"), with);
        report.time(&format!("engine: {name}, plain"), without);
        report.figure(&format!("{name}, encrypted of plain"), with.ratio(without), "×", Some(1.15));
    }
    on.stack.close().await;
    off.stack.close().await;
    Ok(())
}

/// The end of a session with many tasks and entries, in one step.
pub(crate) async fn ending(effort: Effort, report: &mut Report) -> Result<()> {
    let engine = Engine::open(fast_folder()?, Encryption::On).await?;
    let session = engine.fill(0).await?;
    let (entries, tasks) = effort.ending;
    for n in 0..entries {
        engine.store(&session, &format!("entry-{n}"), n).await?;
    }
    for n in 0..tasks {
        let input = content(n, 200);
        let task = json!({"sessionId": session, "agentType": "coder", "input": input});
        engine.call("task_create", task).await?;
    }
    let other = engine.fill(0).await?;
    let (removed, took) = engine.call("session_end", json!({"sessionId": session})).await?;
    let expected = json!({"entries": entries, "agents": 0, "tasks": tasks});
    if removed.pointer("/removed") != Some(&expected) {
        return Err(anyhow!("removed {removed}, not {expected}"));
    }
    report.figure(
        &format!("end of a session with {tasks} tasks and {entries} entries"),
        took.as_secs_f64(),
        "s",
        None,
    );
    engine.store(&other, "after", 0).await?;
    engine.stack.close().await;
    Ok(())
}
