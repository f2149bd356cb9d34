//! Names that callers choose: keys, namespaces, tags, queries.
//!
//! A namespace is parsed once into what it is; it is never compared as a prefix.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::limits;
use crate::{InvalidId, SessionId};

/// A name that breaks its rule. Says the rule, never the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub &'static str);

impl From<InvalidId> for InvalidName {
    fn from(_: InvalidId) -> Self {
        Self("must be `session:` and the id of a session, or a shared name")
    }
}

/// Checks that a text has 1 to `most` characters without counting further than needed.
pub(crate) fn bounded(text: &str, most: usize, rule: &'static str) -> Result<(), InvalidName> {
    // A character is at most four bytes, so most texts are decided by their length in bytes.
    let fits =
        !text.is_empty() && (text.len() <= most || (text.len() <= most * 4 && text.chars().count() <= most));
    if fits { Ok(()) } else { Err(InvalidName(rule)) }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $most:expr, $rule:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text, as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                bounded(&text, $most, $rule)?;
                Ok(Self(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )*};
}

texts! {
    /// The key of an entry in its namespace: any 1 to 255 characters.
    MemoryKey, limits::KEY_CHARS, "must be 1 to 255 characters";
    /// What a caller searches for: any 1 to 1,000 characters, none of which is an operator (S31).
    QueryText, limits::QUERY_CHARS, "must be 1 to 1,000 characters";
    /// A tag: any 1 to 64 characters.
    Tag, limits::TAG_CHARS, "must be 1 to 64 characters";
}

macro_rules! content_free_debug {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Keys, tags and queries are content: they stay out of logs and panics (S40, S43).
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    )*};
}

content_free_debug! { MemoryKey QueryText Tag }

/// The name of a namespace that several sessions share:
/// 1 to 100 of `A-Z a-z 0-9 . _ -`, the first a letter or a digit. Case counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SharedName(String);

impl SharedName {
    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SharedName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let rule = "must be 1 to 100 of letters, digits, `.`, `_` and `-`, starting with a letter or a digit, \
                    or `session:` and the id of a session";
        bounded(text, limits::NAMESPACE_CHARS, rule)?;
        let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if letters && text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName(rule))
        }
    }
}

impl fmt::Display for SharedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SharedName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Where an entry lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Namespace {
    /// The memory of one session. It goes when the session ends.
    Session(SessionId),
    /// Memory that lasts, for every caller whom the policy lets in.
    Shared(SharedName),
}

impl FromStr for Namespace {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.strip_prefix("session:") {
            Some(id) => Ok(Self::Session(id.parse()?)),
            None => Ok(Self::Shared(text.parse()?)),
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(f, "session:{id}"),
            Self::Shared(name) => fmt::Display::fmt(name, f),
        }
    }
}

impl Serialize for Namespace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s19_keys_tags_and_queries_end_at_their_limits() {
        for (most, fits) in [
            (255, (|t| t.parse::<MemoryKey>().is_ok()) as fn(&str) -> bool),
            (64, |t| t.parse::<Tag>().is_ok()),
            (1_000, |t| t.parse::<QueryText>().is_ok()),
        ] {
            for letter in ["a", "ß", "猫", "👍", "\0"] {
                assert!(!fits(""));
                assert!(fits(&letter.repeat(most - 1)), "{letter} × {}", most - 1);
                assert!(fits(&letter.repeat(most)), "{letter} × {most}");
                assert!(!fits(&letter.repeat(most + 1)), "{letter} × {}", most + 1);
            }
        }
    }

    #[test]
    fn s19_a_shared_name_has_1_to_100_of_its_letters() {
        for good in ["a", "9", "a.b_c-D", &"n".repeat(100)] {
            assert_eq!(good.parse::<Namespace>().map(|n| n.to_string()), Ok(good.to_owned()));
        }
        for bad in
            ["", ".a", "-a", "_a", "a b", "a:b", "a/b", "é", "a\0", "session", "Session:x", &"n".repeat(101)]
        {
            let parsed = bad.parse::<Namespace>();
            // The bare word is an ordinary name; nothing else in the list is.
            assert_eq!(parsed.is_ok(), bad == "session", "{bad}");
        }
    }

    #[test]
    fn a_session_namespace_is_exactly_the_prefix_and_an_id() {
        let id = SessionId::generate();
        assert_eq!(format!("session:{id}").parse(), Ok(Namespace::Session(id)));
        for bad in [
            format!("session:{id} "),
            format!("session: {id}"),
            format!("SESSION:{id}"),
            format!("session:{id}:x"),
        ] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
    }
}
