//! What was found in a content, as it is kept beside an entry and shown in its label.
//!
//! Not where: a place would be of no use once the content was redacted, and not what, for that is the secret.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::InvalidName;
use crate::agent::words;

words! {
    /// How sure a finding is. What each means for a kind is in `docs/guard.md`.
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    Confidence, "must be one of low, medium, high" {
        /// Worth a look: ordinary text is sometimes written like this.
        Low = "low",
        /// The shape is right, and nothing that can be computed speaks against it.
        Medium = "medium",
        /// A checksum holds, or the shape has no other use.
        High = "high",
    }

    /// What was done about a finding.
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    Treatment, "must be one of flagged, redacted, quarantined" {
        /// It is said, and nothing else.
        Flagged = "flagged",
        /// It was taken out before anything was kept.
        Redacted = "redacted",
        /// The entry is on no read path (S16).
        Quarantined = "quarantined",
    }

    /// The part of an entry in which something was found.
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    FindingField, "must be one of key, content, metadata, tags" {
        /// Its key.
        Key = "key",
        /// Its text.
        Content = "content",
        /// The caller's object: a name or a value, at whatever depth.
        Metadata = "metadata",
        /// One of its tags.
        Tags = "tags",
    }
}

/// Longest word for a kind of finding.
const KIND_CHARS: usize = 40;

/// The word for a kind of finding: 1 to 40 of `a-z 0-9 -`, the first a letter.
///
/// An open set: an entry may have been written by a newer release, which knows more kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FindingKind(String);

impl FindingKind {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FindingKind {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let has_the_letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let fits = text.len() <= KIND_CHARS && text.starts_with(|c: char| c.is_ascii_lowercase());
        if has_the_letters && fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName("must be 1 to 40 of small letters, digits and `-`, starting with a letter"))
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FindingKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// All findings of one kind in one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingSummary {
    /// What they look like.
    pub kind: FindingKind,
    /// Where they were.
    pub field: FindingField,
    /// How sure the surest of them is.
    pub confidence: Confidence,
    /// How many there were.
    pub count: u32,
    /// The most that was done about any of them.
    pub treatment: Treatment,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_is_1_to_40_of_its_letters() {
        for good in ["a", "secret-x9", "a-", &"k".repeat(40)] {
            assert_eq!(good.parse::<FindingKind>().map(|kind| kind.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "-a", "9a", "A", "a_b", "a b", "é", "a\n", &"k".repeat(41)] {
            assert!(bad.parse::<FindingKind>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_summary_is_the_same_after_it_was_kept() {
        let summary = FindingSummary {
            kind: "kind-of-tomorrow".parse().unwrap(),
            field: FindingField::Metadata,
            confidence: Confidence::Medium,
            count: 3,
            treatment: Treatment::Redacted,
        };
        let kept = json!({
            "kind": "kind-of-tomorrow", "field": "metadata", "confidence": "medium", "count": 3, "treatment": "redacted",
        });
        assert_eq!(serde_json::to_value(&summary).unwrap(), kept);
        assert_eq!(serde_json::from_value::<FindingSummary>(kept).unwrap(), summary);
        for wrong in ["Kind", ""] {
            let kept = json!({ "kind": wrong, "field": "key", "confidence": "low", "count": 1, "treatment": "flagged" });
            assert!(serde_json::from_value::<FindingSummary>(kept).is_err());
        }
    }

    #[test]
    fn the_words_are_read_from_json_as_they_are_written() {
        fn all<T: Copy + PartialEq + fmt::Debug + Serialize + for<'de> Deserialize<'de>>(words: &[T]) {
            for word in words {
                let kept = serde_json::to_string(word).unwrap();
                assert_eq!(serde_json::from_str::<T>(&kept).unwrap(), *word);
            }
        }
        all(Confidence::ALL);
        all(Treatment::ALL);
        all(FindingField::ALL);
    }
}
