//! Every answer conforms to its schemas, the full one and the published one.

mod github;
mod operators;
mod plugin;

use std::sync::Arc;

use agentstack_access::{Grant, Limits, Role};
use agentstack_api::{OPERATIONS, Reply, document, find, view};
use agentstack_core::{
    Agent, AgentStatus, AgentUsage, ApiToken, Capability, Confidence, DriftAction, Entry, EntryId,
    EntrySummary, FindingField, FindingSummary, Hit, Identity, IdentityStatus, Label, MatchType, Metadata,
    Origin, Relation, Relationship, ResumeToken, RiskLevel, Task, TaskId, TaskStatus, Timestamp, TokenId,
    Treatment, Trust, Version, VersionId,
};
use serde_json::{Map, Value, json};

use crate::support::{SESSION, object};

fn label(full: bool) -> Label {
    let origin = Origin {
        principal: "local:ada".to_owned(),
        agent_id: full.then(|| "coder".parse().unwrap()),
        tool: "memory_store".to_owned(),
        at: Timestamp::from_millis(0),
    };
    let finding = FindingSummary {
        kind: "pii-email".parse().unwrap(),
        field: FindingField::Content,
        confidence: Confidence::High,
        count: 2,
        treatment: Treatment::Flagged,
    };
    let findings = if full { vec![finding] } else { vec![] };
    Label { trust: Trust::Unverified, origin, findings }
}

fn metadata(full: bool) -> Metadata {
    if full { object(json!({ "a": { "b": [null] } })).try_into().unwrap() } else { Metadata::default() }
}

fn entry(full: bool) -> Entry {
    let summary = EntrySummary {
        id: EntryId::from_bytes([7; 16]),
        key: "k".parse().unwrap(),
        namespace: if full { "team".parse() } else { format!("session:{SESSION}").parse() }.unwrap(),
        version: 3,
        agent_id: full.then(|| "coder".parse().unwrap()),
        tags: if full { vec!["t".parse().unwrap()] } else { Vec::new() },
        metadata: metadata(full),
        created_at: Timestamp::from_millis(1),
        updated_at: Timestamp::from_millis(2),
        label: label(full),
        chars: 7,
    };
    Entry { summary, content: "content".to_owned() }
}

fn session() -> view::SessionView {
    view::SessionView::active(SESSION.parse().unwrap(), Timestamp::from_millis(0), Timestamp::from_millis(1))
}

fn token() -> ResumeToken {
    format!("asr_{}", "0".repeat(64)).parse().unwrap()
}

/// A made-up one; its checksum is the token's own rule.
fn api_token() -> ApiToken {
    format!("ast_{}b8590dc1", "0".repeat(64)).parse().unwrap()
}

fn grant(full: bool) -> Grant {
    let limits = Limits {
        operations: full.then(|| Arc::new(["memory_get".to_owned()].into())),
        namespaces: full.then(|| Arc::new(["team".parse().unwrap()].into())),
    };
    Grant {
        id: TokenId::from_bytes([7; 16]),
        subject: "ci".parse().unwrap(),
        role: Role::Agent,
        agent: full.then(|| "coder".parse().unwrap()),
        limits,
        created_at: Timestamp::from_millis(0),
        expires_at: full.then(|| Timestamp::from_millis(1)),
    }
}

fn searched(full: bool) -> view::SearchedView {
    view::SearchedView {
        searched_by: full.then_some("text"),
        not_embedded: full.then_some(3),
        notice: full.then_some("why"),
    }
}

