//! What a plugin can ask for during one call: as its caller, narrowed to what it was granted.
//!
//! Each question to memory is a call of its own, authorized and recorded as every other; it has the id of the call of the
//! plugin. What was not granted is recorded as denied, and the plugin learns no more than that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use agentstack_access::{Caller, Claim};
use agentstack_api::command::{GetMemory, MatchRule, MinTrust, SearchMemory, SearchMode, StoreMemory};
use agentstack_api::operations::PLUGIN_FETCH;
use agentstack_api::{Command, ErrorBody, ErrorCode, Reply};
use agentstack_audit::{Decision, Draft, Outcome};
use agentstack_core::{ConfigKey, MemoryKey, Metadata, PluginName, Secret, Trust, limits};
use agentstack_plugins::{
    Asked, Granted, Host, LogLevel, MemoryOperation, PluginEntry, PluginRequest, PluginResponse, Refusal,
    Services, Web,
};
use agentstack_storage::Pending;
use async_trait::async_trait;

use crate::Engine;
use crate::failure::Failure;

/// Longest message that a plugin leaves in the log, in characters; what is longer is cut.
const MESSAGE_CHARS: usize = 1_000;

/// The services of one call.
pub(super) struct CallServices {
    pub(super) engine: Arc<Engine>,
    pub(super) caller: Caller,
    pub(super) claim: Claim,
    pub(super) granted: Granted,
    pub(super) plugin: PluginName,
    /// As it is offered: what the plugin writes is labelled with it.
    pub(super) tool: String,
    pub(super) web: Arc<dyn Web>,
    pub(super) config: BTreeMap<ConfigKey, Secret<String>>,
}

impl CallServices {
    /// Who is authorized for an operation in a place, if it was granted.
    async fn narrow(&self, operation: MemoryOperation, asked: &Asked) -> Result<(Caller, Claim), Refusal> {
        let rule = || Refusal::Invalid("the namespace must be the name of a shared one".to_owned());
        let place = asked.place().ok_or_else(rule)?;
        let narrowed = self.granted.narrow(&self.caller, &self.claim, &self.tool, operation, &place);
        match narrowed {
            Ok(narrowed) => Ok(narrowed),
            Err(_) => Err(self.deny(operation.name()).await),
        }
    }

    /// Records that something was not granted.
    async fn deny(&self, operation: &'static str) -> Refusal {
        let pending = Pending::new(self.draft(operation), Instant::now());
        let draft = pending.refused((Decision::Deny, "not_granted", Outcome::Forbidden));
        self.engine.tell(&draft);
        // A flood of refused questions ends at the limit of host calls.
        self.engine.journal().note(draft).await;
        Refusal::Denied
    }

    fn draft(&self, operation: &'static str) -> Draft {
        let draft = self.engine.draft(&self.caller, operation, None);
        Draft { session: self.claim.session, ..self.engine.about_plugin(draft, &self.plugin) }
    }

    async fn ask(&self, caller: &Caller, command: Command) -> Result<Reply, Refusal> {
        // In a box: a call of a plugin is itself one.
        Box::pin(self.engine.call(caller, command)).await.map_err(|error| refusal(&error))
    }

    /// The host of a URL, if the plugin may ask it.
    fn host(&self, url: &str) -> Result<Host, Option<Refusal>> {
        let rule =
            || Some(Refusal::Invalid("the URL must be `https://` and a host, without a user".to_owned()));
        let rest = url.strip_prefix("https://").ok_or_else(rule)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // One spelling: whoever is asked is found in what was granted by the very text.
        let host: Host = authority.parse().map_err(|_| rule())?;
        if self.granted.grants().hosts().contains(&host) { Ok(host) } else { Err(None) }
    }
}

#[async_trait]
impl Services for CallServices {
    async fn get(&self, place: Asked, key: String) -> Result<Option<PluginEntry>, Refusal> {
        let (caller, claim) = self.narrow(MemoryOperation::Get, &place).await?;
        let key: MemoryKey = key.try_into().map_err(invalid("the key"))?;
        let mut ask = GetMemory {
            claim,
            key,
            version: None,
            offset: 0,
            length: None,
            min_trust: MinTrust::Unverified,
            as_text: false,
        };
        let mut whole: Option<PluginEntry> = None;
        loop {
            let Reply::GetMemory(view) = self.ask(&caller, Command::GetMemory(ask.clone())).await? else {
                return Err(Refusal::Unavailable);
            };
            // That it has gone meanwhile is as if it had never been there.
            let Some(piece) = view.entry else { return Ok(None) };
            let stored = piece.summary.entry;
            let entry = whole.get_or_insert_with(|| PluginEntry {
                key: stored.key.as_str().to_owned(),
                content: String::new(),
                version: stored.version,
                trusted: stored.label.trust == Trust::Trusted,
            });
            entry.content.push_str(&piece.content);
            match piece.next_offset {
                // The pieces are of one version.
                Some(next) => (ask.offset, ask.version) = (next, Some(stored.version)),
                None => return Ok(whole),
            }
        }
    }

