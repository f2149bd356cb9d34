//! The answers about memory.

use agentstack_core::{
    AgentId, Confidence, Entry, EntryId, EntrySummary, FindingField, FindingKind, FindingSummary, Hit, Label,
    MatchType, MemoryKey, Metadata, Namespace, Tag, Timestamp, Treatment, Trust, Version,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Where a text comes from and how far it can be trusted.
#[derive(Clone, Serialize, JsonSchema)]
pub struct LabelView {
    /// How far.
    #[schemars(with = "String", extend("x-exact" = trusts()))]
    pub trust: Trust,
    /// From where.
    pub origin: OriginView,
    /// What was found in the text that a reader should beware of.
    #[schemars(with = "Vec<Value>", extend("x-exact" = super::shown_each("FindingView")))]
    pub findings: Vec<FindingView>,
}

/// What was found in a field of an entry. Not where, and not the text.
#[derive(Clone, Serialize, JsonSchema)]
pub struct FindingView {
    /// What it looks like.
    #[schemars(with = "String")]
    pub kind: FindingKind,
    /// In which field.
    #[schemars(with = "String", extend("enum" = ["key", "content", "metadata", "tags"]))]
    pub field: FindingField,
    /// How sure that is.
    #[schemars(with = "String", extend("enum" = ["low", "medium", "high"]))]
    pub confidence: Confidence,
    /// How often.
    pub count: u32,
    /// What was done about it.
    #[schemars(with = "String", extend("enum" = ["flagged", "redacted", "quarantined"]))]
    pub treatment: Treatment,
}

impl From<FindingSummary> for FindingView {
    fn from(finding: FindingSummary) -> Self {
        Self {
            kind: finding.kind,
            field: finding.field,
            confidence: finding.confidence,
            count: finding.count,
            treatment: finding.treatment,
        }
    }
}

/// What can be read is trusted or unverified; what can only be looked at by operators is one of the others.
fn trusts() -> Value {
    let words: Vec<&str> = Trust::ALL.iter().map(|trust| trust.as_str()).collect();
    json!({ "enum": words })
}

/// Who wrote a text, through what, and when.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OriginView {
    /// The principal.
    pub principal: String,
    /// The agent it was written for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub agent_id: Option<AgentId>,
    /// The operation.
    pub tool: String,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

impl From<Label> for LabelView {
    fn from(label: Label) -> Self {
        let origin = label.origin;
        Self {
            trust: label.trust,
            origin: OriginView {
                principal: origin.principal,
                agent_id: origin.agent_id,
                tool: origin.tool,
                at: origin.at,
            },
            findings: label.findings.into_iter().map(FindingView::from).collect(),
        }
    }
}

/// Answer of `memory_store`.
#[derive(Serialize, JsonSchema)]
pub struct StoreMemoryView {
    /// True.
    pub success: bool,
    /// What is stored now.
    pub entry: StoredEntryView,
}

/// Answer of `memory_restore`.
pub type RestoreMemoryView = StoreMemoryView;

impl From<EntrySummary> for StoreMemoryView {
    fn from(entry: EntrySummary) -> Self {
        Self { success: true, entry: entry.into() }
    }
}

/// An entry as it was stored.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredEntryView {
    /// Its id.
    #[schemars(with = "String")]
    pub id: EntryId,
    /// Its key.
    #[schemars(with = "String")]
    pub key: MemoryKey,
    /// Where it lives.
    #[schemars(with = "String")]
    pub namespace: Namespace,
    /// Its version.
    pub version: u32,
    /// The agent it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub agent_id: Option<AgentId>,
    /// When the first version was stored.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When this version was stored.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// Where it comes from.
    pub label: LabelView,
}

impl From<EntrySummary> for StoredEntryView {
    fn from(entry: EntrySummary) -> Self {
        Self {
            id: entry.id,
            key: entry.key,
            namespace: entry.namespace,
            version: entry.version,
            agent_id: entry.agent_id,
            created_at: entry.created_at,
            updated_at: entry.updated_at,
            label: entry.label.into(),
        }
    }
}

/// An entry without its content.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SummaryView {
    /// The entry.
    #[serde(flatten)]
    pub entry: StoredEntryView,
    /// Its tags.
    #[schemars(with = "Vec<String>")]
    pub tags: Vec<Tag>,
    /// Length of the whole content in characters.
    pub chars: u32,
}

impl From<EntrySummary> for SummaryView {
    fn from(mut entry: EntrySummary) -> Self {
        Self { tags: std::mem::take(&mut entry.tags), chars: entry.chars, entry: entry.into() }
    }
}

/// Answer of `memory_get`.
#[derive(Serialize, JsonSchema)]
pub struct GetMemoryView {
    /// Whether there is such an entry for the caller.
    pub found: bool,
    /// The entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryView>,
    /// The same as a text, the content fenced: if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl GetMemoryView {
    /// There is none.
    #[must_use]
    pub fn absent() -> Self {
        Self { found: false, entry: None, text: None }
    }

    /// An entry, or the piece of its content that was asked for and fits. `next_offset` is where the
    /// next piece begins, if there is one.
    #[must_use]
    pub fn found(entry: Entry, next_offset: Option<u32>, text: Option<String>) -> Self {
        Self { found: true, entry: Some(EntryView::new(entry, next_offset)), text }
    }
}

/// An entry, with its content or a piece of it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    /// What every listing shows.
    #[serde(flatten)]
    pub summary: SummaryView,
    /// The content.
    pub content: String,
    /// The caller's own object.
    #[serde(skip_serializing_if = "Metadata::is_empty", serialize_with = "super::object")]
    #[schemars(with = "Map<String, Value>")]
    pub metadata: Metadata,
    /// Whether the content goes on after this.
    #[serde(skip_serializing_if = "super::is_false")]
    pub truncated: bool,
    /// Where it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<u32>,
}

