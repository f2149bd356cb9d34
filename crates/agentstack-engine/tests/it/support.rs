//! An engine over a store, a clock that is moved by hand, and clients in sessions of their own.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use agentstack_access::{Authorizer, Caller, Claim, Effect, Operation, Policy, Principal, Reach, Role};
use agentstack_api::{ErrorBody, OPERATIONS, Reply, Spec, find};
use agentstack_audit::{Record, ResourceHasher, SigningKey};
use agentstack_core::time::ManualClock;
use agentstack_core::{RequestId, Secret, Timestamp};
use agentstack_engine::{Coordination, DriftRule, Engine, Likeness, Parts, Plugins, Settings};
use agentstack_storage::Storage;
use agentstack_storage::reference::ReferenceStore;
use agentstack_storage_sqlite::{MasterKey, OpenOptions, SqliteStore};
use serde_json::{Map, Value, json};

/// What an unknown but well-formed session is called.
pub(crate) const UNKNOWN: &str = "01983b2e-5c00-7000-8000-000000000001";

/// What stands in a sample call for an agent, a task and an identity of the caller.
const AGENT: &str = "<an agent>";
const TASK: &str = "<a task>";
const IDENTITY: &str = "<an identity>";

pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<dyn Storage>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) resources: ResourceHasher,
    authorizer: Authorizer,
    /// Whether a plugin is to be installed before somebody comes in.
    plugin: Option<(tokio::sync::OnceCell<()>, Plugins, tempfile::TempDir)>,
    _keep: Box<dyn Any + Send + Sync>,
}

/// A reference store, empty.
pub(crate) fn reference() -> ReferenceStore {
    ReferenceStore::new(SigningKey::new(&Secret::new([7; 32])))
}

