//! The hash chain: each line's hash covers the line and the hash before it (S44).

use sha2::{Digest, Sha256};

use crate::{Draft, frame, hex};

const LABEL: &[u8] = b"agentstack-audit:v1:record";

/// What the first record is linked to: the SHA-256 of the ASCII text `agentstack-audit:v1:genesis`.
pub const GENESIS: Hash = Hash([
    0x2e, 0x05, 0x09, 0x05, 0x73, 0x03, 0x79, 0xbc, 0x95, 0xd5, 0x6a, 0x0d, 0xdc, 0x9b, 0x1a, 0x8d, 0x9a,
    0xc9, 0xf7, 0xdb, 0x41, 0x9f, 0x60, 0x37, 0xa3, 0xf2, 0x48, 0x9f, 0x17, 0xf6, 0xb3, 0xab,
]);

/// The SHA-256 that stands for a line and all lines before it. Prints as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

hex::hex_text!(Hash);

/// How far a log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The sequence of the last record; 0 when there is none.
    pub sequence: u64,
    /// Its hash; [`GENESIS`] when there is none.
    pub hash: Hash,
}

impl Head {
    /// The head of a log without records.
    pub const EMPTY: Self = Self { sequence: 0, hash: GENESIS };
}

/// One record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place in the log; the first is 1, and there are no gaps.
    pub sequence: u64,
    /// The record, as [`Draft::encode`] wrote it.
    pub body: String,
    /// Its hash: the [`link`] to the line before.
    pub hash: Hash,
}

/// The hash of the record `body` at `sequence` that follows the one with the hash `previous`.
#[must_use]
pub fn link(previous: &Hash, sequence: u64, body: &str) -> Hash {
    let mut digest = Sha256::new();
    let parts = [LABEL, previous.as_bytes(), &sequence.to_be_bytes(), body.as_bytes()];
    frame::feed(&parts, |bytes| Digest::update(&mut digest, bytes));
    Hash(digest.finalize().into())
}

/// The line that `draft` becomes after `head`, and the head it makes.
///
/// The caller reads the head and stores both results in one transaction: the one of the change that the
/// record is about (S45).
#[must_use]
pub fn append(head: &Head, draft: &Draft) -> (Line, Head) {
    let sequence = head.sequence.saturating_add(1);
    let body = draft.encode(sequence);
    let hash = link(&head.hash, sequence, &body);
    (Line { sequence, body, hash }, Head { sequence, hash })
}
