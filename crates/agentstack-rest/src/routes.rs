//! What answers at which path.

use std::convert::Infallible;
use std::sync::Arc;

use agentstack_access::Caller;
use agentstack_api::{ErrorBody, ErrorCode, InputError, Method, OPERATIONS, Route, Spec, document};
use agentstack_core::RequestId;
use agentstack_core::limits::MESSAGE_BYTES;
use agentstack_engine::Engine;
use agentstack_mcp::HttpEndpoint;
use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, any, get, on};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tracing::Instrument;

use crate::caller::{ClientAddress, Doorkeeper};
use crate::oauth::{self, ResourceServer};
use crate::origin::{AllowList, Stranger};
use crate::problem::{REQUEST_ID, of_http, problem};
use crate::settings::Times;
use crate::{HttpSettings, Metrics, arguments, health, metrics, trace};

/// Smallest answer that is worth compressing, in bytes.
const COMPRESSED: u64 = 1024;

/// What all handlers share.
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: Arc<Metrics>,
    doorkeeper: Doorkeeper,
    oauth: Option<Arc<ResourceServer>>,
    allowed: AllowList,
    mcp: HttpEndpoint,
    times: Times,
    /// A place for each request that may be under way.
    places: Semaphore,
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
            openapi: Bytes::from(document::openapi().to_string()),
            page: Bytes::from(document::api_page()),
        })
    }
}

/// The routes of the whole server.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    for spec in OPERATIONS {
        for route in spec.routes {
            let filter = match route.method {
                Method::Get => MethodFilter::GET,
                Method::Post => MethodFilter::POST,
                Method::Put => MethodFilter::PUT,
                Method::Delete => MethodFilter::DELETE,
            };
            let handler = move |State(shared): State<Arc<Shared>>, request: Request| async move {
                operation(&shared, spec, request).await
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
        .layer(from_fn_with_state(Arc::clone(shared), enter))
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(COMPRESSED)))
        .with_state(Arc::clone(shared))
}

/// Metrics alone, for an address of their own.
pub(crate) fn metrics_router(shared: &Arc<Shared>) -> Router {
    let text = |State(shared): State<Arc<Shared>>| async move {
        let caller = Caller::new(Arc::new(agentstack_access::Principal::metrics()));
        figures_for(&shared, &caller).await
    };
    Router::new().route("/metrics", get(text)).with_state(Arc::clone(shared))
}

/// Where the issuer is named.
const OAUTH_PATHS: [&str; 2] = [oauth::PATH, oauth::MCP_PATH];

/// Whether a path is answered without a credential (S01). The documents say nothing that is not in the source, and the
/// issuer, if there is one, is named to whoever is to get a token there.
fn is_open(shared: &Shared, path: &str) -> bool {
    matches!(path, "/health/live" | "/health/ready" | "/openapi.json" | "/docs")
        || (shared.oauth.is_some() && OAUTH_PATHS.contains(&path))
}

/// The metadata of RFC 9728.
async fn issuer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match &shared.oauth {
        Some(oauth) => open_document(&oauth.metadata, "application/json"),
        None => absent(request).await,
    }
}

/// The way of every request: a name for it, where it comes from, who sends it, and only then what it asks for.
async fn enter(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let id = RequestId::generate();
    let trace = trace::trace_id(request.headers()).map(str::to_owned);
    let answered = answer(&shared, request, next, id);
    let mut response = match trace {
        Some(trace) => answered.instrument(tracing::info_span!("request", trace)).await,
        None => answered.await,
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn answer(shared: &Shared, mut request: Request, next: Next, id: RequestId) -> Response {
    let origin = match shared.allowed.check(request.uri(), request.headers()) {
        Ok(origin) => origin.cloned(),
        Err(stranger) => return turned_away(stranger, id),
    };
    if let Some(origin) = &origin
        && request.method() == http::Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    {
        return preflight(origin.clone());
    }
    if !is_open(shared, request.uri().path()) {
        let from = request.extensions().get::<ClientAddress>().copied();
        let from = from.unwrap_or(ClientAddress(std::net::Ipv4Addr::UNSPECIFIED.into()));
        match shared.doorkeeper.caller(request.headers(), from, id).await {
            Ok(caller) => drop(request.extensions_mut().insert(caller)),
            Err(error) => {
                let refused =
                    shared.oauth.as_ref().map_or_else(|| problem(&error), |oauth| oauth.refusal(&error));
                return with_origin(refused, origin);
            }
        }
    }
    request.extensions_mut().insert(id);
    let Ok(_place) = shared.places.try_acquire() else {
        return with_origin(problem(&ErrorBody::rate_limited(1, id)), origin);
    };
    let answered = tokio::time::timeout(shared.times.answer + shared.times.body, next.run(request)).await;
    let late = || problem(&ErrorBody::new(ErrorCode::Unavailable, id));
    with_origin(answered.unwrap_or_else(|_| late()), origin)
}

/// A page that may call may also read the answer.
fn with_origin(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let shown = HeaderValue::from_static("x-request-id, retry-after, www-authenticate");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, shown);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

/// A browser asks before it lets a page of an allowed origin call.
fn preflight(origin: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, PUT, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names =
        "authorization, content-type, mcp-protocol-version, mcp-method, mcp-name, traceparent, tracestate";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(names));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    with_origin(response, Some(origin))
}

fn turned_away(stranger: Stranger, id: RequestId) -> Response {
    let detail = match stranger {
        Stranger::Host => "The server is not known by this name.",
        Stranger::Origin => "Pages of this origin may not call the server.",
    };
    tracing::warn!(target: "agentstack::call", request = %id, reason = detail, "turned away");
    of_http(StatusCode::FORBIDDEN, detail, id)
}

/// One call of one operation.
async fn operation(shared: &Shared, spec: &'static Spec, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(caller) = parts.extensions.get::<Caller>().cloned() else {
        return problem(&ErrorBody::new(ErrorCode::Internal, RequestId::generate()));
    };
    let read = read_arguments(shared, spec, &mut parts, body).await;
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
    parts: &mut Parts,
    body: Body,
) -> Result<serde_json::Map<String, serde_json::Value>, Unreadable> {
    let path = path(parts).await.map_err(Unreadable::Input)?;
    let has_body = matches!(parts.method, http::Method::POST | http::Method::PUT);
    if !has_body {
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
