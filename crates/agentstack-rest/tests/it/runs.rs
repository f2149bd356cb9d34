//! Runs of agents over REST and over MCP: the answer, progress, and clients that go away.

use std::sync::Arc;

use agentstack_providers::testing::Gate;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Asked;
use crate::world::{Client, World};

async fn spawned(client: &Client) -> String {
    let body = json!({ "sessionId": client.session, "type": "coder" });
    let made = client.ask(Asked::post("/api/v1/agents", &body)).await.ok();
    made["agent"]["id"].as_str().unwrap().to_owned()
}

fn run(client: &Client, agent: &str) -> Asked {
    let body = json!({ "sessionId": client.session, "prompt": "What now?" });
    Asked::post(&format!("/api/v1/agents/{agent}/execute"), &body).token(&client.token)
}

async fn status(client: &Client, agent: &str) -> String {
    let target = format!("/api/v1/agents/{agent}?sessionId={}", client.session);
    client.ask(Asked::get(&target)).await.ok()["agent"]["status"].as_str().unwrap().to_owned()
}

/// Asks until the agent is idle; each question is a turn for the server.
async fn idle(client: &Client, agent: &str) {
    for _ in 0..1_000 {
        if status(client, agent).await == "idle" {
            return;
        }
    }
    panic!("the agent stays as it is");
}

#[tokio::test]
async fn a_run_is_answered_by_the_path_of_the_reference() {
    let world = World::new().await;
    let ann = world.client("ann", "developer").await;
    let agent = spawned(&ann).await;
    let answered = world.ask(run(&ann, &agent)).await;
    let told = answered.ok();
    assert_eq!((&told["response"], &told["agentId"]), (&json!("An answer."), &json!(agent)));
    assert_eq!(told["label"]["trust"], "unverified");
    let operations: Vec<String> =
        world.records_of(&answered).await.into_iter().map(|record| record.operation).collect();
    assert_eq!(operations, ["agent_update_status", "agent_run"]);
    let bob = world.client("bob", "developer").await;
    assert_eq!(world.ask(run(&bob, &agent)).await.code(), (404, "not_found".to_owned()));
    let ci = world.enter(world.token("ci", "agent").await).await;
    assert_eq!(world.ask(run(&ci, &agent)).await.code(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_run() {
    let gate = Arc::new(Gate::default());
    let world = World::asking(gate.clone()).await;
    let ann = world.client("ann", "developer").await;
    let agent = spawned(&ann).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&run(&ann, &agent).bytes()).await.unwrap();
    gate.begun().await;
    assert_eq!(status(&ann, &agent).await, "running");
    drop(stream);
    idle(&ann, &agent).await;
}

fn tool(client: &Client, agent: &str, meta: &Value) -> Asked {
    let arguments = json!({ "sessionId": client.session, "id": agent, "prompt": "What now?" });
    let params = json!({ "name": "agent_run", "arguments": arguments, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    Asked::post("/mcp", &body).header("Accept", "application/json, text/event-stream").token(&client.token)
}

#[tokio::test]
async fn who_asks_for_progress_over_mcp_is_sent_it_before_the_answer() {
    let world = World::new().await;
    let ann = world.client("ann", "developer").await;
    let agent = spawned(&ann).await;
    let plain = world.ask(tool(&ann, &agent, &json!({}))).await;
    assert_eq!(plain.ok()["result"]["structuredContent"]["response"], "An answer.");
    let gate = Arc::new(Gate::default());
    let world = World::asking(gate.clone()).await;
    let ann = world.client("ann", "developer").await;
    let agent = spawned(&ann).await;
    let asked = tool(&ann, &agent, &json!({ "progressToken": "p" })).header("Connection", "close");
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&asked.bytes()).await.unwrap();
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    while !text.contains("notifications/progress") {
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "the answer ended without progress: {text}");
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    assert!(text.contains("8 characters") && !text.contains("and the rest"), "{text}");
    gate.go();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("12345678 and the rest"), "{rest}");
}

#[tokio::test]
async fn a_client_of_mcp_that_goes_away_ends_its_run() {
    let gate = Arc::new(Gate::default());
    let world = World::asking(gate.clone()).await;
    let ann = world.client("ann", "developer").await;
    for meta in [json!({}), json!({ "progressToken": 7 })] {
        let agent = spawned(&ann).await;
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&tool(&ann, &agent, &meta).bytes()).await.unwrap();
        gate.begun().await;
        assert_eq!(status(&ann, &agent).await, "running");
        drop(stream);
        idle(&ann, &agent).await;
    }
}
