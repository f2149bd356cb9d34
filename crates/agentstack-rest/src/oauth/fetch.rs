//! Where an issuer's keys come from: a file, or one request to one address (S49).
//!
//! **Invariant:** nothing is asked for but the address of the configuration. No redirect, no proxy, no cookie, no
//! credential; the address that was checked is the one that is connected to.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::address::WebAddress;
use super::key_set::{KeySet, KeySetProblem, SET_BYTES};

/// For the whole of a request.
const TIME: Duration = Duration::from_secs(5);
/// About the largest head of an answer, in bytes: hyper looks when it has read some.
const HEAD_BYTES: usize = 64 * 1024;
/// Most addresses of a name that are tried.
const ADDRESSES: usize = 4;

/// Why there are no keys. For the log; names addresses and files of the configuration, and nothing that came in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchProblem {
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
    Request(#[source] http::Error),
    #[error("it was answered with status {}; redirects are not followed", .0.as_u16())]
    Status(StatusCode),
    #[error("the answer is larger than {SET_BYTES} bytes, or broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it took longer than {} seconds", TIME.as_secs())]
    Time,
    #[error("reading the file")]
    File(#[source] io::Error),
    #[error("it is not a plain file of the user or of root that nobody else can write to")]
    NotOurs,
    #[error(transparent)]
    Keys(#[from] KeySetProblem),
}

/// By what a file that has changed is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

/// Where keys come from.
#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Web { address: WebAddress, tls: Option<TlsConnector> },
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Web { address, .. } => f.debug_tuple("Web").field(&address.uri).finish(),
        }
    }
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// Just what was there before.
    Same,
    New(KeySet, Option<Stamp>),
}

impl Source {
    /// An address to fetch from, and whom to believe that it is the one.
    pub(crate) fn web(
        address: WebAddress,
        roots: impl FnOnce() -> RootCertStore,
    ) -> Result<Self, rustls::Error> {
        let tls = address.is_https.then(|| connector(roots())).transpose()?;
        Ok(Self::Web { address, tls })
    }

    /// Reads the keys, if there can be others than those with this stamp.
    pub(crate) async fn load(&self, known: Option<Stamp>) -> Result<Found, FetchProblem> {
        match self {
            Self::File(path) => read(path, known),
            Self::Web { address, tls } => {
                let fetched = tokio::time::timeout(TIME, fetch(address, tls.as_ref())).await;
                let bytes = fetched.unwrap_or(Err(FetchProblem::Time))?;
                Ok(Found::New(KeySet::read(&bytes)?, None))
            }
        }
    }
}

/// Reads a file, unless it is the one with this stamp.
pub(crate) fn read(path: &Path, known: Option<Stamp>) -> Result<Found, FetchProblem> {
    // Looked at before it is opened: to open a pipe is to wait for who writes to it.
    let before = checked(&std::fs::metadata(path).map_err(FetchProblem::File)?)?;
    if known == Some(before) {
        return Ok(Found::Same);
    }
    let file = File::open(path).map_err(FetchProblem::File)?;
    let stamp = checked(&file.metadata().map_err(FetchProblem::File)?)?;
    let mut bytes = vec![];
    file.take(SET_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(FetchProblem::File)?;
    Ok(Found::New(KeySet::read(&bytes)?, Some(stamp)))
}

/// Whoever can write to the file decides who gets in: that may be the user and root alone, as for a policy (S42).
fn checked(metadata: &Metadata) -> Result<Stamp, FetchProblem> {
    let ours = metadata.uid() == 0 || metadata.uid() == rustix::process::geteuid().as_raw();
    if !metadata.is_file() || !ours || metadata.mode() & 0o022 != 0 {
        return Err(FetchProblem::NotOurs);
    }
    let modified = metadata.modified().map_err(FetchProblem::File)?;
    Ok(Stamp { modified, length: metadata.len(), inode: metadata.ino() })
}

/// The certificates that this machine trusts: a company's own authority is among them.
pub(crate) fn roots() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

fn connector(roots: RootCertStore) -> Result<TlsConnector, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn fetch(address: &WebAddress, tls: Option<&TlsConnector>) -> Result<Bytes, FetchProblem> {
    let found = tokio::net::lookup_host((address.host.as_str(), address.port));
    let allowed = address.allowed(found.await.map_err(FetchProblem::Lookup)?);
    let stream = connect(&allowed).await?;
    match tls {
        None => get(address, stream).await,
        Some(tls) => {
            let name = ServerName::try_from(address.host.clone()).map_err(FetchProblem::Name)?;
            get(address, tls.connect(name, stream).await.map_err(FetchProblem::Connect)?).await
        }
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, FetchProblem> {
    let mut problem = FetchProblem::Address;
    for address in addresses.iter().take(ADDRESSES) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => problem = FetchProblem::Connect(error),
        }
    }
    Err(problem)
}

async fn get(
    address: &WebAddress,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Bytes, FetchProblem> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(FetchProblem::Http)?;
    // Ends with this function, whatever becomes of it.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let path = address.uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(header::HOST, address.authority())
        .header(header::ACCEPT, "application/jwk-set+json, application/json")
        .header(header::USER_AGENT, concat!("agentstack/", env!("CARGO_PKG_VERSION")))
        .body(Body::empty())
        .map_err(FetchProblem::Request)?;
    let answer = sender.send_request(request).await.map_err(FetchProblem::Http)?;
    if answer.status() != StatusCode::OK {
        return Err(FetchProblem::Status(answer.status()));
    }
    let body = Limited::new(answer.into_body(), SET_BYTES).collect().await.map_err(FetchProblem::Body)?;
    Ok(body.to_bytes())
}

#[cfg(test)]
mod tests;
