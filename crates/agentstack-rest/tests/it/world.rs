//! A server over an engine and a store, and tokens of every role.

use std::any::Any;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use agentstack_access::{Authorizer, Caller, Claim, Effect, Operation, Policy, Principal, Reach, Scope};
use agentstack_api::{OPERATIONS, Spec, find};
use agentstack_audit::{Record, ResourceHasher, SigningKey};
use agentstack_core::{Secret, SystemClock};
use agentstack_engine::{
    CallLimits, Chat, CodeHosting, Coordination, DriftRule, Engine, Likeness, Models, Parts, Plugins,
    Settings,
};
use agentstack_github::AllowedRepositories;
use agentstack_github::testing::Recorded;
use agentstack_plugins::testing::{Everywhere, Scripts, manifest, package};
use agentstack_plugins::{Package, PackageFolder, SIGNATURE, SecretKey, TrustedKeys, verify};
use agentstack_providers::ChatModel;
use agentstack_providers::testing::Steady;
use agentstack_rest::{HttpSettings, Metrics, Server};
use agentstack_storage::Storage;
use agentstack_storage::reference::ReferenceStore;
use agentstack_storage_sqlite::{MasterKey, OpenOptions, SqliteStore};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Answered, Asked};

/// What an unknown but well-formed session is called.
pub(crate) const UNKNOWN: &str = "01983b2e-5c00-7000-8000-000000000001";

/// What stands in a sample call for an agent, a task and an identity of the caller.
const AGENT: &str = "<an agent>";
const TASK: &str = "<a task>";
const IDENTITY: &str = "<an identity>";

pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) address: SocketAddr,
    store: Arc<dyn Storage>,
    authorizer: Authorizer,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    _keep: Box<dyn Any + Send + Sync>,
}

/// A host of code that has `octo-org/tools`.
fn code_host() -> CodeHosting {
    let allowed = AllowedRepositories::new(vec!["octo-org/tools".parse().unwrap()]);
    CodeHosting { host: Arc::new(Recorded::new()), allowed }
}

pub(crate) fn settings() -> HttpSettings {
    HttpSettings::new("127.0.0.1:0".parse().unwrap())
}

impl World {
    /// Over the reference store, without limits.
    pub(crate) async fn new() -> Self {
        Self::with(settings(), None).await
    }

    pub(crate) async fn with(settings: HttpSettings, limits: Option<CallLimits>) -> Self {
        let store = Arc::new(ReferenceStore::new(SigningKey::new(&Secret::new([7; 32]))));
        Self::over(store, Box::new(()), settings, limits, Arc::new(Steady)).await
    }

    /// Over the reference store, with this model.
    pub(crate) async fn asking(model: Arc<dyn ChatModel>) -> Self {
        let store = Arc::new(ReferenceStore::new(SigningKey::new(&Secret::new([7; 32]))));
        Self::over(store, Box::new(()), settings(), None, model).await
    }

    /// Over an encrypted database in a folder of its own.
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private").join("memory.db");
        let options = OpenOptions::new(path, MasterKey::generate().unwrap().derive());
        let store = Arc::new(SqliteStore::open(options).await.unwrap());
        Self::over(store, Box::new(folder), settings(), None, Arc::new(Steady)).await
    }

    async fn over(
        store: Arc<dyn Storage>,
        keep: Box<dyn Any + Send + Sync>,
        settings: HttpSettings,
        call_limits: Option<CallLimits>,
        model: Arc<dyn ChatModel>,
    ) -> Self {
        let chat = [("local".to_owned(), Chat { provider: model, model: "small".to_owned() })].into();
        let models = Models { chat, default: Some("local".to_owned()), embedding: None };
        let clock = Arc::new(SystemClock);
        let policy = Policy::builtin(&agentstack_api::all_operations());
        let authorizer =
            Authorizer::new(policy, Arc::clone(&store) as _, clock.clone() as _, "default".parse().unwrap());
        let metrics = Arc::new(Metrics::default());
        let folder = tempfile::tempdir().unwrap();
        let plugins = plugins(folder.path());
        let engine = Engine::start(Parts {
            store: Arc::clone(&store),
            authorizer: authorizer.clone(),
            resources: ResourceHasher::new(&Secret::new([9; 32])),
            clock: clock as _,
            observer: Some(Arc::clone(&metrics) as _),
            settings: Settings {
                call_limits,
                coordination: coordination(),
                models,
                code_host: Some(code_host()),
                plugins: Some(plugins.clone()),
                ..Settings::default()
            },
        });
        install(&engine, &plugins).await;
        let server = Server::bind(settings, Arc::clone(&engine), metrics).await.unwrap();
        let address = server.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(async {
            let _ = stopped.await;
        }));
        Self {
            engine,
            address,
            store,
            authorizer,
            stop: Some(stop),
            serving,
            _keep: Box::new((keep, folder)),
        }
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    /// Waits until it has.
    pub(crate) async fn stopped(self) {
        self.serving.await.unwrap();
    }

    /// A new token.
    pub(crate) async fn token(&self, subject: &str, role: &str) -> String {
        self.token_with(json!({ "subject": subject, "role": role })).await
    }

    pub(crate) async fn token_with(&self, granted: Value) -> String {
        let operator = Caller::new(Arc::new(Principal::operator("root")));
        let made = self.engine.dispatch(&operator, spec("token_create"), object(granted)).await;
        made.unwrap().to_value()["secret"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn ask(&self, asked: Asked) -> Answered {
        asked.at(self.address).await
    }

    /// A client with a token of this role, in a session of its own.
    pub(crate) async fn client(&self, subject: &str, role: &str) -> Client {
        let token = self.token(subject, role).await;
        self.enter(token).await
    }

    pub(crate) async fn enter(&self, token: String) -> Client {
        let started = self.ask(Asked::post("/api/v1/sessions", &json!({})).token(&token)).await.ok();
        let session = started["session"]["id"].as_str().unwrap().to_owned();
        Client { address: self.address, token, session }
    }

    /// The records that are written for a request.
    pub(crate) async fn records_of(&self, answered: &Answered) -> Vec<Record> {
        let id = answered.header("x-request-id").unwrap();
        let scope = self.operator_scope().await;
        self.engine.checkpoint_audit(Arc::new(Principal::operator("root"))).await.unwrap();
        let lines = self.store.lines(&scope, 0, u32::MAX).await.unwrap();
        let records = lines.iter().map(|line| Record::parse(&line.body).unwrap());
        records.filter(|record| record.request.to_string() == id).collect()
    }

    async fn operator_scope(&self) -> Scope {
        static READ: Operation =
            Operation { name: "audit_verify", effect: Effect::Read, reach: Reach::Principal };
        let operator = Caller::new(Arc::new(Principal::operator("root")));
        self.authorizer.authorize(&operator, &READ, Claim::none()).await.unwrap()
    }
}

/// A program with a token, in a session.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) session: String,
}

