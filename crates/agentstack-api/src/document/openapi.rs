//! The file `openapi.json`: the table as OpenAPI 3.1.
//!
//! What it says of a request is exactly what the service accepts: it is made from the exact schemas, and a fuzzer
//! that reads nothing else runs against the server in continuous integration.

use serde_json::{Map, Value, json};

use crate::{ErrorBody, ErrorCode, OPERATIONS, Route, Spec, schema};

/// How HTTP itself refuses a body, before any operation is asked.
const BODY_REFUSALS: &[(u16, &str, &str)] = &[
    (408, "BodyTooSlow", "The body did not come in time."),
    (415, "BodyNotJson", "The body must be application/json."),
];

/// The document of these rows of the table: those that an installation serves.
#[must_use]
pub fn openapi(served: &[&'static Spec]) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    schemas.insert("Problem".to_owned(), ErrorBody::problem_schema());
    for spec in served {
        schemas.insert(answer_name(spec), (spec.exact_output_schema)().clone());
        for (index, route) in spec.routes.iter().enumerate() {
            let id = operation_id(spec, index);
            let operation = operation(spec, route, &id, &mut schemas);
            let path = format!("{}{}", Route::BASE, route.path);
            let methods = paths.entry(path).or_insert_with(|| json!({}));
            if let Some(methods) = methods.as_object_mut() {
                methods.insert(route.method.as_str().to_ascii_lowercase(), operation);
            }
        }
    }
    service_paths(&mut paths);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "AgentStack",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Encrypted, session-isolated memory for AI agents: who calls comes from the token, and a \
                            caller reaches only what its own sessions and its policy give it.",
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "tags": tags(served),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token that `agentstack token create` or `token_create` showed.",
                },
            },
            "headers": headers(),
            "responses": error_responses(),
            "schemas": schemas,
        },
    });
    // One order, whatever way `serde_json` was built.
    document.sort_all_objects();
    document
}

/// The file `openapi.json`.
#[must_use]
pub fn openapi_json() -> String {
    format!("{:#}\n", openapi(OPERATIONS))
}

/// The family of an operation: the first part of its path.
pub(super) fn tag(spec: &Spec) -> &'static str {
    spec.routes
        .iter()
        .find_map(|route| route.path.split('/').find(|part| !part.is_empty()))
        .unwrap_or("other")
}

/// The families, in the order of the table.
pub(super) fn families(served: &[&Spec]) -> Vec<&'static str> {
    let mut families: Vec<&str> = served.iter().map(|spec| tag(spec)).collect();
    families.dedup();
    families
}

fn tags(served: &[&Spec]) -> Vec<Value> {
    families(served).into_iter().chain(["service"]).map(|name| json!({ "name": name })).collect()
}

/// The operation's name; a second route needs one of its own.
fn operation_id(spec: &Spec, index: usize) -> String {
    match index {
        0 => spec.operation.name.to_owned(),
        _ => format!("{}_{}", spec.operation.name, index + 1),
    }
}

/// `memory_store` as the beginning of the name of a schema: `MemoryStore`.
fn pascal(id: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    id.split('_').map(capital).collect()
}

fn answer_name(spec: &Spec) -> String {
    format!("{}Answer", pascal(spec.operation.name))
}

fn operation(spec: &Spec, route: &Route, id: &str, schemas: &mut Map<String, Value>) -> Value {
    let input = (spec.exact_input_schema)();
    let in_query = !route.method.has_body();
    let mut operation = json!({
        "operationId": id,
        "summary": spec.title,
        "description": spec.description,
        "tags": [tag(spec)],
        "parameters": parameters(input, route, in_query),
        "responses": responses(spec, !in_query),
    });
    let body = if in_query { None } else { body_schema(input, route) };
    if let (Some(body), Some(operation)) = (body, operation.as_object_mut()) {
        let name = format!("{}Request", pascal(id));
        let required = schema::required(&body).next().is_some() || body.get("anyOf").is_some();
        let content = json!({ "application/json": { "schema": reference("schemas", &name) } });
        operation.insert("requestBody".to_owned(), json!({ "required": required, "content": content }));
        schemas.insert(name, body);
    }
    operation
}

/// The arguments that stand in the path, and in the query if the method has no body.
fn parameters(input: &Value, route: &Route, in_query: bool) -> Vec<Value> {
    let in_path: Vec<&str> = route.parameters().collect();
    let path =
        in_path.iter().filter_map(|name| Some(parameter(name, schema::property(input, name)?, "path", true)));
    let rest = schema::properties(input).filter(|(name, _)| in_query && !in_path.contains(&name.as_str()));
    let query = rest.map(|(name, property)| {
        let required = schema::required(input).any(|required| required == name);
        parameter(name, property, "query", required)
    });
    path.chain(query).collect()
}

fn parameter(name: &str, property: &Value, place: &str, required: bool) -> Value {
    let mut schema = property.clone();
    schema::without_null(&mut schema);
    let description = schema.as_object_mut().and_then(|object| object.remove("description"));
    let is_list = schema.get("type").is_some_and(|kind| kind == "array");
    let mut parameter = json!({ "name": name, "in": place, "required": required, "schema": schema });
    if let Some(parameter) = parameter.as_object_mut() {
        parameter.extend(description.map(|text| ("description".to_owned(), text)));
        if is_list {
            parameter.insert("style".to_owned(), "form".into());
            parameter.insert("explode".to_owned(), true.into());
        }
    }
    parameter
}

