//! Memory: store, get, search, list, delete, history, restore.

use agentstack_access::{NamespaceClaim, Scope};
use agentstack_api::command::{
    DeleteMemory, GetMemory, ListMemory, MatchRule, MemoryHistory, MinTrust, PageStart, RestoreMemory,
    SearchMemory, StoreMemory,
};
use agentstack_api::view::{
    DeleteMemoryView, GetMemoryView, HistoryView, ListMemoryView, SearchMemoryView, SearchResultView,
    SearchedView, StoreMemoryView, SummaryView, VersionView,
};
use agentstack_core::random::{self, RandomnessUnavailable};
use agentstack_core::{Agent, AgentId, EntrySummary, Hit, Label, Origin, Trust, VersionId};
use agentstack_guard::fence::{self, Fenced};
use agentstack_storage::text::cut::json_escaped_len;
use agentstack_storage::text::snippet::snippet;
use agentstack_storage::text::{Match, TextQuery};
use agentstack_storage::{
    AgentFilter, ListPosition, Listing, NewEntry, Page, Pending, Reading, Search, Target,
};
use serde_json::{Map, Value, json};

use crate::Engine;
use crate::answer::{Piece, Room, shorten};
use crate::cursor;
use crate::embedding::Sought;
use crate::failure::Failure;

/// How much of a content one search result shows, in bytes of JSON. The whole is for `memory_get`.
const RESULT_BYTES: usize = 4 * 1024;
/// How much of a content one version of a history shows, in bytes of JSON.
const VERSION_BYTES: usize = 4 * 1024;
/// Longest snippet, in characters.
const SNIPPET_CHARS: usize = 240;

/// The origin of what the scope's caller writes now (S11).
///
/// An agent that was spawned with an identity writes as that: the agent goes with its session, the identity stays.
pub(crate) fn origin(scope: &Scope, acting: Option<&Agent>) -> Origin {
    let identity = acting.and_then(|agent| agent.identity).map(AgentId::from);
    Origin {
        principal: scope.principal().name().to_owned(),
        agent_id: identity.or_else(|| scope.agent().cloned()),
        tool: scope.principal().acts_through().unwrap_or(scope.operation().name).to_owned(),
        at: scope.at(),
    }
}

fn agent_filter(agent: Option<AgentId>, claim: &NamespaceClaim) -> Option<AgentFilter> {
    // Without a namespace the caller says whether common entries count; in a named one they do.
    let include_common = !matches!(claim, NamespaceClaim::Unnamed { include_shared: false });
    agent.map(|agent| AgentFilter { agent, include_common })
}

impl Engine {
    pub(crate) async fn store_memory(
        &self,
        scope: &Scope,
        command: StoreMemory,
        acting: Option<&Agent>,
        pending: Pending,
    ) -> Result<StoreMemoryView, Failure> {
        self.make_room(scope, &command.key).await?;
        let entry = NewEntry {
            key: command.key,
            content: command.content,
            metadata: command.metadata,
            tags: command.tags,
            if_version: command.if_version,
            origin: origin(scope, acting),
            findings: vec![],
            held: false,
            wish: self.wish(command.generate_embedding),
        };
        Ok(self.keep(scope, entry, pending).await?.into())
    }

    /// Stores an entry as it may be stored.
    pub(crate) async fn keep(
        &self,
        scope: &Scope,
        entry: NewEntry,
        pending: Pending,
    ) -> Result<EntrySummary, Failure> {
        let entry = self.screened(scope, entry).await?;
        let stored = self.store().store(scope, entry, pending).await?;
        self.wake_embedder();
        if stored.is_new_origin {
            let watch = self.watch();
            let session = scope.session();
            let signal =
                watch.and_then(|watch| watch.first_write(scope.principal().name(), session, scope.at()));
            if let Some(signal) = signal {
                self.raise(&signal);
            }
        }
        Ok(stored.entry)
    }

    pub(crate) async fn get_memory(
        &self,
        scope: &Scope,
        command: &GetMemory,
        pending: &Pending,
    ) -> Result<(GetMemoryView, bool), Failure> {
        let target = command.version.map_or(Target::Current, Target::Version);
        let found = self.store().get(scope, &command.key, target).await?;
        let Some(mut entry) = found.filter(|entry| suffices(&entry.summary.label, command.min_trust)) else {
            return Ok((GetMemoryView::absent(), false));
        };
        let recorded =
            self.note_readings(scope, vec![Reading::of_entry(scope, &entry.summary)], pending).await?;
        let mut room = Room::of(command.as_text);
        room.take_entry(&entry.summary, Some(&entry.summary.metadata));
        room.spare_content();
        let piece = Piece::of(&entry.content, command.offset, command.length, &mut room);
        let next = piece.next;
        entry.content = piece.text.to_owned();
        let text = fenced(command.as_text, [(&entry.summary, entry.content.as_str(), next)])?;
        Ok((GetMemoryView::found(entry, next, text), recorded))
    }

