//! Serving one client over standard input and output.

use std::time::Duration;

use rmcp::serve_server;
use rmcp::service::{QuitReason, ServerInitializeError};
use rmcp::transport::stdio_pipes;

use crate::{McpServer, StrictTransport};

/// Why serving ended otherwise than by the end of input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The client did not begin as the protocol asks.
    #[error("the client did not begin as the protocol asks")]
    Handshake,
    /// The token in the environment is not good, or cannot be looked up now.
    #[error("the token in AGENTSTACK_TOKEN is unknown, expired or revoked")]
    Unauthenticated,
    /// The service stopped with a fault of its own.
    #[error("the service stopped")]
    Stopped,
}

/// How long calls that are still going on may take after the end of input. One that waits for another
/// process's transaction longer than that is not answered any more; nobody reads the answer.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Serves until standard input ends. Answers to what had been asked by then are written first.
///
/// # Errors
/// When the client does not begin as the protocol asks, or the service fails.
pub async fn serve_stdio(server: McpServer) -> Result<(), ServeError> {
    // The same for every start of one release and policy: whoever watches the log sees a list that changed (S22).
    let tools = server.offered_hash().await.map_err(|_| ServeError::Unauthenticated)?;
    tracing::info!(%tools, "serving MCP over stdio");
    let (reader, writer) = stdio_pipes();
    let transport = StrictTransport::new(reader, writer);
    let ended = transport.ended();
    let deadline = async {
        ended.notified().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    match serve_server(server, transport).await {
        Ok(service) => tokio::select! {
            quit = service.waiting() => match quit {
                Ok(QuitReason::Closed | QuitReason::Cancelled) => Ok(()),
                _ => Err(ServeError::Stopped),
            },
            () = deadline => {
                tracing::warn!("input ended; some calls were still waiting and are not answered");
                Ok(())
            }
        },
        // It went away before it said anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        // The error holds the client's message, which is nobody's business.
        Err(_) => Err(ServeError::Handshake),
    }
}
