//! What could not be read back.

/// A text that is not what it should be. Says what was expected, never what was found: the text may
/// have been tampered with, and this message reaches terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Not a [`crate::Hash`].
    #[error("a hash of the audit log is 64 lower-case hex digits")]
    Hash,
    /// Not a [`crate::ResourceHash`].
    #[error("a resource hash is 32 lower-case hex digits")]
    ResourceHash,
    /// Not a [`crate::Signature`].
    #[error("a signature is 128 lower-case hex digits")]
    Signature,
    /// Not a [`crate::VerifyingKey`], or one that would accept almost any signature.
    #[error("a verifying key is 64 lower-case hex digits that are a strong Ed25519 public key")]
    VerifyingKey,
    /// Not a [`crate::Checkpoint`].
    #[error("a checkpoint is one line that starts with `agentstack-checkpoint:v1:`")]
    Checkpoint,
    /// Not a [`crate::FormerKey`].
    #[error("a statement about a former key is one line that starts with `agentstack-former-key:v1:`")]
    FormerKey,
    /// Not a [`crate::Record`].
    #[error("the text is not an audit record")]
    Record,
}
