//! A file to import, and all that is there afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use agentstack_access::{Principal, Role};
use agentstack_core::{ResumeToken, SessionId};
use agentstack_engine::{ImportOptions, ImportProblem, Imported, SessionToken, TokenKeeper};
use agentstack_storage_sqlite::{ReferenceFile, testing};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::{Client, World};

/// A folder with the file.
pub(super) struct Place(TempDir);

/// Keeps tokens in memory.
#[derive(Default)]
pub(super) struct Keeper {
    pub(super) tokens: BTreeMap<SessionId, (String, ResumeToken)>,
    /// Whether nothing can be kept.
    pub(super) broken: bool,
}

impl TokenKeeper for Keeper {
    fn known(&self, session: SessionId) -> Option<ResumeToken> {
        self.tokens.get(&session).map(|(_, token)| token.clone())
    }

    fn keep(&mut self, tokens: &[SessionToken]) -> std::io::Result<()> {
        if self.broken {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let pair = |one: &SessionToken| (one.session, (one.source.clone(), one.token.clone()));
        self.tokens.extend(tokens.iter().map(pair));
        Ok(())
    }
}

impl Keeper {
    /// The session that was the first there, and its token.
    pub(super) fn first(&self) -> (String, String) {
        let (session, (_, token)) = self.tokens.iter().next().unwrap();
        (session.to_string(), token.reveal().to_owned())
    }
}

impl Place {
    pub(super) async fn with(scripts: &[&'static str]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.change(scripts).await;
        place
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.path().join("aistack.db")
    }

    pub(super) async fn change(&self, scripts: &[&'static str]) {
        testing::make(&self.file(), scripts).await.unwrap();
    }

    pub(super) async fn open(&self) -> ReferenceFile {
        ReferenceFile::open(&self.file(), self.0.path()).await.unwrap()
    }

    pub(super) async fn import(
        &self,
        world: &World,
        keeper: Option<&mut Keeper>,
        options: ImportOptions,
    ) -> Result<Imported, ImportProblem> {
        self.import_as(world, Principal::operator("root"), keeper, options).await
    }

    pub(super) async fn import_as(
        &self,
        world: &World,
        principal: Principal,
        keeper: Option<&mut Keeper>,
        options: ImportOptions,
    ) -> Result<Imported, ImportProblem> {
        let mut source = self.open().await;
        let keeper = keeper.map(|keeper| keeper as &mut dyn TokenKeeper);
        let done = world.engine.import(Arc::new(principal), &mut source, keeper, options, &mut |_| {}).await;
        source.close().await.unwrap();
        done
    }
}

/// All that an import can have brought: shared entries with their histories, the same of sessions and their tasks, by what
/// the sessions were called before, and identities.
pub(super) async fn everything(world: &World, keeper: &Keeper, namespaces: &[&str]) -> Value {
    let looker = world.enter(Principal::embedded("looker", Role::Operator)).await;
    let mut all = Map::new();
    for namespace in namespaces {
        all.insert((*namespace).to_owned(), entries(&looker, json!({ "namespace": namespace })).await);
    }
    for (session, (source, token)) in &keeper.tokens {
        let entering = json!({ "resumeToken": token.reveal() });
        let entered = looker.ok("session_start", entering).await;
        let inside = Client { session: session.to_string(), ..looker.clone() };
        let status = inside.ok("session_status", json!({})).await;
        let tasks = tasks(&inside).await;
        let session = json!({
            "id": entered["session"]["id"],
            "startedAt": entered["session"]["startedAt"],
            "metadata": status["session"]["metadata"],
            "entries": entries(&inside, json!({ "namespace": format!("session:{session}") })).await,
            "tasks": tasks,
        });
        all.insert(source.clone(), session);
    }
    for owner in ["operator:root", "embedded:ann"] {
        let (kind, name) = owner.split_once(':').unwrap();
        let principal = match kind {
            "operator" => Principal::operator(name),
            _ => Principal::embedded(name, Role::Developer),
        };
        let listed =
            world.call(&Arc::new(principal.clone()), "identity_list", json!({ "limit": 100 })).await.ok();
        let mut identities = vec![];
        for one in listed["identities"].as_array().unwrap() {
            let asked = json!({ "agentId": one["agentId"] });
            identities.push(world.call(&Arc::new(principal.clone()), "identity_get", asked).await.ok());
        }
        all.insert(owner.to_owned(), Value::Array(identities));
    }
    Value::Object(all)
}

async fn entries(client: &Client<'_>, place: Value) -> Value {
    let mut all = vec![];
    let mut cursor = Value::Null;
    loop {
        let mut asked = place.clone();
        asked["limit"] = json!(100);
        if !cursor.is_null() {
            asked["cursor"] = cursor;
        }
        let listed = client.ok("memory_list", asked).await;
        for entry in listed["entries"].as_array().unwrap() {
            let mut asked = place.clone();
            asked["key"] = entry["key"].clone();
            let got = client.ok("memory_get", asked.clone()).await["entry"].clone();
            let history = client.ok("memory_history", asked).await;
            let past: Vec<Value> = history["versions"].as_array().unwrap().iter().skip(1).cloned().collect();
            all.push(json!({ "entry": short(got), "past": past }));
        }
        cursor = listed["nextCursor"].clone();
        if cursor.is_null() {
            return Value::Array(all);
        }
    }
}

/// An entry whose content is no longer than can be looked at.
fn short(mut entry: Value) -> Value {
    let length = entry["content"].as_str().map_or(0, str::len);
    if length > 200 {
        entry["content"] = json!(format!("{length} bytes"));
    }
    entry
}

async fn tasks(client: &Client<'_>) -> Value {
    let listed = client.ok("task_list", json!({ "limit": 100 })).await;
    let mut all = vec![];
    for task in listed["tasks"].as_array().unwrap() {
        let asked = json!({ "taskId": task["id"] });
        let got = client.ok("task_get", asked.clone()).await["task"].clone();
        let related = client.ok("task_get_relationships", asked).await;
        all.push(json!({ "task": got, "related": related["relationships"] }));
    }
    Value::Array(all)
}
