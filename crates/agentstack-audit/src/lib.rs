//! The audit log: what one decision leaves behind, and how an edit of it is found (S43, S44, S46).
//!
//! A [`Draft`] becomes a [`Line`] with [`append`]: one line of JSON and the hash that ties it to the
//! line before. A [`Checkpoint`] signs the hash of one line, and with it all lines up to there; kept
//! elsewhere, it also shows that lines were cut off. A [`Verifier`] reads the lines once and reports.
//!
//! Without a checkpoint, whoever can write the log can rewrite it from any line on. Records after the
//! last verified checkpoint are therefore counted in [`Report::unsigned_tail`].
//!
//! **Invariant:** no I/O, no async, no clock, no randomness; nothing in here knows where lines are kept.

mod chain;
mod checkpoint;
mod former;
mod frame;
mod hex;
mod key;
mod malformed;
mod problem;
mod record;
mod resource;
mod verify;

pub use chain::{GENESIS, Hash, Head, Line, append, link};
pub use checkpoint::{Checkpoint, Signature};
pub use former::{FormerKey, Trusted};
pub use key::{SigningKey, VerifyingKey};
pub use malformed::Malformed;
pub use problem::Problem;
pub use record::{Decision, Draft, Outcome, PRINCIPAL_CHARS, Record};
pub use resource::{ResourceHash, ResourceHasher};
pub use verify::{PROBLEMS_LISTED, Report, Verifier};
