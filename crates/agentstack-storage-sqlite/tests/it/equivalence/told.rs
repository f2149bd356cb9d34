//! What was answered, as a text to be compared.

use agentstack_storage::conformance::Call;
use agentstack_storage::{Listing, Page, Search};

/// A page of a list, and the next if wanted.
pub(super) async fn pages(call: &Call<'_>, asked: Listing, cursor: bool) -> String {
    let first = call.list(asked.clone()).await;
    let mut pages = vec![(first.total, first.entries)];
    if let (true, Some(next)) = (cursor, first.next) {
        let page = call.list(Listing { page: Page::After(next), ..asked }).await;
        pages.push((page.total, page.entries));
    }
    let page = |(total, entries): &(u64, Vec<_>)| {
        format!("{total} {:?}", entries.iter().map(shown).collect::<Vec<_>>())
    };
    format!("{:?} {}", pages.iter().map(page).collect::<Vec<_>>(), first.next.is_some())
}

pub(super) async fn found(call: &Call<'_>, asked: Search) -> String {
    let found = call.search(asked).await;
    let entries: Vec<_> = found.hits.iter().map(|hit| hit.entry.summary.clone()).collect();
    call.shown(&entries).await;
    let hits = found
        .hits
        .iter()
        .map(|hit| (shown(&hit.entry.summary), hit.score, hit.match_type, &hit.entry.content));
    format!("{:?} {} {}", hits.collect::<Vec<_>>(), found.more, found.without_vector)
}

/// A summary without its id, and with its namespace's kind for its session's id.
pub(super) fn shown(summary: &agentstack_core::EntrySummary) -> String {
    let namespace = match &summary.namespace {
        agentstack_core::Namespace::Session(_) => "own".to_owned(),
        agentstack_core::Namespace::Shared(name) => name.to_string(),
    };
    let (key, version, agent, label) =
        (summary.key.as_str(), summary.version, &summary.agent_id, &summary.label);
    let tags: Vec<&str> = summary.tags.iter().map(agentstack_core::Tag::as_str).collect();
    let (metadata, chars) = (summary.metadata.as_object(), summary.chars);
    let (created, updated) = (summary.created_at, summary.updated_at);
    format!(
        "{namespace} {key} {version} {agent:?} {tags:?} {metadata:?} {created} {updated} {label:?} {chars}"
    )
}
