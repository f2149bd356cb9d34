//! MCP over streamable HTTP, one message a request.
//!
//! There is no session of the transport, in any revision: a session of the product is an argument of a call and belongs
//! to the principal. So `GET`, `DELETE` and a session header do nothing (S25). Who calls is for the HTTP server to find
//! out; it hands over a [`Caller`].

use std::convert::Infallible;
use std::sync::Arc;

use agentstack_access::Caller;
use agentstack_api::ErrorCode;
use agentstack_core::limits::MESSAGE_BYTES;
use agentstack_engine::Engine;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header, request};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};

use crate::McpServer;

/// The body of an answer.
pub type HttpBody = BoxBody<Bytes, Infallible>;

/// The endpoint.
#[derive(Clone)]
pub struct HttpEndpoint {
    service: StreamableHttpService<McpServer, NeverSessionManager>,
}

impl std::fmt::Debug for HttpEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpEndpoint").finish_non_exhaustive()
    }
}

impl HttpEndpoint {
    /// The endpoint over an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        let server = McpServer::for_callers(engine);
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(MESSAGE_BYTES)
            // The HTTP server has checked both, on every path (S24).
            .disable_allowed_hosts()
            .disable_allowed_origins();
        let sessions = Arc::new(NeverSessionManager::default());
        Self { service: StreamableHttpService::new(move || Ok(server.clone()), sessions, config) }
    }

    /// Answers one request, whose body has been read whole. `parts` carry the [`Caller`] as an extension.
    pub async fn answer(&self, parts: request::Parts, body: Bytes) -> Response<HttpBody> {
        // rmcp takes JSON as serde does; a message that is not strict JSON gets no further (S30).
        if parts.method == http::Method::POST
            && let Err(error) = agentstack_api::json::check(&body)
        {
            return refused(StatusCode::BAD_REQUEST, -32700, &format!("Parse error: {error}"));
        }
        self.service.handle(Request::from_parts(parts, Full::new(body))).await
    }

    /// An error of the HTTP server in the words of JSON-RPC, for a request that got no further.
    #[must_use]
    pub fn refusal(status: StatusCode, code: ErrorCode) -> Response<HttpBody> {
        refused(status, -32600, code.message())
    }
}

fn refused(status: StatusCode, code: i32, message: &str) -> Response<HttpBody> {
    let error = json!({ "jsonrpc": "2.0", "id": Value::Null, "error": { "code": code, "message": message } });
    let mut response = Response::new(Full::new(Bytes::from(error.to_string())).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// The caller that the HTTP server has found.
pub(crate) fn caller(parts: Option<&request::Parts>) -> Option<Caller> {
    parts.and_then(|parts| parts.extensions.get::<Caller>()).cloned()
}
