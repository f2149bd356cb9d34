//! Where an entry comes from and how far it can be trusted. Labels are made by the server (S11).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::agent::words;
use crate::{AgentId, EntryId, FindingSummary, InvalidName, Timestamp};

words! {
    /// How far a version of an entry can be trusted. Nothing but an operator raises it (S13).
    ///
    /// What is trusted or unverified can be read; what is quarantined or revoked is on no read path (S16).
    Trust, "must be one of trusted, unverified, quarantined, revoked" {
        /// A person with the operator's role said so.
        Trusted = "trusted",
        /// Nobody has: the state in which every version begins, unless it is quarantined.
        Unverified = "unverified",
        /// An operator is to look at it first: for what was found in it, or for what it was derived from.
        Quarantined = "quarantined",
        /// An operator has rejected it, or where it comes from.
        Revoked = "revoked",
    }
}

impl Trust {
    /// Whether it is on no read path.
    #[must_use]
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Quarantined | Self::Revoked)
    }

    /// Whether somebody's decision may bring a version from this state into another: an operator approves and rejects,
    /// and what is derived from something revoked is quarantined. A writer decides nothing (S13).
    #[must_use]
    pub const fn can_become(self, to: Self) -> bool {
        match to {
            // To approve what was revoked undoes a mistake.
            Self::Trusted => !matches!(self, Self::Trusted),
            Self::Unverified => false,
            Self::Quarantined => !self.is_held(),
            Self::Revoked => !matches!(self, Self::Revoked),
        }
    }
}

/// Who wrote an entry, through what, and when. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The principal, as the credential named it.
    pub principal: String,
    /// The agent the call was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// The operation that wrote it.
    pub tool: String,
    /// When.
    pub at: Timestamp,
}

/// The label of one version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// How far it can be trusted.
    pub trust: Trust,
    /// Where it comes from.
    pub origin: Origin,
    /// What was found in it that a reader should know of.
    pub findings: Vec<FindingSummary>,
}

/// One version of an entry: `<id of the entry>.<number of the version>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionId {
    /// The entry.
    pub entry: EntryId,
    /// The number of the version, from 1; written, it has nine digits at most.
    pub version: u32,
}

impl FromStr for VersionId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let parse = || {
            let (entry, number) = text.split_once('.')?;
            let id = Self { entry: entry.parse().ok()?, version: number.parse().ok()? };
            // One id, one spelling: no sign and no zeros in front.
            (id.version > 0 && number.len() <= 9 && id.version.to_string() == number).then_some(id)
        };
        parse().ok_or(InvalidName("must be the id of an entry, a dot and the number of a version"))
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.entry, self.version)
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for VersionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VersionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_version_has_one_spelling() {
        let id = VersionId { entry: EntryId::generate(), version: 7 };
        assert_eq!(id.to_string().parse(), Ok(id));
        let entry = id.entry;
        for wrong in ["", "7", ".7", &format!("{entry}"), &format!("{entry}."), &format!("{entry}.07")] {
            assert!(wrong.parse::<VersionId>().is_err(), "{wrong}");
        }
        for wrong in ["+7", "0", "-1", "1000000000", "7 ", "7.7"] {
            assert!(format!("{entry}.{wrong}").parse::<VersionId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn s13_nothing_becomes_unverified_again_and_each_word_is_its_own() {
        for from in Trust::ALL.iter().copied() {
            assert!(!from.can_become(from) && !from.can_become(Trust::Unverified));
            assert_eq!(from.as_str().parse(), Ok(from));
            assert_eq!(serde_json::to_value(from).unwrap(), from.as_str());
        }
    }
}
