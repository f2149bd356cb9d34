//! How several values become one input of a hash, a MAC or a signature.

/// Feeds `parts` to `sink`, each after its length as 8 bytes, most significant first. No two lists of
/// parts give the same bytes. The first part is the label that says what the bytes are for.
pub(crate) fn feed(parts: &[&[u8]], mut sink: impl FnMut(&[u8])) {
    for part in parts {
        sink(&(part.len() as u64).to_be_bytes());
        sink(part);
    }
}
