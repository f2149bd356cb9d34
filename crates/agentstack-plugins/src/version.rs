//! The versions of a plugin, which have an order.

use std::fmt;
use std::str::FromStr;

use agentstack_core::InvalidName;
use serde::{Deserialize, Serialize, Serializer};

const CHARS: usize = 64;

/// A semantic version (semver.org, 2.0.0) of at most 64 characters. Without build metadata, which has no place in the order:
/// two versions are equal or one is higher.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Version(semver::Version);

impl FromStr for Version {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let rule =
            InvalidName("must be a semantic version such as 1.2.0, without `+`, of at most 64 characters");
        if text.len() > CHARS {
            return Err(rule);
        }
        match semver::Version::parse(text) {
            Ok(version) if version.build.is_empty() => Ok(Self(version)),
            _ => Err(rule),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
