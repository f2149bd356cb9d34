//! The way out to one provider (S49).

mod address;
mod resolve;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agentstack_core::{Clock, SystemClock};
use reqwest::redirect;
use tokio::sync::OnceCell;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

pub use self::address::{BaseUrl, EgressProblem};
pub use self::resolve::Lookup;
use self::resolve::{Checked, SystemLookup};

/// How long, how much and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For looking up the name, connecting and TLS, at each try.
    pub connect: Duration,
    /// From the beginning of a try to the head of the answer. Without streaming the model has said everything by then.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub silence: Duration,
    /// For the body of an answer that is an error, which only says why.
    pub error_body: Duration,
    /// For all of it: every try and every pause between them.
    pub total: Duration,
    /// The largest answer, in bytes.
    pub answer_bytes: usize,
    /// The longest line or event of a streamed answer, in bytes.
    pub line_bytes: usize,
    /// How often is tried at most. 1 is never again.
    pub tries: u32,
    /// The pause after the first try; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause, and the longest `Retry-After` that is waited for.
    pub longest_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_mins(5),
            silence: Duration::from_mins(2),
            error_body: Duration::from_secs(2),
            total: Duration::from_mins(10),
            answer_bytes: 32 << 20,
            line_bytes: 1 << 20,
            tries: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
        }
    }
}

/// The way out to one provider: a client that can reach the one address, within limits.
///
/// Redirects are not followed, no proxy is used (those of the environment neither: whoever sets a variable would see
/// every prompt and key), nothing is decompressed, and there are no cookies. Each request is a connection of its own, so
/// that the name is looked up once for it, what was found is checked, and what was checked is connected to.
///
/// The client is made for the first request, and shared by clones: to read all certificates that a machine trusts takes
/// some milliseconds, which a program that asks nobody does not spend.
#[derive(Clone)]
pub struct Outlet {
    pub(crate) base: BaseUrl,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    lookup: Arc<dyn Lookup>,
    client: Arc<OnceCell<reqwest::Client>>,
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet")
            .field("base", &self.base)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Outlet {
    /// The way out to this address. It is believed by the certificates that this machine trusts: a company's own
    /// authority is among them. If it trusts nobody, each request fails with [`EgressProblem::NoRoots`].
    #[must_use]
    pub fn new(base: BaseUrl, limits: Limits) -> Self {
        Self::with_lookup(base, limits, Arc::new(SystemLookup))
    }

    /// The same, where names are looked up otherwise. What is found is checked all the same.
    #[must_use]
    pub fn with_lookup(base: BaseUrl, limits: Limits, lookup: Arc<dyn Lookup>) -> Self {
        Self { base, limits, clock: Arc::new(SystemClock), lookup, client: Arc::default() }
    }

    /// The client. Whoever asks first makes it, on a thread that may wait for files.
    pub(crate) async fn client(&self) -> Result<&reqwest::Client, EgressProblem> {
        let made = async {
            let outlet = self.clone();
            let making = tokio::task::spawn_blocking(move || outlet.make(trusted(&outlet.base)?));
            making.await.unwrap_or(Err(EgressProblem::Client))
        };
        self.client.get_or_try_init(|| made).await
    }

    /// A client that believes these.
    fn make(&self, roots: RootCertStore) -> Result<reqwest::Client, EgressProblem> {
        let tls = tls(roots).map_err(|_| EgressProblem::Client)?;
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(self.base.is_https())
            .http1_only()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(self.limits.connect)
            .dns_resolver(Checked::new(self.base.clone(), Arc::clone(&self.lookup)))
            .user_agent(concat!("agentstack/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| EgressProblem::Client)
    }

    /// With another clock to measure `Retry-After` by, when that is a time.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }
}

/// The authorities that the machine trusts. Who is not encrypted needs none.
fn trusted(base: &BaseUrl) -> Result<RootCertStore, EgressProblem> {
    let mut roots = RootCertStore::empty();
    if base.is_https() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(EgressProblem::NoRoots);
        }
    }
    Ok(roots)
}

fn tls(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests;
