//! Plugins: what is installed, what is offered, what a call can reach, and what is recorded of it. What runs here is not
//! WebAssembly but a script with the same questions to ask; the sandbox has tests of its own.

mod calls;
mod registry;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use agentstack_access::{Caller, Principal};
use agentstack_core::Secret;
use agentstack_engine::{InstallProblem, PluginConfig, Plugins, Settings};
use agentstack_plugins::{
    Asked, CallLimit, CallProblem, Grants, Host, HttpMethod, LoadedPlugin, LogLevel, Package, PackageFolder,
    PluginCall, PluginHost, PluginRequest, PluginResponse, Refusal, SIGNATURE, SecretKey, TrustedKeys,
    Unloadable, Verified, Web, verify,
};
use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::World;

/// The signer of the tests.
pub(crate) static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::generate().unwrap());
/// Another one.
static OTHER: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::generate().unwrap());
/// Where the packages of worlds are that do not look at them.
static SHARED: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// A host that runs scripts, and what it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    loaded: Mutex<u32>,
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
pub(crate) struct Everywhere {
    asked: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Web for Everywhere {
    async fn fetch(&self, host: &Host, request: PluginRequest) -> Result<PluginResponse, Refusal> {
        self.asked.lock().unwrap().push((host.to_string(), request.url));
        Ok(PluginResponse { status: 200, headers: vec![], body: vec![] })
    }
}

pub(crate) fn manifest(version: &str) -> Value {
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
pub(crate) fn package(manifest: &Value, component: &[u8], key: &SecretKey) -> Package {
    let mut files =
        vec![("plugin.json", manifest.to_string().into_bytes()), ("plugin.wasm", component.to_vec())];
    let statement = Package::new(files.clone()).unwrap().statement().unwrap();
    files.push((SIGNATURE, key.sign(&statement).into_bytes()));
    Package::new(files).unwrap()
}

pub(crate) fn trusting(keys: &[&SecretKey], revoked: &[&SecretKey]) -> TrustedKeys {
    let texts = |keys: &[&SecretKey]| -> Vec<String> {
        keys.iter().map(|key| key.public_key().unwrap().to_string()).collect()
    };
    TrustedKeys::parse(&texts(keys), &texts(revoked)).unwrap()
}

pub(crate) fn verified(package: Package) -> Verified {
    verify(package, &trusting(&[&KEY, &OTHER], &[])).unwrap()
}

/// What runs scripts whose packages are in this folder.
fn plugins(folder: &Path) -> Plugins {
    let secret = |text: &str| Secret::new(text.to_owned());
    let config: PluginConfig =
        [("greeter".parse().unwrap(), [("apiKey".parse().unwrap(), secret("the key of a host"))].into())]
            .into();
    Plugins {
        host: Arc::new(Scripts::default()),
        packages: PackageFolder::new(folder.to_owned()),
        keys: Arc::new(trusting(&[&KEY, &OTHER], &[])),
        web: Arc::new(Everywhere::default()),
        config: Arc::new(config),
    }
}

/// For worlds in which the plugin is like everything else that is there.
pub(crate) fn usual() -> Plugins {
    plugins(SHARED.path())
}

/// Installs a version with all that it asks for.
pub(crate) async fn install(
    world: &World,
    plugins: &Plugins,
    package: Package,
) -> Result<(), InstallProblem> {
    let grants = package.unverified_manifest().unwrap().requests().clone();
    install_with(world, plugins, package, grants).await
}

async fn install_with(
    world: &World,
    plugins: &Plugins,
    package: Package,
    grants: Grants,
) -> Result<(), InstallProblem> {
    let operator = Caller::new(Arc::new(Principal::operator("root")));
    let plan = world.engine.plan_plugin(&operator, verified(package)).await?;
    world.engine.install_plugin(&operator, &plugins.packages, plan, grants).await
}

/// A world with a plugin of its own, and what runs it.
struct Workshop {
    world: World,
    plugins: Plugins,
    web: Arc<Everywhere>,
    scripts: Arc<Scripts>,
    folder: TempDir,
}

impl Workshop {
    /// Nothing is installed in it.
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (web, scripts) = (Arc::new(Everywhere::default()), Arc::new(Scripts::default()));
        let plugins = Plugins {
            web: Arc::clone(&web) as _,
            host: Arc::clone(&scripts) as _,
            ..plugins(&folder.path().join("plugins"))
        };
        let world = World::with_settings(Settings {
            plugins: Some(plugins.clone()),
            watch: None,
            ..Settings::default()
        });
        Self { world, plugins, web, scripts, folder }
    }

    /// The plugin is installed with all that it asks for.
    async fn open() -> Self {
        let workshop = Self::empty();
        workshop.install("1.0.0").await.unwrap();
        workshop
    }

    async fn install(&self, version: &str) -> Result<(), InstallProblem> {
        install(&self.world, &self.plugins, package(&manifest(version), b"script", &KEY)).await
    }

    /// Another process over the same database, with other keys.
    fn beside(&self, keys: TrustedKeys) -> World {
        let plugins = Plugins { keys: Arc::new(keys), ..self.plugins.clone() };
        self.world.beside(Settings { plugins: Some(plugins), watch: None, ..Settings::default() })
    }

    /// The folder of the package that is installed.
    fn place(&self) -> std::path::PathBuf {
        let name = self.folder.path().join("plugins/greeter");
        std::fs::read_dir(name).unwrap().next().unwrap().unwrap().path()
    }
}

/// The arguments of a call.
fn run(arguments: Value) -> Value {
    json!({ "plugin": "greeter", "tool": "run", "arguments": arguments })
}
