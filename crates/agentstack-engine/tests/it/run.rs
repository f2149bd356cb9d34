//! Runs of agents: what goes out, what comes back, and what is left when somebody does not wait.

mod asked;
mod cut_short;
mod given_up;
mod kept;
mod refused;

use std::collections::BTreeMap;
use std::sync::Arc;

use agentstack_engine::{Allowance, Chat, Coordination, Models, RunLimits, Settings};
use agentstack_providers::ChatModel;
use agentstack_providers::testing::Gate;
use serde_json::{Value, json};

use crate::support::{Client, World};

/// A provider of the name `local` with this model, which is the default.
pub(crate) fn models(provider: Arc<dyn ChatModel>) -> Models {
    let chat = BTreeMap::from([("local".to_owned(), Chat { provider, model: "small".to_owned() })]);
    Models { chat, default: Some("local".to_owned()), embedding: None }
}

fn settings(provider: Arc<dyn ChatModel>, coordination: Coordination) -> Settings {
    Settings { coordination, models: models(provider), watch: None, ..Settings::default() }
}

fn world(provider: Arc<dyn ChatModel>) -> World {
    World::with_settings(settings(provider, Coordination::default()))
}

fn held_to(provider: Arc<dyn ChatModel>, runs: RunLimits) -> World {
    World::with_settings(settings(provider, Coordination { runs, ..Coordination::default() }))
}

fn tokens(most: u64) -> Allowance {
    Allowance {
        operations: None,
        tokens: Some(most),
        subtasks: None,
        without_result_ms: None,
        warn_at: 0.5,
        stops: true,
    }
}

async fn spawned(client: &Client<'_>) -> String {
    let agent = client.ok("agent_spawn", json!({ "type": "coder" })).await;
    agent["agent"]["id"].as_str().unwrap().to_owned()
}

/// What the agent is doing, and the tokens that it has used.
async fn state(client: &Client<'_>, agent: &str) -> (String, u64) {
    let shown = client.ok("agent_status", json!({ "id": agent })).await;
    let shown = &shown["agent"];
    (shown["status"].as_str().unwrap().to_owned(), shown["usage"]["tokens"].as_u64().unwrap())
}

/// Arguments of a run.
fn run(agent: &str, more: Value) -> Value {
    let mut arguments = json!({ "id": agent, "prompt": "What now?" });
    arguments.as_object_mut().unwrap().extend(crate::support::object(more));
    arguments
}

/// A world that lives as long as the tests, so that a call can be made in a task of its own.
fn forever(world: World) -> &'static World {
    Box::leak(Box::new(world))
}

/// Starts a run in a task of its own, and returns when the model has been asked.
async fn begun(
    client: &Client<'static>,
    gate: &Gate,
    arguments: Value,
) -> tokio::task::JoinHandle<crate::support::Answer> {
    let client = client.clone();
    let running = tokio::spawn(async move { client.call("agent_run", arguments).await });
    gate.begun().await;
    running
}
