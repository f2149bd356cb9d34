//! The hosts that a plugin may ask over HTTPS.

use std::fmt;
use std::str::FromStr;

use agentstack_core::InvalidName;
use serde::{Deserialize, Serialize, Serializer};

const NAME_CHARS: usize = 253;
const LABEL_CHARS: usize = 63;
const HTTPS: u16 = 443;

/// One host and port that is asked over HTTPS: `api.example.com` or `api.example.com:8443`.
///
/// It is a full name in lower case, as it stands in a certificate. Not an address, no wildcard, nothing without a dot
/// (`localhost`) and no name that a parser of URLs could read as an address (S49); one host has one spelling.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Host {
    name: String,
    port: u16,
}

impl Host {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Host {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (name, port) = match text.split_once(':') {
            None => (text, Some(HTTPS)),
            // 443 is what no port means: written out it would be a second spelling.
            Some((name, digits)) => (name, port(digits).filter(|port| *port != HTTPS)),
        };
        match port {
            Some(port) if is_host_name(name) => Ok(Self { name: name.to_owned(), port }),
            _ => Err(InvalidName(
                "must be a full host name in lower case, with `:` and a port unless it is 443; no address and no wildcard",
            )),
        }
    }
}

fn port(digits: &str) -> Option<u16> {
    let port: u16 = digits.parse().ok()?;
    (port > 0 && port.to_string() == digits).then_some(port)
}

fn is_host_name(name: &str) -> bool {
    let mut labels = name.split('.');
    // A last label of digits, or of `0x` and hex digits, makes an IPv4 address of the whole (URL Standard, 3.5).
    let last = labels.next_back().is_some_and(|label| label.starts_with(|c: char| c.is_ascii_lowercase()));
    name.len() <= NAME_CHARS && last && name.contains('.') && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_CHARS).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl TryFrom<String> for Host {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.port == HTTPS { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
