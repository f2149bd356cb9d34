//! The text of a minisign signature (<https://jedisct1.github.io/minisign/>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::KeyId;

/// Ed25519, as keys name it.
pub(crate) const ALGORITHM: [u8; 2] = *b"Ed";
/// Ed25519 over the BLAKE2b-512 of the message, as signatures name it.
pub(crate) const PREHASHED: [u8; 2] = *b"ED";
pub(crate) const UNTRUSTED: &str = "untrusted comment: ";
pub(crate) const TRUSTED: &str = "trusted comment: ";

/// A signature that nobody has verified yet.
pub(crate) struct Signature<'a> {
    pub(crate) key: KeyId,
    pub(crate) trusted_comment: &'a str,
    pub(crate) parsed: minisign_verify::Signature,
}

impl<'a> Signature<'a> {
    /// Reads the four lines of a signature file. Only of the form over a hash of the message, which minisign has
    /// written since 2021.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let mut next = || lines.next();
        let (untrusted, signature, trusted, global) = (next()?, next()?, next()?, next()?);
        if next().is_some() || !untrusted.starts_with(UNTRUSTED) || text.contains('\r') {
            return None;
        }
        let trusted_comment = trusted.strip_prefix(TRUSTED)?;
        let (bytes, global) = (STANDARD.decode(signature).ok()?, STANDARD.decode(global).ok()?);
        let (algorithm, rest) = bytes.split_first_chunk::<2>()?;
        let (id, signature) = rest.split_first_chunk::<8>()?;
        if *algorithm != PREHASHED || signature.len() != 64 || global.len() != 64 {
            return None;
        }
        let parsed = minisign_verify::Signature::decode(text).ok()?;
        Some(Self { key: KeyId(*id), trusted_comment, parsed })
    }
}
