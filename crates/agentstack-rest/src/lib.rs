//! The operations over HTTP: REST under `/api/v1`, MCP at `/mcp`, metrics, health and the documents.
//!
//! A request is checked from the outside in: where it comes from ([`origin`]), who sends it ([`caller`]), what it asks
//! for ([`arguments`]); then it is one call of the engine. Routes, arguments and documents come from the table in
//! `agentstack-api`.
//!
//! **Invariant:** no business rule, no policy, no SQL. A handler that is not made from the table is one of health,
//! metrics, documents and MCP.

mod arguments;
mod caller;
mod entrance;
mod health;
mod metrics;
mod oauth;
mod origin;
mod outbound;
mod problem;
mod routes;
mod serve;
mod settings;
mod tls;
mod trace;
mod webhook;
mod workers;

pub use metrics::Metrics;
pub use oauth::{OAuthKeys, OAuthProblem, OAuthSettings};
pub use outbound::EndpointProblem;
pub use serve::{ServeError, Server};
pub use settings::{HttpSettings, Times, TlsFiles};
pub use tls::{Certificate, TlsProblem};
pub use webhook::{SIGNATURE, Webhook, WebhookProblem, WebhookSettings};
