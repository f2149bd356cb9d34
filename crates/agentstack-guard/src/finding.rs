//! What a scan reports.

use std::ops::Range;

use crate::Kind;

/// The most findings that one scan reports. When a text has more, secrets are kept before personal data and both before
/// the rest, and within one class the longer ones.
pub const MAX_FINDINGS: usize = 1_000;

/// How sure a finding is. What each means for a kind is in `docs/guard.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Worth a look: ordinary text is sometimes written like this.
    Low,
    /// The shape is right, and nothing that can be computed speaks against it.
    Medium,
    /// A checksum holds, or the shape has no other use.
    High,
}

/// One place of a text and what it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it looks like.
    pub kind: Kind,
    /// Where it is: bytes of the text, on boundaries of characters, never empty.
    pub span: Range<usize>,
    /// How sure that is.
    pub confidence: Confidence,
}
