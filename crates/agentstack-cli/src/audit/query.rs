//! `agentstack audit query`

use agentstack::view::AuditRecordView;
use agentstack::{AgentStack, Reply};
use anyhow::anyhow;
use serde_json::{Value, json};

use crate::Verdict;
use crate::operator::{Refused, call};

/// Which records.
#[derive(clap::Args)]
pub(crate) struct Filter {
    /// From this time on, such as 2026-01-15T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Of this principal, as records name it: `local:…`, `token:…`, `oauth:…`.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// On behalf of this agent.
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// In this session, whosever it is or was.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Of this operation, or of a family of them, such as `memory`.
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// With this outcome: `ok`, or the code of an error.
    #[arg(long, value_name = "WORD")]
    outcome: Option<String>,
    /// Whether the call was let in.
    #[arg(long, value_parser = ["allow", "deny"])]
    decision: Option<String>,
    /// About this plugin: its calls, and what was decided about it. Records from before the key was replaced have another
    /// name for it, and are not found.
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// Of runs of agents that this provider was asked for: anthropic, openai or ollama.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Of this call, as its caller was told it.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
}

impl Filter {
    /// The arguments of the operation.
    pub(super) fn arguments(&self) -> Value {
        json!({
            "since": self.since,
            "until": self.until,
            "caller": self.principal,
            "agentId": self.agent,
            "inSession": self.session,
            "operation": self.operation,
            "outcome": self.outcome,
            "decision": self.decision,
            "plugin": self.plugin,
            "provider": self.provider,
            "requestId": self.request,
        })
    }
}

#[derive(clap::Args)]
pub(crate) struct Query {
    #[command(flatten)]
    filter: Filter,
    /// Most records.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
}

pub(super) async fn run(stack: &AgentStack, asked: Query, as_json: bool) -> anyhow::Result<Verdict> {
    let arguments = asked.filter.arguments();
    let mut cursor = None;
    let mut records: Vec<AuditRecordView> = vec![];
    loop {
        let left = asked.limit.saturating_sub(records.len());
        if left == 0 {
            break;
        }
        let mut page = arguments.clone();
        if let Some(page) = page.as_object_mut() {
            page.insert("limit".to_owned(), json!(left.min(100)));
            page.insert("cursor".to_owned(), json!(cursor));
        }
        let page = match call(stack, "audit_query", page).await {
            Ok(Reply::QueryAudit(page)) => page,
            Ok(_) | Err(Refused::Absent) => return Err(anyhow!("an answer to another question")),
            Err(Refused::Other(error)) => return Err(error),
        };
        if !as_json {
            page.records.iter().for_each(|record| println!("{}", line(record)));
        }
        records.extend(page.records);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if as_json {
        println!("{:#}", json!({ "count": records.len(), "records": records }));
    }
    Ok(Verdict::Well)
}

fn line(record: &AuditRecordView) -> String {
    let session = record.session_id.map_or_else(|| "-".to_owned(), |session| session.to_string());
    let agent =
        record.agent_id.as_ref().map_or_else(String::new, |agent| format!("  agent {:?}", agent.as_str()));
    // Names are anybody's text: what a terminal would obey is written out.
    format!(
        "{}  {}  {}  {}  {:?}{agent}  {session}  {}",
        record.sequence, record.at, record.operation, record.outcome, record.principal, record.reason
    )
}
