//! What answers at which path.

use std::convert::Infallible;
use std::sync::Arc;

use agentstack_access::{Caller, Principal};
use agentstack_api::{ErrorBody, ErrorCode, InputError, Method, OPERATIONS, Route, Spec, document};
use agentstack_core::RequestId;
use agentstack_core::limits::MESSAGE_BYTES;
use agentstack_engine::Engine;
use agentstack_mcp::HttpEndpoint;
use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, any, get, on};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::Semaphore;

use crate::caller::Doorkeeper;
use crate::oauth::{self, ResourceServer};
use crate::origin::AllowList;
use crate::problem::{of_http, problem};
use crate::settings::Times;
use crate::{HttpSettings, Metrics, arguments, health, metrics};

/// What all handlers share.
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) doorkeeper: Doorkeeper,
    pub(crate) oauth: Option<Arc<ResourceServer>>,
    pub(crate) allowed: AllowList,
    mcp: HttpEndpoint,
    pub(crate) times: Times,
    /// A place for each request that may be under way.
    pub(crate) places: Semaphore,
    openapi: Bytes,
    page: Bytes,
}

impl Shared {
    pub(crate) fn new(
        engine: Arc<Engine>,
        metrics: Arc<Metrics>,
        settings: &HttpSettings,
        allowed: AllowList,
        oauth: Option<Arc<ResourceServer>>,
    ) -> Arc<Self> {
        let served = served(&engine);
        let failures = settings.failed_authentications_per_minute;
        Arc::new(Self {
            doorkeeper: Doorkeeper::new(Arc::clone(&engine), failures, settings.behind_proxy, oauth.clone()),
            oauth,
            mcp: HttpEndpoint::new(Arc::clone(&engine)),
            engine,
            metrics,
            allowed,
            times: settings.times,
            places: Semaphore::new(settings.requests),
            openapi: Bytes::from(document::openapi(&served).to_string()),
            page: Bytes::from(document::api_page(&served)),
        })
    }
}

/// What this installation serves of the table.
fn served(engine: &Engine) -> Vec<&'static Spec> {
    OPERATIONS.iter().copied().filter(|spec| engine.serves(&spec.operation)).collect()
}

/// The routes of the whole server.
pub(crate) fn all(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    for spec in served(&shared.engine) {
        for route in spec.routes {
            let filter = match route.method {
                Method::Get => MethodFilter::GET,
                Method::Post => MethodFilter::POST,
                Method::Put => MethodFilter::PUT,
                Method::Patch => MethodFilter::PATCH,
                Method::Delete => MethodFilter::DELETE,
            };
            let handler = move |State(shared): State<Arc<Shared>>, request: Request| async move {
                operation(&shared, spec, route, request).await
            };
            router = router.route(&format!("{}{}", Route::BASE, route.path), on(filter, handler));
        }
    }
    let ready = |State(shared): State<Arc<Shared>>| async move { health::ready(&shared).await };
    let openapi =
        |State(shared): State<Arc<Shared>>| async move { open_document(&shared.openapi, "application/json") };
    let page = |State(shared): State<Arc<Shared>>| async move {
        open_document(&shared.page, "text/html; charset=utf-8")
    };
    for path in shared.oauth.iter().flat_map(|_| OAUTH_PATHS) {
        router = router.route(path, get(issuer));
    }
    router
        .route("/health/live", get(|| async { health::live() }))
        .route("/health/ready", get(ready))
        .route("/openapi.json", get(openapi))
        .route("/docs", get(page))
        .route("/metrics", get(figures))
        .route("/mcp", any(mcp))
        .fallback(absent)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::clone(shared))
}

/// Metrics alone, for an address of their own.
pub(crate) fn metrics(shared: &Arc<Shared>) -> Router {
    let text = |State(shared): State<Arc<Shared>>| async move {
        let caller = Caller::new(Arc::new(Principal::metrics()));
        figures_for(&shared, &caller).await
    };
    Router::new().route("/metrics", get(text)).with_state(Arc::clone(shared))
}

/// Where the issuer is named.
pub(crate) const OAUTH_PATHS: [&str; 2] = [oauth::PATH, oauth::MCP_PATH];

/// The metadata of RFC 9728.
async fn issuer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match &shared.oauth {
        Some(oauth) => open_document(&oauth.metadata, "application/json"),
        None => absent(request).await,
    }
}

/// One call of one operation.
async fn operation(shared: &Shared, spec: &'static Spec, route: &Route, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(caller) = parts.extensions.get::<Caller>().cloned() else {
        return problem(&ErrorBody::new(ErrorCode::Internal, RequestId::generate()));
    };
    let read = read_arguments(shared, spec, route, &mut parts, body).await;
    let answered = match read {
        Ok(arguments) => shared.engine.dispatch(&caller, spec, arguments).await,
        Err(Unreadable::Input(error)) => {
            Err(shared.engine.refuse_input(&caller, spec.operation.name, error).await)
        }
        Err(Unreadable::Body(refusal)) => return refusal.response(&caller),
    };
    match answered {
        Ok(reply) => json(&reply),
        Err(error) => problem(&error),
    }
}

