//! Keys that have signed before: when the key is replaced, the new one vouches for what the old one has signed.

use std::fmt;
use std::str::FromStr;

use crate::{Checkpoint, Malformed, Signature, SigningKey, VerifyingKey, frame};

const LABEL: &[u8] = b"agentstack-audit:v1:former-key";
const PREFIX: &str = "agentstack-former-key:v1";

/// A signed statement that another key signed the log before, up to a record.
///
/// Whoever has got hold of the old key can sign with it still, but for no record after that one.
///
/// Its text form is one line of ASCII without spaces:
/// `agentstack-former-key:v1:<sequence>:<former key>:<key>:<signature>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerKey {
    /// The last record that it may have signed.
    pub until: u64,
    /// The key that has signed.
    pub former: VerifyingKey,
    /// The key that says so.
    pub key: VerifyingKey,
    /// Its signature over the other two.
    pub signature: Signature,
}

impl FormerKey {
    /// Vouches for a key.
    #[must_use]
    pub fn vouch(key: &SigningKey, former: VerifyingKey, until: u64) -> Self {
        let signature = key.sign(&message(until, &former));
        Self { until, former, key: key.verifying_key(), signature }
    }

    /// Whether the signature is that of the key it names.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        self.key.proves(&message(self.until, &self.former), &self.signature)
    }
}

fn message(until: u64, former: &VerifyingKey) -> Vec<u8> {
    let mut message = Vec::new();
    let former = former.to_string();
    frame::feed(&[LABEL, &until.to_be_bytes(), former.as_bytes()], |bytes| message.extend_from_slice(bytes));
    message
}

impl fmt::Display for FormerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { until, former, key, signature } = self;
        write!(f, "{PREFIX}:{until}:{former}:{key}:{signature}")
    }
}

impl FromStr for FormerKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fields = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(':'));
        let mut fields = fields.ok_or(Malformed::FormerKey)?.split(':');
        let mut next = || fields.next().ok_or(Malformed::FormerKey);
        let until = next()?.parse().map_err(|_| Malformed::FormerKey)?;
        let (former, key, signature) = (next()?.parse()?, next()?.parse()?, next()?.parse()?);
        let statement = Self { until, former, key, signature };
        // One statement, one spelling: a number also parses with `+` or zeros in front.
        if statement.to_string() == text { Ok(statement) } else { Err(Malformed::FormerKey) }
    }
}

/// The key whose signatures are believed, and those that it vouches for.
#[derive(Debug, Clone)]
pub struct Trusted {
    key: VerifyingKey,
    former: Vec<FormerKey>,
}

impl Trusted {
    /// This key, and which of these statements it has signed.
    #[must_use]
    pub fn new(key: VerifyingKey, mut former: Vec<FormerKey>) -> Self {
        former.retain(|statement| statement.key == key && statement.is_genuine());
        Self { key, former }
    }

    /// Whether the key that a checkpoint names may have signed it.
    pub(crate) fn believes(&self, checkpoint: &Checkpoint) -> bool {
        let vouched = |it: &FormerKey| it.former == checkpoint.key && checkpoint.sequence <= it.until;
        self.key == checkpoint.key || self.former.iter().any(vouched)
    }
}
