//! Listening, and the life of a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use agentstack_engine::Engine;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use crate::caller::ClientAddress;
use crate::entrance::{Answering, Entrance};
use crate::oauth::ResourceServer;
use crate::origin::{AllowList, InvalidEntry};
use crate::routes::Shared;
use crate::settings::Times;
use crate::tls::Certificate;
use crate::workers::Workers;
use crate::{HttpSettings, Metrics, OAuthProblem, TlsProblem};

/// Largest head of a request, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// How long no connection is taken after the operating system had none to give.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

/// Why the server does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// What goes over the wire would be for everybody's eyes.
    #[error(
        "listening on {listen} without TLS would send tokens and memory in plain text: set http.tls, or http.behindProxy \
         if a proxy that ends TLS stands in front, or listen on 127.0.0.1"
    )]
    Unguarded {
        /// Where it should have listened.
        listen: SocketAddr,
    },
    /// Metrics without a token are for this machine only.
    #[error("http.metricsListen must be a loopback address, not {listen}")]
    OpenMetrics {
        /// Where it should have listened.
        listen: SocketAddr,
    },
    /// The address is taken, or not this machine's.
    #[error("listening on {listen}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A list of hosts or origins holds nonsense.
    #[error("http.allowedHosts and http.allowedOrigins")]
    Names(#[from] InvalidEntry),
    /// Certificate or key.
    #[error("http.tls")]
    Tls(#[from] TlsProblem),
    /// The issuer's tokens cannot be verified.
    #[error("http.oauth")]
    OAuth(#[from] OAuthProblem),
}

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    certificate: Option<Certificate>,
    shared: Arc<Shared>,
    times: Times,
    connections: Arc<Semaphore>,
    workers: Workers,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl Server {
    /// Binds to the addresses of the settings. Nothing is answered yet.
    ///
    /// # Errors
    /// When the settings are not safe (S24) or cannot be met.
    pub async fn bind(
        settings: HttpSettings,
        engine: Arc<Engine>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ServeError> {
        if !settings.is_guarded() {
            return Err(ServeError::Unguarded { listen: settings.listen });
        }
        if let Some(listen) = settings.metrics_listen.filter(|listen| !listen.ip().is_loopback()) {
            return Err(ServeError::OpenMetrics { listen });
        }
        let certificate = settings.tls.clone().map(Certificate::read).transpose()?;
        let oauth = settings.oauth.as_ref().map(ResourceServer::new).transpose()?.map(Arc::new);
        let listener = bind(settings.listen).await?;
        let metrics_listener = match settings.metrics_listen {
            Some(listen) => Some(bind(listen).await?),
            None => None,
        };
        let allowed = AllowList::new(&settings, listener.local_addr().unwrap_or(settings.listen))?;
        let shared = Shared::new(engine, metrics, &settings, allowed, oauth);
        let connections = Arc::new(Semaphore::new(settings.connections));
        let workers =
            Workers::start().map_err(|source| ServeError::Listen { listen: settings.listen, source })?;
        Ok(Self {
            listener,
            metrics_listener,
            certificate,
            shared,
            times: settings.times,
            connections,
            workers,
        })
    }

    /// Where it listens, with the port that the operating system chose if it was to.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where metrics are served without a token, if anywhere.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// What it shows to clients, if it ends TLS itself. It can be read again while the server runs.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        self.certificate.clone()
    }

    /// What its addresses begin with.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }

    /// Serves until `stop` is done, then finishes what was accepted.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) {
        let connections = GracefulShutdown::new();
        let (routes, metrics) = (Entrance::guarded(&self.shared), Entrance::metrics(&self.shared));
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => self.begin(accepted, &routes, self.certificate.as_ref(), &connections).await,
                accepted = accept(self.metrics_listener.as_ref()) => self.begin(accepted, &metrics, None, &connections).await,
            }
        }
        // From here on nobody new gets in, and who is in hears it with the next answer.
        drop((self.listener, self.metrics_listener));
        if tokio::time::timeout(self.times.shutdown, connections.shutdown()).await.is_err() {
            tracing::warn!("some requests were not finished in time and are cut");
        }
    }

    /// Begins a connection in a task of its own.
    async fn begin(
        &self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
        routes: &Answering,
        certificate: Option<&Certificate>,
        connections: &GracefulShutdown,
    ) {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = %error, "a connection was not taken");
                tokio::time::sleep(OUT_OF_FILES).await;
                return;
            }
        };
        // One too many is closed at once: whoever waits in silence waits for longer.
        let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() else { return };
        let _ = stream.set_nodelay(true);
        let (times, routes) = (self.times, routes.clone());
        let watcher = connections.watcher();
        let metrics = Arc::clone(&self.shared.metrics);
        let tls = certificate.map(Certificate::acceptor);
        let Ok(stream) = stream.into_std() else { return };
        self.workers.serve(stream, move |stream| async move {
            metrics.connections.inc();
            let stream = timed(stream, times);
            match tls {
                None => attend(stream, peer, routes, times, watcher).await,
                Some(tls) => {
                    let handshake = tokio::time::timeout(times.handshake, tls.accept(stream)).await;
                    if let Ok(Ok(stream)) = handshake {
                        attend(Box::pin(stream), peer, routes, times, watcher).await;
                    }
                }
            }
            metrics.connections.dec();
            drop(place);
        });
    }
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(listen).await.map_err(|source| ServeError::Listen { listen, source })
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// A stream that ends when nothing of what is written is taken for too long. What is read has limits of its own.
fn timed(stream: TcpStream, times: Times) -> std::pin::Pin<Box<TimeoutStream<TcpStream>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(times.stalled));
    Box::pin(stream)
}

/// Answers the requests of one connection, one after the other.
async fn attend(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    routes: Answering,
    times: Times,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let service = TowerToHyperService::new(routes);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ClientAddress(peer.ip()));
        hyper::service::Service::call(&service, request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(times.head)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // How a client goes away is its own business.
    let _ = watcher.watch(connection).await;
}