/// What is left of the arguments for the body, if anything is.
fn body_schema(input: &Value, route: &Route) -> Option<Value> {
    let mut body = input.clone();
    let object = body.as_object_mut()?;
    for name in route.parameters().chain(route.says.map(|(name, _)| name)) {
        object.get_mut("properties").and_then(Value::as_object_mut).and_then(|fields| fields.remove(name));
        if let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|required| required != name);
        }
    }
    object.get("properties")?.as_object().is_some_and(|fields| !fields.is_empty()).then_some(body)
}

fn responses(spec: &Spec, has_body: bool) -> Value {
    let mut responses = errors(Spec::COMMON_ERRORS.iter().chain(spec.errors));
    if has_body {
        let refusals = BODY_REFUSALS.iter();
        responses
            .extend(refusals.map(|(status, name, _)| (status.to_string(), reference("responses", name))));
    }
    let content = json!({ "application/json": { "schema": reference("schemas", &answer_name(spec)) } });
    responses.insert("200".to_owned(), response("Done.", content));
    responses.into()
}

/// Each code has a status of its own.
fn errors<'a>(codes: impl Iterator<Item = &'a ErrorCode>) -> Map<String, Value> {
    codes
        .map(|code| (code.http_status().to_string(), reference("responses", &pascal(code.as_str()))))
        .collect()
}

fn response(description: &str, content: Value) -> Value {
    let mut response = json!({
        "description": description,
        "headers": { "X-Request-Id": reference("headers", "RequestId") },
    });
    if let Some(response) = response.as_object_mut() {
        response.insert("content".to_owned(), content);
    }
    response
}

fn error_responses() -> Map<String, Value> {
    let of_code = |code: &ErrorCode| {
        let mut response = refusal(code.message());
        let more = match code {
            ErrorCode::Unauthenticated => Some(("WWW-Authenticate", "Challenge")),
            ErrorCode::RateLimited => Some(("Retry-After", "RetryAfter")),
            _ => None,
        };
        let headers = response.get_mut("headers").and_then(Value::as_object_mut);
        if let (Some((header, name)), Some(headers)) = (more, headers) {
            headers.insert(header.to_owned(), reference("headers", name));
        }
        (pascal(code.as_str()), response)
    };
    let of_body = BODY_REFUSALS.iter().map(|(_, name, detail)| ((*name).to_owned(), refusal(detail)));
    ErrorCode::ALL.iter().map(of_code).chain(of_body).collect()
}

fn refusal(detail: &str) -> Value {
    response(detail, json!({ "application/problem+json": { "schema": reference("schemas", "Problem") } }))
}

fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "The id of the call, as it stands in logs and in the audit log.",
            "required": true,
            "schema": { "type": "string", "format": "uuid" },
        },
        "Challenge": {
            "description": "How to authenticate (RFC 6750).",
            "required": true,
            "schema": { "type": "string" },
        },
        "RetryAfter": {
            "description": "In how many seconds to come again.",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
        },
    })
}

/// What the server has beside the table.
fn service_paths(paths: &mut Map<String, Value>) {
    let get = |id: &str, summary: &str, media: &str, schema: Value| {
        json!({ "get": {
            "operationId": id,
            "summary": summary,
            "tags": ["service"],
            "responses": { "200": response("Done.", json!({ media: { "schema": schema } })) },
        }})
    };
    let state = |word: &str| {
        json!({
            "type": "object",
            "properties": { "status": { "type": "string", "enum": [word] } },
            "required": ["status"],
            "additionalProperties": false,
        })
    };
    let live = get("health_live", "Whether the process runs", "application/json", state("ok"));
    let mut ready = get("health_ready", "Whether calls can be answered", "application/json", state("ok"));
    if let Some(responses) = ready.pointer_mut("/get/responses").and_then(Value::as_object_mut) {
        let content = json!({ "application/json": { "schema": state("unavailable") } });
        responses.insert("503".to_owned(), response("Not now.", content));
    }
    let document = get("openapi", "This document", "application/json", json!({ "type": "object" }));
    for (path, mut item) in [("/health/live", live), ("/health/ready", ready), ("/openapi.json", document)] {
        if let Some(get) = item.get_mut("get").and_then(Value::as_object_mut) {
            get.insert("security".to_owned(), json!([]));
        }
        paths.insert(path.to_owned(), item);
    }
    let text = json!({ "type": "string" });
    let openmetrics = "application/openmetrics-text";
    let mut metrics = get("metrics", "Figures of the installation for Prometheus", openmetrics, text);
    let codes = [
        ErrorCode::Unauthenticated,
        ErrorCode::Forbidden,
        ErrorCode::RateLimited,
        ErrorCode::Unavailable,
        ErrorCode::Internal,
    ];
    if let Some(responses) = metrics.pointer_mut("/get/responses").and_then(Value::as_object_mut) {
        responses.extend(errors(codes.iter()));
    }
    paths.insert("/metrics".to_owned(), metrics);
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}