    pub(crate) async fn search_memory(
        &self,
        scope: &Scope,
        command: &SearchMemory,
        pending: &Pending,
    ) -> Result<(SearchMemoryView, bool), Failure> {
        let query = TextQuery::parse(command.query.as_str(), matching(command.matching));
        let offset = command.cursor.as_ref().map_or(Ok(0), cursor::rank).map_err(Failure::Input)?;
        let Sought { meaning, is_degraded } = self.sought(command).await?;
        let searched = SearchedView::of(meaning.as_ref().map(|meaning| meaning.alone), is_degraded);
        let search = Search {
            query: query.clone(),
            meaning,
            tags: command.tags.clone(),
            agent: agent_filter(command.agent.clone(), &command.claim.namespace),
            threshold: command.threshold.unwrap_or(0.0),
            trusted_only: command.min_trust == MinTrust::Trusted,
            limit: command.limit,
            offset,
        };
        let found = self.store().search(scope, search).await?;
        let without_vector = found.without_vector;
        let total = found.hits.len();
        let (shown_hits, truncated) = fitting(found.hits, &query, Room::of(command.as_text));
        let count = shown_hits.len();
        let more = found.more || count < total;
        let next = offset.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        let reading = |(hit, ..): &(Hit, _, _)| Reading::of_entry(scope, &hit.entry.summary);
        let readings = shown_hits.iter().map(reading).collect();
        let recorded = self.note_readings(scope, readings, pending).await?;
        let shown = shown_hits.iter().map(|(hit, _, cut)| {
            (&hit.entry.summary, hit.entry.content.as_str(), cut.then(|| chars(&hit.entry.content)))
        });
        let text = fenced(command.as_text, shown)?;
        let results =
            shown_hits.into_iter().map(|(hit, snippet, cut)| SearchResultView::new(hit, snippet, cut));
        let (results, next_cursor) = (results.collect(), more.then(|| cursor::of_rank(next)));
        let view = SearchMemoryView {
            count,
            results,
            truncated,
            next_cursor,
            searched: searched.with(without_vector),
            text,
        };
        Ok((view, recorded))
    }

    pub(crate) async fn list_memory(
        &self,
        scope: &Scope,
        command: &ListMemory,
        pending: &Pending,
    ) -> Result<(ListMemoryView, bool), Failure> {
        let page = match &command.start {
            PageStart::Offset(offset) => Page::Offset(*offset),
            PageStart::Cursor(cursor) => Page::After(cursor::position(cursor).map_err(Failure::Input)?),
        };
        let agent = agent_filter(command.agent.clone(), &command.claim.namespace);
        let listing = Listing { tags: command.tags.clone(), agent, limit: command.limit, page };
        let listed = self.store().list(scope, listing).await?;
        let mut room = Room::new();
        let (mut entries, mut next) = (Vec::with_capacity(listed.entries.len()), listed.next);
        let mut last: Option<ListPosition> = None;
        let mut readings = vec![];
        for entry in listed.entries {
            if !room.take_entry(&entry, None) {
                next = last;
                break;
            }
            last = Some(ListPosition { updated_at: entry.updated_at, id: entry.id });
            // A key and tags are texts of others, too.
            readings.push(Reading::of_entry(scope, &entry));
            entries.push(SummaryView::from(entry));
        }
        let recorded = self.note_readings(scope, readings, pending).await?;
        let next_cursor = next.map(cursor::of_position);
        Ok((ListMemoryView { total: listed.total, count: entries.len(), entries, next_cursor }, recorded))
    }

    pub(crate) async fn delete_memory(
        &self,
        scope: &Scope,
        command: DeleteMemory,
        pending: Pending,
    ) -> Result<DeleteMemoryView, Failure> {
        Ok(DeleteMemoryView { success: self.store().delete(scope, &command.key, pending).await? })
    }

    pub(crate) async fn memory_history(
        &self,
        scope: &Scope,
        command: &MemoryHistory,
        pending: &Pending,
    ) -> Result<(HistoryView, bool), Failure> {
        let found = self.store().history(scope, &command.key, command.limit).await?;
        let mut room = Room::new();
        let mut truncated = false;
        let (mut versions, mut readings) = (Vec::with_capacity(found.len()), vec![]);
        for (place, mut version) in found.into_iter().enumerate() {
            if room.left() < VERSION_BYTES || !room.take_version(&version) {
                truncated = true;
                break;
            }
            let chars = u32::try_from(version.content.chars().count()).unwrap_or(u32::MAX);
            let id = VersionId { entry: version.entry, version: version.version };
            readings.push(scope.namespace().and_then(|namespace| {
                Reading::of(scope, namespace, &command.key, id, &version.label.origin)
            }));
            let bytes = room.take_text(&version.content, VERSION_BYTES).len();
            let cut = shorten(&mut version.content, bytes);
            truncated |= cut;
            versions.push(VersionView::new(version, chars, place == 0, cut));
        }
        let recorded = self.note_readings(scope, readings, pending).await?;
        Ok((HistoryView { count: versions.len(), versions, truncated }, recorded))
    }

