//! The way in: a name for each request, where it comes from, who sends it, and only then what it asks for.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use agentstack_api::{ErrorBody, ErrorCode};
use agentstack_core::RequestId;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use tower_http::compression::Compression;
use tower_http::compression::predicate::SizeAbove;
use tower_service::Service;
use tracing::Instrument;

use crate::caller::ClientAddress;
use crate::origin::Stranger;
use crate::problem::{REQUEST_ID, of_http, problem};
use crate::routes::{self, OAUTH_PATHS, Shared};
use crate::trace;

/// Smallest answer that is worth compressing, in bytes.
const COMPRESSED: u64 = 1024;

/// What answers the requests of a connection.
pub(crate) type Answering = Compression<Entrance, SizeAbove>;

/// The way in.
///
/// Who a request is from is looked at here, in one place around all routes: of a layer, axum would clone what is in it
/// for every request.
#[derive(Clone)]
pub(crate) enum Entrance {
    /// To the whole server.
    Guarded(Arc<Shared>, Router),
    /// To metrics alone, at an address of their own.
    Metrics(Router),
}

impl Entrance {
    pub(crate) fn guarded(shared: &Arc<Shared>) -> Answering {
        compressed(Self::Guarded(Arc::clone(shared), routes::all(shared)))
    }

    pub(crate) fn metrics(shared: &Arc<Shared>) -> Answering {
        compressed(Self::Metrics(routes::metrics(shared)))
    }
}

fn compressed(entrance: Entrance) -> Answering {
    Compression::new(entrance).compress_when(SizeAbove::new(COMPRESSED))
}

impl Service<Request> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self {
            Self::Guarded(shared, router) => Box::pin(enter(Arc::clone(shared), router.clone(), request)),
            Self::Metrics(router) => Box::pin(router.call(request)),
        }
    }
}

/// The way of every request: a name for it, where it comes from, who sends it, and only then what it asks for.
async fn enter(shared: Arc<Shared>, router: Router, request: Request) -> Result<Response, Infallible> {
    let id = RequestId::generate();
    let trace = trace::trace_id(request.headers()).map(str::to_owned);
    let answered = answer(&shared, router, request, id);
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
    Ok(response)
}

async fn answer(shared: &Shared, mut router: Router, mut request: Request, id: RequestId) -> Response {
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
    let most = shared.times.answer + shared.times.body;
    let answered = match tokio::time::timeout(most, router.call(request)).await {
        Ok(Ok(answered)) => answered,
        Err(_) => problem(&ErrorBody::new(ErrorCode::Unavailable, id)),
    };
    with_origin(answered, origin)
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
    let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
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

/// Whether a path is answered without a credential (S01). The documents say nothing that is not in the source, and the
/// issuer, if there is one, is named to whoever is to get a token there.
fn is_open(shared: &Shared, path: &str) -> bool {
    matches!(path, "/health/live" | "/health/ready" | "/openapi.json" | "/docs")
        || (shared.oauth.is_some() && OAUTH_PATHS.contains(&path))
}
