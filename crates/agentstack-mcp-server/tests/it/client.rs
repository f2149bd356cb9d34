//! rmcp's own client, as another program would use it.

use rmcp::model::{CallToolRequestParams, CallToolResult, ClientConfig, ProtocolVersion};
use rmcp::service::RunningService;
use rmcp::transport::TokioChildProcess;
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};

use crate::server::Home;

type Client = RunningService<RoleClient, ClientConfig>;

async fn connect(home: &Home, version: ProtocolVersion, lifecycle: ClientLifecycleMode) -> Client {
    let command = tokio::process::Command::from(home.command(&["--log", "off"]));
    let transport = TokioChildProcess::new(command).unwrap();
    let config = ClientConfig::default().with_protocol_version(version);
    config.serve_with_lifecycle(transport, lifecycle).await.unwrap()
}

async fn call(client: &Client, tool: &'static str, arguments: Value) -> CallToolResult {
    let arguments = arguments.as_object().unwrap().clone();
    client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.unwrap()
}

fn content(result: CallToolResult) -> Value {
    let value = result.structured_content.unwrap();
    let text = result.content[0].as_text().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text.text).unwrap(), value, "the text is the same JSON");
    value
}

/// Store, search, get, a refusal, the end.
async fn use_memory(client: Client, other: Client) {
    let names: Vec<String> =
        client.list_all_tools().await.unwrap().into_iter().map(|tool| tool.name.into_owned()).collect();
    assert_eq!(names.len(), crate::server::usual_tools().len());
    let started = content(call(&client, "session_start", json!({})).await);
    let session = started["session"]["id"].clone();
    let entry = json!({ "sessionId": session, "key": "plan", "content": "Use SQLCipher, it's fast enough" });
    assert_eq!(content(call(&client, "memory_store", entry).await)["entry"]["version"], 1);
    let search = json!({ "sessionId": session, "query": "what's fast?" });
    assert_eq!(content(call(&client, "memory_search", search).await)["results"][0]["key"], "plan");
    let get = json!({ "sessionId": session, "key": "plan" });
    assert_eq!(
        content(call(&client, "memory_get", get.clone()).await)["entry"]["label"]["trust"],
        "unverified"
    );

    let refused = call(&other, "memory_get", get).await;
    assert_eq!(refused.is_error, Some(true));
    assert_eq!(content(refused)["error"]["code"], "not_found");

    let ended = content(call(&client, "session_end", json!({ "sessionId": session })).await);
    assert_eq!(ended["removed"]["entries"], 1);
    client.cancel().await.unwrap();
    other.cancel().await.unwrap();
}

#[tokio::test]
async fn a_client_of_each_revision_with_a_handshake_uses_memory() {
    for version in [
        ProtocolVersion::V_2024_11_05,
        ProtocolVersion::V_2025_03_26,
        ProtocolVersion::V_2025_06_18,
        ProtocolVersion::V_2025_11_25,
    ] {
        let home = Home::new();
        let client = connect(&home, version.clone(), ClientLifecycleMode::Initialize).await;
        assert_eq!(client.peer_info().unwrap().protocol_version, version);
        let other = connect(&home, version, ClientLifecycleMode::Initialize).await;
        use_memory(client, other).await;
    }
}

#[tokio::test]
async fn a_client_of_the_revision_without_a_handshake_uses_memory() {
    let home = Home::new();
    let version = ProtocolVersion::V_2026_07_28;
    let lifecycle =
        || ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    let client = connect(&home, version.clone(), lifecycle()).await;
    assert_eq!(client.peer_info().unwrap().protocol_version, version);
    use_memory(client, connect(&home, version, lifecycle()).await).await;
}

#[tokio::test]
async fn a_client_that_takes_what_it_gets_uses_memory() {
    let home = Home::new();
    let lifecycle = || ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: Some(ProtocolVersion::V_2025_11_25),
    };
    let version = ProtocolVersion::LATEST;
    let client = connect(&home, version.clone(), lifecycle()).await;
    use_memory(client, connect(&home, version, lifecycle()).await).await;
}
