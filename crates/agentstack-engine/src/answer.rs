//! How much of what was found fits into an answer.

use agentstack_core::limits::RESPONSE_CONTENT_BYTES;
use agentstack_core::{AgentId, EntrySummary, Label, Metadata, Tag, Version};
use agentstack_storage::text::cut::{json_escaped_len, prefix_within};

/// What the fixed parts of one entry or version take: names of fields, ids, times, numbers.
const ENTRY_BYTES: usize = 480;
/// What the content of an entry that stands alone in an answer can take, however large the rest of it is.
const CONTENT_BYTES: usize = 1024;

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

    /// Takes room for an entry without its content. Returns whether there was enough.
    pub(crate) fn take_entry(&mut self, entry: &EntrySummary, metadata: Option<&Metadata>) -> bool {
        let object = metadata.filter(|object| !object.is_empty());
        let object = object.and_then(|object| serde_json::to_string(object.as_object()).ok());
        let names = json_escaped_len(entry.key.as_str()) + json_escaped_len(&entry.namespace.to_string());
        let rest = labelled(&entry.tags, entry.agent_id.as_ref(), &entry.label);
        self.take(names + rest + object.map_or(0, |text| text.len()))
    }

    /// Takes room for a version without its content. Returns whether there was enough.
    pub(crate) fn take_version(&mut self, version: &Version) -> bool {
        self.take(labelled(&version.tags, version.agent_id.as_ref(), &version.label))
    }

    /// Makes sure that there is room for some content. For the first entry of an answer only: one that shows
    /// nothing would lead its reader in a circle.
    pub(crate) fn spare_content(&mut self) {
        self.0 = self.0.max(CONTENT_BYTES);
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

/// What the parts take that entries and versions share.
fn labelled(tags: &[Tag], agent: Option<&AgentId>, label: &Label) -> usize {
    let agents = [agent, label.origin.agent_id.as_ref()].into_iter().flatten();
    let agents: usize = agents.map(|agent| json_escaped_len(agent.as_str())).sum();
    let tags: usize = tags.iter().map(|tag| json_escaped_len(tag.as_str()) + 3).sum();
    ENTRY_BYTES + tags + agents + json_escaped_len(&label.origin.principal)
}

/// Shortens a text in place to a prefix of itself.
pub(crate) fn shorten(text: &mut String, bytes: usize) -> bool {
    let cut = bytes < text.len();
    text.truncate(bytes);
    cut
}
