//! The address of a provider, and which of the network's a connection may go to (S49).

use std::fmt;
use std::net::IpAddr;

use agentstack_core::network::{Reach, embedded, reach};
use reqwest::Url;

/// Longest address, in bytes.
const LONGEST: usize = 2_048;

/// Why a connection may not be made. It names nothing that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EgressProblem {
    /// The base address is none.
    #[error(
        "a base address is https://host, with a port and a path if need be; no user name, query, fragment, and no other way to write the host"
    )]
    Url,
    /// The base address is not encrypted, and leads to other machines.
    #[error("a base address is https:// but for `localhost` and for loopback and private IP addresses")]
    NotHttps,
    /// The base address is one that nobody may connect to.
    #[error("link-local, metadata, multicast, unspecified and reserved addresses are never connected to")]
    Forbidden,
    /// All that the name leads to may not be connected to.
    #[error(
        "the host has no address that may be connected to; private and loopback ones only where the base address is one"
    )]
    Address,
    /// Somebody asked for another host.
    #[error("only the host of the base address is connected to")]
    OtherHost,
    /// The provider sends us elsewhere.
    #[error("the answer is a redirect, and redirects are not followed")]
    Redirect,
    /// There is nobody to believe that it is the one.
    #[error(
        "this machine trusts no certificate authority: install its ca-certificates, or set SSL_CERT_FILE"
    )]
    NoRoots,
    /// There can be no client.
    #[error("TLS cannot be used")]
    Client,
}

/// The base address of a provider. It prints itself without its path.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Without a slash at the end.
    url: String,
    host: Host,
}

#[derive(Clone, PartialEq, Eq)]
enum Host {
    /// `localhost`: this machine, and nothing else.
    Localhost,
    /// Somewhere on the Internet.
    Name(String),
    /// An address that was checked when it was read.
    Literal(IpAddr),
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.authority())
    }
}

impl BaseUrl {
    /// Reads one: `https://`, or `http://` where the host is `localhost` or a loopback or private IP address.
    ///
    /// A host has to be written as it is understood: other forms of an IP address (decimal, octal, hexadecimal, short,
    /// mapped), a trailing dot and percent signs are refused, so that what an operator reads is what is connected to.
    ///
    /// # Errors
    /// Which of these it is not.
    pub fn parse(text: &str) -> Result<Self, EgressProblem> {
        let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'@' | b'#' | b'?' | b'\\' | b'%');
        if text.len() > LONGEST || text.bytes().any(odd) {
            return Err(EgressProblem::Url);
        }
        let (is_https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(EgressProblem::Url),
        };
        let parsed = Url::parse(text).map_err(|_| EgressProblem::Url)?;
        let written = rest.split('/').next().unwrap_or_default();
        let host = host(written, &parsed).ok_or(EgressProblem::Url)?;
        match &host {
            Host::Localhost => {}
            Host::Name(_) if is_https => {}
            Host::Name(_) => return Err(EgressProblem::NotHttps),
            Host::Literal(address) => match reach(*address) {
                Reach::Nowhere => return Err(EgressProblem::Forbidden),
                Reach::Everywhere if !is_https => return Err(EgressProblem::NotHttps),
                _ => {}
            },
        }
        Ok(Self { url: parsed.as_str().trim_end_matches('/').to_owned(), host })
    }

    /// `host` or `host:port`, which may be logged.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.url.split('/').nth(2).unwrap_or_default()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.starts_with("https:")
    }

    /// The address of something below it.
    pub(crate) fn join(&self, path: &str) -> Result<Url, EgressProblem> {
        Url::parse(&format!("{}{path}", self.url)).map_err(|_| EgressProblem::Url)
    }

    /// Whether its host is this one, by name.
    pub(crate) fn is_host(&self, name: &str) -> bool {
        match &self.host {
            Host::Localhost => name == "localhost",
            Host::Name(host) => host == name,
            Host::Literal(_) => false,
        }
    }

    /// Whether what the name leads to may be connected to.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        match &self.host {
            Host::Localhost => reach(address) == Reach::Machine,
            Host::Name(_) => reach(address) == Reach::Everywhere,
            Host::Literal(literal) => *literal == address,
        }
    }
}

/// The host, if the URL has it just as it is written.
fn host(written: &str, parsed: &Url) -> Option<Host> {
    let understood = parsed.host_str()?;
    let (name, rest) = match written.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => written.split_at(written.find(':').unwrap_or(written.len())),
    };
    let port = rest.strip_prefix(':').map(str::parse::<u16>);
    let is_port =
        if rest.is_empty() { true } else { port.is_some_and(|port| port.is_ok_and(|port| port != 0)) };
    let bare = understood.trim_start_matches('[').trim_end_matches(']');
    if !is_port {
        return None;
    }
    if let Ok(address) = bare.parse::<IpAddr>() {
        let same = name.parse() == Ok(address);
        return (same && embedded(address).is_none()).then_some(Host::Literal(address));
    }
    let same = name.eq_ignore_ascii_case(bare) && !bare.ends_with('.') && !written.starts_with('[');
    let host = if bare == "localhost" { Host::Localhost } else { Host::Name(bare.to_owned()) };
    same.then_some(host)
}