/// An answer of every operation, with every optional field or with none.
fn replies(full: bool) -> Vec<Reply> {
    let hit = Hit { entry: entry(full), score: 0.5, match_type: MatchType::Text };
    let version = Version {
        entry: EntryId::from_bytes([7; 16]),
        version: 1,
        content: "content".to_owned(),
        tags: Vec::new(),
        metadata: metadata(full),
        agent_id: full.then(|| "coder".parse().unwrap()),
        stored_at: Timestamp::from_millis(0),
        label: label(full),
    };
    let next_cursor = full.then(|| "c".to_owned());
    let text = full.then(|| "content".to_owned());
    let got = match text.clone() {
        Some(text) => view::GetMemoryView::found(entry(full), Some(7), Some(text)),
        None => view::GetMemoryView::absent(),
    };
    let mut replies = vec![
        Reply::StoreMemory(entry(full).summary.into()),
        Reply::SearchMemory(view::SearchMemoryView {
            count: 1,
            results: vec![view::SearchResultView::new(hit, "content".to_owned(), full)],
            truncated: full,
            next_cursor: next_cursor.clone(),
            searched: searched(full),
            text,
        }),
        Reply::GetMemory(got),
        Reply::ListMemory(view::ListMemoryView {
            total: 1,
            count: 1,
            entries: vec![entry(full).summary.into()],
            next_cursor,
        }),
        Reply::DeleteMemory(view::DeleteMemoryView { success: full }),
        Reply::MemoryHistory(view::HistoryView {
            count: 1,
            versions: vec![view::VersionView::new(version, 7, !full, full)],
            truncated: full,
        }),
        Reply::RestoreMemory(entry(full).summary.into()),
        Reply::StartSession(view::StartSessionView::new(session(), token())),
        Reply::EndSession(view::EndSessionView::new(view::RemovedView { entries: 3, ..Default::default() })),
        Reply::SessionStatus(view::SessionStatusView {
            session: view::SessionDetailView {
                session: session(),
                entries: 3,
                agents: 1,
                tasks: 2,
                metadata: metadata(full),
            },
        }),
        Reply::ActiveSessions(view::ActiveSessionsView { count: 1, sessions: vec![session()] }),
    ];
    replies.extend(replies_about_agents(full));
    replies.extend(replies_about_identities(full));
    replies.extend(replies_about_tasks(full));
    replies.extend(github::replies(full).into_iter().chain(plugin::replies(full)));
    replies.extend(replies_to_operators(full).into_iter().chain(operators::replies(full)));
    replies
}

fn replies_about_agents(full: bool) -> Vec<Reply> {
    let at = Timestamp::from_millis(0);
    let agent = Agent {
        id: SESSION.parse().unwrap(),
        agent_type: "coder".parse().unwrap(),
        name: "ada".parse().unwrap(),
        status: AgentStatus::Idle,
        identity: full.then(|| SESSION.parse().unwrap()),
        metadata: metadata(full),
        created_at: at,
        updated_at: at,
        usage: AgentUsage::none(at),
    };
    let usage = view::UsageView {
        operations: 1,
        tokens: 2,
        subtasks: 3,
        last_result_at: at,
        phase: full.then_some(view::AllowancePhase::Warning),
    };
    let detail = view::AgentDetailView {
        agent: (&agent).into(),
        capabilities: vec!["write-code".to_owned()],
        system_prompt: "You are a coder.".to_owned(),
        metadata: metadata(full),
        usage,
    };
    let kind = view::AgentTypeView {
        agent_type: "coder".parse().unwrap(),
        description: "Writes code.".to_owned(),
        capabilities: vec!["write-code".to_owned()],
    };
    vec![
        Reply::SpawnAgent((&agent).into()),
        Reply::ListAgents(view::ListAgentsView { total: 1, count: 1, agents: vec![(&agent).into()] }),
        Reply::StopAgent(view::StopAgentView { success: true }),
        Reply::AgentStatusOf(view::AgentStatusView { agent: detail }),
        Reply::AgentTypes(view::AgentTypesView { count: 1, types: vec![kind] }),
        Reply::UpdateAgentStatus((&agent).into()),
        Reply::RunAgent(run(full)),
    ]
}

fn run(full: bool) -> view::RunAgentView {
    let entry = entry(full).summary;
    view::RunAgentView {
        agent_id: "01983b2e-5c00-7000-8000-000000000009".parse().unwrap(),
        response: "An answer.".to_owned(),
        truncated: full,
        withheld: full,
        provider: "ollama".to_owned(),
        model: "llama3.2".to_owned(),
        duration: 1_234,
        stop_reason: if full { view::AnswerEnd::Length } else { view::AnswerEnd::Complete },
        tokens: view::TokensView { input: full.then_some(11), output: full.then_some(7) },
        recalled: full.then_some(2),
        label: entry.label.clone().into(),
        not_stored: full.then(|| "The answer is empty.".to_owned()),
        text: full.then(|| "fenced".to_owned()),
        entry: full.then(|| entry.into()),
    }
}