    pub(crate) async fn restore_memory(
        &self,
        scope: &Scope,
        command: RestoreMemory,
        acting: Option<&Agent>,
        pending: Pending,
    ) -> Result<StoreMemoryView, Failure> {
        let past = self.store().get(scope, &command.key, Target::Version(command.version)).await?;
        self.allow_again(scope, past.ok_or(Failure::Absent)?).await?;
        let restored = self
            .store()
            .restore(scope, &command.key, command.version, origin(scope, acting), pending)
            .await?;
        Ok(restored.ok_or(Failure::Absent)?.into())
    }
}

/// The hits that an answer has room for, each with its snippet and whether its content is cut; and whether anything was left
/// out or cut.
fn fitting(hits: Vec<Hit>, query: &TextQuery, mut room: Room) -> (Vec<(Hit, String, bool)>, bool) {
    let mut truncated = false;
    let mut shown_hits: Vec<(Hit, String, bool)> = Vec::with_capacity(hits.len());
    for mut hit in hits {
        let mut snippet = snippet(&hit.entry.content, query, SNIPPET_CHARS);
        let fixed = room.take_entry(&hit.entry.summary, Some(&hit.entry.summary.metadata));
        if shown_hits.is_empty() {
            room.spare_content();
        } else if !fixed || room.left() < json_escaped_len(&snippet) {
            truncated = true;
            break;
        }
        let bytes = room.take_text(&snippet, usize::MAX).len();
        shorten(&mut snippet, bytes);
        let shown = room.take_text(&hit.entry.content, RESULT_BYTES);
        let shown_chars = chars(shown);
        let bytes = shown.len();
        shorten(&mut hit.entry.content, bytes);
        let cut = shown_chars < hit.entry.summary.chars;
        truncated |= cut;
        shown_hits.push((hit, snippet, cut));
    }
    (shown_hits, truncated)
}

fn matching(rule: MatchRule) -> Match {
    match rule {
        MatchRule::Any => Match::Any,
        MatchRule::All => Match::All,
        MatchRule::Phrase => Match::Phrase,
        MatchRule::Prefix => Match::Prefix,
    }
}

/// Whether a label has at least this trust.
fn suffices(label: &Label, least: MinTrust) -> bool {
    least == MinTrust::Unverified || label.trust == Trust::Trusted
}

/// Entries as a text, if asked for (S17).
fn fenced<'a>(
    as_text: bool,
    entries: impl IntoIterator<Item = (&'a EntrySummary, &'a str, Option<u32>)>,
) -> Result<Option<String>, Failure> {
    if !as_text {
        return Ok(None);
    }
    let item = |(entry, content, next): (&EntrySummary, &'a str, Option<u32>)| Fenced {
        header: header(entry, next),
        content,
    };
    let items: Vec<Fenced<'a>> = entries.into_iter().map(item).collect();
    fence(&items).map(Some)
}

/// Contents as one text, each in its fence (S17).
pub(crate) fn fence(items: &[Fenced<'_>]) -> Result<String, Failure> {
    // That a nonce nobody could know stands in an entry does not happen; to be sure, another is drawn then.
    for _ in 0..3 {
        if let Some(text) = fence::render(items, &random::nonce()?) {
            return Ok(text);
        }
    }
    Err(RandomnessUnavailable.into())
}

fn chars(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// What a text says of an entry before its content. `next` is where that goes on, in characters, if it was cut.
fn header(entry: &EntrySummary, next: Option<u32>) -> Map<String, Value> {
    let origin = &entry.label.origin;
    let findings = entry.label.findings.iter().map(|finding| finding.kind.to_string()).collect::<Vec<_>>();
    let fields = [
        ("key", json!(entry.key)),
        ("namespace", json!(entry.namespace)),
        ("version", json!(entry.version)),
        ("trust", json!(entry.label.trust)),
        ("writtenBy", json!(origin.principal)),
        ("at", json!(origin.at)),
        ("agentId", json!(origin.agent_id)),
        ("tags", json!(entry.tags)),
        ("metadata", json!(entry.metadata.as_object())),
        ("findings", json!(findings)),
        ("nextOffset", json!(next)),
    ];
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    fields
        .into_iter()
        .filter(|(_, value)| says(value))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