/// Why a request has no arguments.
enum Unreadable {
    Input(InputError),
    Body(BodyRefusal),
}

async fn read_arguments(
    shared: &Shared,
    spec: &Spec,
    route: &Route,
    parts: &mut Parts,
    body: Body,
) -> Result<serde_json::Map<String, serde_json::Value>, Unreadable> {
    let mut path = path(parts).await.map_err(Unreadable::Input)?;
    path.extend(route.says.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // By the route, as `HEAD` is answered by that of `GET`.
    if !route.method.has_body() {
        return arguments::of_query(spec, path, parts.uri.query()).map_err(Unreadable::Input);
    }
    let bytes = whole(shared, body).await.map_err(Unreadable::Body)?;
    if !bytes.is_empty() && !is_json(&parts.headers) {
        return Err(Unreadable::Body(BodyRefusal::NotJson));
    }
    arguments::of_body(spec, path, parts.uri.query(), &bytes).map_err(Unreadable::Input)
}

/// The parts of the path that stand for arguments, decoded.
async fn path(parts: &mut Parts) -> Result<Vec<(String, String)>, InputError> {
    let read = RawPathParams::from_request_parts(parts, &()).await;
    let read = read.map_err(|_| InputError { field: None, rule: "the path is not UTF-8".to_owned() })?;
    Ok(read.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Whether the body says that it is JSON. A form of a foreign page cannot say so without asking first.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Why a body is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyRefusal {
    TooLarge,
    TooSlow,
    Broken,
    NotJson,
}

impl BodyRefusal {
    fn response(self, caller: &Caller) -> Response {
        let id = caller.request;
        match self {
            Self::TooLarge => problem(&ErrorBody::new(ErrorCode::TooLarge, id)),
            Self::TooSlow => of_http(StatusCode::REQUEST_TIMEOUT, "The body did not come in time.", id),
            Self::Broken => of_http(StatusCode::BAD_REQUEST, "The body did not come whole.", id),
            Self::NotJson => {
                of_http(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.", id)
            }
        }
    }
}

/// The whole body, as far as it keeps within the limits of size and time (S33).
async fn whole(shared: &Shared, body: Body) -> Result<Bytes, BodyRefusal> {
    if body.size_hint().lower() > MESSAGE_BYTES as u64 {
        return Err(BodyRefusal::TooLarge);
    }
    let limited = Limited::new(body, MESSAGE_BYTES);
    match tokio::time::timeout(shared.times.body, limited.collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyRefusal::TooLarge),
        Ok(Err(_)) => Err(BodyRefusal::Broken),
        Err(_) => Err(BodyRefusal::TooSlow),
    }
}

fn json(reply: &agentstack_api::Reply) -> Response {
    // A view has string names only and no number that JSON lacks, so this cannot fail.
    let bytes = serde_json::to_vec(reply).unwrap_or_default();
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// MCP: one message a request.
async fn mcp(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    // Nothing is known by that name, in no revision (S25).
    parts.headers.remove("mcp-session-id");
    let answered = match whole(&shared, body).await {
        Ok(bytes) => shared.mcp.answer(parts, bytes).await,
        Err(BodyRefusal::TooLarge) => {
            HttpEndpoint::refusal(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge)
        }
        Err(_) => HttpEndpoint::refusal(StatusCode::REQUEST_TIMEOUT, ErrorCode::InvalidInput),
    };
    answered.map(|body| Body::new(body.map_err(|never: Infallible| match never {})))
}

async fn figures(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match request.extensions().get::<Caller>() {
        Some(caller) => figures_for(&shared, caller).await,
        None => problem(&ErrorBody::new(ErrorCode::Internal, RequestId::generate())),
    }
}

async fn figures_for(shared: &Shared, caller: &Caller) -> Response {
    match shared.engine.figures(caller).await {
        Ok(figures) => {
            let mut response = Response::new(Body::from(shared.metrics.text(&figures)));
            let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(error) => problem(&error),
    }
}

/// A document for everybody. It loads nothing and runs nothing.
fn open_document(bytes: &Bytes, kind: &'static str) -> Response {
    let mut response = Response::new(Body::from(bytes.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn absent(request: Request) -> Response {
    problem(&ErrorBody::new(ErrorCode::NotFound, id_of(&request)))
}

async fn wrong_method(request: Request) -> Response {
    of_http(StatusCode::METHOD_NOT_ALLOWED, "This path does not answer this method.", id_of(&request))
}

fn id_of(request: &Request) -> RequestId {
    request.extensions().get::<RequestId>().copied().unwrap_or_else(RequestId::generate)
}