fn replies_about_identities(full: bool) -> Vec<Reply> {
    let at = Timestamp::from_millis(0);
    let identity = || Identity {
        id: SESSION.parse().unwrap(),
        owner: "local:ada".to_owned(),
        agent_type: "coder".parse().unwrap(),
        status: IdentityStatus::Active,
        reason: full.then(|| "begins".to_owned()),
        version: 1,
        display_name: full.then(|| "ada".parse().unwrap()),
        description: full.then(|| "writes".to_owned()),
        capabilities: vec![Capability::new("go".to_owned(), "1".to_owned()).unwrap()],
        metadata: metadata(full),
        created_at: at,
        updated_at: at,
        last_active_at: full.then_some(at),
    };
    let record = view::RecordView {
        sequence: 1,
        at: at.to_string(),
        principal: "local:ada".to_owned(),
        session_id: full.then(|| SESSION.parse().unwrap()),
        operation: "identity_create".to_owned(),
        outcome: "ok".to_owned(),
        request_id: SESSION.parse().unwrap(),
    };
    vec![
        Reply::CreateIdentity(identity().into()),
        Reply::GetIdentity(view::GetIdentityView { identity: identity().into() }),
        Reply::ListIdentities(view::ListIdentitiesView {
            total: 1,
            count: 1,
            identities: vec![identity().into()],
        }),
        Reply::UpdateIdentity(identity().into()),
        Reply::ActivateIdentity(identity().into()),
        Reply::DeactivateIdentity(identity().into()),
        Reply::RetireIdentity(identity().into()),
        Reply::IdentityAudit(view::IdentityAuditView { count: 1, records: vec![record] }),
    ]
}

fn replies_about_tasks(full: bool) -> Vec<Reply> {
    let at = Timestamp::from_millis(0);
    let id: TaskId = SESSION.parse().unwrap();
    let task = Task {
        id,
        agent_type: "coder".parse().unwrap(),
        status: TaskStatus::Completed,
        risk: RiskLevel::Low,
        parent: full.then_some(id),
        depth: 1,
        agent: full.then(|| SESSION.parse().unwrap()),
        input: None,
        output: None,
        created_at: at,
        updated_at: at,
        completed_at: full.then_some(at),
    };
    let drift = || {
        full.then_some(view::DriftView { ancestor_task_id: id, similarity: 0.9, action: DriftAction::Warned })
    };
    let relationship = Relationship { from: id, relation: Relation::DependsOn, to: id };
    let texts = full.then(|| "text".to_owned());
    vec![
        Reply::CreateTask(view::CreateTaskView { success: true, task: (&task).into(), drift: drift() }),
        Reply::AssignTask((&task).into()),
        Reply::CompleteTask((&task).into()),
        Reply::ListTasks(view::ListTasksView {
            total: 1,
            count: 1,
            tasks: vec![(&task).into()],
            next_cursor: full.then_some(id),
        }),
        Reply::GetTask(view::GetTaskView {
            task: view::TaskView {
                summary: (&task).into(),
                input: texts.clone(),
                output: texts,
                truncated: full,
            },
        }),
        Reply::CheckDrift(view::CheckDriftView { compared: full, is_drift: full, drift: drift() }),
        Reply::TaskRelationships(view::TaskRelationshipsView {
            count: 1,
            truncated: full,
            relationships: vec![relationship.into()],
        }),
        Reply::DriftMetrics(view::DriftMetricsView {
            checks: 1,
            warned: 1,
            prevented: 0,
            mean_similarity: full.then_some(0.5),
            greatest_similarity: full.then_some(0.5),
            last_at: full.then_some(at),
        }),
    ]
}

fn review(full: bool) -> view::ReviewView {
    let entry = entry(full).summary;
    view::ReviewView {
        id: VersionId { entry: entry.id, version: 3 },
        key: entry.key,
        namespace: entry.namespace,
        agent_id: entry.agent_id,
        tags: entry.tags,
        chars: entry.chars,
        label: entry.label.into(),
        since: entry.updated_at,
    }
}

