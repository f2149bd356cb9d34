//! Which names and pages may call the server (S24): a page on the Internet must not reach one on this machine, by
//! whatever name it calls it (DNS rebinding).

use std::net::SocketAddr;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri, header};

use crate::HttpSettings;

/// Which names and pages may call.
#[derive(Debug, Clone)]
pub(crate) struct AllowList {
    hosts: Vec<Name>,
    origins: Vec<(String, Name)>,
    /// What the server's own pages begin with.
    scheme: &'static str,
}

/// A host, and a port if only that one will do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    host: String,
    port: Option<u16>,
}

/// An entry of a list that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is not {form}")]
pub struct InvalidEntry {
    entry: String,
    form: &'static str,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    Host,
    Origin,
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let (host, rest) =
            text.split_at_checked(authority.host().len()).filter(|(host, _)| !host.is_empty())?;
        // By hand: of a port that is none, `Authority` says that there is no port.
        let port = match rest.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            None if rest.is_empty() => None,
            _ => return None,
        };
        (host == authority.host()).then(|| Self { host: host.to_ascii_lowercase(), port })
    }

    /// Whether it is `other`, which was said to have no port or this one.
    fn covers(&self, other: &Self) -> bool {
        self.host == other.host && (self.port.is_none() || self.port == other.port)
    }
}

/// `scheme://host[:port]`
fn origin(text: &str) -> Option<(String, Name)> {
    let (scheme, rest) = text.split_once("://")?;
    let known = matches!(scheme, "http" | "https");
    known.then(|| Name::parse(rest)).flatten().map(|name| (scheme.to_owned(), name))
}

impl AllowList {
    /// What the settings allow, for a server that was bound to `address`.
    pub(crate) fn new(settings: &HttpSettings, address: SocketAddr) -> Result<Self, InvalidEntry> {
        let own = [
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "[::1]".to_owned(),
            match address {
                SocketAddr::V4(address) => address.ip().to_string(),
                SocketAddr::V6(address) => format!("[{}]", address.ip()),
            },
        ];
        let host = |entry: &String| {
            let form = "a host or host:port";
            Name::parse(entry).ok_or_else(|| InvalidEntry { entry: entry.clone(), form })
        };
        let page = |entry: &String| {
            let form = "an origin, such as https://app.example.org";
            let (scheme, name) = origin(entry).ok_or_else(|| InvalidEntry { entry: entry.clone(), form })?;
            // An origin without a port has the scheme's.
            let port = name.port.or(Some(if scheme == "https" { 443 } else { 80 }));
            Ok((scheme, Name { port, ..name }))
        };
        Ok(Self {
            hosts: own.iter().chain(&settings.allowed_hosts).map(host).collect::<Result<_, _>>()?,
            origins: settings.allowed_origins.iter().map(page).collect::<Result<_, _>>()?,
            scheme: if settings.tls.is_some() || settings.behind_proxy { "https" } else { "http" },
        })
    }

    /// Checks where a request comes from. Returns the origin if it is another page's, one that is allowed.
    pub(crate) fn check<'h>(
        &self,
        uri: &Uri,
        headers: &'h HeaderMap,
    ) -> Result<Option<&'h HeaderValue>, Stranger> {
        let host = one(headers, &header::HOST).map_err(|()| Stranger::Host)?;
        let named = host.and_then(|value| Name::parse(value.to_str().ok()?)).ok_or(Stranger::Host)?;
        // A request line with a host of its own must not say another than the header.
        let line = uri.authority().map(|authority| Name::parse(authority.as_str()));
        if line.is_some_and(|line| line.as_ref() != Some(&named)) {
            return Err(Stranger::Host);
        }
        if !self.hosts.iter().any(|known| known.covers(&named)) {
            return Err(Stranger::Host);
        }
        let Some(value) = one(headers, &header::ORIGIN).map_err(|()| Stranger::Origin)? else {
            return Ok(None);
        };
        let (scheme, page) = value.to_str().ok().and_then(origin).ok_or(Stranger::Origin)?;
        if scheme == self.scheme && page == named {
            return Ok(None);
        }
        let page = Name { port: page.port.or(Some(if scheme == "https" { 443 } else { 80 })), ..page };
        let known = self.origins.iter().any(|(known, name)| *known == scheme && *name == page);
        if known { Ok(Some(value)) } else { Err(Stranger::Origin) }
    }
}

