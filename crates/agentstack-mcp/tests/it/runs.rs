//! Runs of agents: progress and cancellation.

use std::sync::Arc;

use agentstack_access::{Authorizer, Policy, Principal, Role};
use agentstack_audit::{ResourceHasher, SigningKey};
use agentstack_core::{Secret, SystemClock};
use agentstack_engine::{Chat, Engine, Models, Parts, Settings};
use agentstack_mcp::{McpServer, StrictTransport};
use agentstack_providers::ChatModel;
use agentstack_providers::testing::{Gate, Steady};
use agentstack_storage::reference::ReferenceStore;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, ProgressNotificationParam, ServerResult,
};
use rmcp::service::{NotificationContext, PeerRequestOptions, RequestHandle, RunningService};
use rmcp::{ClientHandler, RoleClient, ServiceExt, serve_server};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A client that keeps what it is told of progress.
struct Listener(UnboundedSender<ProgressNotificationParam>);

impl ClientHandler for Listener {
    async fn on_progress(&self, told: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let _ = self.0.send(told);
    }
}

struct Connected {
    client: RunningService<RoleClient, Listener>,
    told: UnboundedReceiver<ProgressNotificationParam>,
    session: Value,
    agent: Value,
}

fn engine(model: Arc<dyn ChatModel>) -> Arc<Engine> {
    let store = Arc::new(ReferenceStore::new(SigningKey::new(&Secret::new([7; 32]))));
    let policy = Policy::builtin(&agentstack_api::all_operations());
    let authorizer =
        Authorizer::new(policy, store.clone(), Arc::new(SystemClock), "default".parse().unwrap());
    let chat = [("local".to_owned(), Chat { provider: model, model: "small".to_owned() })].into();
    let models = Models { chat, default: Some("local".to_owned()), embedding: None };
    Engine::start(Parts {
        store,
        authorizer,
        resources: ResourceHasher::new(&Secret::new([9; 32])),
        clock: Arc::new(SystemClock),
        observer: None,
        settings: Settings { models, ..Settings::default() },
    })
}

impl Connected {
    async fn to(model: Arc<dyn ChatModel>) -> Self {
        let server = McpServer::new(engine(model), Arc::new(Principal::embedded("ann", Role::Developer)));
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = tokio::io::split(far);
        tokio::spawn(async move {
            let service = serve_server(server, StrictTransport::new(reader, writer)).await.unwrap();
            service.waiting().await
        });
        let (sender, told) = unbounded_channel();
        let client = Listener(sender).serve(near).await.unwrap();
        let mut connected = Self { client, told, session: Value::Null, agent: Value::Null };
        let started = connected.call("session_start", json!({})).await;
        connected.session = started["session"]["id"].clone();
        let spawn = json!({ "sessionId": connected.session, "type": "coder" });
        connected.agent = connected.call("agent_spawn", spawn).await["agent"]["id"].clone();
        connected
    }

    async fn call(&self, tool: &'static str, arguments: Value) -> Value {
        let arguments = arguments.as_object().unwrap().clone();
        let request = CallToolRequestParams::new(tool).with_arguments(arguments);
        self.client.call_tool(request).await.unwrap().structured_content.unwrap()
    }

    fn run(&self) -> CallToolRequestParams {
        let arguments = json!({ "sessionId": self.session, "id": self.agent, "prompt": "What now?" });
        CallToolRequestParams::new("agent_run").with_arguments(arguments.as_object().unwrap().clone())
    }

    /// Begins a run. The client gives a token for progress with it.
    async fn begin(&self) -> RequestHandle<RoleClient> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(self.run()));
        self.client.send_cancellable_request(request, PeerRequestOptions::no_options()).await.unwrap()
    }

    async fn status(&self) -> Value {
        let asked = json!({ "sessionId": self.session, "id": self.agent });
        self.call("agent_status", asked).await["agent"]["status"].clone()
    }
}

#[tokio::test]
async fn a_client_that_gives_a_token_is_told_how_many_characters_have_come() {
    let gate = Arc::new(Gate::default());
    let mut connected = Connected::to(gate.clone()).await;
    let handle = connected.begin().await;
    let told = connected.told.recv().await.unwrap();
    assert_eq!(told.progress_token, handle.progress_token);
    assert_eq!((told.progress.to_bits(), told.message.as_deref()), (8_f64.to_bits(), Some("8 characters")));
    gate.go();
    let ServerResult::CallToolResult(answer) = handle.await_response().await.unwrap() else {
        panic!("an answer")
    };
    assert_eq!(answer.structured_content.unwrap()["response"], "12345678 and the rest");
}

#[tokio::test]
async fn a_run_that_the_client_cancels_is_over_and_the_connection_goes_on() {
    let gate = Arc::new(Gate::default());
    let connected = Connected::to(gate.clone()).await;
    let handle = connected.begin().await;
    gate.begun().await;
    assert_eq!(connected.status().await, "running");
    handle.cancel(Some("no need".to_owned())).await.unwrap();
    let mut turns = 0;
    while connected.status().await != "idle" {
        turns += 1;
        assert!(turns < 1_000, "the agent stays as it is");
    }
    let again = connected.begin().await;
    gate.begun().await;
    gate.go();
    assert!(matches!(again.await_response().await.unwrap(), ServerResult::CallToolResult(_)));
}

#[tokio::test]
async fn a_tool_that_asks_nobody_outside_tells_of_no_progress() {
    let mut connected = Connected::to(Arc::new(Steady)).await;
    for _ in 0..3 {
        connected.status().await;
    }
    assert!(connected.told.try_recv().is_err());
}