impl Client {
    pub(crate) async fn ask(&self, asked: Asked) -> Answered {
        asked.token(&self.token).at(self.address).await
    }

    /// Makes a call by one of its routes, in the session unless the arguments say in which.
    pub(crate) async fn call(&self, spec: &Spec, route: usize, mut arguments: Value) -> Answered {
        let takes_session = (spec.input_schema)()["properties"].get("sessionId").is_some();
        if takes_session && arguments.get("sessionId").is_none() {
            arguments["sessionId"] = json!(self.session);
        }
        if !takes_session || arguments["sessionId"] == self.session.as_str() {
            arguments = self.with_things(arguments).await;
        }
        self.ask(asked(spec, route, arguments)).await
    }

    /// The arguments with new things of the session in place of the words that stand for some. A viewer has none.
    async fn with_things(&self, mut arguments: Value) -> Value {
        for value in arguments.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let session = &self.session;
            let (path, body, place) = match value.as_str() {
                Some(AGENT) => ("agents", json!({ "type": "coder", "sessionId": session }), "/agent/id"),
                Some(TASK) => ("tasks", json!({ "agentType": "coder", "sessionId": session }), "/task/id"),
                Some(IDENTITY) => {
                    ("identities", json!({ "agentType": "coder", "autoActivate": true }), "/identity/agentId")
                }
                _ => continue,
            };
            let made = self.ask(Asked::post(&format!("/api/v1/{path}"), &body)).await;
            if made.status == 200 {
                *value = made.ok().pointer(place).unwrap().clone();
            }
        }
        arguments
    }

    pub(crate) async fn store(&self, key: &str, content: &str) {
        let entry = json!({ "key": key, "content": content });
        self.call(spec("memory_store"), 0, entry).await.ok();
    }
}

/// A plugin, signed.
static PLUGIN: LazyLock<(Package, TrustedKeys)> = LazyLock::new(|| {
    let key = SecretKey::generate().unwrap();
    let keys = TrustedKeys::parse(&[key.public_key().unwrap().to_string()], &[]).unwrap();
    (package(&manifest("1.0.0"), b"script", &key), keys)
});

/// What runs scripts whose packages are in this folder.
fn plugins(folder: &Path) -> Plugins {
    Plugins {
        host: Arc::new(Scripts::default()),
        packages: PackageFolder::new(folder.to_owned()),
        keys: Arc::new(PLUGIN.1.clone()),
        web: Arc::new(Everywhere::default()),
        config: Arc::default(),
    }
}

async fn install(engine: &Engine, plugins: &Plugins) {
    let signature = PLUGIN.0.signature().map(|text| (SIGNATURE, text.as_bytes()));
    let files = PLUGIN.0.files().chain(signature).map(|(name, content)| (name, content.to_vec()));
    let verified = verify(Package::new(files).unwrap(), &plugins.keys).unwrap();
    let grants = verified.manifest().requests().clone();
    let operator = Caller::new(Arc::new(Principal::operator("root")));
    let plan = engine.plan_plugin(&operator, verified).await.unwrap();
    engine.install_plugin(&operator, &plugins.packages, plan, grants).await.unwrap();
}

