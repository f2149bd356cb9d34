//! What a scan reports.

use std::ops::Range;

use crate::{Confidence, Kind};

/// The most findings that one scan reports. When a text has more, secrets are kept before personal data and both before
/// the rest, and within one class the longer ones.
pub const MAX_FINDINGS: usize = 1_000;

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