impl EntryView {
    fn new(entry: Entry, next_offset: Option<u32>) -> Self {
        let mut summary = entry.summary;
        let metadata = std::mem::take(&mut summary.metadata);
        let truncated = next_offset.is_some();
        Self { summary: summary.into(), content: entry.content, metadata, truncated, next_offset }
    }
}

/// Answer of `memory_search`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchMemoryView {
    /// How many results there are here.
    pub count: usize,
    /// The results, best first.
    pub results: Vec<SearchResultView>,
    /// Whether something was left out or cut for length.
    pub truncated: bool,
    /// Where the results go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// By what was searched.
    #[serde(flatten)]
    pub searched: SearchedView,
    /// The same as a text, each content fenced: if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// By what was searched, where there is an embedder.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchedView {
    /// By what: `text` alone also when the embedder did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("x-exact" = json!({ "enum": ["text", "semantic", "hybrid"] })))]
    pub searched_by: Option<&'static str>,
    /// How many entries have no vector yet, and are found by their words only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_embedded: Option<u64>,
    /// Why meaning did not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub notice: Option<&'static str>,
}

impl SearchedView {
    /// By meaning, `Some(true)` if by nothing else; or by words, whether because the embedder did not answer or not.
    #[must_use]
    pub fn of(meaning_alone: Option<bool>, is_degraded: bool) -> Self {
        let searched_by = match meaning_alone {
            Some(true) => Some("semantic"),
            Some(false) => Some("hybrid"),
            None => is_degraded.then_some("text"),
        };
        let notice = is_degraded.then_some("the embedding provider does not answer: only words counted");
        Self { searched_by, not_embedded: None, notice }
    }

    /// The same, with the number of entries that have no vector.
    #[must_use]
    pub fn with(self, not_embedded: u64) -> Self {
        let is_by_meaning = matches!(self.searched_by, Some("semantic" | "hybrid"));
        Self { not_embedded: is_by_meaning.then_some(not_embedded), ..self }
    }
}

/// A search result.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchResultView {
    /// Its key.
    #[schemars(with = "String")]
    pub key: MemoryKey,
    /// Its content.
    pub content: String,
    /// The part of the content that matches best.
    pub snippet: String,
    /// Where it lives.
    #[schemars(with = "String")]
    pub namespace: Namespace,
    /// The agent it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub agent_id: Option<AgentId>,
    /// 0 to 1, higher is better.
    pub score: f64,
    /// What matched.
    #[schemars(with = "String")]
    pub match_type: MatchType,
    /// The caller's own object.
    #[serde(skip_serializing_if = "Metadata::is_empty", serialize_with = "super::object")]
    #[schemars(with = "Map<String, Value>")]
    pub metadata: Metadata,
    /// Its tags.
    #[schemars(with = "Vec<String>")]
    pub tags: Vec<Tag>,
    /// Where it comes from.
    pub label: LabelView,
    /// When it was stored.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// Whether the content is cut.
    #[serde(skip_serializing_if = "super::is_false")]
    pub truncated: bool,
    /// Its version, for whoever asks within the program.
    #[serde(skip)]
    pub version: u32,
}

impl SearchResultView {
    /// A hit, whose content may have been cut.
    #[must_use]
    pub fn new(hit: Hit, snippet: String, truncated: bool) -> Self {
        let summary = hit.entry.summary;
        Self {
            key: summary.key,
            content: hit.entry.content,
            snippet,
            namespace: summary.namespace,
            agent_id: summary.agent_id,
            version: summary.version,
            score: hit.score,
            match_type: hit.match_type,
            metadata: summary.metadata,
            tags: summary.tags,
            label: summary.label.into(),
            updated_at: summary.updated_at,
            truncated,
        }
    }
}

/// Answer of `memory_list`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListMemoryView {
    /// How many entries there are in all.
    pub total: u64,
    /// How many of them are here.
    pub count: usize,
    /// The entries.
    pub entries: Vec<SummaryView>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Answer of `memory_delete`.
#[derive(Serialize, JsonSchema)]
pub struct DeleteMemoryView {
    /// Whether there was something to delete.
    pub success: bool,
}

/// Answer of `memory_history`.
#[derive(Serialize, JsonSchema)]
pub struct HistoryView {
    /// How many versions there are here.
    pub count: usize,
    /// The versions, the newest first.
    pub versions: Vec<VersionView>,
    /// Whether something was left out or cut for length.
    pub truncated: bool,
}

/// A version of an entry.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// Its number.
    pub version: u32,
    /// Its content.
    pub content: String,
    /// Whether it is the current one.
    pub current: bool,
    /// Length of the whole content in characters.
    pub chars: u32,
    /// When it was stored.
    #[schemars(with = "String")]
    pub stored_at: Timestamp,
    /// The agent it was stored for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub agent_id: Option<AgentId>,
    /// Its tags.
    #[schemars(with = "Vec<String>")]
    pub tags: Vec<Tag>,
    /// Where it comes from.
    pub label: LabelView,
    /// Whether the content is cut.
    #[serde(skip_serializing_if = "super::is_false")]
    pub truncated: bool,
}

impl VersionView {
    /// A version, whose content may have been cut; `chars` is the length of the whole.
    #[must_use]
    pub fn new(version: Version, chars: u32, current: bool, truncated: bool) -> Self {
        Self {
            version: version.version,
            content: version.content,
            current,
            chars,
            stored_at: version.stored_at,
            agent_id: version.agent_id,
            tags: version.tags,
            label: version.label.into(),
            truncated,
        }
    }
}
