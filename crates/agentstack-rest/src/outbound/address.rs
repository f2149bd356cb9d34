//! The addresses of a configuration, and which of the network's an outbound connection may go to (S49).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use agentstack_core::network::{Reach, reach};
use http::Uri;

/// Longest address, in bytes.
const LONGEST: usize = 2_048;

/// An `https://` address, or an `http://` one of this machine, without user name and fragment. It prints itself without
/// its path and query, which may be a secret.
#[derive(Clone)]
pub(crate) struct WebAddress {
    pub(crate) uri: Uri,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_https: bool,
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.authority())
    }
}

impl WebAddress {
    /// Reads one without a query.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::parse_with_query(text).filter(|_| !text.contains('?'))
    }

    /// The same, where a query may be part of it.
    pub(crate) fn parse_with_query(text: &str) -> Option<Self> {
        let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'@' | b'#' | b'\\');
        if text.len() > LONGEST || text.bytes().any(odd) {
            return None;
        }
        let is_https = text.starts_with("https://");
        if !is_https && !text.starts_with("http://") {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let named = authority.host();
        let host = named.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(named);
        // By hand: of a port that is none, `Authority` says that there is no port.
        let port = match authority.as_str().strip_prefix(named)? {
            "" => Some(if is_https { 443 } else { 80 }),
            given => given.strip_prefix(':')?.parse().ok().filter(|port| *port != 0),
        }?;
        let address = Self { host: host.to_ascii_lowercase(), port, is_https, uri };
        let good = !address.host.is_empty() && (is_https || address.names_loopback());
        good.then_some(address)
    }

    /// `host` or `host:port`, as the configuration has it.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", http::uri::Authority::as_str)
    }

    fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    fn names_loopback(&self) -> bool {
        self.host == "localhost" || self.literal().is_some_and(|address| address.is_loopback())
    }

    /// Those of the addresses behind the name that may be connected to. They are connected to as they are: a name that
    /// is looked up twice can have two answers.
    pub(crate) fn allowed(&self, found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
        found.filter(|address| self.allows(address.ip().to_canonical())).collect()
    }

    fn allows(&self, address: IpAddr) -> bool {
        match reach(address) {
            Reach::Everywhere => true,
            Reach::Machine => self.names_loopback(),
            Reach::Network => self.literal().map(|literal| literal.to_canonical()) == Some(address),
            Reach::Nowhere => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_of_this_machine() {
        for good in [
            "https://login.example.org",
            "https://login.example.org/realms/a/",
            "https://login.example.org:8443/jwks",
            "https://[2001:db8::1]/x",
            "https://10.0.0.1/x",
            "http://localhost:8080/jwks",
            "http://127.0.0.1/",
            "http://[::1]:9",
        ] {
            assert!(WebAddress::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "https://",
            "https:///x",
            "login.example.org",
            "ftp://login.example.org",
            "HTTPS://login.example.org",
            "http://login.example.org",
            "http://localhost.example.org",
            "http://10.0.0.1",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0.0.0.0/",
            "http://[::ffff:127.0.0.1]/",
            "https://me@login.example.org",
            "https://login.example.org/?a",
            "https://login.example.org/#a",
            "https://login.example.org:0/",
            "https://login.example.org:99999/",
            "https://login.example.org:/",
            "https://login example.org/",
            "https://login.example.org\\@evil.example",
        ] {
            assert!(WebAddress::parse(bad).is_none(), "{bad}");
        }
        assert!(WebAddress::parse(&format!("https://a/{}", "a".repeat(3_000))).is_none());
    }

    #[test]
    fn a_query_is_taken_only_where_one_may_be_and_is_not_printed() {
        let text = "https://hooks.example.org:8443/T0/secret-path?sig=secret-query";
        assert!(WebAddress::parse(text).is_none());
        let address = WebAddress::parse_with_query(text).unwrap();
        assert_eq!(address.uri.path_and_query().unwrap(), "/T0/secret-path?sig=secret-query");
        assert_eq!(format!("{address:?} {address:#?}"), "hooks.example.org:8443 hooks.example.org:8443");
        for bad in [
            "http://hooks.example.org/?a",
            "https://me@hooks.example.org/?a",
            "https://hooks.example.org/?a#b",
        ] {
            assert!(WebAddress::parse_with_query(bad).is_none(), "{bad}");
        }
        // What stands before the query decides, whatever is in it.
        for odd in ["https://10.0.0.1?127.0.0.1", "https://login.example.org?localhost"] {
            let host = WebAddress::parse_with_query(odd).unwrap().host;
            assert!(odd.starts_with(&format!("https://{host}?")), "{host}");
        }
    }

    fn goes(url: &str, to: &str) -> bool {
        let found = SocketAddr::new(to.parse().unwrap(), 443);
        !WebAddress::parse(url).unwrap().allowed([found].into_iter()).is_empty()
    }

    #[test]
    fn s49_a_name_leads_to_the_internet_and_nowhere_else() {
        let name = "https://login.example.org/jwks";
        for good in ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(goes(name, good), "{good}");
        }
        for bad in [
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "::ffff:127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd00::1",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fec0::1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "192.0.2.1",
            "198.18.0.1",
            "2001:db8::1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:0:1::1",
            "::127.0.0.1",
        ] {
            assert!(!goes(name, bad), "{bad}");
        }
    }

    #[test]
    fn s49_this_machine_and_private_networks_only_where_the_address_names_them() {
        assert!(goes("http://localhost:1/", "127.0.0.1") && goes("http://localhost:1/", "::1"));
        assert!(goes("https://127.0.0.1/", "127.0.0.1") && goes("https://[::1]/", "::1"));
        assert!(!goes("https://localhost/", "10.0.0.1"), "a name that was bent");
        assert!(goes("https://10.0.0.1/", "10.0.0.1") && goes("https://[fd00::1]/", "fd00::1"));
        assert!(!goes("https://10.0.0.1/", "10.0.0.2") && !goes("https://10.0.0.1/", "127.0.0.1"));
        for never in ["169.254.169.254", "100.100.100.200", "168.63.129.16", "0.0.0.0"] {
            assert!(!goes(&format!("https://{never}/"), never), "{never}");
        }
        assert!(!goes("https://[fd00:ec2::254]/", "fd00:ec2::254") && !goes("https://[fe80::1]/", "fe80::1"));
        // Other ways to write an address are names like any other.
        for written in ["https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://localhost./"] {
            assert!(!goes(written, "127.0.0.1"), "{written}");
        }
    }

    #[test]
    fn s49_of_a_name_with_two_answers_only_the_good_one_is_taken() {
        let name = WebAddress::parse("https://login.example.org/").unwrap();
        let found = ["169.254.169.254:443", "8.8.8.8:443", "127.0.0.1:443"].map(|text| text.parse().unwrap());
        assert_eq!(name.allowed(found.into_iter()), ["8.8.8.8:443".parse().unwrap()]);
    }
}