/// The header's value, if there is just one.
fn one<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Result<Option<&'h HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(()) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(hosts: &[&str], origins: &[&str]) -> AllowList {
        let mut settings = HttpSettings::new("127.0.0.1:3001".parse().unwrap());
        settings.allowed_hosts = hosts.iter().map(ToString::to_string).collect();
        settings.allowed_origins = origins.iter().map(ToString::to_string).collect();
        AllowList::new(&settings, settings.listen).unwrap()
    }

    fn asked(list: &AllowList, host: &str, origin: Option<&str>) -> Result<bool, Stranger> {
        let mut headers = HeaderMap::new();
        headers.append(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        list.check(&Uri::from_static("/"), &headers).map(|origin| origin.is_some())
    }

    #[test]
    fn s24_hosts_are_the_loopback_names_and_those_configured() {
        let list = list(&["memory.example.org", "other.example.org:8443"], &[]);
        for good in [
            "localhost",
            "localhost:3001",
            "LOCALHOST:3001",
            "127.0.0.1:3001",
            "[::1]:3001",
            "[::1]",
            "memory.example.org",
            "memory.example.org:443",
            "other.example.org:8443",
        ] {
            assert_eq!(asked(&list, good, None), Ok(false), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:3001",
            "[::2]",
            "::1",
            "localhost:x",
            "localhost:",
            "localhost:99999",
            "user@localhost",
            "",
            "localhost/",
            "other.example.org",
            "other.example.org:443",
            "127.0.0.2",
            "0.0.0.0:3001",
            "2130706433",
            "localhost,evil.example",
        ] {
            assert_eq!(asked(&list, bad, None), Err(Stranger::Host), "{bad}");
        }
    }

    #[test]
    fn s24_origins_are_the_servers_own_and_those_configured() {
        let list = list(&[], &["https://app.example.org", "http://localhost:5173"]);
        let host = "localhost:3001";
        assert_eq!(asked(&list, host, Some("http://localhost:3001")), Ok(false), "its own page");
        for good in ["https://app.example.org", "https://app.example.org:443", "http://localhost:5173"] {
            assert_eq!(asked(&list, host, Some(good)), Ok(true), "{good}");
        }
        for bad in [
            "null",
            "https://evil.example",
            "http://app.example.org",
            "https://app.example.org:8443",
            "http://localhost",
            "http://localhost:5174",
            "https://localhost:3001",
            "http://127.0.0.1:3001",
            "https://app.example.org.evil.example",
            "file://",
            "app.example.org",
            "",
            "https://",
        ] {
            assert_eq!(asked(&list, host, Some(bad)), Err(Stranger::Origin), "{bad}");
        }
        // A good origin does not make up for a foreign name.
        assert_eq!(asked(&list, "evil.example", Some("https://app.example.org")), Err(Stranger::Host));
    }

    #[test]
    fn s24_two_hosts_or_none_are_a_stranger() {
        let list = list(&[], &[]);
        let mut headers = HeaderMap::new();
        assert_eq!(list.check(&Uri::from_static("/"), &headers), Err(Stranger::Host));
        headers.append(header::HOST, "localhost".parse().unwrap());
        assert_eq!(list.check(&Uri::from_static("http://evil.example/"), &headers), Err(Stranger::Host));
        headers.append(header::HOST, "evil.example".parse().unwrap());
        assert_eq!(list.check(&Uri::from_static("/"), &headers), Err(Stranger::Host));
    }

    #[test]
    fn a_list_with_nonsense_in_it_is_refused() {
        for (hosts, origins) in
            [(vec!["a b"], vec![]), (vec![], vec!["app.example.org"]), (vec![], vec!["*"])]
        {
            let mut settings = HttpSettings::new("127.0.0.1:3001".parse().unwrap());
            settings.allowed_hosts = hosts.iter().map(ToString::to_string).collect();
            settings.allowed_origins = origins.iter().map(ToString::to_string).collect();
            assert!(AllowList::new(&settings, settings.listen).is_err(), "{hosts:?} {origins:?}");
        }
    }
}
