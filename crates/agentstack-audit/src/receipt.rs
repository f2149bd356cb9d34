//! What somebody holds who wants to be able to prove that something was done.

use serde::Deserialize;

use crate::{Checkpoint, Hash, Malformed, Record, link};

/// A record as it stood in the log when it was written, and a signature under the log from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    record: Record,
    hash: Hash,
    checkpoint: Checkpoint,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    form: String,
    record: String,
    previous: String,
    hash: String,
    checkpoint: String,
}

impl Receipt {
    /// Reads a receipt. Whether the log has its record is for the [`Verifier`](crate::Verifier) to say; that it is whole
    /// is known then: the hash is that of the record, and the checkpoint covers it and bears the signature of its key.
    ///
    /// # Errors
    /// When the text is not a whole receipt.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let raw: Raw = serde_json::from_str(text).map_err(|_| Malformed::Receipt)?;
        let record = Record::parse(&raw.record)?;
        let (previous, hash): (Hash, Hash) = (raw.previous.parse()?, raw.hash.parse()?);
        let checkpoint: Checkpoint = raw.checkpoint.parse()?;
        let is_whole = raw.form == "agentstack-receipt:v1"
            && link(&previous, record.sequence, &raw.record) == hash
            && checkpoint.is_genuine()
            && checkpoint.sequence >= record.sequence;
        if is_whole { Ok(Self { record, hash, checkpoint }) } else { Err(Malformed::Receipt) }
    }

    /// What was recorded.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The signature that came with it: as good as one that was kept elsewhere.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.record.sequence
    }

    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }
}
