//! What the database and the log say.

use std::collections::BTreeMap;
use std::sync::Arc;

use agentstack_access::Caller;
use agentstack_api::command::AuditFilter;
use agentstack_api::{ErrorBody, Reply, find};
use agentstack_audit::Outcome;
use agentstack_core::Timestamp;
use agentstack_engine::SIGNAL;
use serde_json::{Map, Value, json};

use super::{Findings, days, versions, with_causes};
use crate::config::Config;
use crate::{AgentStack, Options};

/// After how many days without one a backup is overdue, and a signature of the log that is kept elsewhere.
const BACKUP_DAYS: i64 = 7;
const CHECKPOINT_DAYS: i64 = 7;
/// After how many days a token without an end is to be made anew.
const TOKEN_DAYS: i64 = 90;
/// For how many days signals are told of.
const SIGNAL_DAYS: i64 = 7;
/// Up to which size a database is looked through from end to end.
const LOOKED_THROUGH_BYTES: u64 = 256 << 20;

pub(super) async fn look(config: &Config, now: Timestamp, found: &mut Findings) {
    let options = match Options::looking_after(config) {
        Ok(options) => options,
        Err(error) => {
            found.fail("database.opens", with_causes(&error), "agentstack config check");
            return;
        }
    };
    let stack = match AgentStack::open(options).await {
        Ok(stack) => stack,
        Err(error) => {
            let mend = "if it is the wrong key: put the right one back; if it is damaged: move it away, then agentstack db restore BACKUP";
            found.fail("database.opens", with_causes(&error), mend);
            return;
        }
    };
    found.ok("database.opens", "the database opens with its key");
    log(&stack, now, found).await;
    if let Ok((sqlite, cipher)) = stack.store().made_of().await {
        versions::look(&sqlite, cipher.as_deref(), found);
    }
    tokens(&stack, now, found).await;
    held_back(&stack, found).await;
    plugins(&stack, config, found).await;
    let (path, bytes) = (stack.store().path(), stack.database_bytes());
    stack.close().await;
    if bytes > LOOKED_THROUGH_BYTES {
        found.note(
            "database.sound",
            format!("{} is too large to look through now; run: agentstack db check", path.display()),
        );
        return;
    }
    match AgentStack::check_with(config, &mut |_| {}).await {
        Ok(checked) if checked.total == 0 => {
            found.ok("database.sound", "every page, entry, posting and vector is sound");
        }
        Ok(checked) => {
            let first = checked.faults.first().map(ToString::to_string).unwrap_or_default();
            let reason = format!("the database has {} faults: {first}", checked.total);
            found.fail(
                "database.sound",
                reason,
                "agentstack db check; then move it away, and: agentstack db restore BACKUP",
            );
        }
        Err(error) => found.fail("database.sound", with_causes(&error), "agentstack db check"),
    }
}

/// What the log says of itself, and what it was told of.
async fn log(stack: &AgentStack, now: Timestamp, found: &mut Findings) {
    match stack.verify_audit(vec![], &[], |_, _| {}).await {
        Ok(report) if report.is_intact() => {
            found.ok("audit.intact", format!("the audit log is intact: {} records", report.records));
        }
        Ok(report) => {
            let first = report.problems.first().map(ToString::to_string).unwrap_or_default();
            found.fail(
                "audit.intact",
                format!("the audit log is not intact: {first}"),
                "agentstack audit verify",
            );
        }
        Err(error) => found.fail("audit.intact", error.message(), "agentstack audit verify"),
    }
    let mut seen = Seen::default();
    let filter = AuditFilter::default();
    let operator = || Arc::new(AgentStack::operator());
    let read = stack.engine().export_audit::<ErrorBody>(
        operator(),
        &filter,
        |_, record| {
            if let Ok(at) = record.at.parse() {
                seen.note(record, at, now);
            }
            Ok(())
        },
        |_, _| {},
    );
    let read = read.await;
    if let Err(error) = read {
        found.fail("audit.intact", error.message(), "agentstack audit verify");
        return;
    }
    seen.tell(now, found);
}

/// What is looked for in the log.
#[derive(Default)]
struct Seen {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    backup: Option<Timestamp>,
    /// When a checkpoint was printed last, to be kept elsewhere.
    checkpoint: Option<Timestamp>,
    /// How often each rule has spoken lately.
    signals: BTreeMap<String, u64>,
}

impl Seen {
    fn note(&mut self, record: &agentstack_audit::Record, at: Timestamp, now: Timestamp) {
        self.first.get_or_insert(at);
        self.last = self.last.max(Some(at));
        match record.operation.as_str() {
            "db_backup" if record.outcome == Outcome::Ok => self.backup = Some(at),
            "audit_checkpoint" if record.outcome == Outcome::Ok => self.checkpoint = Some(at),
            SIGNAL if days(at, now) < SIGNAL_DAYS => {
                *self.signals.entry(record.reason.clone()).or_default() += 1;
            }
            _ => {}
        }
    }

