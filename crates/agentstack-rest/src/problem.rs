//! Errors as answers: RFC 9457.

use agentstack_api::{ErrorBody, ErrorCode};
use agentstack_core::RequestId;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// The header with the id under which a request is logged.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An error of the engine.
pub(crate) fn problem(error: &ErrorBody) -> Response {
    let mut response = body(error.code().http_status(), &error.to_problem());
    if let Some(seconds) = error.retry_after_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if error.code() == ErrorCode::Unauthenticated {
        let challenge = HeaderValue::from_static("Bearer realm=\"agentstack\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// An error of HTTP itself, for which the operations have no code of their own: its status says it.
pub(crate) fn of_http(status: StatusCode, detail: &str, request: RequestId) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let code = if status == StatusCode::FORBIDDEN { ErrorCode::Forbidden } else { ErrorCode::InvalidInput };
    body(
        status.as_u16(),
        &json!({
            "type": "about:blank",
            "title": title,
            "status": status.as_u16(),
            "code": code.as_str(),
            "detail": detail,
            "requestId": request.to_string(),
            "errors": [],
        }),
    )
}

fn body(status: u16, problem: &Value) -> Response {
    let mut response = Response::new(Body::from(problem.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
