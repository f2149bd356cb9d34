//! How much of what was found fits into an answer.

use agentstack_core::limits::RESPONSE_CONTENT_BYTES;
use agentstack_core::{EntrySummary, Metadata};
use agentstack_storage::text::cut::{json_escaped_len, prefix_within};

/// What the fixed parts of one entry take: names of fields, ids, times, the label.
const ENTRY_BYTES: usize = 400;

/// The room of one answer, counted in bytes of JSON.
pub(crate) struct Room(usize);

impl Room {
    /// The room of an empty answer.
    pub(crate) fn new() -> Self {
        Self(RESPONSE_CONTENT_BYTES)
    }

    /// What is left.
    pub(crate) fn left(&self) -> usize {
        self.0
    }

    /// Takes room for the fixed parts of an entry. Returns whether there was enough.
    pub(crate) fn take_entry(&mut self, entry: &EntrySummary, metadata: Option<&Metadata>) -> bool {
        let tags: usize = entry.tags.iter().map(|tag| json_escaped_len(tag.as_str()) + 3).sum();
        let object = metadata.filter(|object| !object.is_empty());
        let object = object.and_then(|object| serde_json::to_string(object.as_object()).ok());
        self.take(ENTRY_BYTES + json_escaped_len(entry.key.as_str()) + tags + object.map_or(0, |text| text.len()))
    }

    /// Takes room for a text, as much of it as `most` bytes of JSON allow and there is room for.
    /// Returns what fits.
    pub(crate) fn take_text<'a>(&mut self, text: &'a str, most: usize) -> &'a str {
        let fits = prefix_within(text, most.min(self.0));
        self.0 = self.0.saturating_sub(json_escaped_len(fits));
        fits
    }

    /// Takes some bytes. Returns whether there were enough.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let enough = bytes <= self.0;
        self.0 = self.0.saturating_sub(bytes);
        enough
    }
}

/// Shortens a text in place to a prefix of itself.
pub(crate) fn shorten(text: &mut String, bytes: usize) -> bool {
    let cut = bytes < text.len();
    text.truncate(bytes);
    cut
}