/// With all there is switched on.
fn coordination() -> Coordination {
    let likeness = Likeness::Words;
    let drift = DriftRule { likeness, threshold: 0.95, warning: None, ancestors: 3, prevents: false };
    Coordination { drift: Some(drift), agents_concurrent: 1_000, ..Coordination::default() }
}

/// The request for a call, by a route of the operation.
pub(crate) fn asked(spec: &Spec, route: usize, arguments: Value) -> Asked {
    let route = spec.routes[route];
    let mut arguments = object(arguments);
    for value in arguments.values_mut() {
        if matches!(value.as_str(), Some(AGENT | TASK | IDENTITY)) {
            *value = json!(UNKNOWN);
        }
    }
    let mut path = format!("/api/v1{}", route.path);
    for name in arguments.keys().cloned().collect::<Vec<_>>() {
        let part = format!("{{{name}}}");
        if path.contains(&part) {
            path = path.replace(&part, &text(&arguments.remove(&name).unwrap()));
        }
    }
    let method = route.method.as_str();
    if matches!(method, "POST" | "PUT" | "PATCH") {
        return Asked::new(method, &path).json(&Value::Object(arguments));
    }
    let pairs: Vec<String> =
        arguments.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    Asked::new(method, &format!("{path}{query}"))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.replace(' ', "%20"))
}

pub(crate) fn spec(name: &str) -> &'static Spec {
    find(name).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// A call of each operation that is right in a session with an entry `known` of two versions. An operation without
/// one fails every test that goes through the table.
pub(crate) fn sample(spec: &Spec) -> Value {
    match spec.operation.name {
        "memory_store" => json!({ "key": "new", "content": "text" }),
        "memory_search" => json!({ "query": "text" }),
        "memory_get" | "memory_delete" | "memory_history" => json!({ "key": "known" }),
        "memory_restore" => json!({ "key": "known", "version": 1 }),
        "memory_list" | "session_start" | "session_end" | "session_status" | "session_active"
        | "system_status" | "system_health" | "system_config" | "token_list" | "agent_list"
        | "agent_types" | "identity_list" | "task_list" | "task_drift_metrics" | "quarantine_list"
        | "audit_query" => {
            json!({})
        }
        "agent_spawn" => json!({ "type": "coder" }),
        "agent_stop" | "agent_status" => json!({ "id": AGENT }),
        "agent_run" => json!({ "id": AGENT, "prompt": "text" }),
        "agent_update_status" => json!({ "id": AGENT, "status": "running" }),
        "identity_create" => json!({ "agentType": "coder" }),
        "identity_update" => json!({ "agentId": IDENTITY, "description": "text" }),
        "identity_get"
        | "identity_activate"
        | "identity_deactivate"
        | "identity_retire"
        | "identity_audit" => {
            json!({ "agentId": IDENTITY })
        }
        "task_create" => json!({ "agentType": "coder", "input": "text" }),
        "task_assign" => json!({ "taskId": TASK, "agentId": AGENT }),
        "task_complete" => json!({ "taskId": TASK, "output": "text" }),
        "task_get" | "task_get_relationships" => json!({ "taskId": TASK }),
        "task_check_drift" => json!({ "taskInput": "text", "taskType": "coder" }),
        "token_create" => json!({ "subject": "ci", "role": "developer" }),
        "token_revoke" => json!({ "id": UNKNOWN }),
        "plugin_list" => json!({}),
        "plugin_call" => json!({ "plugin": "greeter", "tool": "run", "arguments": { "do": "echo" } }),
        "plugin_show" | "plugin_enable" | "plugin_disable" | "plugin_remove" => {
            json!({ "plugin": "greeter" })
        }
        "quarantine_show" | "quarantine_approve" | "quarantine_reject" => {
            json!({ "id": format!("{UNKNOWN}.1") })
        }
        "quarantine_revoke_origin" => json!({ "originPrincipal": "embedded:nobody" }),
        "github_issue_create" => json!({ "owner": "octo-org", "repo": "tools", "title": "text" }),
        "github_issue_list" | "github_pr_list" | "github_repo_info" => {
            json!({ "owner": "octo-org", "repo": "tools" })
        }
        "github_issue_get" | "github_pr_get" => {
            json!({ "owner": "octo-org", "repo": "tools", "number": 1347 })
        }
        "github_pr_create" => json!({
            "owner": "octo-org", "repo": "tools", "title": "text", "head": "topic", "base": "main"
        }),
        other => panic!("{other} has no sample call: add one here"),
    }
}

/// Every route of every operation.
pub(crate) fn routes() -> impl Iterator<Item = (&'static Spec, usize)> {
    OPERATIONS.iter().flat_map(|spec| (0..spec.routes.len()).map(move |route| (*spec, route)))
}
