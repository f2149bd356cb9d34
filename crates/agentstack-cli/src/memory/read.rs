//! `agentstack memory search`, `get` and `list`

use std::path::PathBuf;

use agentstack::core::SharedName;
use agentstack::view::{EntryView, SearchMemoryView, SearchResultView, SummaryView};
use agentstack::{AgentStack, Options, Reply};
use serde_json::{Map, Value, json};

use crate::operator::{Refused, call, end};
use crate::quarantine::{fenced, unexpected};
use crate::{Verdict, open};

/// How many are asked for at a time, at most.
const PAGE: u32 = 100;

#[derive(clap::Args)]
pub(crate) struct Search {
    /// Words or a question.
    query: String,
    /// Only this shared namespace [default: all].
    #[arg(long, value_name = "NAME")]
    namespace: Option<SharedName>,
    /// How many results at most.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// By what to search: by words, by meaning, or by both. `auto` is the best that is configured.
    #[arg(long, default_value = "auto", value_parser = ["auto", "text", "semantic", "hybrid"])]
    mode: String,
}

#[derive(clap::Args)]
pub(crate) struct Get {
    /// The key.
    key: String,
    /// Its shared namespace [default: the one of calls that name none].
    #[arg(long, value_name = "NAME")]
    namespace: Option<SharedName>,
    /// A past version [default: the current one].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    version: Option<u32>,
}

#[derive(clap::Args)]
pub(crate) struct List {
    /// Only this shared namespace [default: all].
    #[arg(long, value_name = "NAME")]
    namespace: Option<SharedName>,
    /// Only what has this tag; may be given several times, for entries that have all of them.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// How many entries at most [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

pub(super) async fn search(
    config: Option<PathBuf>,
    asked: &Search,
    as_json: bool,
) -> anyhow::Result<Verdict> {
    // Words are found without anybody else; for a meaning, the embedder is asked.
    let stack = if asked.mode == "text" {
        open(config).await?
    } else {
        AgentStack::open(Options::load_to_embed(config)?).await?
    };
    let done = searched(&stack, asked, as_json).await;
    end(stack, done, "entry").await
}

pub(super) async fn get(stack: AgentStack, asked: &Get, as_json: bool) -> anyhow::Result<Verdict> {
    let done = got(&stack, asked, as_json).await;
    end(stack, done, "entry").await
}

pub(super) async fn list(stack: AgentStack, asked: &List, as_json: bool) -> anyhow::Result<Verdict> {
    let done = listed(&stack, asked, as_json).await;
    end(stack, done, "entry").await
}

async fn searched(stack: &AgentStack, asked: &Search, as_json: bool) -> Result<(), Refused> {
    let (mut results, mut cursor): (Vec<SearchResultView>, Option<String>) = (vec![], None);
    let by = loop {
        let arguments = json!({
            "query": asked.query,
            "namespace": asked.namespace,
            "limit": left(results.len(), asked.limit).min(PAGE),
            "mode": asked.mode,
            "cursor": cursor,
        });
        let Reply::SearchMemory(page) = call(stack, "memory_search", arguments).await? else {
            return Err(unexpected());
        };
        let SearchMemoryView { results: more, next_cursor, searched, .. } = page;
        results.extend(more);
        cursor = next_cursor;
        if cursor.is_none() || left(results.len(), asked.limit) == 0 {
            break searched;
        }
    };
    if as_json {
        let mut document = json!({ "count": results.len(), "results": results });
        if let (Value::Object(document), Value::Object(by)) = (&mut document, json!(by)) {
            document.extend(by);
        }
        println!("{document:#}");
        return Ok(());
    }
    if let Some(notice) = by.notice {
        eprintln!("agentstack: {notice}");
    }
    for result in &results {
        println!("{}", fenced(header(result, &["content", "snippet"])?, &result.content)?);
    }
    Ok(())
}

async fn got(stack: &AgentStack, asked: &Get, as_json: bool) -> Result<(), Refused> {
    let (mut content, mut version, mut offset) = (String::new(), asked.version, 0);
    let mut entry: EntryView = loop {
        let arguments = json!({
            "key": asked.key,
            "namespace": asked.namespace,
            "version": version,
            "offset": offset,
        });
        let Reply::GetMemory(page) = call(stack, "memory_get", arguments).await? else {
            return Err(unexpected());
        };
        let entry = page.entry.ok_or(Refused::Absent)?;
        content.push_str(&entry.content);
        // What comes next is of the same version, whatever is stored meanwhile.
        version = Some(entry.summary.entry.version);
        match entry.next_offset {
            Some(next) => offset = next,
            None => break entry,
        }
    };
    if as_json {
        entry.content = content;
        println!("{:#}", json!(entry));
        return Ok(());
    }
    println!("{}", fenced(header(&entry, &["content"])?, &content)?);
    Ok(())
}

async fn listed(stack: &AgentStack, asked: &List, as_json: bool) -> Result<(), Refused> {
    let most = asked.limit.unwrap_or(u32::MAX);
    let (mut entries, mut cursor): (Vec<SummaryView>, Option<String>) = (vec![], None);
    let mut shown = 0;
    let total = loop {
        let arguments = json!({
            "namespace": asked.namespace,
            "includeShared": true,
            "tags": asked.tag,
            "limit": left(shown, most).min(PAGE),
            "cursor": cursor,
        });
        let Reply::ListMemory(page) = call(stack, "memory_list", arguments).await? else {
            return Err(unexpected());
        };
        shown += page.entries.len();
        if as_json {
            entries.extend(page.entries);
        } else {
            page.entries.iter().for_each(|entry| println!("{}", line(entry)));
        }
        cursor = page.next_cursor;
        if cursor.is_none() || left(shown, most) == 0 {
            break page.total;
        }
    };
    if as_json {
        println!("{:#}", json!({ "total": total, "count": entries.len(), "entries": entries }));
    }
    Ok(())
}

fn left(shown: usize, most: u32) -> u32 {
    most.saturating_sub(u32::try_from(shown).unwrap_or(u32::MAX))
}

fn line(summary: &SummaryView) -> String {
    let entry = &summary.entry;
    // Keys and tags are anybody's text: what a terminal would obey is written out.
    let tags: Vec<String> = summary.tags.iter().map(|tag| format!("  {:?}", tag.as_str())).collect();
    format!(
        "{}  {}  {:?}  version {}  {}  {} characters{}",
        entry.updated_at,
        entry.namespace,
        entry.key.as_str(),
        entry.version,
        entry.label.trust,
        summary.chars,
        tags.concat()
    )
}

/// What is said of a text before it.
fn header(of: &impl serde::Serialize, without: &[&str]) -> Result<Map<String, Value>, Refused> {
    let Value::Object(mut header) = json!(of) else { return Err(unexpected()) };
    header.retain(|name, _| !without.contains(&name.as_str()));
    Ok(header)
}
