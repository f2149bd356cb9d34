//! How HTTP is served.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::OAuthSettings;

/// How HTTP is served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where metrics are served without a token, if anywhere: a loopback address.
    pub metrics_listen: Option<SocketAddr>,
    /// The names by which clients may call the server, `host` or `host:port`. Those of the loopback interface and the
    /// address it listens on are always among them.
    pub allowed_hosts: Vec<String>,
    /// The pages that may call it from a browser, `scheme://host` or `scheme://host:port`. Its own always may.
    pub allowed_origins: Vec<String>,
    /// Whether a proxy stands in front of it, ends TLS and adds `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Certificate and key, if it ends TLS itself.
    pub tls: Option<TlsFiles>,
    /// The issuer whose JSON Web Tokens are accepted besides tokens of our own, if any.
    pub oauth: Option<OAuthSettings>,
    /// Failed authentications of one client address in a minute; more are turned away without a record of each.
    pub failed_authentications_per_minute: u32,
    /// Most connections at one time.
    pub connections: usize,
    /// Most requests under way at one time, of all callers.
    pub requests: usize,
    /// Time limits.
    pub times: Times,
}

/// The files of TLS, PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Time limits of a connection and a request (S33).
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// For the handshake of TLS.
    pub handshake: Duration,
    /// For the head of a request to come, since the answer before: it is the time that a connection may be idle, too.
    pub head: Duration,
    /// For its body.
    pub body: Duration,
    /// For the answer to be ready.
    pub answer: Duration,
    /// For a peer that takes nothing of what is written to it.
    pub stalled: Duration,
    /// For what was accepted to be finished after the server was told to stop.
    pub shutdown: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            // Proxies keep connections for a minute; who closes first meets a request that is on its way.
            head: Duration::from_secs(75),
            body: Duration::from_secs(30),
            // A call may wait half a minute for another process's transaction.
            answer: Duration::from_secs(35),
            stalled: Duration::from_secs(30),
            shutdown: Duration::from_secs(10),
        }
    }
}

impl HttpSettings {
    /// The usual settings for a server at `listen`.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            metrics_listen: None,
            allowed_hosts: vec![],
            allowed_origins: vec![],
            behind_proxy: false,
            tls: None,
            oauth: None,
            failed_authentications_per_minute: 30,
            connections: 20_000,
            requests: 256,
            times: Times::default(),
        }
    }

    /// Whether what goes over the wire is for nobody else's eyes: it stays on the machine, or is encrypted here or by
    /// a proxy (S24).
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.listen.ip().is_loopback() || self.tls.is_some() || self.behind_proxy
    }
}