    async fn search(&self, place: Asked, query: String, limit: u32) -> Result<Vec<PluginEntry>, Refusal> {
        let (caller, claim) = self.narrow(MemoryOperation::Search, &place).await?;
        let ask = SearchMemory {
            claim,
            query: query.try_into().map_err(invalid("the query"))?,
            limit: limit.clamp(1, limits::PAGE_ITEMS),
            mode: SearchMode::Auto,
            matching: MatchRule::Any,
            tags: vec![],
            agent: None,
            threshold: None,
            min_trust: MinTrust::Unverified,
            as_text: false,
            cursor: None,
        };
        match self.ask(&caller, Command::SearchMemory(ask)).await? {
            Reply::SearchMemory(view) => Ok(view
                .results
                .into_iter()
                .map(|found| PluginEntry {
                    key: found.key.as_str().to_owned(),
                    content: found.content,
                    version: found.version,
                    trusted: found.label.trust == Trust::Trusted,
                })
                .collect()),
            _ => Err(Refusal::Unavailable),
        }
    }

    async fn store(&self, place: Asked, key: String, content: String) -> Result<u32, Refusal> {
        let (caller, claim) = self.narrow(MemoryOperation::Store, &place).await?;
        let ask = StoreMemory {
            claim,
            key: key.try_into().map_err(invalid("the key"))?,
            content: content.try_into().map_err(invalid("the content"))?,
            metadata: Metadata::default(),
            tags: vec![],
            if_version: None,
            generate_embedding: true,
        };
        match self.ask(&caller, Command::StoreMemory(ask)).await? {
            Reply::StoreMemory(view) => Ok(view.entry.version),
            _ => Err(Refusal::Unavailable),
        }
    }

    async fn fetch(&self, request: PluginRequest) -> Result<PluginResponse, Refusal> {
        let host = match self.host(&request.url) {
            Ok(host) => host,
            Err(Some(invalid)) => return Err(invalid),
            Err(None) => return Err(self.deny(PLUGIN_FETCH.name).await),
        };
        let pending = Pending::new(self.draft(PLUGIN_FETCH.name), Instant::now());
        let authorized = self.engine.authorizer().authorize(&self.caller, &PLUGIN_FETCH, self.claim.clone());
        if let Err(denial) = authorized.await {
            self.engine.fail(pending, &Failure::from(denial)).await;
            return Err(Refusal::Denied);
        }
        // It cannot be called back, so its record comes before it.
        let mut began = pending.clone().close(Outcome::Ok, vec![]);
        began.reason = "began";
        self.engine.journal().record(began).await.map_err(|_| Refusal::Unavailable)?;
        let answered = self.web.fetch(&host, request).await;
        let outcome = if answered.is_ok() { Outcome::Ok } else { Outcome::Unavailable };
        let draft = pending.close(outcome, vec![]);
        self.engine.tell(&draft);
        self.engine.journal().note(draft).await;
        answered
    }

    fn config(&self, key: &str) -> Result<Option<String>, Refusal> {
        let key: ConfigKey = key.parse().map_err(invalid("the name of the setting"))?;
        if !self.granted.grants().config().contains(&key) {
            let pending = Pending::new(self.draft("plugin_config"), Instant::now());
            let draft = pending.refused((Decision::Deny, "not_granted", Outcome::Forbidden));
            self.engine.tell(&draft);
            self.engine.journal().leave(draft);
            return Err(Refusal::Denied);
        }
        Ok(self.config.get(&key).map(|value| value.expose().clone()))
    }

    fn log(&self, level: LogLevel, message: &str) {
        let message: String = message.chars().take(MESSAGE_CHARS).collect();
        // Written out, so that it moves no terminal's cursor and is no line of ours.
        let message = self.engine.scrub(&message);
        let (plugin, request) = (&self.plugin, self.caller.request);
        match level {
            LogLevel::Debug => {
                tracing::debug!(target: "agentstack::plugin", %plugin, %request, says = ?message);
            }
            LogLevel::Info => {
                tracing::info!(target: "agentstack::plugin", %plugin, %request, says = ?message);
            }
            LogLevel::Warn => {
                tracing::warn!(target: "agentstack::plugin", %plugin, %request, says = ?message);
            }
            LogLevel::Error => {
                tracing::error!(target: "agentstack::plugin", %plugin, %request, says = ?message);
            }
        }
    }
}

fn invalid<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Refusal {
    move |rule| Refusal::Invalid(format!("{what} {rule}"))
}

/// What a plugin learns of an error that its caller would have been told. Nothing of what is foreign, as always.
fn refusal(error: &ErrorBody) -> Refusal {
    match error.code() {
        ErrorCode::InvalidInput | ErrorCode::TooLarge | ErrorCode::Conflict => {
            Refusal::Invalid(error.message().to_owned())
        }
        ErrorCode::Forbidden | ErrorCode::NotFound | ErrorCode::Unauthenticated => Refusal::Denied,
        _ => Refusal::Unavailable,
    }
}
