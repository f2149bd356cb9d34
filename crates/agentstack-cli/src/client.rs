//! The MCP server as a child process, and a client that talks to it as any client would.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::TokioChildProcess;
use serde_json::Value;

/// A client and its own server process.
pub(crate) struct Client(RunningService<RoleClient, ()>);

impl Client {
    /// Starts a server.
    pub(crate) async fn start(server: &Path, config: &Path) -> anyhow::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the quickstart starts the servers that it shows")]
        let mut command = tokio::process::Command::new(server);
        command.arg("--config").arg(config).args(["--log", "error"]);
        let transport =
            TokioChildProcess::new(command).with_context(|| format!("starting {}", server.display()))?;
        Ok(Self(().serve(transport).await.context("the MCP server did not answer")?))
    }

    /// Calls a tool. The inner result is the tool's own: its answer, or the error it reports.
    pub(crate) async fn call(
        &self,
        tool: &'static str,
        arguments: Value,
    ) -> anyhow::Result<Result<Value, Value>> {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let request = CallToolRequestParams::new(tool).with_arguments(arguments);
        let response = self.0.call_tool(request).await.with_context(|| format!("calling {tool}"))?;
        let content =
            response.structured_content.with_context(|| format!("{tool} answered without content"))?;
        Ok(if response.is_error == Some(true) { Err(content) } else { Ok(content) })
    }

    /// Calls a tool that has to succeed.
    pub(crate) async fn expect(&self, tool: &'static str, arguments: Value) -> anyhow::Result<Value> {
        match self.call(tool, arguments).await? {
            Ok(answer) => Ok(answer),
            Err(error) => {
                bail!("{tool}: {}", error.pointer("/error/message").and_then(Value::as_str).unwrap_or(""))
            }
        }
    }

    /// Ends the connection, and with it the server.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.0.cancel().await.context("stopping the MCP server")?;
        Ok(())
    }
}

/// The server's binary: beside this one, where a build or an installation puts both.
pub(crate) fn server_binary() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("agentstack-mcp");
    if !path.is_file() {
        bail!("{} is missing; build it with: cargo build --release -p agentstack-mcp-server", path.display());
    }
    Ok(path)
}
