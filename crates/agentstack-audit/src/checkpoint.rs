//! Signed statements of how far a log had come, small enough to keep elsewhere (S44).

use std::fmt;
use std::str::FromStr;

use agentstack_core::Timestamp;

use crate::{Hash, Head, Malformed, SigningKey, VerifyingKey, frame, hex};

const LABEL: &[u8] = b"agentstack-audit:v1:checkpoint";
const PREFIX: &str = "agentstack-checkpoint:v1";

/// An Ed25519 signature. Prints as 128 hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub(crate) [u8; 64]);

hex::hex_text!(Signature);

/// A signed statement that the log had this head at that time.
///
/// Its text form is one line of ASCII without spaces:
/// `agentstack-checkpoint:v1:<sequence>:<hash>:<milliseconds since 1970>:<key>:<signature>`.
/// Reading one proves nothing; [`Checkpoint::is_genuine`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last record that it covers.
    pub sequence: u64,
    /// That record's hash, and so the state of the whole log up to there.
    pub hash: Hash,
    /// When it was signed, by the signer's clock.
    pub at: Timestamp,
    /// Whose signature it bears.
    pub key: VerifyingKey,
    /// The signature over all of the above but the key.
    pub signature: Signature,
}

impl Checkpoint {
    /// Signs the head of a log.
    #[must_use]
    pub fn sign(key: &SigningKey, head: &Head, at: Timestamp) -> Self {
        let signature = key.sign(&message(head.sequence, &head.hash, at));
        Self { sequence: head.sequence, hash: head.hash, at, key: key.verifying_key(), signature }
    }

    /// Whether the signature is that of the key it names. Whether that key can be trusted is for the
    /// reader to know: anyone can make a key.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        self.key.proves(&message(self.sequence, &self.hash, self.at), &self.signature)
    }
}

fn message(sequence: u64, hash: &Hash, at: Timestamp) -> Vec<u8> {
    let mut message = Vec::new();
    let parts = [LABEL, &sequence.to_be_bytes(), hash.as_bytes(), &at.as_millis().to_be_bytes()];
    frame::feed(&parts, |bytes| message.extend_from_slice(bytes));
    message
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, hash, at, key, signature } = self;
        write!(f, "{PREFIX}:{sequence}:{hash}:{}:{key}:{signature}", at.as_millis())
    }
}

impl FromStr for Checkpoint {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fields = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(':'));
        let mut fields = fields.ok_or(Malformed::Checkpoint)?.split(':');
        let mut next = || fields.next().ok_or(Malformed::Checkpoint);
        let sequence = next()?.parse().map_err(|_| Malformed::Checkpoint)?;
        let hash = next()?.parse()?;
        let at = next()?.parse().map(Timestamp::from_millis).map_err(|_| Malformed::Checkpoint)?;
        let key = next()?.parse()?;
        let signature = next()?.parse()?;
        let checkpoint = Self { sequence, hash, at, key, signature };
        // One checkpoint, one spelling: numbers also parse with `+` or zeros in front.
        if checkpoint.to_string() == text { Ok(checkpoint) } else { Err(Malformed::Checkpoint) }
    }
}
