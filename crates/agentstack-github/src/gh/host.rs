//! The name of a host.

use std::fmt;
use std::str::FromStr;

use agentstack_core::InvalidName;

/// The name of GitHub, or of a server of one's own: letters, digits, `-` and `.`, at most 253, with a dot in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The variable in which `gh` looks for the token of this host.
    ///
    /// Source: `gh help environment`.
    pub(super) fn token_variable(&self) -> &'static str {
        if self.0 == "github.com" || self.0.ends_with(".ghe.com") {
            "GH_TOKEN"
        } else {
            "GH_ENTERPRISE_TOKEN"
        }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self("github.com".to_owned())
    }
}

impl FromStr for Host {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() <= 253 && text.contains('.') && text.split('.').all(is_label) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidName(
                "must be the name of a host, such as `github.com`, without scheme, port and path",
            ))
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_and_nothing_else() {
        for good in ["github.com", "GitHub.com", "git.example.org", "octo.ghe.com"] {
            assert_eq!(good.parse::<Host>().unwrap().as_str(), good.to_ascii_lowercase());
        }
        for bad in [
            "",
            "github",
            "-a.com",
            "a-.com",
            "a..b",
            ".a",
            "a.",
            "https://github.com",
            "github.com:443",
            "a.b/c",
            "a b.com",
            "a.com\n",
            "[::1]",
            "--x.y",
        ] {
            assert!(bad.parse::<Host>().is_err(), "{bad:?}");
        }
        assert_eq!(Host::default().token_variable(), "GH_TOKEN");
        assert_eq!("octo.ghe.com".parse::<Host>().unwrap().token_variable(), "GH_TOKEN");
        assert_eq!("git.example.org".parse::<Host>().unwrap().token_variable(), "GH_ENTERPRISE_TOKEN");
    }
}
