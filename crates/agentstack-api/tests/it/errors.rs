//! The bodies of errors.

use agentstack_api::json::check;
use agentstack_api::{ErrorBody, ErrorCode, InputError};
use agentstack_core::RequestId;
use serde_json::{Value, json};

fn request() -> RequestId {
    "01983b2e-5c00-7000-8000-00000000000f".parse().unwrap()
}

fn bodies() -> Vec<ErrorBody> {
    let mut bodies: Vec<_> = ErrorCode::ALL.iter().map(|code| ErrorBody::new(*code, request())).collect();
    let limit = InputError::new("limit", "must be a whole number from 1 to 100");
    bodies.push(ErrorBody::invalid_input(limit, request()));
    bodies.push(ErrorBody::invalid_input(check(b"[1,]").unwrap_err().into(), request()));
    bodies.push(ErrorBody::forbidden("memory_store", request()));
    bodies
}

#[test]
fn error_bodies_are_as_published() {
    let mcp: Vec<Value> = bodies().iter().map(ErrorBody::to_mcp).collect();
    let rest: Vec<Value> = bodies().iter().map(ErrorBody::to_problem).collect();
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!("error_bodies", json!({ "mcp": mcp, "rest": rest })); });
}

#[test]
fn s10_not_found_is_one_sentence() {
    let other = ErrorBody::new(ErrorCode::NotFound, RequestId::generate());
    let one = ErrorBody::new(ErrorCode::NotFound, request());
    let without_id = |body: &ErrorBody| body.to_mcp().to_string().replace(&body.request_id().to_string(), "");
    assert_eq!(without_id(&one), without_id(&other));
}
