//! Requests to the outside (S49): one connector for all of them.
//!
//! **Invariant:** nothing is connected to but the address that the operator configured. No redirect, no proxy, no cookie;
//! the address that was checked is the one that is connected to, and an address is logged without path and query.

mod address;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

pub(crate) use self::address::WebAddress;

/// For the whole of a request.
pub(crate) const TIME: Duration = Duration::from_secs(5);
/// About the largest head of an answer, in bytes: hyper looks when it has read some.
const HEAD_BYTES: usize = 64 * 1024;
/// Most addresses of a name that are tried.
const ADDRESSES: usize = 4;

/// Why there is no answer. For the log; it names nothing that came in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboundProblem {
    #[error("looking up the host")]
    Lookup(#[source] io::Error),
    #[error("the host has no address that may be connected to: none at all, or private or link-local ones")]
    Address,
    #[error("connecting")]
    Connect(#[source] io::Error),
    #[error("the host has no name that a certificate could have")]
    Name(#[source] rustls::pki_types::InvalidDnsNameError),
    #[error("talking HTTP")]
    Http(#[source] hyper::Error),
    #[error("the request")]
    Request(#[from] http::Error),
    #[error("the answer is larger than {most} bytes, or broke off")]
    Body {
        most: usize,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("it took longer than {} seconds", TIME.as_secs())]
    Time,
}

/// An address to talk to, and whom to believe that it is the one.
#[derive(Clone)]
pub(crate) struct Endpoint {
    address: WebAddress,
    tls: Option<TlsConnector>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.address, f)
    }
}

/// Why an `https://` address cannot be talked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointProblem {
    /// There is nobody to believe that it is the one.
    #[error(
        "this machine trusts no certificate authority: install its ca-certificates, or set SSL_CERT_FILE"
    )]
    NoRoots,
    /// TLS.
    #[error("the certificates of this machine cannot be used")]
    Tls(#[from] rustls::Error),
}

impl Endpoint {
    /// One that is believed by the certificates that this machine trusts: a company's own authority is among them.
    pub(crate) fn new(address: WebAddress) -> Result<Self, EndpointProblem> {
        let mut roots = RootCertStore::empty();
        if address.is_https {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(EndpointProblem::NoRoots);
            }
        }
        Ok(Self::trusting(address, roots)?)
    }

    /// One that is believed by these.
    pub(crate) fn trusting(address: WebAddress, roots: RootCertStore) -> Result<Self, rustls::Error> {
        let tls = address.is_https.then(|| connector(roots)).transpose()?;
        Ok(Self { address, tls })
    }

    /// What a request to it asks for.
    pub(crate) fn target(&self) -> &str {
        self.address.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The host and port, which may be logged.
    pub(crate) fn authority(&self) -> &str {
        self.address.authority()
    }

    /// Sends a request, and waits for the head of the answer. Whoever calls it limits the time.
    pub(crate) async fn send(
        &self,
        request: http::Result<Request<Full<Bytes>>>,
    ) -> Result<Answer, OutboundProblem> {
        let request = request?;
        let found = tokio::net::lookup_host((self.address.host.as_str(), self.address.port)).await;
        let allowed = self.address.allowed(found.map_err(OutboundProblem::Lookup)?);
        let stream = connect(&allowed).await?;
        match &self.tls {
            None => self.exchange(request, stream).await,
            Some(tls) => {
                let name = ServerName::try_from(self.address.host.clone()).map_err(OutboundProblem::Name)?;
                let stream = tls.connect(name, stream).await.map_err(OutboundProblem::Connect)?;
                self.exchange(request, stream).await
            }
        }
    }

    async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Answer, OutboundProblem> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES);
        let (mut sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(OutboundProblem::Http)?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let host = HeaderValue::from_str(self.authority()).map_err(http::Error::from)?;
        request.headers_mut().insert(header::HOST, host);
        let agent = HeaderValue::from_static(concat!("agentstack/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        let answer = sender.send_request(request).await.map_err(OutboundProblem::Http)?;
        let (head, body) = answer.into_parts();
        Ok(Answer { status: head.status, body, _driver: driver })
    }
}

/// An answer of which the head has come.
pub(crate) struct Answer {
    status: StatusCode,
    body: Incoming,
    /// Drives the connection, which ends with the answer, whatever becomes of it.
    _driver: JoinSet<Result<(), hyper::Error>>,
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Its body, of at most so many bytes.
    pub(crate) async fn read(self, most: usize) -> Result<Bytes, OutboundProblem> {
        let body = Limited::new(self.body, most).collect().await;
        Ok(body.map_err(|source| OutboundProblem::Body { most, source })?.to_bytes())
    }
}

fn connector(roots: RootCertStore) -> Result<TlsConnector, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, OutboundProblem> {
    let mut problem = OutboundProblem::Address;
    for address in addresses.iter().take(ADDRESSES) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => problem = OutboundProblem::Connect(error),
        }
    }
    Err(problem)
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
