//! The yardstick of the benchmark: an MCP server that keeps nothing and answers what it was sent.
//!
//! It is made as rmcp's documentation makes a server: its `stdio` transport on tokio's default runtime.

use anyhow::Context;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::stdio;
use rmcp::{RoleServer, ServiceExt};
use serde_json::{Map, Value, json};

struct Echo {
    tool: Tool,
}

impl Echo {
    fn new() -> Self {
        let schema =
            json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
        let schema: Map<String, Value> = schema.as_object().cloned().unwrap_or_default();
        Self { tool: Tool::new("echo", "Answers what it was sent", schema) }
    }
}

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![self.tool.clone()]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let text = arguments.get("text").and_then(Value::as_str).unwrap_or_default();
        Ok(CallToolResponse::from(CallToolResult::success(vec![ContentBlock::text(text)])))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let service = Echo::new().serve(stdio()).await.context("the client did not begin")?;
    service.waiting().await?;
    Ok(())
}
