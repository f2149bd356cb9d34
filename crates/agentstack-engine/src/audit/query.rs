//! Looking up records.

use std::sync::Arc;

use agentstack_access::{Caller, Principal, Scope};
use agentstack_api::ErrorBody;
use agentstack_api::command::{AuditFilter, QueryAudit};
use agentstack_api::operations::AUDIT_EXPORT;
use agentstack_api::view::{AuditRecordView, QueryAuditView};
use agentstack_audit::{Decision, Line, Record, ResourceHash};
use agentstack_storage::StorageError;
use agentstack_storage::text::cut::json_escaped_len;

use super::LINES;
use crate::Engine;
use crate::answer::Room;
use crate::cursor;
use crate::failure::Failure;
use crate::run::asked_of;

/// What a record takes in an answer besides the names that callers chose.
const RECORD_BYTES: usize = 720;
/// What a count of a record takes.
const COUNT_BYTES: usize = 64;
/// How many records one call looks at: some 50 ms. One that finds few says where to go on.
const LOOKED_AT: usize = 20_000;

impl Engine {
    pub(crate) async fn query_audit(
        &self,
        scope: &Scope,
        command: &QueryAudit,
    ) -> Result<QueryAuditView, Failure> {
        let mut before = command.cursor.as_ref().map(cursor::record).transpose().map_err(Failure::Input)?;
        let mut room = Room::new();
        let (mut records, mut looked_at) = (vec![], 0);
        let plugin = command.filter.plugin.as_ref().map(|name| self.hash_of_plugin(name));
        // What was called a moment ago is among them.
        self.journal().flush().await?;
        'pages: while looked_at < LOOKED_AT {
            let lines = self.store().lines_before(scope, before, LINES).await?;
            if lines.is_empty() {
                before = None;
                break;
            }
            looked_at += lines.len();
            for line in &lines {
                let record = read(line)?;
                if command.filter.takes(&record, plugin) {
                    if records.len() >= command.limit as usize || !room.take(size(&record)) {
                        break 'pages;
                    }
                    records.push(view(record));
                }
                before = Some(line.sequence);
            }
        }
        let next_cursor = before.filter(|sequence| *sequence > 1).map(cursor::of_record);
        Ok(QueryAuditView { count: records.len(), records, next_cursor })
    }

    /// Hands every record that is asked for to `take`, the oldest first, as the log has it, and what it says. `progress` is
    /// told up to which record has been looked at, and how many there are. Returns how many were handed over.
    ///
    /// # Errors
    /// When the principal may not, the log cannot be read, or `take` fails.
    pub async fn export_audit<E: From<ErrorBody>>(
        &self,
        principal: Arc<Principal>,
        filter: &AuditFilter,
        mut take: impl FnMut(&Line, &Record) -> Result<(), E>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u64, E> {
        let caller = Caller::new(principal);
        let body = |failure: Failure| E::from(failure.body(caller.request, &self.settings().redactor));
        let scope = self.authorize_unclaimed(&caller, &AUDIT_EXPORT).await?;
        self.journal().flush().await.map_err(|error| body(error.into()))?;
        let last = self.store().lines_before(&scope, None, 1).await.map_err(|error| body(error.into()))?;
        let end = last.first().map_or(0, |line| line.sequence);
        let (mut at, mut taken) = (0, 0);
        let plugin = filter.plugin.as_ref().map(|name| self.hash_of_plugin(name));
        while at < end {
            let lines = self.store().lines(&scope, at, LINES).await.map_err(|error| body(error.into()))?;
            let Some(newest) = lines.last() else { break };
            at = newest.sequence;
            // What is recorded meanwhile, this very call among it, is for the next time.
            for line in lines.iter().filter(|line| line.sequence <= end) {
                let record = read(line).map_err(&body)?;
                if filter.takes(&record, plugin) {
                    take(line, &record)?;
                    taken += 1;
                }
            }
            progress(at.min(end), end);
        }
        self.note_done(&caller, &AUDIT_EXPORT).await;
        Ok(taken)
    }
}

/// Whether a record is among those that are asked for.
trait Takes {
    /// `plugin` is what records have instead of the plugin's name.
    fn takes(&self, record: &Record, plugin: Option<ResourceHash>) -> bool;
}

impl Takes for AuditFilter {
    fn takes(&self, record: &Record, plugin: Option<ResourceHash>) -> bool {
        // Times of records all have the same form, so they are in order as texts are.
        let at = |time: agentstack_core::Timestamp| time.to_string();
        let of_operation = |asked: &String| {
            record
                .operation
                .strip_prefix(asked.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        self.since.is_none_or(|since| record.at >= at(since))
            && self.until.is_none_or(|until| record.at < at(until))
            && self.principal.as_ref().is_none_or(|asked| *asked == record.principal)
            && self.agent.as_ref().is_none_or(|asked| Some(asked) == record.agent.as_ref())
            && self.session.is_none_or(|asked| Some(asked) == record.session)
            && self.operation.as_ref().is_none_or(of_operation)
            && self.outcome.as_ref().is_none_or(|asked| asked == record.outcome.as_str())
            && self.allowed.is_none_or(|asked| asked == (record.decision == Decision::Allow))
            && plugin.is_none_or(|plugin| record.resource == Some(plugin))
            && self.provider.as_ref().is_none_or(|name| record.counts.contains_key(asked_of(name)))
            && self.request.is_none_or(|asked| asked == record.request)
    }
}

fn read(line: &Line) -> Result<Record, Failure> {
    Ok(Record::parse(&line.body).map_err(|_| StorageError::damaged("a record of the audit log"))?)
}

fn size(record: &Record) -> usize {
    let agent = record.agent.as_ref().map_or(0, |agent| json_escaped_len(agent.as_str()));
    RECORD_BYTES + json_escaped_len(&record.principal) + agent + COUNT_BYTES * record.counts.len()
}

fn view(record: Record) -> AuditRecordView {
    AuditRecordView {
        sequence: record.sequence,
        at: record.at,
        principal: record.principal,
        agent_id: record.agent,
        identity_id: record.identity,
        session_id: record.session,
        operation: record.operation,
        resource: record.resource.map(|hash| hash.to_string()),
        decision: record.decision.as_str().to_owned(),
        reason: record.reason,
        policy: record.policy,
        request_id: record.request,
        outcome: record.outcome.as_str().to_owned(),
        duration_us: record.duration_us,
        counts: record.counts,
    }
}

#[cfg(test)]
mod tests {
    use agentstack_api::command::AUDIT_OUTCOMES;
    use agentstack_audit::Outcome;

    #[test]
    fn every_outcome_can_be_asked_for_and_nothing_else() {
        let known = |word: &str| serde_json::from_value::<Outcome>(word.into()).map(Outcome::as_str);
        for word in AUDIT_OUTCOMES {
            assert_eq!(known(word).unwrap(), word);
        }
        let all = format!("{}", serde_json::from_str::<Outcome>("\"no such\"").unwrap_err());
        assert_eq!(all.matches('`').count() / 2 - 1, AUDIT_OUTCOMES.len(), "{all}");
    }
}
