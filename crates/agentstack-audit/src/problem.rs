//! What can be wrong with a log, in sentences for its operator.

use std::fmt;

/// One thing that is wrong with a log. Prints as a sentence without anything that the log says, so that
/// a tampered log has no voice in the report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Records are missing.
    Missing {
        /// The first that is missing.
        from: u64,
        /// The last that is missing.
        to: u64,
    },
    /// A record stands there twice.
    Repeated {
        /// Which.
        sequence: u64,
    },
    /// A record stands after a later one.
    OutOfOrder {
        /// Which.
        sequence: u64,
        /// The record it stands after.
        after: u64,
    },
    /// A record, its hash or its link to the one before was changed.
    Altered {
        /// Which.
        sequence: u64,
    },
    /// The text is not a record.
    Unreadable {
        /// Which.
        sequence: u64,
    },
    /// A record gives itself another place than the one it has.
    Displaced {
        /// The place it has.
        sequence: u64,
        /// The place it gives itself.
        claims: u64,
    },
    /// The signature of a checkpoint is not that of the key it names.
    ForgedCheckpoint {
        /// The record that it says it covers.
        sequence: u64,
    },
    /// A checkpoint is signed, but by a key that is not the trusted one.
    UntrustedCheckpoint {
        /// The record that it says it covers.
        sequence: u64,
        /// The id of the key that signed it.
        key: String,
    },
    /// The log is not the one that was signed.
    Rewritten {
        /// The last record that the checkpoint covers.
        sequence: u64,
    },
    /// A record was signed and is missing.
    SignedRecordMissing {
        /// Which.
        sequence: u64,
    },
    /// A record that somebody holds a receipt for is not in the log, or is another one there.
    NotAsReceipted {
        /// Which.
        sequence: u64,
    },
    /// The log ends before a record that was signed.
    Truncated {
        /// The last record there is; 0 when there is none.
        end: u64,
        /// The last record that the checkpoint covers.
        signed: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { from, to } if from == to => write!(f, "record {from} is missing"),
            Self::Missing { from, to } => write!(f, "records {from} to {to} are missing"),
            Self::Repeated { sequence } => write!(f, "record {sequence} is there more than once"),
            Self::OutOfOrder { sequence, after } => {
                write!(f, "record {sequence} stands after record {after}")
            }
            Self::Altered { sequence } => {
                write!(
                    f,
                    "record {sequence} was altered: it does not match its hash and the record before it"
                )
            }
            Self::Unreadable { sequence } => write!(f, "record {sequence} cannot be read"),
            Self::Displaced { sequence, claims } => {
                write!(f, "record {sequence} says that it is record {claims}")
            }
            Self::ForgedCheckpoint { sequence } => {
                write!(f, "the checkpoint at record {sequence} has a signature that is not its key's")
            }
            Self::UntrustedCheckpoint { sequence, key } => {
                write!(
                    f,
                    "the checkpoint at record {sequence} is signed by {key}…, which is not the trusted key"
                )
            }
            Self::Rewritten { sequence } => {
                write!(f, "the log up to record {sequence} is not the one that its checkpoint signed")
            }
            Self::SignedRecordMissing { sequence } => {
                write!(f, "record {sequence} is missing, and a checkpoint signed it")
            }
            Self::NotAsReceipted { sequence } => {
                write!(f, "record {sequence} is not the one that the receipt is for")
            }
            Self::Truncated { end, signed } => {
                write!(f, "the log ends at record {end}, and a checkpoint signed it up to record {signed}")
            }
        }
    }
}
