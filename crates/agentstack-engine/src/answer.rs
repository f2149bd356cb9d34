//! How much of what was found fits into an answer.

use agentstack_core::limits::RESPONSE_CONTENT_BYTES;
use agentstack_core::{AgentId, EntrySummary, Label, Metadata, Tag, Version};
use agentstack_storage::text::cut::{json_escaped_len, prefix_within};

/// What the fixed parts of one entry or version take: names of fields, ids, times, numbers.
const ENTRY_BYTES: usize = 480;
/// What a finding in a label takes at most.
const FINDING_BYTES: usize = 160;
/// What the content of an entry that stands alone in an answer can take, however large the rest of it is.
const CONTENT_BYTES: usize = 1024;

/// The room of one answer, counted in bytes of JSON.
pub(crate) struct Room(usize);

impl Room {
    /// The room of an empty answer.
    pub(crate) fn new() -> Self {
        Self(RESPONSE_CONTENT_BYTES)
    }

    /// The room for the JSON of an answer that may be given as a text besides. Then contents are there twice, and each of
    /// their hidden characters takes up to three times as much.
    pub(crate) fn of(as_text: bool) -> Self {
        if as_text { Self(RESPONSE_CONTENT_BYTES / 4) } else { Self::new() }
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

    /// Takes room for a caller's object.
    pub(crate) fn take_object(&mut self, metadata: &Metadata) {
        let object = serde_json::to_string(metadata.as_object());
        self.take(ENTRY_BYTES + object.map_or(0, |text| text.len()));
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

/// A piece of a content.
pub(crate) struct Piece<'a> {
    /// What is shown of it.
    pub(crate) text: &'a str,
    /// Where it goes on, in characters.
    pub(crate) next: Option<u32>,
}

impl<'a> Piece<'a> {
    /// The piece from `offset` on, `length` characters or all, as much as there is room for.
    pub(crate) fn of(content: &'a str, offset: u32, length: Option<u32>, room: &mut Room) -> Self {
        let from = nth_char(content, offset as usize);
        let rest = content.get(from..).unwrap_or_default();
        let asked = length.map_or(rest.len(), |length| nth_char(rest, length as usize));
        let text = room.take_text(rest.get(..asked).unwrap_or_default(), usize::MAX);
        let shown = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let next = (text.len() < rest.len()).then(|| offset.saturating_add(shown));
        Self { text, next }
    }
}

/// Where the `n`th character of a text begins; its end if it has fewer.
fn nth_char(text: &str, n: usize) -> usize {
    if n == 0 { 0 } else { text.char_indices().nth(n).map_or(text.len(), |(at, _)| at) }
}

/// What the parts take that entries and versions share.
fn labelled(tags: &[Tag], agent: Option<&AgentId>, label: &Label) -> usize {
    let agents = [agent, label.origin.agent_id.as_ref()].into_iter().flatten();
    let agents: usize = agents.map(|agent| json_escaped_len(agent.as_str())).sum();
    let tags: usize = tags.iter().map(|tag| json_escaped_len(tag.as_str()) + 3).sum();
    ENTRY_BYTES
        + tags
        + agents
        + json_escaped_len(&label.origin.principal)
        + label.findings.len() * FINDING_BYTES
}

/// Shortens a text in place to a prefix of itself.
pub(crate) fn shorten(text: &mut String, bytes: usize) -> bool {
    let cut = bytes < text.len();
    text.truncate(bytes);
    cut
}