    fn tell(&self, now: Timestamp, found: &mut Findings) {
        if self.last.is_some_and(|last| last > now.plus_millis(60_000)) {
            let reason = "the clock is behind the last record of the log: what expires by time does not";
            found.fail("system.clock", reason, "set the clock, and keep it right (timedatectl set-ntp true)");
        } else {
            found.ok("system.clock", "the clock is not behind the log");
        }
        let since = self.backup.or(self.first).map_or(0, |since| days(since, now));
        match (self.backup, since >= BACKUP_DAYS) {
            (_, false) => found.ok("backup.age", "there is little that a backup would not have"),
            (Some(_), true) => {
                found.warn(
                    "backup.age",
                    format!("the last backup is {since} days old"),
                    "agentstack db backup FILE",
                );
            }
            (None, true) => found.warn(
                "backup.age",
                format!("there are {since} days of records, and there was never a backup"),
                "agentstack db backup FILE",
            ),
        }
        let since = self.checkpoint.or(self.first).map_or(0, |since| days(since, now));
        if since >= CHECKPOINT_DAYS {
            let reason = format!(
                "no checkpoint was printed for {since} days: whoever has the key could cut the log off, and nobody would see"
            );
            found.warn(
                "audit.checkpoint",
                reason,
                "agentstack audit checkpoint, and keep what it prints elsewhere",
            );
        } else {
            found.ok("audit.checkpoint", "there is little that a checkpoint kept elsewhere would not prove");
        }
        if self.signals.is_empty() {
            found.ok("signals.lately", "no signal was raised lately");
        } else {
            let signals: Vec<String> =
                self.signals.iter().map(|(rule, count)| format!("{rule} {count}x")).collect();
            let reason = format!("signals of the last {SIGNAL_DAYS} days: {}", signals.join(", "));
            found.warn("signals.lately", reason, "agentstack audit query --operation signal");
        }
    }
}

/// Calls an operation as the operator.
async fn ask(stack: &AgentStack, name: &str, arguments: &Value) -> Option<Reply> {
    let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
    let operator = Caller::new(Arc::new(AgentStack::operator()));
    stack.engine().dispatch(&operator, find(name)?, arguments).await.ok()
}

async fn tokens(stack: &AgentStack, now: Timestamp, found: &mut Findings) {
    let mut old = vec![];
    let mut arguments = json!({ "limit": 100 });
    loop {
        let Some(Reply::ListTokens(page)) = ask(stack, "token_list", &arguments).await else {
            found.warn("token.age", "the tokens could not be listed", "agentstack token list");
            return;
        };
        let endless = page.tokens.iter().filter(|token| token.expires_at.is_none());
        old.extend(
            endless
                .filter(|token| days(token.created_at, now) > TOKEN_DAYS)
                .map(|token| token.id.to_string()),
        );
        let Some(next) = page.next_cursor else { break };
        arguments = json!({ "limit": 100, "cursor": next });
    }
    match old.first() {
        None => found.ok("token.age", "no token is both old and without an end"),
        Some(first) => {
            let reason = format!(
                "{} tokens without an end are older than {TOKEN_DAYS} days: {first} among them",
                old.len()
            );
            found.warn(
                "token.age",
                reason,
                "agentstack token create --expires-in-days 90 …, then: agentstack token revoke ID",
            );
        }
    }
}

async fn held_back(stack: &AgentStack, found: &mut Findings) {
    let Some(Reply::ListQuarantine(page)) = ask(stack, "quarantine_list", &json!({ "limit": 100 })).await
    else {
        found.warn("quarantine.waiting", "what waits could not be listed", "agentstack quarantine list");
        return;
    };
    if page.count == 0 {
        found.ok("quarantine.waiting", "nothing waits to be looked at");
        return;
    }
    let more = if page.next_cursor.is_some() { " and more" } else { "" };
    let reason = format!("{}{more} versions wait until somebody has looked at them", page.count);
    found.warn("quarantine.waiting", reason, "agentstack quarantine list");
}

async fn plugins(stack: &AgentStack, config: &Config, found: &mut Findings) {
    let Some(Reply::ListPlugins(listed)) = ask(stack, "plugin_list", &json!({})).await else {
        found.warn("plugins.use", "the plugins could not be listed", "agentstack plugin list");
        return;
    };
    let enabled = listed.plugins.iter().filter(|plugin| plugin.state == "enabled").count();
    if !config.plugins.enabled {
        found.ok("plugins.use", "plugins are off");
    } else if enabled == 0 {
        found.warn("plugins.use", "plugins are on, and none can be called", "set plugins.enabled to false");
    } else {
        found.ok("plugins.use", format!("{enabled} plugins can be called"));
    }
    let mut sound = true;
    for plugin in &listed.plugins {
        let name = plugin.name.as_str();
        let Some(Reply::ShowPlugin(shown)) = ask(stack, "plugin_show", &json!({ "plugin": name })).await
        else {
            sound = false;
            let mend = format!("agentstack plugin show {name}");
            found.warn("plugins.signed", format!("the plugin {name} could not be looked at"), &mend);
            continue;
        };
        if let Some(problem) = shown.problem {
            sound = false;
            found.fail(
                "plugins.signed",
                format!("the plugin {name} cannot be loaded: {problem}"),
                &format!("agentstack plugin disable {name}"),
            );
        } else if plugin.loaded_at.is_none() && config.plugins.enabled {
            found.note(
                "plugins.reviewed",
                format!("the plugin {name} was never called; what it may do: agentstack plugin show {name}"),
            );
        }
    }
    if sound {
        found.ok("plugins.signed", "every plugin is the one that was signed and installed");
    }
}
