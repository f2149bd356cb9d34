//! What is stored is trusted no further than its origin, and what is held back leaves no trace: what callers do, and
//! what operators decide about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use agentstack_access::Principal;
use serde_json::{Value, json};

use crate::support::{Answer, Client, World};

mod bootstrap;
mod canary;
mod decisions;
mod lapse;
mod laundering;
mod model;
mod revocation;

/// The states that operators can list.
const STATES: [&str; 4] = ["quarantined", "revoked", "unverified", "trusted"];

/// Text in characters of the tag block, which nobody sees: held back wherever it is stored.
fn tagged(text: &str) -> String {
    text.chars().filter_map(|c| char::from_u32(0xe0000 + u32::from(c))).collect()
}

/// The version that an answer to a write speaks of.
fn version_id(stored: &Value) -> String {
    let entry = stored.get("entry").unwrap_or(stored);
    format!("{}.{}", entry["id"].as_str().unwrap(), entry["version"])
}

async fn operate(world: &World, name: &str, arguments: Value) -> Answer {
    world.call(&Arc::new(Principal::operator("root")), name, arguments).await
}

/// Every version in a state that an operator is listed.
async fn reviews(world: &World, state: &str) -> Vec<Value> {
    let mut all = vec![];
    let mut page = json!({ "state": state, "limit": 100 });
    loop {
        let listed = operate(world, "quarantine_list", page.clone()).await.ok();
        all.extend(listed["versions"].as_array().unwrap().iter().cloned());
        match listed.get("nextCursor") {
            Some(cursor) => page["cursor"] = cursor.clone(),
            None => return all,
        }
    }
}

/// The keys of what is in a state, each with its namespace unless that is a session's.
async fn keys_in(world: &World, state: &str) -> BTreeSet<String> {
    reviews(world, state).await.iter().map(place).collect()
}

fn place(review: &Value) -> String {
    let [namespace, key] = ["namespace", "key"].map(|field| review[field].as_str().unwrap());
    if namespace.starts_with("session:") { key.to_owned() } else { format!("{namespace}/{key}") }
}

fn set(places: &[&str]) -> BTreeSet<String> {
    places.iter().map(|place| (*place).to_owned()).collect()
}

/// Whatever an answer says of trust.
fn trusts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("trust").and_then(Value::as_str));
            fields.values().for_each(|value| trusts(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| trusts(value, found)),
        _ => {}
    }
}

impl Client<'_> {
    /// Stores in a shared namespace.
    async fn share(&self, namespace: &str, key: &str, content: &str) -> Value {
        let entry = json!({ "key": key, "content": content, "namespace": namespace });
        self.ok("memory_store", entry).await["entry"].clone()
    }

    /// What stands in a shared namespace.
    async fn shared(&self, namespace: &str, key: &str) -> Option<String> {
        let got = self.ok("memory_get", json!({ "key": key, "namespace": namespace })).await;
        got["entry"]["content"].as_str().map(str::to_owned)
    }
}
