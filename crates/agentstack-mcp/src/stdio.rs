//! Serving one client over standard input and output.

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
    /// The service stopped with a fault of its own.
    #[error("the service stopped")]
    Stopped,
}

/// Serves until standard input ends. Answers to what had been asked by then are written first.
///
/// # Errors
/// When the client does not begin as the protocol asks, or the service fails.
pub async fn serve_stdio(server: McpServer) -> Result<(), ServeError> {
    let (reader, writer) = stdio_pipes();
    let transport = StrictTransport::new(reader, writer);
    match serve_server(server, transport).await {
        Ok(service) => match service.waiting().await {
            Ok(QuitReason::Closed | QuitReason::Cancelled) => Ok(()),
            _ => Err(ServeError::Stopped),
        },
        // It went away before it said anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        // The error holds the client's message, which is nobody's business.
        Err(_) => Err(ServeError::Handshake),
    }
}
