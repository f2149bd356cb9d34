//! The Model Context Protocol over stdio and streamable HTTP, revisions 2024-11-05 to 2026-07-28.
//!
//! Each message that comes in is strict JSON or refused ([`transport`], [`endpoint`]); each tool call becomes one call of
//! the engine ([`server`]). A session of the product is an argument of a call, never the connection.
//!
//! A result has its JSON as structured content, and once more as a text block; where the caller asked for what it recalls
//! `asText`, the text block is that text instead, with every content within its fence.
//!
//! **Invariant:** no business rule. What a tool is, takes and answers comes from `agentstack-api`.

mod endpoint;
mod progress;
mod server;
mod stdio;
mod transport;

pub use endpoint::{HttpBody, HttpEndpoint};
pub use server::McpServer;
pub use stdio::{ServeError, serve_stdio};
pub use transport::StrictTransport;
