//! Whether the server lives, and whether it can serve. Open to all: they say one word.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::routes::Shared;

/// `GET /health/live`: the process answers.
pub(crate) fn live() -> Response {
    word(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// `GET /health/ready`: the database opens under its key, and the audit log can be written.
pub(crate) async fn ready(shared: &Shared) -> Response {
    if shared.engine.is_ready().await {
        word(StatusCode::OK, r#"{"status":"ok"}"#)
    } else {
        word(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"unavailable"}"#)
    }
}

fn word(status: StatusCode, body: &'static str) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body).into_response()
}