fn replies_to_operators(full: bool) -> Vec<Reply> {
    let check = view::CheckView {
        name: "storage".to_owned(),
        status: if full { view::Health::Degraded } else { view::Health::Ok },
        detail: full.then(|| "slow".to_owned()),
    };
    vec![
        Reply::SystemStatus(view::SystemStatusView {
            version: "0.1.0".to_owned(),
            uptime_seconds: 1,
            sessions: 1,
            entries: 3,
            storage: view::StorageView { backend: "sqlite".to_owned(), encrypted: true },
            features: view::FeaturesView { github: false, plugins: false, vector_search: false },
        }),
        Reply::SystemHealth(view::SystemHealthView::new(vec![check])),
        Reply::SystemConfig(view::SystemConfigView {
            config: object(json!({ "memory": { "vectorSearch": false } })),
        }),
        Reply::ListQuarantine(view::ListQuarantineView {
            count: 1,
            versions: vec![review(full)],
            next_cursor: full.then(|| "c".to_owned()),
        }),
        Reply::ShowQuarantine(view::ShowQuarantineView {
            version: review(full),
            content: "content".to_owned(),
            metadata: metadata(full),
            truncated: full,
            next_offset: full.then_some(7),
        }),
        Reply::ApproveQuarantine(view::DecidedView { success: true, version: review(full) }),
        Reply::RejectQuarantine(view::DecidedView { success: true, version: review(full) }),
        Reply::QueryAudit(view::QueryAuditView {
            count: 1,
            records: vec![operators::audit_record(full)],
            next_cursor: full.then(|| "a.7".to_owned()),
        }),
        Reply::CreateToken(view::CreateTokenView::new(api_token(), grant(full))),
        Reply::ListTokens(view::ListTokensView {
            count: 1,
            tokens: vec![grant(full).into()],
            next_cursor: full.then(|| grant(full).id),
        }),
        Reply::RevokeToken(view::RevokeTokenView { success: true }),
    ]
}

/// Holds a value to the part of JSON Schema that our schemas use, and to having no field they lack.
fn conforms(value: &Value, schema: &Value, path: &str) {
    let fits = match schema.get("type").and_then(Value::as_str) {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        other => other.is_none(),
    };
    assert!(fits, "{path} is {value}, not {schema}");
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        assert!(words.contains(value), "{path}");
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{path} has {name}");
    }
    if let (Some(properties), Some(fields)) = (schema.get("properties"), value.as_object()) {
        for (name, field) in fields {
            let property = properties.get(name).unwrap_or_else(|| panic!("{path}/{name} is in the schema"));
            conforms(field, property, &format!("{path}/{name}"));
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for value in values {
            conforms(value, items, &format!("{path}[]"));
        }
    }
}

#[test]
fn every_answer_conforms_to_its_schemas() {
    let tools = document::tools();
    for full in [true, false] {
        let replies = replies(full);
        assert_eq!(replies.len(), OPERATIONS.len(), "each operation has its sample");
        for reply in replies {
            let name = reply.operation().name;
            let value = reply.to_value();
            conforms(&value, (find(name).unwrap().output_schema)(), name);
            let tool = tools.iter().find(|tool| tool.name == name);
            assert_eq!(tool.is_some(), find(name).unwrap().is_tool, "{name}");
            if let Some(tool) = tool {
                conforms(&value, &tool.output_schema, name);
            }
        }
    }
}

#[test]
fn answers_are_as_published() {
    let all: Map<String, Value> =
        replies(true).iter().map(|reply| (reply.operation().name.to_owned(), reply.to_value())).collect();
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!("answers", all); });
}

#[test]
fn a_get_says_that_it_is_cut_only_if_it_is() {
    let value = Reply::GetMemory(view::GetMemoryView::found(entry(true), None, None)).to_value();
    assert_eq!((value["entry"].get("truncated"), value["entry"].get("nextOffset")), (None, None));
    let value = Reply::GetMemory(view::GetMemoryView::found(entry(true), Some(7), None)).to_value();
    assert_eq!((&value["entry"]["truncated"], &value["entry"]["nextOffset"]), (&json!(true), &json!(7)));
}