impl World {
    /// Over the reference store.
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(reference()), Box::new(()))
    }

    /// Over an encrypted database in a folder of its own.
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = Path::new(folder.path()).join("private").join("memory.db");
        let options = OpenOptions::new(path, MasterKey::generate().unwrap().derive());
        Self::over(Arc::new(SqliteStore::open(options).await.unwrap()), Box::new(folder))
    }

    /// Over this store, with settings.
    pub(crate) fn over_with(store: Arc<dyn Storage>, settings: Settings) -> Self {
        Self::with(store, Box::new(()), settings)
    }

    /// Another engine over the same store, as of another process.
    pub(crate) fn beside(&self, settings: Settings) -> Self {
        Self::over_with(Arc::clone(&self.store), settings)
    }

    /// Over the reference store.
    pub(crate) fn with_settings(settings: Settings) -> Self {
        Self::with(Arc::new(reference()), Box::new(()), settings)
    }

    pub(crate) fn over(store: Arc<dyn Storage>, keep: Box<dyn Any + Send + Sync>) -> Self {
        let likeness = Likeness::Words;
        let drift = DriftRule { likeness, threshold: 0.95, warning: None, ancestors: 3, prevents: false };
        let coordination =
            Coordination { drift: Some(drift), agents_concurrent: 1_000, ..Coordination::default() };
        // Tests that count records make calls by the hundred that are not let in; the watch has tests of its own.
        let models = crate::run::models(Arc::new(agentstack_providers::testing::Steady));
        let code_host = Some(crate::code_host::hosting(Arc::default()));
        let folder = tempfile::tempdir().unwrap();
        let plugins = crate::plugins::plugins(folder.path());
        let served = Some(plugins.clone());
        Self::with(
            store,
            keep,
            Settings { coordination, watch: None, models, code_host, plugins: served, ..Settings::default() },
        )
        .with_a_plugin(plugins, folder)
    }

    pub(crate) fn with(
        store: Arc<dyn Storage>,
        keep: Box<dyn Any + Send + Sync>,
        settings: Settings,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let name = "default".parse().unwrap();
        let authorizer = Authorizer::new(
            Policy::builtin(&agentstack_api::all_operations()),
            Arc::clone(&store) as _,
            Arc::clone(&clock) as _,
            name,
        );
        let resources = ResourceHasher::new(&Secret::new([9; 32]));
        let engine = Engine::start(Parts {
            store: Arc::clone(&store),
            authorizer: authorizer.clone(),
            resources: resources.clone(),
            clock: Arc::clone(&clock) as _,
            observer: None,
            settings,
        });
        Self { engine, store, clock, resources, authorizer, plugin: None, _keep: keep }
    }

    /// The plugin of the sample calls is there for whoever comes in.
    fn with_a_plugin(self, plugins: Plugins, folder: tempfile::TempDir) -> Self {
        Self { plugin: Some((tokio::sync::OnceCell::new(), plugins, folder)), ..self }
    }

    async fn install_plugin(&self) {
        let Some((plugin, plugins, _)) = &self.plugin else { return };
        let install = || async {
            let package =
                crate::plugins::package(&crate::plugins::manifest("1.0.0"), b"script", &crate::plugins::KEY);
            crate::plugins::install(self, plugins, package).await.unwrap();
        };
        plugin.get_or_init(install).await;
    }

    /// Makes a call, and looks at the error if it comes to one (S10).
    pub(crate) async fn dispatch(
        &self,
        caller: &Caller,
        name: &str,
        arguments: Value,
    ) -> Result<Reply, ErrorBody> {
        let sent = arguments.to_string();
        let answer = self.engine.dispatch(caller, spec(name), object(arguments)).await;
        if let Err(error) = &answer {
            crate::errors::assert_discreet(error, caller.request, &sent);
        }
        answer
    }

    /// What a principal without a session is answered.
    pub(crate) async fn call(&self, principal: &Arc<Principal>, name: &str, arguments: Value) -> Answer {
        let caller = Caller::new(Arc::clone(principal));
        let answer = self.dispatch(&caller, name, arguments).await;
        let value = answer.map(|reply| reply.to_value()).map_err(|error| error.to_mcp());
        Answer { value, request: caller.request }
    }

    /// A developer of this name in a new session.
    pub(crate) async fn client(&self, name: &str) -> Client<'_> {
        self.enter(Principal::embedded(name, Role::Developer)).await
    }

    /// A principal in a new session.
    pub(crate) async fn enter(&self, principal: Principal) -> Client<'_> {
        self.enter_with(principal, json!({})).await
    }

    pub(crate) async fn enter_with(&self, principal: Principal, arguments: Value) -> Client<'_> {
        self.install_plugin().await;
        let principal = Arc::new(principal);
        let started = self.call(&principal, "session_start", arguments).await.ok();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (session, token) = (text(&started["session"]["id"]), text(&started["resumeToken"]));
        Client { world: self, principal, session, token }
    }

    /// The audit log, written to the end.
    pub(crate) async fn lines(&self) -> Vec<String> {
        static READ: Operation =
            Operation { name: "audit_verify", effect: Effect::Read, reach: Reach::Principal };
        let operator = Arc::new(Principal::operator("root"));
        self.engine.checkpoint_audit(Arc::clone(&operator)).await.unwrap();
        let scope = self.authorizer.authorize(&Caller::new(operator), &READ, Claim::none()).await.unwrap();
        let lines = self.store.lines(&scope, 0, u32::MAX).await.unwrap();
        lines.into_iter().map(|line| line.body).collect()
    }

    pub(crate) async fn records(&self) -> Vec<Record> {
        self.lines().await.iter().map(|line| Record::parse(line).unwrap()).collect()
    }

    /// The records of one call.
    pub(crate) async fn records_of(&self, request: RequestId) -> Vec<Record> {
        self.records().await.into_iter().filter(|record| record.request == request).collect()
    }
}

/// What a call came to.
pub(crate) struct Answer {
    pub(crate) value: Result<Value, Value>,
    pub(crate) request: RequestId,
}

impl Answer {
    pub(crate) fn ok(self) -> Value {
        self.value.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The code of the error.
    pub(crate) fn code(&self) -> &str {
        match &self.value {
            Ok(_) => "ok",
            Err(error) => error["error"]["code"].as_str().unwrap(),
        }
    }

    /// The answer as bytes, without what differs from call to call.
    pub(crate) fn bytes(&self) -> String {
        let text = match &self.value {
            Ok(value) | Err(value) => value.to_string(),
        };
        text.replace(&self.request.to_string(), "<request>")
    }
}

/// A principal in a session.
#[derive(Clone)]
pub(crate) struct Client<'w> {
    pub(crate) world: &'w World,
    pub(crate) principal: Arc<Principal>,
    pub(crate) session: String,
    pub(crate) token: String,
}

