//! For tests of what is around plugins: a host that runs scripts in place of WebAssembly, hosts that answer, and a small
//! plugin that asks for whatever its arguments say.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    missing_docs,
    reason = "for tests: it may panic"
)]

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{
    Asked, CallLimit, CallProblem, Host, HttpMethod, LoadedPlugin, LogLevel, Package, PluginCall, PluginHost,
    PluginRequest, PluginResponse, Refusal, SIGNATURE, SecretKey, Unloadable, Web,
};

/// A host that runs scripts, and what it was asked for.
#[derive(Debug, Default)]
pub struct Scripts {
    loaded: Mutex<u32>,
}

impl Scripts {
    pub fn loaded(&self) -> u32 {
        *self.loaded.lock().unwrap()
    }
}

#[async_trait]
impl PluginHost for Scripts {
    async fn load(&self, component: Arc<[u8]>) -> Result<Arc<dyn LoadedPlugin>, Unloadable> {
        *self.loaded.lock().unwrap() += 1;
        if component.ends_with(b"broken") {
            return Err(Unloadable("it is broken".to_owned()));
        }
        Ok(Arc::new(Script))
    }
}

struct Script;

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

fn place(arguments: &Value) -> Asked {
    match arguments["namespace"].as_str() {
        None => Asked::Session,
        Some(name) => Asked::Shared(name.to_owned()),
    }
}

fn text(arguments: &Value, field: &str) -> String {
    arguments[field].as_str().unwrap_or_default().to_owned()
}

/// What a refused question becomes in an answer.
fn told<T>(asked: Result<T, Refusal>, of: impl FnOnce(T) -> Value) -> Value {
    match asked {
        Ok(answer) => of(answer),
        Err(refusal) => json!({ "refused": refusal.to_string() }),
    }
}

#[async_trait]
impl LoadedPlugin for Script {
    async fn call(&self, call: PluginCall) -> Result<String, CallProblem> {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
        let services = &call.services;
        let answer = match text(&arguments, "do").as_str() {
            "get" => told(
                services.get(place(&arguments), text(&arguments, "key")).await,
                |entry| json!({ "entry": entry.map(|entry| json!([entry.key, entry.content, entry.version, entry.trusted])) }),
            ),
            "search" => told(
                services.search(place(&arguments), text(&arguments, "query"), 10).await,
                |found| json!({ "found": found.iter().map(|entry| json!([entry.key, entry.version])).collect::<Vec<_>>() }),
            ),
            "store" => {
                let stored =
                    services.store(place(&arguments), text(&arguments, "key"), text(&arguments, "content"));
                told(stored.await, |version| json!({ "version": version }))
            }
            "fetch" => {
                let request = PluginRequest {
                    method: HttpMethod::Get,
                    url: text(&arguments, "url"),
                    headers: vec![],
                    body: None,
                };
                told(services.fetch(request).await, |response| json!({ "status": response.status }))
            }
            "config" => told(services.config(&text(&arguments, "key")), |value| json!({ "value": value })),
            "log" => {
                services.log(LogLevel::Warn, &text(&arguments, "message"));
                json!({})
            }
            "echo" => json!({ "tool": call.tool, "arguments": arguments["arguments"] }),
            "wait" => std::future::pending().await,
            "say" => json!({ "text": arguments["text"] }),
            "nonsense" => return Ok("{\"text\": 7}".to_owned()),
            "no json" => return Ok("not json".to_owned()),
            "fail" => return Err(CallProblem::Failed(text(&arguments, "text"))),
            "trap" => return Err(CallProblem::Trapped("unreachable".to_owned())),
            "fuel" => return Err(CallProblem::Limit(CallLimit::Fuel)),
            "time" => return Err(CallProblem::Limit(CallLimit::Time)),
            "memory" => return Err(CallProblem::Limit(CallLimit::Memory)),
            "output" => return Err(CallProblem::Limit(CallLimit::Output)),
            "questions" => return Err(CallProblem::Limit(CallLimit::HostCalls)),
            other => panic!("{other:?} is nothing that a script can do"),
        };
        Ok(answer.to_string())
    }
}

/// Hosts that answer with 200, and what they were asked.
#[derive(Debug, Default)]
pub struct Everywhere {
    asked: Mutex<Vec<(String, String)>>,
}

impl Everywhere {
    pub fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Web for Everywhere {
    async fn fetch(&self, host: &Host, request: PluginRequest) -> Result<PluginResponse, Refusal> {
        self.asked.lock().unwrap().push((host.to_string(), request.url));
        Ok(PluginResponse { status: 200, headers: vec![], body: vec![] })
    }
}

pub fn manifest(version: &str) -> Value {
    json!({
        "format": 1,
        "name": "greeter",
        "version": version,
        "description": "Greets whoever is named.",
        "tools": [{
            "name": "run",
            "description": "Does what it is told.",
            "inputSchema": {
                "type": "object",
                "properties": { "do": { "type": "string", "maxLength": 20 } },
                "required": ["do"],
            },
            "outputSchema": {
                "type": "object",
                "properties": { "text": { "$ref": "#/$defs/line" } },
                "$defs": { "line": { "type": "string" } },
            },
        }],
        "requests": {
            "memory": { "session": ["get", "search", "store"], "shared": { "team": ["get", "search"] } },
            "hosts": ["api.example.com", "other.example.com:8443"],
            "config": ["apiKey", "unset"],
        },
    })
}

/// A package, signed.
pub fn package(manifest: &Value, component: &[u8], key: &SecretKey) -> Package {
    let mut files =
        vec![("plugin.json", manifest.to_string().into_bytes()), ("plugin.wasm", component.to_vec())];
    let statement = Package::new(files.clone()).unwrap().statement().unwrap();
    files.push((SIGNATURE, key.sign(&statement).into_bytes()));
    Package::new(files).unwrap()
}
