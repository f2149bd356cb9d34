//! Looking up names, and checking what is found before it is connected to (S49).

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{BaseUrl, EgressProblem};

/// How names become addresses.
#[async_trait]
pub trait Lookup: Send + Sync + fmt::Debug {
    /// The addresses of a host.
    ///
    /// # Errors
    /// When there is no answer.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the operating system does it.
#[derive(Debug)]
pub(crate) struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect())
    }
}

/// Gives the client those addresses of the one host that may be connected to, and no others. The client connects to what
/// it is given: it does not look up a name again.
pub(crate) struct Checked {
    base: BaseUrl,
    lookup: Arc<dyn Lookup>,
}

impl Checked {
    pub(crate) fn new(base: BaseUrl, lookup: Arc<dyn Lookup>) -> Self {
        Self { base, lookup }
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (base, lookup) = (self.base.clone(), Arc::clone(&self.lookup));
        Box::pin(async move {
            if !base.is_host(name.as_str()) {
                return Err(EgressProblem::OtherHost.into());
            }
            let found = lookup.lookup(name.as_str()).await?;
            let allowed: Vec<_> = found.into_iter().filter(|address| base.allows(*address)).collect();
            if allowed.is_empty() {
                return Err(EgressProblem::Address.into());
            }
            // The client puts in the port of the address.
            Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