impl Client<'_> {
    /// Makes a call in the session, unless the arguments say in which.
    pub(crate) async fn call(&self, name: &str, mut arguments: Value) -> Answer {
        if takes_session(spec(name)) && arguments.get("sessionId").is_none() {
            arguments["sessionId"] = json!(self.session);
        }
        if arguments["sessionId"] == self.session.as_str() || !takes_session(spec(name)) {
            arguments = self.with_things(arguments).await;
        }
        self.anywhere(name, arguments).await
    }

    /// The arguments with new things of the session in place of the words that stand for some.
    pub(crate) async fn with_things(&self, mut arguments: Value) -> Value {
        let owner = self.as_operator();
        for value in arguments.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let (name, made, place) = match value.as_str() {
                Some(AGENT) => ("agent_spawn", json!({ "type": "coder" }), "/agent/id"),
                Some(TASK) => ("task_create", json!({ "agentType": "coder", "input": "text" }), "/task/id"),
                Some(IDENTITY) => (
                    "identity_create",
                    json!({ "agentType": "coder", "autoActivate": true }),
                    "/identity/agentId",
                ),
                _ => continue,
            };
            let mut made = made;
            if takes_session(spec(name)) {
                made["sessionId"] = json!(self.session);
            }
            let answer = self.world.call(&owner.principal, name, made).await.ok();
            *value = answer.pointer(place).unwrap().clone();
        }
        arguments
    }

    /// Makes a call with these arguments and no other. A word that stands for something stands for nothing that is there.
    pub(crate) async fn anywhere(&self, name: &str, mut arguments: Value) -> Answer {
        for value in arguments.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if matches!(value.as_str(), Some(AGENT | TASK | IDENTITY)) {
                *value = json!(UNKNOWN);
            }
        }
        self.world.call(&self.principal, name, arguments).await
    }

    pub(crate) async fn ok(&self, name: &str, arguments: Value) -> Value {
        self.call(name, arguments).await.ok()
    }

    pub(crate) async fn store(&self, key: &str, content: &str) -> Value {
        self.ok("memory_store", json!({ "key": key, "content": content })).await["entry"].clone()
    }

    /// The content under a key, if there is one for the client.
    pub(crate) async fn content(&self, key: &str) -> Option<String> {
        let got = self.ok("memory_get", json!({ "key": key })).await;
        got["entry"]["content"].as_str().map(str::to_owned)
    }

    /// The same caller as an operator, in the same session.
    pub(crate) fn as_operator(&self) -> Self {
        let name = self.principal.name().trim_start_matches("embedded:");
        Self { principal: Arc::new(Principal::embedded(name, Role::Operator)), ..self.clone() }
    }

    /// The same principal bound to an agent, in the same session.
    pub(crate) fn bound_to(&self, agent: &str) -> Self {
        let principal = Principal::clone(&self.principal).bound_to(agent.parse().unwrap());
        Self { principal: Arc::new(principal), ..self.clone() }
    }

    /// The keys that a list or search answers with.
    pub(crate) async fn keys(&self, name: &str, arguments: Value) -> Vec<String> {
        let answer = self.ok(name, arguments).await;
        let items = answer.get("entries").or_else(|| answer.get("results")).unwrap();
        items.as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn spec(name: &str) -> &'static Spec {
    find(name).unwrap_or_else(|| panic!("{name} is in the table"))
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is an object"),
    }
}

/// A call of each operation that is right in a session with an entry `known` of two versions. An operation
/// without one fails every test that goes through the table.
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
        "plugin_call" => {
            json!({ "plugin": "greeter", "tool": "run", "arguments": { "do": "echo", "arguments": "text" } })
        }
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

/// Whether an operation looks after the installation: an operator's alone. Plugins have tools of their own names.
pub(crate) fn is_reserved(spec: &Spec) -> bool {
    !spec.is_tool && !matches!(spec.operation.name, "plugin_call" | "plugin_list" | "plugin_show")
}

/// Every operation that is told a session.
pub(crate) fn in_sessions() -> impl Iterator<Item = &'static Spec> {
    OPERATIONS.iter().copied().filter(|spec| spec.operation.reach != Reach::Principal)
}

pub(crate) fn takes(spec: &Spec, field: &str) -> bool {
    (spec.input_schema)()["properties"].get(field).is_some()
}

pub(crate) fn takes_session(spec: &Spec) -> bool {
    takes(spec, "sessionId")
}

/// The text with each id named by the order in which it first occurs, and without tokens.
pub(crate) fn without_ids(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut out = String::new();
    let mut rest = text;
    loop {
        if let Some((id, after)) = rest.split_at_checked(36).filter(|(id, _)| is_id(id)) {
            let place = seen.iter().position(|known| *known == id).unwrap_or(seen.len());
            if place == seen.len() {
                seen.push(id);
            }
            out.extend(["<", &place.to_string(), ">"]);
            rest = after;
        } else if let Some((_, after)) =
            rest.strip_prefix("asr_").and_then(|token| token.split_at_checked(64))
        {
            out += "<token>";
            rest = after;
        } else {
            let mut characters = rest.chars();
            let Some(character) = characters.next() else { return out };
            out.push(character);
            rest = characters.as_str();
        }
    }
}

/// Whether a text is a UUID in its canonical form.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}
